"""What a change touched, in words: which name took the place of which."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from dgls.text.follow.code import Code

_MOST_CHARS = 4000  # a change this large is no rename
_PIECE = re.compile(r"[\w$]+|\s+|.", re.DOTALL)
_WORD = re.compile(r"[^\W\d][\w$]*\Z")


@dataclass(frozen=True)
class Renamed:
    """`new` stands at `at` (in the code as it is now), where `old` stood."""

    old: str
    new: str
    at: int


def renamed(before: Code, now: Code) -> list[Renamed]:
    """The words that stand where others stood, from left to right; none of a word that became several."""
    if before.last - before.first > _MOST_CHARS or now.last - now.first > _MOST_CHARS:
        return []
    start, old = _pieces(before)
    start, new = _pieces(now)
    found = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "replace" and a1 - a0 == b1 - b0:
            for one, other, at in zip(old[a0:a1], new[b0:b1], range(b0, b1), strict=True):
                if one != other and _WORD.match(one) and _WORD.match(other):
                    found.append(Renamed(one, other, start + len("".join(new[:at]))))
    several = {pair.old for pair in found for twin in found if twin.old == pair.old and twin.new != pair.new}
    return [pair for pair in found if pair.old not in several]


def _pieces(code: Code) -> tuple[int, list[str]]:
    """Words, signs and blanks of what was changed, whole words at its ends; and where they begin."""
    first, last = code.first, code.last
    while first and re.match(r"[\w$]", code.text[first - 1]):
        first -= 1
    while last < len(code.text) and re.match(r"[\w$]", code.text[last]):
        last += 1
    return first, _PIECE.findall(code.text[first:last])
