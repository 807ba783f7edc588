"""A text with lines and positions, frozen at one version.

Lines end only at LF, CRLF or CR, as LSP says; `str.splitlines` would also end them at form feeds and U+2028.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dgls.errors import PositionError

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, order=True)
class Position:
    """A place in a document: 0-based line, and 0-based character in units of some encoding."""

    line: int
    character: int


@dataclass(frozen=True, eq=False)
class Document:
    """The text of one document at one version; `name` is the file's name without its folder."""

    text: str
    uri: str = ""
    name: str = ""
    language: str = "python"
    version: int = 0

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets at which lines start; never empty, as an empty text has one empty line."""
        return [0, *(end.end() for end in _LINE_END.finditer(self.text))]

    @property
    def n_lines(self) -> int:
        """The number of lines; a text that ends with a line end has an empty last one."""
        return len(self.line_starts)

    @property
    def line_end(self) -> str:
        """The line end in use: that of the first line, LF if there is none."""
        found = _LINE_END.search(self.text)
        return found.group() if found else "\n"

    def offset_at(self, position: Position, encoding: Encoding) -> int:
        """The offset (code points) of a position; a character past the end of its line means the end, as LSP says.

        A character inside a surrogate pair or a UTF-8 sequence means the start of that character.
        Raises PositionError when the document has no such line.
        """
        if not 0 <= position.line < self.n_lines or position.character < 0:
            raise PositionError(
                f"line {position.line + 1}, character {position.character} is outside the document",
                f"it has {self.n_lines} lines",
            )
        start = self.line_starts[position.line]
        return start + _n_code_points(self._line(position.line), position.character, encoding)

    def position_at(self, offset: int, encoding: Encoding) -> Position:
        """The position of an offset; the inverse of `offset_at` for every offset outside a CRLF."""
        line = bisect_right(self.line_starts, offset) - 1
        return Position(line, n_units(self.text[self.line_starts[line] : offset], encoding))

    def line_start(self, offset: int) -> int:
        """The offset at which the line of `offset` starts."""
        return self.line_starts[bisect_right(self.line_starts, offset) - 1]

    def _line(self, line: int) -> str:
        """The text of a line without its line end."""
        start = self.line_starts[line]
        if line + 1 == self.n_lines:
            return self.text[start:]
        text = self.text[start : self.line_starts[line + 1]]
        return text[:-2] if text.endswith("\r\n") else text[:-1]


def n_units(text: str, encoding: Encoding) -> int:
    """The length of a text in units of an encoding: `n_units("a𝄞", ...)` is 5, 3, 2 in utf-8, utf-16, utf-32."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(char > "\uffff" for char in text)


def _n_code_points(line: str, units: int, encoding: Encoding) -> int:
    """How many code points of `line` fit into `units` of an encoding."""
    if encoding == "utf-32" or line.isascii():
        return min(units, len(line))
    passed = 0
    for index, char in enumerate(line):
        passed += n_units(char, encoding)
        if passed > units:
            return index
    return len(line)


def with_lf(text: str) -> str:
    """The text with LF line ends, as models read and write them; the clip gives fills the document's own back."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
