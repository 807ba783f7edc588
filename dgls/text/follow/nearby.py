"""Lines close to a change, in the block that it stands in: only the model may say that one no longer fits."""

from collections.abc import Iterator

from dgls.text.follow.code import Code
from dgls.text.follow.place import Kind, Place

_MOST_LINES = 4
_FARTHEST_LINES = 6
_LEAST_CHARS, _MOST_CHARS = 4, 120
_NOT_CODE = ("comment", "string", "content", "text")


def nearby(before: Code, now: Code) -> Iterator[Place]:
    """The nearest lines of code in the block of the change: below and above it, of a header only those in its body."""
    indent = _indent(now, now.first)
    begins_block = now.text[slice(*now.line(now.last))].endswith((":", "{"))
    below, above = _below(now, indent), iter(()) if begins_block else _above(now, indent)
    n_found = 0
    for _ in range(_FARTHEST_LINES):
        for lines in (below, above):
            place = next(lines, None)
            if place is not None and n_found < _MOST_LINES and _is_code(now, place):
                n_found += 1
                yield place


def _below(code: Code, indent: int) -> Iterator[Place]:
    """Lines downwards until the block ends."""
    at, has_body = code.text.find("\n", code.last) + 1, False
    while at and at < len(code.text):
        start, end = code.line(at)
        if end > start and start - at < indent + has_body:
            return
        has_body |= end > start and start - at > indent
        yield Place(start, end, Kind.NEAR)
        at = code.text.find("\n", at) + 1


def _above(code: Code, indent: int) -> Iterator[Place]:
    """Lines upwards until the block begins."""
    at = code.text.rfind("\n", 0, code.first) + 1
    while at:
        at = code.text.rfind("\n", 0, at - 1) + 1
        start, end = code.line(at)
        if end > start and start - at < indent:
            return
        yield Place(start, end, Kind.NEAR)


def _indent(code: Code, at: int) -> int:
    """How far the line is indented."""
    return code.line(at)[0] - (code.text.rfind("\n", 0, at) + 1)


def _is_code(code: Code, place: Place) -> bool:
    """Whether a line is neither blank nor within a string or comment, and of a length that a canvas holds."""
    if not _LEAST_CHARS <= place.end - place.start <= _MOST_CHARS:
        return False
    inside = code.around(place.start, place.start + 1).type
    return not any(word in inside for word in _NOT_CODE)
