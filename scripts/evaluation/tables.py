"""Results as tables: aligned for a terminal, or in Markdown for a model card."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evaluation.bootstrap import Interval
from evaluation.measures import MEASURES

_TOPICS = {
    "Quality, %": ("exact", "pass@1", "first token", "similarity", "parses", "any exact", "length within 2"),
    "Echoes and silence, %": ("echo", "raw echo", "silent"),
    "Lengths in tokens": ("length off", "length bias", "pins changed"),
    "Cost": ("forwards", "forwards median", "steps", "steps median", "tokens/forward"),
}
_BRIEF = (
    *("exact", "pass@1", "first token", "parses", "silent", "echo", "length bias"),
    *("steps median", "forwards median"),
)
_COVERAGES = (0.1, 0.25, 0.5, 0.75, 1.0)

Table = tuple[str, list[list[str]]]  # a title, and rows of which the first is the head


def tables(results: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """All tables: one row for each way and value of a sweep."""
    for title, names in _TOPICS.items():
        known = [name for name in names if any(name in found["summary"] for found in results)]
        rows = [[_cell(name, found["summary"].get(name)) for name in known] for found in results]
        yield title, _named(results, known, rows)
    lengths = list(dict.fromkeys(length for found in results for length in found["by_length"]))
    rows = [[_counted(found["by_length"].get(length)) for length in lengths] for found in results]
    yield "Exact by true length in tokens, %", _named(results, lengths, rows)
    yield _calibrations(results)


def aligned(table: Table) -> str:
    """A table for a terminal."""
    title, rows = table
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, *(f"  {line}" for line in lines)])


def markdown(whole: Mapping[str, Any]) -> str:
    """A result as Markdown; intervals are 95 %, of the bootstrap over cases."""
    n, results = whole["n"], whole["results"]
    versions = ", ".join(f"{name} {version}" for name, version in whole["versions"].items() if version)
    parts = [
        f"`{whole['command']}`, {whole['date']}: {whole['engine']}, {n} gaps, seed {whole['seed']}; {versions}. "
        "In brackets 95 % bootstrap intervals over gaps."
    ]
    parts += [f"**{title}**\n\n{grid(rows)}" for title, rows in tables(results)]
    if whole["comparisons"]:
        parts.append("\n".join(f"- {entry['text']}" for entry in whole["comparisons"]))
    return "\n\n".join(parts) + "\n"


def brief(whole: Mapping[str, Any]) -> str:
    """A result as one Markdown table, and what was compared of exact match."""
    results = whole["results"]
    known = [name for name in _BRIEF if any(name in found["summary"] for found in results)]
    head = [f"{name}, %" if MEASURES[name].is_share else name for name in known]
    rows = [[_cell(name, found["summary"].get(name)) for name in known] for found in results]
    parts = [f"`{whole['command']}`, {whole['n']} gaps:", grid(_named(results, head, rows))]
    compared = [entry["text"] for entry in whole["comparisons"] if entry.get("measure", "exact") == "exact"]
    return "\n\n".join([*parts, "\n".join(f"- {text}" for text in compared)]).rstrip() + "\n"


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Rows of which the first is the head as a Markdown table."""
    head, *body = rows
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *body])


def _named(results: Sequence[Mapping[str, Any]], head: Sequence[str], rows: list[list[str]]) -> list[list[str]]:
    """Rows behind the name of their way and, in a sweep, its value."""
    keys = ["way", "sweep"] if any(found["sweep"] for found in results) else ["way"]
    names = [[found[key] for key in keys] for found in results]
    return [[*keys, *head], *([*name, *row] for name, row in zip(names, rows, strict=True))]


def _calibrations(results: Sequence[Mapping[str, Any]]) -> Table:
    """Precision of the surest fills."""
    head = [f"surest {100 * coverage:.0f} %" for coverage in _COVERAGES]
    rows = []
    for found in results:
        rows_of = {row["coverage"]: row for row in found["calibration"]}
        rows.append([_cell("exact", rows_of[coverage]) for coverage in _COVERAGES])
    return "Exact among the surest fills, %", _named(results, head, rows)


def _cell(name: str, found: Interval | None) -> str:
    """A measure of fills with its interval."""
    return cell(found, is_share=MEASURES[name].is_share)


def cell(found: Interval | None, *, is_share: bool) -> str:
    """`14.0 [10.3, 18.0]`: shares in percent, everything else as it is."""
    if found is None:
        return "-"
    scale, digits = (100, 1) if is_share else (1, 2)
    value, low, high = (f"{scale * found[key]:.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _counted(found: Interval | None) -> str:
    """A share of few cases, with their number."""
    return "-" if found is None else f"{_cell('exact', found)} n {found['n']:.0f}"
