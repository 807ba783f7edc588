"""Exact match against forwards, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Where labels stand beside their points; ways take turns, so that the labels of near points stay apart.
_LABEL_PLACES = ((5, 6), (5, -12), (-5, 16), (-5, -22))

# Forwards, exact match, its bounds, and the value of the sweep.
_Point = tuple[float, float, float, float, str]


def plot(results: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """A panel for each axis with a line for each way; points have their values and 95 % intervals of exact match."""
    from matplotlib.figure import Figure

    axes = list(dict.fromkeys(found["axis"] for found in results))
    figure = Figure(figsize=(1 + 6 * len(axes), 4.5))
    panels = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
    for panel, axis in zip(panels, axes, strict=True):
        for number, way in enumerate(dict.fromkeys(found["way"] for found in results)):
            points = [_point(found) for found in results if (found["way"], found["axis"]) == (way, axis)]
            _draw(panel, sorted(points), way, number)
        panel.set(xlabel="forwards per fill (mean)", ylim=(0, None), title=f"by {axis}" if axis else "")
        panel.grid(alpha=0.25)
        panel.legend(fontsize="small")
    panels[0].set_ylabel("exact match, %")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def _point(found: Mapping[str, Any]) -> _Point:
    """Where a result lies."""
    value, low, high = (100 * found["summary"]["exact"][key] for key in ("value", "low", "high"))
    return found["summary"]["forwards"]["value"], value, low, high, found["sweep"].partition("=")[2]


def _draw(panel: Any, points: Sequence[_Point], label: str, number: int) -> None:
    """A line with error bars and labels."""
    forwards, exact, low, high, values = zip(*points, strict=True)
    below = [value - bound for value, bound in zip(exact, low, strict=True)]
    above = [bound - value for value, bound in zip(exact, high, strict=True)]
    drawn = panel.errorbar(forwards, exact, yerr=[below, above], marker="o", capsize=3, elinewidth=1, label=label)
    for bar in drawn[2]:
        bar.set_alpha(0.4)
    for x, y, value in zip(forwards, exact, values, strict=True):
        place = _LABEL_PLACES[number % len(_LABEL_PLACES)]
        panel.annotate(value, (x, y), place, textcoords="offset points", fontsize=8, color=drawn[0].get_color())
