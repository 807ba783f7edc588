"""What the model wrote once more before it went on: echoes of the prefix."""

import re

from dgls.text.clip.place import Place, Work, n_word_chars

_WORD_END = re.compile(r"[^\W\d]\w*\Z")
_WORD = re.compile(r"\w+")
_MAX_ECHO_CHARS = 2000
_FEW = 2  # letters and digits that the echo of a line's head needs as evidence where the window is broken
_MANY = 10  # letters and digits that an echo of whole lines needs as evidence


def echoed_lines(work: Work, place: Place) -> Work:
    """H1: lines of the prefix's end that the text begins with are dropped."""
    tail = place.prefix[-_MAX_ECHO_CHARS:]
    head = work.text[: len(tail)]
    for start in [0, *(found.end() for found in re.finditer("\n", tail))]:
        echo = tail[start:]
        if "\n" not in echo or not head.startswith(echo):
            continue
        lines = [line for line in echo.split("\n") if line.strip()]
        kept = work.text[len(echo) :]
        sure = len(lines) > 1 and n_word_chars(echo) >= _MANY
        if sure or place.breaks(work.text, kept):
            return _without(work, len(echo))
    return work


def echoed_head(work: Work, place: Place) -> Work:
    """H2: the head of the cursor's line is dropped when the text would break with it, or has it with its indentation.

    Of two texts that both parse, a head of one word stays: `max(max(a, b), c)` is no echo.
    """
    head = place.line.strip()
    if not head:
        return work
    if place.line[:1].isspace() and work.text.startswith(place.line):
        return _without(work, len(place.line))
    n_spaces = len(work.text) - len(work.text.lstrip(" \t"))
    wanted = place.line.lstrip()
    if not work.text[n_spaces:].startswith(wanted):
        wanted = head
        if not work.text[n_spaces:].startswith(head) or _goes_on(work.text[n_spaces + len(head) :], head):
            return work
    kept = work.text[n_spaces + len(wanted) :]
    several = len(_WORD.findall(head)) > 1
    sure = n_word_chars(head) >= _FEW or place.n_errors(kept) == 0
    if (sure and place.breaks(work.text, kept)) or (several and not place.breaks(kept, work.text)):
        return _without(work, n_spaces + len(wanted))
    return work


def _goes_on(rest: str, head: str) -> bool:
    """Whether the head's last word goes on in the text."""
    return bool(rest) and bool(re.match(r"\w", rest)) and head[-1:].isalnum()


def echoed_word(work: Work, place: Place) -> Work:
    """H3: the beginning of a name that stands before the cursor is dropped when the text begins with the whole name."""
    typed, word = _WORD_END.search(place.line), _WORD.match(work.text)
    if typed is None or word is None or place.inside:
        return work
    begun, kept, length = typed.group(), word.group(), 0
    while len(kept) > len(begun) and kept.startswith(begun):
        kept, length = kept[len(begun) :], length + len(begun)
    return _without(work, length)


def _without(work: Work, length: int) -> Work:
    """The text without its beginning."""
    return work.changed(work.text[length:])
