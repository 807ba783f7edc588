"""Leaving the block: ghost text ends with the block that the cursor is in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dgls.text.clip.brackets import owed
from dgls.text.clip.place import Place, Work, n_word_chars
from dgls.text.clip.seams import goes_over
from dgls.text.languages import BLOCK_END, CONTINUES, HEADER_END
from dgls.text.nesting import indent_of

_SEPARATOR = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:#.*)?$", re.MULTILINE)
_CONTROL = re.compile(r"(?:if|for|foreach|while|until|unless|switch|match|case|select|try|with|do|begin|loop)\b")


@dataclass(frozen=True)
class _Line:
    """A line of a text that begins in code: where, its text, and how many brackets are open before and behind it."""

    at: int
    text: str
    depth: int
    depth_behind: int


def scope(work: Work, place: Place) -> Work:
    """K1, K2, K6: the text ends before a line that is indented less than the block, unless it goes on with one.

    Nobody types in front of words: such a gap is a region, and may leave its block; but one of whole lines ends before
    a blank line and something outside of it.
    """
    whole_lines = place.own_line and not place.line and work.text[:1].isspace()
    if not place.language.has_scope or (n_word_chars(place.rest) and not whole_lines):
        return work
    indent = level = _scope(work, place)
    n_owed = owed(place)
    for line in _code_lines(work.text, place):
        here = indent_of(line.text)
        if here >= level or (whole_lines and not _begins_anew(line, work.text)):
            continue
        if BLOCK_END.match(line.text) and line.depth <= 0 and _is_owed(line, n_owed, place):
            level = here
            if -line.depth_behind >= n_owed:
                return _ended(work, line, place)
        elif CONTINUES.match(line.text) and here < indent and line.text.strip() not in _near(place):
            level = here if place.language.shape == "offside" else level
            indent = level + 1
        else:
            return _left(work, line, place)
    return work


def _scope(work: Work, place: Place) -> int:
    """The indentation of the cursor's block; a text that begins with a line break says itself where it stands."""
    first = next((line for line in work.text.split("\n") if line.strip()), "")
    if place.own_line and not place.line and not place.inside:
        return indent_of(first)
    begins_below = not work.text.split("\n", 1)[0].strip() and not place.own_line
    return min(place.scope, indent_of(first)) if begins_below else place.scope


def one_definition(work: Work, place: Place) -> Work:
    """K3: at the top level, a blank line and a new statement behind a finished block end it, as `---` does."""
    found = _SEPARATOR.search(work.text) if place.language.name == "yaml" else None
    if found:
        return work.cut(found.start())
    if (
        place.scope
        or n_word_chars(place.rest)
        or place.language.shape not in ("offside", "braces", "words")
        or not place.own_line
    ):
        return work
    block, header = False, work.text.split("\n", 1)[0]
    for line in _code_lines(work.text, place):
        if indent_of(line.text):
            block = block or not _CONTROL.match(header)
        elif not BLOCK_END.match(line.text) and not block:
            header = line.text
        elif block and line.depth == 0 and _begins_anew(line, work.text):
            return _left(work, line, place)
    return work


def _begins_anew(line: _Line, text: str) -> bool:
    """Whether a line behind a blank one is no part of the statement above."""
    return text[: line.at].endswith("\n\n") and not BLOCK_END.match(line.text) and not CONTINUES.match(line.text)


def _code_lines(text: str, place: Place) -> Iterator[_Line]:
    """The lines from the second on that begin in code outside of brackets of the text's own, without comments."""
    found = place.scan(text)
    brackets, long, depth = list(found.brackets), list(found.long), 0
    at = text.find("\n") + 1
    while at:
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)]
        while brackets and brackets[0].at < at:
            depth += 1 if brackets.pop(0).opens else -1
        while long and long[0][1] <= at:
            long.pop(0)
        in_literal = bool(long) and long[0][0] < at
        if line.strip() and depth <= 0 and not in_literal and not _is_comment(line, place):
            here = sum(1 if bracket.opens else -1 for bracket in brackets if bracket.at < at + len(line))
            yield _Line(at, line, depth, depth + here)
        at = end + 1


def _is_comment(line: str, place: Place) -> bool:
    """Whether a line is a comment or a directive, which may stand in any column."""
    return line.lstrip().startswith(("#", *place.language.comments, "*", "/*"))


def _is_owed(line: _Line, n_owed: int, place: Place) -> bool:
    """Whether a closing line closes what the suffix leaves open."""
    if line.text.lstrip()[0] in ")]}":
        return -line.depth < n_owed
    below = next((other for other in place.next_lines if indent_of(other) <= indent_of(line.text)), "")
    return not (BLOCK_END.match(below) and indent_of(below) == indent_of(line.text))


def _near(place: Place) -> list[str]:
    """The next lines of the suffix, without their white space."""
    return [line.strip() for line in place.next_lines[:3]]


def _ended(work: Work, line: _Line, place: Place) -> Work:
    """The text up to the end of a line."""
    kept = work.cut(line.at + len(line.text))
    if goes_over(work, place, len(kept.text)):
        return work
    return work if not work.text[len(kept.text) :].strip() or place.breaks(kept.text, work.text) else kept


def _left(work: Work, line: _Line, place: Place) -> Work:
    """The text before a line, unless the suffix needs what the line begins."""
    if goes_over(work, place, line.at):
        return work
    kept = work.cut(line.at)
    # Comments and decorators belong to the line below them.
    while kept.text.rstrip() and _belongs_below(kept.text.rstrip().rsplit("\n", 1)[-1], line, place):
        above = kept.text.rstrip().rpartition("\n")[0]
        if not above:
            break
        kept = work.cut(len(above))
    return work if _suffix_needs(work.text, place) or place.breaks(kept.text, work.text) else kept


def _belongs_below(line: str, below: _Line, place: Place) -> bool:
    """Whether a line is a comment or decorator in the column of the line below it."""
    return indent_of(line) == indent_of(below.text) < place.scope and (
        line.lstrip().startswith("@") or _is_comment(line, place)
    )


def _suffix_needs(text: str, place: Place) -> bool:
    """Whether the text ends in a header whose block the suffix is."""
    last = text.rstrip().rsplit("\n", 1)[-1]
    below = place.next_lines[0] if not place.rest.strip() and place.next_lines else place.rest
    return bool(HEADER_END.search(last)) and indent_of(below) > indent_of(last)
