"""The gap: the part of one document that is to be replaced."""

from dataclasses import dataclass, replace

from dgls.text.document import Document


@dataclass(frozen=True, eq=False)
class Gap:
    """`document.text[start:end]` is to be replaced; at a cursor `start == end`. Offsets are code points."""

    document: Document
    start: int
    end: int

    def __post_init__(self) -> None:
        assert 0 <= self.start <= self.end <= len(self.document.text)

    @property
    def prefix(self) -> str:
        """Everything before the gap."""
        return self.document.text[: self.start]

    @property
    def suffix(self) -> str:
        """Everything after the gap."""
        return self.document.text[self.end :]

    def with_selected(self, text: str) -> "Gap":
        """The gap behind `text`, as if the popup item that replaces this gap by `text` had been accepted."""
        document = replace(self.document, text=self.prefix + text + self.suffix)
        return Gap(document, self.start + len(text), self.start + len(text))

    def moved_to(self, now: Document) -> "Gap | None":
        """This gap after the user typed at it: behind what was typed; None when anything else changed."""
        n_typed = len(now.text) - len(self.document.text)
        typed_end = self.start + n_typed
        if (
            n_typed < 0
            or not now.text.startswith(self.prefix)
            or now.text[typed_end:] != self.document.text[self.start :]
        ):
            return None
        return Gap(now, typed_end, typed_end + self.end - self.start)


def gap_at(document: Document, offset: int) -> Gap:
    """The empty gap at a cursor."""
    return Gap(document, offset, offset)
