"""The last questions: does it parse, and is it worth showing?"""

import re
from collections.abc import Iterator

from dgls.text.clip.place import Place, Work, n_word_chars
from dgls.text.fill import Silence
from dgls.text.languages import BLOCK_END, CONTINUES, END_WORDS
from dgls.text.nesting import indent_of

_MAX_PARSES = 8
_TRUSTED = 3  # errors around the gap: with more, a count says nothing about the text
_FEW = 3  # letters and digits
_BARE = re.compile(r"\W*\w[\w.]*")
# A statement behind which its block does not go on: in C `raise()` is a function, in JavaScript `return:` a property.
_LEAVING = re.compile(r"\s*(?:return|break|continue|throw|goto|raise(?!\())\b(?!\s*[:=])")
_LEAVABLE = (
    *("python", "javascript", "typescript", "tsx", "go", "rust", "c", "cpp"),
    *("java", "csharp", "kotlin", "swift", "php"),
)
# What is reached nevertheless: labels, conditions of the preprocessor, functions that are known all over their block.
_REACHED = re.compile(r"\s*(?:case\b|default\b|#|@?\w+:(?!:)|(?:async|static|fn|fun|func|function)\b)")
_CLOSER = re.compile(rf"\W*(?:{END_WORDS})")


def parses(work: Work, place: Place) -> Work:
    """X1: the longest beginning in whole lines that adds no syntax error to those that are there without it.

    A shorter one is taken, too, when no error at all is left with it.
    """
    if not work.text.strip() or not place.n_errors(work.text):
        return work
    beginnings = list(_beginnings(work.text))
    clean = next((kept for kept in beginnings if place.n_errors(kept) == 0), None)
    if clean is not None:
        return Work(clean)
    n_before = place.n_errors("") or 0
    if not place.breaks(work.text, "") or n_before > (0 if place.language.name == "sql" else _TRUSTED):
        return work
    fitting = next((kept for kept in beginnings if not place.breaks(kept, "")), None)
    if fitting is not None:
        return Work(fitting)
    first = work.text.split("\n", 1)[0]
    n_excused = 1 if _may_be_right(first, n_before, place) else 0
    hopeless = (place.n_errors(first) or 0) > n_before + n_excused or n_word_chars(first) < _FEW
    return work.silent(Silence.BROKEN) if hopeless else Work(first)


def _may_be_right(line: str, n_before: int, place: Place) -> bool:
    """Whether one error more says nothing about a line.

    Among errors it may be the grammar's, or the user's who is still typing; and the end of a block that begins in the
    line may be out of sight.
    """
    opens = place.language.shape not in ("offside", "braces") or place.scan(line).unmatched()[1]
    return n_before > 0 or (place.around.cut and bool(opens))


def _beginnings(text: str) -> Iterator[str]:
    """The beginnings of a text in whole lines, longest first, but not too many."""
    lines = text.split("\n")
    for n_lines in range(len(lines) - 1, max(len(lines) - _MAX_PARSES, 0), -1):
        kept = "\n".join(lines[:n_lines]).rstrip()
        if kept.strip():
            yield kept


def dead_end(work: Work, place: Place) -> Work:
    """D4: a last line that leaves its block goes if more code of the block is below, which would never run."""
    lines = work.text.rstrip().split("\n")
    begins_line = place.own_line or len(lines) > 1
    ends_line = work.text.endswith("\n") or not place.rest.strip()
    last = (place.line if len(lines) == 1 else "") + lines[-1]
    if place.language.name not in _LEAVABLE or not begins_line or not ends_line or not _LEAVING.match(last):
        return work
    if not _goes_on_below(place, indent_of(last)) or place.scan(work.text).inside:
        return work
    kept = "\n".join(lines[:-1])
    return work.changed(kept) if kept.strip() else work.silent(Silence.DEAD_END)


def _goes_on_below(place: Place, indent: int) -> bool:
    """Whether the next line of code is one more of a block with this indentation."""
    comments = (*place.language.comments, "/*", "*")
    code = next((line for line in place.below if not line.lstrip().startswith(comments)), None)
    if code is None or indent_of(code) != indent:
        return False
    return not any(kind.match(code) for kind in (_REACHED, BLOCK_END, CONTINUES))


def next_line_again(work: Work, place: Place) -> Work:
    """D1: nothing is shown that only repeats the next lines, or that is a bare name with which the next one begins."""
    lines = [line.strip() for line in work.text.split("\n") if line.strip()]
    below = [line.strip() for line in ([place.rest] if place.rest.strip() else []) + place.next_lines[: len(lines)]]
    enough = n_word_chars(work.text) >= _FEW if place.ide else len(lines) > 1
    if lines and enough and lines == below[: len(lines)] and not place.breaks("", work.text):
        return work.silent(Silence.REPEATS)
    return work.silent(Silence.REPEATS) if _begins_below(work.text.strip(), place) else work


def _begins_below(text: str, place: Place) -> bool:
    """Whether a line of its own is no more than the first name of the line below it."""
    if not place.ide or not place.own_line or place.language.shape not in ("offside", "braces", "words"):
        return False
    below = place.next_lines[0].strip() if place.next_lines and not place.rest.strip() else ""
    if not _BARE.fullmatch(text) or _CLOSER.fullmatch(text) or not below.startswith(text) or below == text:
        return False
    behind = below[len(text)]
    return text[-1] == "." or not (behind.isalnum() or behind == "_")


def nothing(work: Work, place: Place) -> Work:
    """D2: white space alone is not worth showing."""
    return work if work.silence or work.text.strip() else work.silent(Silence.EMPTY)
