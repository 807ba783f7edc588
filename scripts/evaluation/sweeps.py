"""The axes of a measurement: `NAME=V,V,...` -> settings, and numbers of the sampler that are no settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dgls.errors import SettingError, UsageError
from dgls.settings import Settings, as_dict, with_settings

# Numbers that a checkpoint's generation config says, spelled as there.
SAMPLING: dict[str, type[int] | type[float]] = {
    "entropy_bound": float,
    "t_min": float,
    "t_max": float,
    "confidence_threshold": float,
    "stability_threshold": int,
}
FIRST_LENGTH = "first_length"


@dataclass(frozen=True)
class Variant:
    """One value of a sweep: its settings, and what replaces the checkpoint's own sampling."""

    settings: Settings
    axis: str = ""
    value: str = ""
    sampling: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`max_steps=4`; empty without a sweep."""
        return f"{self.axis}={self.value}" if self.axis else ""


def variants(settings: Settings, sweeps: Sequence[str]) -> Iterator[Variant]:
    """The values of each sweep, one axis after the other; the settings alone without one. Raises UsageError."""
    if not sweeps:
        yield Variant(settings)
    for sweep in sweeps:
        axis, equals, values = sweep.partition("=")
        if not equals:
            raise UsageError(f"--sweep {sweep!r} has no values", "write --sweep NAME=V,V,...")
        for value in values.split(","):
            yield _variant(settings, axis, value)


def lengths_around(first: int) -> tuple[int, ...]:
    """Gap lengths from a quarter to four times the first one, each about 1.4 times the one before."""
    return tuple(sorted({max(round(first * 2 ** (exponent / 2)), 1) for exponent in range(-4, 5)}))


def _variant(settings: Settings, axis: str, value: str) -> Variant:
    """One value of one axis. Raises SettingError."""
    if axis == FIRST_LENGTH:
        lengths = lengths_around(int(_number(axis, value, int)))
        return Variant(with_settings(settings, {"gap_lengths": lengths}), axis, value)
    if axis in as_dict(settings) or axis not in SAMPLING:
        return Variant(with_settings(settings, {axis: value}), axis, value)
    return Variant(settings, axis, value, {axis: _number(axis, value, SAMPLING[axis])})


def _number(axis: str, value: str, kind: type[int] | type[float]) -> float:
    """A number that is not negative. Raises SettingError."""
    try:
        number = kind(value)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf") or (axis == FIRST_LENGTH and number < 1):
        raise SettingError(f"{axis!r} cannot be {value!r}", f"use a {'whole ' if kind is int else ''}number")
    return number
