"""The notation of ways to fill a gap: how its length is found, how the suffix is told, and how much of it.

    LENGTH[@STRATEGY][@suffix=PART]

    LENGTH     chosen         among several lengths, as in an editor
               oracle         the true one
               8              any number of tokens
               twin           no canvas: the autoregressive twin of --twin, which sees both sides and ends itself;
                              twin-line ends with its line at the latest
               left-to-right  no canvas: the encoder of the same weights writes to the end of the line without a suffix;
                              left-to-right-oracle stops at the true length instead
    STRATEGY   pinned         the suffix stands on the canvas (the default)
               prompted       the suffix is told before the code, and the model ends the gap itself: `chosen` only
               prefix-only    the suffix is neither pinned nor told; as suffix=none
    PART       full           as much as fits (the default)
               line           the rest of the gap's line and its end
               none           nothing
               16             any number of tokens

A strategy alone stands for `chosen@STRATEGY`. The clip sees the whole suffix in every way. Where a part of the suffix
is withheld, the canvas ends with the part that is told: an end-of-text token in its place would tell the model that
the file ends there. Each length is then denoised on a canvas of its own, and without any suffix the length is chosen by
the mean log-probability of its tokens instead of their sum.
"""

from dataclasses import dataclass, replace

from dgls.errors import UsageError

_STRATEGIES = ("pinned", "prompted", "prefix-only")
_HINT = "write LENGTH[@STRATEGY][@suffix=PART], see --help"


@dataclass(frozen=True)
class Way:
    """How gaps are filled; `fixed` is a gap length in tokens, `part` how much of the suffix the model sees."""

    name: str
    fixed: int | None = None
    oracle: bool = False
    left_to_right: bool = False
    twin: bool = False
    prompted: bool = False
    part: str = "full"

    @property
    def needs_filler(self) -> bool:
        """Only a model in this process can fill in this way."""
        return self.left_to_right or self.twin or self.part != "full"

    @property
    def length(self) -> str:
        """The first word of the name."""
        return "chosen" if self.name in _STRATEGIES else self.name.partition("@")[0]

    def told_as(self, other: "Way") -> bool:
        """Whether both tell the model the same of the suffix."""
        names = ("left_to_right", "twin", "prompted", "part")
        return all(getattr(self, name) == getattr(other, name) for name in names)


def way_of(name: str) -> Way:
    """The way that a name stands for. Raises UsageError."""
    length, *modifiers = (f"chosen@{name}" if name in _STRATEGIES else name).split("@")
    way = _with_length(Way(name), length)
    for modifier in modifiers:
        way = _modified(way, modifier)
    if (way.left_to_right or way.twin) and modifiers:
        raise UsageError(f"the way {name!r} cannot be: it has no canvas", "leave the @ part out")
    if way.prompted and (way.oracle or way.fixed or way.part != "full"):
        raise UsageError(
            f"the way {name!r} cannot be: the model ends a prompted gap itself", "use chosen@prompted with all of it"
        )
    return way


def _with_length(way: Way, length: str) -> Way:
    """The way with what its first word says. Raises UsageError."""
    if length.isdecimal() and int(length):
        return replace(way, fixed=int(length))
    if length not in ("chosen", "oracle", "twin", "twin-line", "left-to-right", "left-to-right-oracle"):
        raise UsageError(f"there is no way {way.name!r} to fill a gap", _HINT)
    left_to_right = length.startswith("left")
    return replace(way, oracle=length.endswith("oracle"), left_to_right=left_to_right, twin=length.startswith("twin"))


def _modified(way: Way, modifier: str) -> Way:
    """The way with one @ part applied. Raises UsageError."""
    name, _, part = modifier.partition("=")
    if name == "suffix" and (part in ("full", "line", "none") or part.isdecimal()):
        return replace(way, part="none" if part.strip("0") == "" else part)
    if modifier not in _STRATEGIES:
        raise UsageError(f"there is no {modifier!r} in the way {way.name!r}", _HINT)
    return replace(way, prompted=modifier == "prompted", part="none" if modifier == "prefix-only" else way.part)
