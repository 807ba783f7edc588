"""The edit: a place in a document at one version, and what is to stand there instead."""

from dataclasses import dataclass, replace
from functools import cached_property

from dgls.text.document import Document

_BLOCK_CHARS = 1024


@dataclass(frozen=True, eq=False)
class Edit:
    """`document.text[start:end]` becomes `text`; `margin` is by how many nats the model finds that likelier."""

    document: Document
    start: int
    end: int
    text: str
    margin: float = 0.0

    def __post_init__(self) -> None:
        assert 0 <= self.start <= self.end <= len(self.document.text)

    @property
    def before(self) -> str:
        """What stands there now."""
        return self.document.text[self.start : self.end]

    @property
    def result(self) -> str:
        """The whole text after the edit."""
        return self.document.text[: self.start] + self.text + self.document.text[self.end :]

    def minimal(self) -> "Edit":
        """The same edit without what it would leave as it is at its ends; a CRLF is never torn apart."""
        begin = n_alike(self.before, self.text)
        end = n_alike(self.before[begin:][::-1], self.text[begin:][::-1])
        kept = self.before[:begin]
        if kept.endswith("\r"):
            begin -= 1
        if end and self.before[len(self.before) - end] == "\n" and self.before[: len(self.before) - end].endswith("\r"):
            end -= 1
        return replace(self, start=self.start + begin, end=self.end - end, text=self.text[begin : len(self.text) - end])


@dataclass(frozen=True, eq=False)
class Change:
    """What the user did to a document: how it was, and how it is now."""

    before: Document
    now: Document

    @cached_property
    def edit(self) -> Edit:
        """The smallest edit that makes the one of the other."""
        return Edit(self.before, 0, len(self.before.text), self.now.text).minimal()

    def followed_by(self, later: Document) -> "Change":
        """The change after the next key: the same one as long as it goes on in its lines, else one that begins now."""
        mine, key = self.edit, Change(self.now, later).edit
        first = self.now.line_start(mine.start)
        last_end = self.now.text.find("\n", mine.start + len(mine.text))
        last_end = len(self.now.text) if last_end < 0 else last_end + 1
        goes_on = first <= key.start and key.end <= last_end
        return Change(self.before if goes_on else self.now, later)


def n_alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    start, most = 0, min(len(one), len(other))
    while start < most and one[start : start + _BLOCK_CHARS] == other[start : start + _BLOCK_CHARS]:
        start += _BLOCK_CHARS  # a document is long, and a change of it small
    rest = zip(one[start : start + _BLOCK_CHARS], other[start : start + _BLOCK_CHARS], strict=False)
    return next((start + at for at, (a, b) in enumerate(rest) if a != b), min(start + _BLOCK_CHARS, most))
