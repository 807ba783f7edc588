"""The clip: raw model text -> what is worth showing. Pure rules, in the order of `clip`.

A first set; nothing here looks at a model, a clock or the editor.
"""

import re

from dgls.text.gap import Gap
from dgls.text.syntax import n_errors

_SPECIAL = re.compile(
    r"<(?:bos|eos|pad|mask|unk|unused\d+|start_of_turn|end_of_turn)>|<\|[a-z0-9_]+\|?>|<[a-z0-9_]+\|>|^```",
    re.MULTILINE,
)


def clip(raw: str, gap: Gap) -> str:
    """What of `raw` is worth showing in `gap`; empty when nothing is."""
    text = without_specials(raw)
    text = without_suffix_line(text, gap.suffix)
    text = without_overlap(text, gap)
    text = first_block(text, gap)
    text = text.rstrip() if text.strip() else ""
    return text.replace("\n", gap.document.line_end)


def without_specials(raw: str) -> str:
    """The text before the first special token or closing code fence."""
    found = _SPECIAL.search(raw)
    return raw[: found.start()] if found else raw


def without_suffix_line(text: str, suffix: str) -> str:
    """The text before a whole line that repeats the first one below the gap; under 4 signs are no evidence."""
    below = next((line.strip() for line in suffix.split("\n")[1:] if line.strip()), "")
    if len(below) < 4:
        return text
    lines = text.split("\n")
    for index, line in enumerate(lines[1:], start=1):
        if line.strip() == below:
            return "\n".join(lines[:index])
    return text


def without_overlap(text: str, gap: Gap) -> str:
    """The text without the longest tail that the suffix begins with, unless cutting it breaks the syntax."""
    suffix = gap.suffix.replace("\r\n", "\n")
    length = next((n for n in range(min(len(text), len(suffix)), 0, -1) if suffix.startswith(text[-n:])), 0)
    if length == 0:
        return text
    cut = text[:-length]
    errors_cut, errors_kept = n_errors(gap, cut), n_errors(gap, text)
    breaks = errors_cut is not None and errors_kept is not None and errors_cut > errors_kept
    return text if breaks else cut


def first_block(text: str, gap: Gap) -> str:
    """The lines up to the first one that is indented less than the cursor's line: the block the user is in."""
    line = gap.document.text[gap.document.line_start(gap.start) : gap.start]
    indent = len(line) - len(line.lstrip())
    kept = []
    for index, candidate in enumerate(text.split("\n")):
        if index and candidate.strip() and len(candidate) - len(candidate.lstrip()) < indent:
            break
        kept.append(candidate)
    return "\n".join(kept)
