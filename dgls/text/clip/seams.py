"""Where a text meets the suffix: one that goes over into it as if both were written in one go may leave its block."""

from dgls.text.clip.place import Place, Work
from dgls.text.languages import BLOCK_END, CONTINUES, HEADER_END
from dgls.text.nesting import indent_of

_MAX_LINES = 12


def goes_over(work: Work, place: Place, at: int) -> bool:
    """Whether a text may leave its block at an offset: all of it fits, and its last line is where the suffix goes on.

    A definition behind a blank line is something new, unless the suffix is in the middle of its braces; and so is what
    follows the last block of the top level.
    """
    lines = _lines(work.text)
    if work.truncated or work.guessed or not place.below or len(lines) > _MAX_LINES:
        return False
    below, left = place.below[0], _lines(work.text[at:])
    if not left or not _meets(work.text, below, place) or place.breaks(work.text, work.text[:at]):
        return False
    outermost = min(map(indent_of, left))
    reenters = outermost < indent_of(below)
    if reenters and place.language.shape == "braces" and not BLOCK_END.match(below):
        return True
    return (reenters or outermost > 0) and not _begins_new(work.text[len(work.text[:at].rstrip()) :])


def _lines(text: str) -> list[str]:
    """The lines that are not blank."""
    return [line for line in text.split("\n") if line.strip()]


def _begins_new(text: str) -> bool:
    """Whether a definition stands behind a blank line."""
    lines = text.split("\n")
    for index in range(1, len(lines) - 1):
        blank, line = not lines[index - 1].strip(), lines[index]
        is_header = HEADER_END.search(line) or _is_above(lines, index)
        if blank and line.strip() and not CONTINUES.match(line) and is_header:
            return True
    return False


def _is_above(lines: list[str], index: int) -> bool:
    """Whether the line below one is indented more."""
    return bool(lines[index + 1].strip()) and indent_of(lines[index + 1]) > indent_of(lines[index])


def _meets(text: str, below: str, place: Place) -> bool:
    """Whether the last statement of a text and the line below it are neighbours in one block, or header and body."""
    last = _last_statement(text, place)
    here, there = indent_of(last), indent_of(below)
    if HEADER_END.search(text.rstrip().rsplit("\n", 1)[-1]):
        return there > indent_of(text.rstrip().rsplit("\n", 1)[-1])
    if BLOCK_END.match(below) or CONTINUES.match(below):
        return there < here
    return there == here


def _last_statement(text: str, place: Place) -> str:
    """The line in which the last statement of a text begins, as far as brackets tell."""
    text = text.rstrip()
    at = text.rfind("\n") + 1
    opened = []
    spans = []
    for bracket in place.scan(text).brackets:
        if bracket.opens:
            opened.append(bracket.at)
        elif opened:
            spans.append((opened.pop(), bracket.at))
    for begin, end in reversed(spans):
        if begin < at <= end:
            at = text.rfind("\n", 0, begin) + 1
    return (place.line if at == 0 else "") + text[at:].split("\n", 1)[0]


def goes_on_in_rest(work: Work, place: Place) -> bool:
    """Whether a text of several lines ends in the middle of one, which the rest of the cursor's line completes."""
    lines = work.text.split("\n")
    few = 1 < len(_lines(work.text)) <= _MAX_LINES or not lines[-1].strip()
    if work.truncated or work.guessed or len(lines) < 2 or not few or not lines[-1]:
        return False
    if place.breaks(work.text, lines[0]):
        return False
    if not lines[-1].strip():
        return not _begins_new(work.text)
    if lines[-1].endswith(place.rest.strip()):
        return False
    return _goes_on_in_words(work.text, place) or _is_half(work.text, place)


def _goes_on_in_words(text: str, place: Place) -> bool:
    """Whether a text ends in the comment, string or paragraph that it begins in."""
    if place.language.shape == "prose":
        return all(line.strip() and line.lstrip()[0].isalnum() for line in text.split("\n")[1:])
    if place.inside == "//":
        return text.rsplit("\n", 1)[-1].lstrip().startswith(place.language.comments)
    return bool(place.inside) and len(place.scan(text).long) == 1 and place.scan(text).inside == place.inside


def _is_half(text: str, place: Place) -> bool:
    """Whether the last line of a text is more of an error without the rest of the cursor's line than with it."""
    whole, alone = place.syntax.n_errors(text), place.without_rest.n_errors(text)
    return whole is not None and alone is not None and alone > whole
