"""White space at the beginnings of lines, in the document's own style."""

import re
from collections.abc import Callable

from dgls.text.clip.place import INDENT, Place, Work
from dgls.text.nesting import indent_of

_OPENER = re.compile(r"(?:[:{(\[]|=>|->|\b(?:then|do|else))[ \t]*$")


def repeated_indent(work: Work, place: Place) -> Work:
    """I1: indentation before the first line goes where the cursor stands behind it already."""
    text, stripped = work.text, work.text.lstrip(" \t")
    lead = text[: len(text) - len(stripped)]
    if not lead or not stripped.strip() or stripped.startswith("\n"):
        return work
    if not place.own_line:
        spaced = place.line[-1].isspace() and lead == place.line[: indent_of(place.line)] and len(lead) > 1
        return work.changed(stripped) if spaced and not place.inside else work
    if not place.line or _fits(len(place.line) + len(lead), place, stripped):
        return work
    if place.breaks(stripped, text):
        kept = text[len(place.line) :] if text.startswith(place.line) else text
        return work if place.breaks(kept, text) else work.changed(kept)
    return work.changed(stripped)


def _fits(column: int, place: Place, stripped: str) -> bool:
    """Whether the lines around say that the cursor stands in the middle of the first line's indentation."""
    first, *others = [line for line in stripped.split("\n") if line.strip()]
    below = [line for line in [place.rest, *place.next_lines[:1]] if line.strip()]
    if not others and not below:
        return False
    wanted = indent_of((others or below)[0])
    if _OPENER.search(first):
        return column < wanted <= len(place.line)
    return column == wanted and len(place.line) != wanted


def missing_break(work: Work, place: Place) -> Work:
    """I2: a block that begins behind its opener begins on a line of its own."""
    lead = indent_of(work.text)
    opens = _OPENER.search(place.line) and not place.rest.strip() and not place.inside
    if (
        not opens
        or (lead < 2 and "\t" not in work.text[:lead])
        or lead <= indent_of(place.line)
        or not work.text.strip()
    ):
        return work
    broken = "\n" + work.text
    return work if place.breaks(broken, work.text) else work.changed(broken)


def document_style(work: Work, place: Place) -> Work:
    """I3: lines are indented with tabs or spaces, as the document's lines are."""
    tabs, spaces = place.style
    leads = _leads(work, place)
    if tabs == spaces or not leads:
        return work
    if tabs and all("\t" not in lead for _, lead in leads) and any(len(lead) > 1 for _, lead in leads):
        unit = min(len(lead) for _, lead in leads)
        return _with_leads(work, leads, lambda lead: "\t" * (len(lead) // unit) + " " * (len(lead) % unit))
    if spaces and all(lead.strip("\t") == "" for _, lead in leads):
        return _with_leads(work, leads, lambda lead: " " * spaces * len(lead))
    return work


def _leads(work: Work, place: Place) -> list[tuple[int, str]]:
    """Offset and text of the indentation of every line from the second on that begins in code."""
    long = place.scan(work.text).long
    found = [(lead.start(), lead.group(1)) for lead in INDENT.finditer(work.text) if lead.start() > 0]
    return [(at, lead) for at, lead in found if not any(begin < at < end for begin, end in long)]


def _with_leads(work: Work, leads: list[tuple[int, str]], changed: Callable[[str], str]) -> Work:
    """The text with every indentation changed."""
    parts, done = [], 0
    for at, lead in leads:
        parts += [work.text[done:at], changed(lead)]
        done = at + len(lead)
    return work.changed("".join([*parts, work.text[done:]]))
