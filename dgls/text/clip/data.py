"""JSON and YAML stay valid: separators, and keys that are there already."""

import re

from dgls.text.clip.place import Place, Work
from dgls.text.nesting import indent_of
from dgls.text.scan import scan

_KEYS = {
    "json": re.compile(r'\s*("(?:\\.|[^"\\])*")\s*:'),
    "yaml": re.compile(r"\s*([^\s#\-:'\"][^:#'\"]*|\"[^\"\n]*\"|'[^'\n]*')\s*:(?:\s|$)"),
    "toml": re.compile(r"\s*([\w.\"'-]+)\s*="),
}
_VALUE_END = re.compile(r'["}\]\w]\s*\Z')
_VALUE_START = re.compile(r'\s*["{\[\w-]')


def defined_key(work: Work, place: Place) -> Work:
    """J2: in a data language the text ends before a key that the same mapping has below."""
    key = _KEYS.get(place.language.name)
    if key is None or place.inside or not place.own_line:
        return work
    column = len(place.line)
    defined = _keys_below(place, key, column)
    lines = work.text.split("\n")
    for index, line in enumerate(lines):
        here = column if index == 0 else indent_of(line)
        if line.strip() and (here < column or line.startswith("[")):
            return work
        found = key.match(line)
        if found and here == column and found[1] in defined and not _leaves(lines[index + 1 :], column):
            return work.cut(len("\n".join(lines[:index])))
    return work


def _leaves(lines: list[str], column: int) -> bool:
    """Whether lines go on to another mapping: the keys of the suffix are then that one's."""
    return any(line.strip() and (indent_of(line) < column or line.startswith("[")) for line in lines)


def _keys_below(place: Place, key: "re.Pattern[str]", column: int) -> set[str]:
    """The keys of the suffix in a column, up to the first line that is indented less."""
    found = set()
    for line in place.next_lines:
        if indent_of(line) < column or line.startswith("["):
            break
        match = key.match(line)
        if match and indent_of(line) == column:
            found.add(match[1])
    return found


def separators(work: Work, place: Place) -> Work:
    """J1: in JSON a comma stands between siblings, and none before a closer."""
    text = work.text.rstrip()
    if place.language.name != "json" or not text.strip() or place.inside or scan(text, place.language).inside:
        return work
    before, after = place.prefix.rstrip(), place.suffix.lstrip()
    candidates = []
    if text.endswith(",") and after[:1] in ("}", "]"):
        candidates.append(text[:-1])
    if _VALUE_END.search(text) and _VALUE_START.match(after):
        candidates.append(text + ",")
    if _VALUE_END.search(before) and _VALUE_START.match(text) and place.own_line:
        candidates.append(work.text[: len(work.text) - len(work.text.lstrip())] + "," + text.lstrip())
    if text.lstrip().startswith(",") and before[-1:] in ("{", "[", ","):
        candidates.append(text.lstrip()[1:].lstrip(" "))
    for changed in candidates:
        if place.breaks(work.text, changed):
            return work.changed(changed)
    return work
