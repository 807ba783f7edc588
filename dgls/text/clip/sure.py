"""Where the model was not sure: the text ends with the last unit before."""

import re
from collections.abc import Sequence

from dgls.text.clip.place import Place, Work
from dgls.text.fill import Silence

Tokens = Sequence[tuple[str, float]]

_UNIT_END = re.compile(r"[)\]};,\"']")
_MAX_PARSES = 6


def doubt(tokens: Tokens, least: float) -> int | None:
    """The offset of the first token whose sureness (0..1) is less than the least; None if there is none."""
    at = 0
    for text, sureness in tokens:
        if sureness < least:
            return at
        at += len(text)
    return None


def sure_beginning(work: Work, place: Place) -> Work:
    """P1: the text ends with the last line before an unsure token, or with the last complete part of the first line."""
    if work.doubt is None:
        return work
    line_end = work.text.rfind("\n", 0, work.doubt + 1)
    if work.text[: max(line_end, 0)].strip():
        return work.cut(line_end)
    for found in list(_UNIT_END.finditer(work.text, 0, work.doubt))[: -_MAX_PARSES - 1 : -1]:
        if place.n_errors(work.text[: found.end()]) == 0:
            return work.cut(found.end())
    return work.silent(Silence.UNSURE)
