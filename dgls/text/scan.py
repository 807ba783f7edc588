"""Brackets that count: a text is read once, past its strings and comments, in any language."""

import re
from dataclasses import dataclass
from functools import cache

from dgls.text.languages import Language

PAIRS = {"(": ")", "[": "]", "{": "}"}
_OPENS = {closer: opener for opener, closer in PAIRS.items()}


@dataclass(frozen=True)
class Bracket:
    """A bracket at an offset; `leading` when only white space and closers stand before it in its line."""

    mark: str
    at: int
    indent: int
    leading: bool

    @property
    def opens(self) -> bool:
        """Whether it is an opening one."""
        return self.mark in PAIRS


@dataclass(frozen=True)
class Scan:
    """The brackets of a text that stand in code, and the quote or comment that the text ends in, if any.

    `long` has where strings and comments of several lines begin and end.
    """

    brackets: tuple[Bracket, ...]
    inside: str = ""
    long: tuple[tuple[int, int], ...] = ()

    def unmatched(self) -> tuple[list[Bracket], list[Bracket]]:
        """The closers without an opener, and the openers without a closer, in order."""
        closers: list[Bracket] = []
        openers: list[Bracket] = []
        for bracket in self.brackets:
            if bracket.opens:
                openers.append(bracket)
            elif openers and openers[-1].mark == _OPENS[bracket.mark]:
                openers.pop()
            else:
                closers.append(bracket)
        return closers, openers


def scan(text: str, language: Language, inside: str = "") -> Scan:
    """What a text's brackets are when it begins in code, or inside of a string or comment."""
    begin, long = 0, []
    if inside:
        begin = _end_of(text, inside)
        if begin < 0:
            return Scan((), inside, ((0, len(text)),))
        long.append((0, begin))
    brackets, inside = [], ""
    for found in _tokens(language).finditer(text, begin):
        piece = found.group()
        if len(piece) == 1 and piece in "()[]{}":
            brackets.append(_bracket(text, found.start()))
            continue
        if "\n" in piece:
            long.append(found.span())
        if found.end() == len(text):
            inside = _open_in(piece, language)
    return Scan(tuple(brackets), inside, tuple(long))


def _bracket(text: str, at: int) -> Bracket:
    """The bracket at an offset."""
    head = text[text.rfind("\n", 0, at) + 1 : at]
    return Bracket(text[at], at, len(head) - len(head.lstrip(" \t")), not head.strip(" \t)]};,"))


def _end_of(text: str, inside: str) -> int:
    """Where the string or comment that a text begins in has ended; -1 if it has not."""
    end = {"/*": "*/", "<!--": "-->", "//": "\n"}.get(inside, inside)
    stop = re.compile(
        rf"(?:\\.|[^\\])*?{re.escape(end)}" if len(end) == 1 and end != "\n" else rf".*?{re.escape(end)}", re.S
    )
    found = stop.match(text)
    if inside in _SINGLE_LINE and "\n" in text[: found.end() if found else len(text)]:
        return text.index("\n")
    return found.end() if found else -1


_SINGLE_LINE = ('"', "'")


def _open_in(piece: str, language: Language) -> str:
    """The mark of a string or comment that reaches the end of a text without its own end; empty if it has one."""
    for quote in language.quotes:
        if piece.startswith(quote):
            closed = len(piece) >= 2 * len(quote) and piece.endswith(quote) and not _escaped_end(piece, quote)
            return "" if closed or (piece.endswith("\n") and quote in _SINGLE_LINE) else quote
    if language.block_comment and piece.startswith(language.block_comment[0]):
        return "" if piece.endswith(language.block_comment[1]) else language.block_comment[0]
    return "" if piece.endswith("\n") else "//"


def _escaped_end(piece: str, quote: str) -> bool:
    """Whether the quote at a piece's end is escaped."""
    body = piece[: -len(quote)]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


@cache
def _tokens(language: Language) -> "re.Pattern[str]":
    """Strings, comments and brackets of a language; one that is not closed reaches the end of line or text."""
    parts = []
    if language.block_comment:
        begin, end = map(re.escape, language.block_comment)
        parts.append(rf"{begin}.*?(?:{end}|\Z)")
    # `$#` and `${x#y}` are no comments.
    parts += [("(?<![$\\w{])" if mark == "#" else "") + re.escape(mark) + r"[^\n]*" for mark in language.comments]
    for quote in language.quotes:
        mark = re.escape(quote)
        if quote == "'" and language.name in ("rust", "c", "cpp", "csharp", "java", "go", "kotlin", "scala"):
            parts.append(r"'(?:\\[^\n]{1,10}?|[^'\\\n])'")
        elif quote not in _SINGLE_LINE:
            parts.append(rf"{mark}(?:\\.|[^\\])*?(?:{mark}|\Z)")
        else:
            parts.append(rf"{mark}(?:\\.|[^\\\n{mark}])*(?:{mark}|(?=\n)|\Z)")
    return re.compile("|".join([*parts, r"[()\[\]{}]"]), re.DOTALL)
