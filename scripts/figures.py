"""Figures of a measurement: many numbers as a few, and lines or JSON of them."""

import json
import statistics
from typing import Any


def show(results: dict[str, dict[str, Any]], *, as_json: bool) -> None:
    """Prints one line for each figure, or one JSON object."""
    if as_json and results:
        print(json.dumps(results, indent=1))
        return
    for name, figures in results.items():
        for key, value in figures.items():
            shown = " ".join(f"{part} {number}" for part, number in value.items()) if isinstance(value, dict) else value
            print(f"{name:11} {key:24} {shown}")


def summary(numbers: list[float] | list[int]) -> dict[str, float]:
    """Median, 95th percentile, least and most."""
    ordered = sorted(numbers)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    named = {"p50": statistics.median(ordered), "p95": p95, "least": ordered[0], "most": ordered[-1]}
    return {name: round(value, 3) for name, value in named.items()}
