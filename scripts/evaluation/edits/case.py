"""A change and the edits that should follow it; and the parts of a file that cases are made of."""

import ast
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_MOST_CHARS = 60_000
Swap = tuple[int, int, str]  # `text[start:end]` becomes a text


@dataclass(frozen=True)
class EditCase:
    """The user made `now` out of `before`; `expected` are the texts that `now` becomes by each wanted edit alone."""

    name: str
    kind: str
    before: str
    now: str
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class File:
    """A file as its authors left it, with its tree."""

    name: str
    text: str
    tree: ast.Module
    starts: tuple[int, ...]

    @cached_property
    def words(self) -> frozenset[str]:
        """All words in it."""
        return frozenset(re.findall(r"\w+", self.text))

    def at(self, line: int, column: int) -> int:
        """The offset of a place as `ast` names it; texts are ASCII."""
        return self.starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt | ast.arg) -> tuple[int, int]:
        """Where a node stands."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.expr | ast.stmt | ast.arg) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]


def file_of(name: str, text: str) -> File | None:
    """A file that cases can be made of: Python that parses, in ASCII, of a size that people write."""
    if len(text) > _MOST_CHARS or not text.isascii() or "\r" in text or "\f" in text:
        return None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return File(name, text, tree, tuple(starts))


def swapped(text: str, swaps: Iterable[Swap]) -> str:
    """The text after all swaps; none overlaps another."""
    for start, end, new in sorted(swaps, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def by_line(text: str, swaps: Iterable[Swap]) -> list[list[Swap]]:
    """The swaps of each line."""
    lines: dict[int, list[Swap]] = {}
    for swap in swaps:
        lines.setdefault(text.rfind("\n", 0, swap[0]), []).append(swap)
    return list(lines.values())


def left_out(
    name: str, kind: str, right: str, *, wrong: Iterable[Swap], first: Iterable[Swap], most: int = 8
) -> EditCase | None:
    """The case whose end is `right`: `wrong` swaps make the lines that are left, `first` those that the user changed.

    None where nothing or too much is left.
    """
    groups, first = by_line(right, wrong), list(first)
    flat = [swap for group in groups for swap in group]
    touched = {right.count("\n", 0, swap[0]) for swap in first}
    if not 1 <= len(groups) <= most or any(right.count("\n", 0, swap[0]) in touched for swap in flat):
        return None
    expected = tuple(swapped(right, (swap for swap in flat if swap not in group)) for group in groups)
    return EditCase(name, kind, swapped(right, [*flat, *first]), swapped(right, flat), expected)


def picked(rng: random.Random, options: list[EditCase | None]) -> EditCase | None:
    """One of the cases that there are."""
    found = [case for case in options if case is not None]
    return rng.choice(found) if found else None
