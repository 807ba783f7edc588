"""Placeholders: what somebody wrote in place of code that is still to come."""

import re
from collections.abc import Iterator, Sequence

from dgls.text.document import Document
from dgls.text.gap import Gap
from dgls.text.languages import Language, language_of

# Three dots that are no code to come: spread and variadic arguments, ranges, slices, tuples of any length.
_DOTS = r"(?<![\w.)\]\[])\.\.\.(?![\w.(\[{])(?!\s*\])(?!\s*,\s*[\w:]*\])"
_VARIADIC = r"(?<!, )(?<!,)"


def placeholders(document: Document, start: int, end: int, words: Sequence[str]) -> list[Gap]:
    """Every placeholder that lies between two offsets, in order: one of `words`, in code or alone in a comment.

    A word in a string, or in a comment that says more, is none.
    """
    found = (Gap(document, *span) for span in _spans(document, words))
    return [gap for gap in found if start <= gap.start and gap.end <= end]


def _spans(document: Document, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where they are; what stands in strings and comments is passed over."""
    language = language_of(document.language, document.name)
    wanted = [_pattern(word, language) for word in words if word.strip()]
    if not wanted:
        return
    comments = [re.escape(mark) + r"[^\n\r]*" for mark in language.comments]
    if language.block_comment:
        comments.append("(?s:" + ".*?".join(map(re.escape, language.block_comment)) + ")")
    literals = [_literal(quote) for quote in language.quotes]
    kinds = [f"(?P<word>{'|'.join(wanted)})", f"(?P<comment>{'|'.join(comments) or '(?!)'})", *literals]
    for match in re.finditer("|".join(kinds), document.text):
        if match.lastgroup == "word" or (match.lastgroup == "comment" and _is_alone(document, match, words)):
            yield match.span()


def _pattern(word: str, language: Language) -> str:
    """A word as it may be written: blanks of any number, and nothing that would make it another word."""
    if word == "...":
        return (_VARIADIC if language.name != "python" else "") + _DOTS
    blanks = r"[ \t]+".join(map(re.escape, word.split()))
    before = r"\b" if word.strip()[0].isalnum() else ""
    return before + blanks + (r"\b" if word.strip()[-1].isalnum() else "")


def _literal(quote: str) -> str:
    """A string; those of several quotation marks go over lines."""
    mark = re.escape(quote)
    if len(quote) > 1 or quote == "`":
        return rf"(?s:{mark}(?:\\.|[^\\])*?{mark})"
    return rf"{mark}(?:\\.|[^{mark}\\\n\r])*{mark}"


def _is_alone(document: Document, comment: "re.Match[str]", words: Sequence[str]) -> bool:
    """Whether a comment is a line of its own that says nothing but a placeholder."""
    before = document.text[document.line_start(comment.start()) : comment.start()]
    said = comment.group().strip("#/*-<>!;% \t:.")
    return not before.strip() and said in words
