"""Runs on the same cases side by side: paired differences, how much of the oracle's lead is closed, and spreads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from statistics import fmean
from typing import Any

from evaluation.bootstrap import closed, difference
from evaluation.measures import values
from evaluation.outcome import Outcome
from evaluation.sweeps import Variant
from evaluation.ways import Way

_COMPARED = ("exact", "parses", "pass@1")


@dataclass(frozen=True)
class Run:
    """All cases filled in one way at one value of a sweep, in so many seconds."""

    way: Way
    variant: Variant
    outcomes: Sequence[Outcome]
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The way and the value."""
        return f"{self.way.name} {self.variant.name}".strip()


def comparisons(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Everything that can be said of several runs; each entry has a `text` for people.

    The first way is compared with all others, other ways with those of the same length, and each value of a sweep
    with its last one.
    """
    found: list[dict[str, Any]] = []
    for _, alike in groupby(runs, key=lambda run: run.variant.name):
        same_variant = list(alike)
        for run, other in combinations(same_variant, 2):
            if run is same_variant[0] or run.way.length == other.way.length:
                found += _differences(run, other)
        found += _closures(same_variant)
    for same_way in _along_axes(runs):
        for run in same_way[:-1]:
            found += _differences(run, same_way[-1])
        found.append(_spread(same_way))
    return found


def _along_axes(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """The runs of each way along each axis that has several values."""
    keys = dict.fromkeys((run.way.name, run.variant.axis) for run in runs if run.variant.axis)
    for way, axis in keys:
        found = [run for run in runs if (run.way.name, run.variant.axis) == (way, axis)]
        if len(found) > 1:
            yield found


def _differences(run: Run, other: Run) -> Iterator[dict[str, Any]]:
    """The mean difference of the shares, in points, case by case."""
    for name in _COMPARED:
        ours, theirs = values(run.outcomes, name), values(other.outcomes, name)
        if ours is not None and theirs is not None:
            found = difference(ours, theirs)
            points = [100 * found[key] for key in ("value", "low", "high")]
            text = "difference {} - {} {} {:+.1f} points [{:+.1f}, {:+.1f}] n {}".format(
                run.name, other.name, name, *points, found["n"]
            )
            yield {"kind": "difference", "of": run.name, "from": other.name, "measure": name, **found, "text": text}


def _closures(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """`closed = (chosen - fixed) / (oracle - fixed)` of exact match for every fixed length, modifiers alike."""
    for run in runs:
        fixed = run.way.fixed
        alike = [other for other in runs if other.way.told_as(run.way)]
        chosen = next((other for other in alike if not other.way.fixed and not other.way.oracle), None)
        oracle = next((other for other in alike if other.way.oracle), None)
        if fixed is None or chosen is None or oracle is None:
            continue
        found = closed(_exact(chosen), _exact(run), _exact(oracle))
        lead = f"of the exact match that {oracle.name} has over {run.name}"
        if found is None:
            yield {
                "kind": "closed",
                "fixed": run.name,
                "text": f"closed by {chosen.name}: nothing {lead}, as it has no more",
            }
        else:
            share, low, high = (100 * found[key] for key in ("value", "low", "high"))
            text = f"closed by {chosen.name}: {share:.0f} % [{low:.0f}, {high:.0f}] {lead}, n {found['n']}"
            yield {"kind": "closed", "of": chosen.name, "fixed": run.name, "oracle": oracle.name, **found, "text": text}


def _exact(run: Run) -> list[float]:
    """Exact match of every case."""
    return [float(found.exact) for found in run.outcomes]


def _spread(runs: Sequence[Run]) -> dict[str, Any]:
    """How far exact match lies apart over the values of an axis, in points."""
    exact = {run.variant.value: fmean(_exact(run)) for run in runs}
    worst, best = min(exact, key=exact.__getitem__), max(exact, key=exact.__getitem__)
    points, axis, n = 100 * (exact[best] - exact[worst]), runs[0].variant.axis, len(runs[0].outcomes)
    text = f"spread of exact over {axis}, {runs[0].way.name}: {points:.1f} points ({axis}={worst} to {best}) n {n}"
    return {"kind": "spread", "way": runs[0].way.name, "axis": axis, "points": round(points, 2), "n": n, "text": text}
