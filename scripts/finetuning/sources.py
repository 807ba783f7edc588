"""The training text: Python files, and gaps cut from them at places where a cursor can stand."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from dgls.errors import SourceError
from dgls.text.document import Document
from dgls.text.gap import Gap

# The start of a word or of a sign in a line.
_PLACES = re.compile(r"\b(?=\w)|(?=[^\w\s])")

_REST_SHARE, _LINE_SHARE = 0.6, 0.2  # of gaps that are the rest of a line, and a whole one; the others are spans
_HALF_WORD_SHARE = 0.3  # of rests that begin anywhere, also inside a word
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


@dataclass(frozen=True)
class Corpus:
    """Documents with LF line ends and text in them."""

    documents: tuple[Document, ...]

    @cached_property
    def _upto(self) -> list[int]:
        """Characters of each document and all before it."""
        return list(accumulate(len(document.text) for document in self.documents))

    def draw(self, rng: random.Random) -> Gap:
        """A gap of a document; long documents are drawn more often."""
        return cut(rng.choices(self.documents, cum_weights=self._upto)[0], rng)


def read_corpus(places: Sequence[Path]) -> Corpus:
    """All Python files with UTF-8 text in folders, and the files themselves. Raises SourceError."""
    paths = sorted({path for place in places for path in _files(place)})
    found = [Document(text, name=path.name) for path in paths if (text := _text(path)).strip()]
    if not found:
        raise SourceError("there is no Python file with UTF-8 text in --data", "give a folder with .py files, or files")
    return Corpus(tuple(found))


def cut(document: Document, rng: random.Random) -> Gap:
    """The rest of a line from a word, a sign or half a word on, a whole line, or 2 to 5 lines; never blank."""
    rows = document.text.split("\n")
    number = rng.choice([n for n, row in enumerate(rows) if row.strip()])
    begin = document.line_starts[number]
    line = rows[number].rstrip()
    indent = len(line) - len(line.lstrip())
    kind = rng.random()
    if kind < _REST_SHARE:
        return Gap(document, begin + _place(line, indent, rng), begin + len(line))
    n_below = 0 if kind < _REST_SHARE + _LINE_SHARE else rng.randint(1, 4)
    taken = "\n".join(rows[number : number + 1 + n_below])
    return Gap(document, begin + indent, begin + len(taken.rstrip()))


def _place(line: str, indent: int, rng: random.Random) -> int:
    """Where the rest of a line begins."""
    if rng.random() < _HALF_WORD_SHARE:
        return rng.randrange(indent, len(line))
    return rng.choice([place.start() for place in _PLACES.finditer(line)] or [indent])


def _files(place: Path) -> list[Path]:
    """The Python files of a folder, without hidden and generated folders; a file itself. Raises SourceError."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise SourceError(f"there is no file or folder {str(place)!r}", "give --data a folder with .py files, or files")
    found = (path for path in place.rglob("*.py") if path.is_file())
    return [path for path in found if not any(_is_skipped(part) for part in path.relative_to(place).parts)]


def _is_skipped(part: str) -> bool:
    """Whether a folder of this name holds no code of one's own."""
    return part.startswith(".") or part in _SKIPPED


def _text(path: Path) -> str:
    """The text with LF line ends; none of a file that is not UTF-8 or cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""
