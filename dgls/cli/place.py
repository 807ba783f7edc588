"""FILE:LINE:COL -> Gap: reading one source file from disk for `dgls fill`.

Lines and columns start at 1; columns count characters (code points), a tab is one. A byte order mark is no part of
the text, as in editors: column 1 of line 1 is the character after it. Line ends stay as they are in the file.
"""

import re
import sys
from pathlib import Path

from dgls.errors import PositionError, SourceError, UsageError
from dgls.text.document import Document, Position
from dgls.text.gap import Gap, gap_at
from dgls.text.languages import language_of

_PLACE = re.compile(r"(?P<file>.+):(?P<line>[0-9]{1,18}):(?P<column>[0-9]{1,18})", re.DOTALL)


def read_gap(place: str, max_chars: int) -> Gap:
    """The gap at FILE:LINE:COL. Raises UsageError, SourceError or PositionError."""
    path, line, column = split_place(place)
    document = read_document(path, max_chars)
    return gap_at(document, offset_of(document, line, column))


def read_document(path: Path, max_chars: int) -> Document:
    """The document in a file. Raises SourceError."""
    language = language_of("plaintext", path.name).name
    return Document(read_source(path, max_chars), name=path.name, language=language)


def split_place(place: str) -> tuple[Path, int, int]:
    """File, line and column; the file's name may contain colons. Raises UsageError."""
    found = _PLACE.fullmatch(place)
    if not found:
        raise UsageError(f"{place!r} is not FILE:LINE:COL", "write it like app.py:12:5")
    line, column = int(found["line"]), int(found["column"])
    if line < 1 or column < 1:
        raise UsageError(f"{place!r} is nowhere", "lines and columns start at 1")
    return Path(found["file"]), line, column


def read_source(path: Path, max_chars: int) -> str:
    """The text of a UTF-8 file, of which at most `max_chars` + 1 characters are read. Raises SourceError."""
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder", "name a file in it")
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read(max_chars + 1)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text", "save it as UTF-8") from error
    except FileNotFoundError as error:
        raise SourceError(f"there is no file {path}", "check the path") from error
    except OSError as error:
        raise SourceError(f"cannot read {path} ({error.strerror})", "check the path and its permissions") from error
    if len(text) > max_chars:
        raise SourceError(f"{path} has more than {max_chars} characters", "raise --set max_document_chars=N")
    return text


def offset_of(document: Document, line: int, column: int) -> int:
    """The offset of a line and column that start at 1. Raises PositionError outside the text."""
    if line > document.n_lines:
        raise PositionError(f"{document.name} has no line {line}", f"its last line is {document.n_lines}")
    start = document.line_starts[line - 1]
    length = document.offset_at(Position(line - 1, sys.maxsize), "utf-32") - start
    if column > length + 1:
        raise PositionError(
            f"line {line} of {document.name} has no column {column}", f"its last column is {length + 1}"
        )
    return start + column - 1
