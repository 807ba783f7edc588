"""Loops of the model: the same again and again."""

import re

from dgls.text.clip.place import Place, Work, n_word_chars

_TWICE = re.compile(r"\b(\w+)([ \t]+)\1\b")
_ROUNDS, _LONGEST = 3, 3
_FEW = 2  # letters and digits
_MAX_TRIES = 4


def line_cycles(work: Work, place: Place) -> Work:
    """R1: one to three lines that stand there three times or more in a row stand there once."""
    lines = work.text.split("\n")
    keys = [line.strip() if index == 0 else line.rstrip() for index, line in enumerate(lines)]
    if place.own_line and keys[0]:
        keys[0] = place.line + keys[0]
    index = 0
    while index < len(lines):
        period = next((n for n in range(1, _LONGEST + 1) if _n_rounds(keys, index, n) >= _ROUNDS), 0)
        if period and n_word_chars("".join(keys[index : index + period])) >= _FEW and not _is_data(place):
            end = index + period * _n_rounds(keys, index, period)
            while end < len(lines) and keys[end] == keys[end - period] and keys[end]:
                end += 1
            return work.changed("\n".join(lines[: index + period] + lines[end:]))
        index += 1
    return work


def _n_rounds(keys: list[str], start: int, period: int) -> int:
    """How often the lines from a start on are the same as the first ones, in rounds of a period."""
    first, n_rounds = keys[start : start + period], 1
    if not any(first) or len(first) < period:
        return 0
    while keys[start + n_rounds * period : start + (n_rounds + 1) * period] == first:
        n_rounds += 1
    return n_rounds


def _is_data(place: Place) -> bool:
    """Whether equal lines are nothing unusual."""
    return place.language.shape in ("data", "prose", "markup")


def stutter(work: Work, place: Place) -> Work:
    """R2: a word that stands there twice stands there once if the text then parses better."""
    for found in list(_TWICE.finditer(work.text))[:_MAX_TRIES]:
        kept = work.text[: found.end(1)] + work.text[found.end() :]
        if place.breaks(work.text, kept):
            return work.changed(kept)
    return work
