"""The end of the text: what was cut off by the canvas, and what only fills it."""

import re

from dgls.text.clip.place import Place, Work
from dgls.text.nesting import indent_of

_HEADER = re.compile(r"(?::|\{|\(|\[|=>|\bthen|\bdo|,|=)\s*$")


def partial_line(work: Work, place: Place) -> Work:
    """T1: of a text that ran out of room, the last line goes, and a header that lost its body with it."""
    if not work.truncated:
        return work
    lines = work.text.split("\n")[:-1]
    while lines and (not lines[-1].strip() or _lost_its_body(lines[-1], place)):
        lines.pop()
    return Work("\n".join(lines), truncated=False)


def _lost_its_body(line: str, place: Place) -> bool:
    """Whether a line goes on in one that is not there, nor in the suffix."""
    goes_on = _HEADER.search(line) or line.lstrip().startswith("@")
    return bool(goes_on) and (not place.below or indent_of(place.below[0]) <= indent_of(line))


def filler(work: Work, place: Place) -> Work:
    """T2: blank lines and comments without words at the end go."""
    lines = work.text.split("\n")
    if not _is_comment(place.below[0] if place.below else "", place) and not _goes_on(lines[-1], place):
        last = len(lines)
        while last > 1 and (not lines[last - 1].strip() or _is_empty_comment(lines[last - 1], place)):
            last -= 1
        if any(_is_empty_comment(line, place) for line in lines[last:]) and not _is_comment(lines[last - 1], place):
            lines = lines[:last]
    text = "\n".join(lines)
    if not text.strip():
        return work.changed("")
    if place.rest.strip():
        return _line_end_kept(work.changed(text))
    return work.changed(text.rstrip())


def _goes_on(line: str, place: Place) -> bool:
    """Whether the rest of the cursor's line goes on with a line."""
    return bool(line.strip() and place.rest.strip()) and not place.own_line


def _line_end_kept(work: Work) -> Work:
    """At most one line break at the end, with what stands behind it."""
    kept = work.text.rstrip()
    tail = work.text[len(kept) :]
    return work if tail.count("\n") < 2 else work.changed(kept + "\n" + tail.rpartition("\n")[2])


def _is_comment(line: str, place: Place) -> bool:
    """Whether a line is a comment."""
    return bool(place.language.comments) and line.lstrip().startswith(place.language.comments)


def _is_empty_comment(line: str, place: Place) -> bool:
    """Whether a line is a comment mark and nothing else."""
    return line.strip() in place.language.comments


def line_end(work: Work, place: Place) -> Work:
    """E1: before a line that is not blank, a gap of whole lines ends with a line end and that line's indentation."""
    if not place.own_line or not place.rest.strip() or not work.text.strip():
        return work
    kept = work.text.rstrip(" \t")
    if kept.endswith("\n"):
        return work if place.rest[:1].isspace() or not place.line else Work(kept + place.line)
    broken = work.text.rstrip() + "\n" + ("" if place.rest[:1].isspace() else place.line)
    here, below = place.syntax.n_errors(work.text), place.syntax.n_errors(broken)
    indented = place.rest[:1].isspace() and not place.line
    if here is None or below is None or below < here or (indented and below == here):
        return Work(broken)
    return work
