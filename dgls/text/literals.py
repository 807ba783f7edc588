"""Strings and comments of several lines: where they are in a long text, found without looking at each character."""

import re
from functools import cache

from dgls.text.languages import Language

_TRIPLE = ('"""', "'''")
_MULTI_LINE_QUOTES = {
    **dict.fromkeys(("python", "toml"), _TRIPLE),
    **dict.fromkeys(("kotlin", "scala", "java", "swift"), _TRIPLE[:1]),
    **dict.fromkeys(("go", "javascript", "typescript", "tsx"), ("`",)),
}


def literals(text: str, language: Language, inside: str = "") -> tuple[list[tuple[int, int, str]], str]:
    """Begin, end and first mark of every one, and the mark of the one which the text ends in.

    `inside` is the mark of the one that the text begins in.
    """
    spans: list[tuple[int, int, str]] = []
    begin, at = 0, 0
    opener = _opener(language)
    while True:
        if not inside:
            found = opener.search(text, at) if opener else None
            if found is None:
                return spans, ""
            begin, at, inside = found.start(), found.end(), found.group() if found.lastgroup else ""
            continue
        end = text.find(_closing(inside, language), at)
        if end < 0:
            return [*spans, (begin, len(text), inside)], inside
        at = end + len(_closing(inside, language))
        spans.append((begin, at, inside))
        inside = ""


def ending(mark: str, language: Language) -> str:
    """What ends the string or comment that a mark begins; nothing for no mark."""
    return _closing(mark, language) if mark else ""


def _closing(mark: str, language: Language) -> str:
    """What ends the string or comment that a mark begins."""
    return language.block_comment[1] if language.block_comment and mark == language.block_comment[0] else mark


@cache
def _opener(language: Language) -> "re.Pattern[str] | None":
    """A group for each mark that begins one; comments and strings in a line are passed over without a group."""
    marks = _MULTI_LINE_QUOTES.get(language.name, ())
    if language.block_comment:
        marks = (*marks, language.block_comment[0])
    if not marks:
        return None
    passed = [re.escape(comment) + r"[^\n]*" for comment in language.comments]
    if language.block_comment and '"' in language.quotes:
        # `/*` in a string begins nothing; a quote as a character is none.
        passed += [r"'\"'", r'"(?:\\.|[^"\\\n])*"']
    if language.name in ("javascript", "typescript", "tsx", "php", "css"):
        passed += [r"'(?:\\.|[^'\\\n])*'"]
    return re.compile("|".join([*passed, f"(?P<mark>{'|'.join(map(re.escape, marks))})"]))
