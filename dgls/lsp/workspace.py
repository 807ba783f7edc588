"""Open documents and what is remembered for them: fills, drafts, changes, edits; closing a document frees all of it."""

import re
from collections import deque
from dataclasses import dataclass, field, replace
from hashlib import sha256
from urllib.parse import unquote

from lsprotocol import types as lsp

from dgls.edits import Suggestion
from dgls.engines import Drafts
from dgls.lsp import convert
from dgls.lsp.messages import DocumentHash
from dgls.text.document import Document, Encoding
from dgls.text.edit import Change, Edit
from dgls.text.fill import Fill
from dgls.text.gap import Gap
from dgls.text.prompt import Begun
from dgls.text.taken import as_if_before, moved, with_all
from dgls.warm import begun

# Enough to come back to after a few keys and as many deletions of them.
_N_ANSWERS = 8
# More than this is pasted, and a draft has little to do with it.
_MOST_TYPED_CHARS = 40


@dataclass
class Opened:
    """A document as it is now, the fills of the last answers about it, newest first, and edits of this very version.

    `under_way` are the drafts of the last request.
    """

    document: Document
    answers: deque[tuple[Fill, ...]] = field(default_factory=lambda: deque(maxlen=_N_ANSWERS))
    under_way: tuple[Gap, Drafts] | None = None
    change: Change | None = None  # the user's last one, up to now
    next_edits: Suggestion | None = None
    on_demand: list[Suggestion] = field(default_factory=list)

    def follow(self, now: Document) -> None:
        """Takes over the document after a change, which is the user's own unless it takes what was suggested."""
        taken = self._taken(now)
        self.change = self._change(now, taken)
        self.next_edits = _left(self.next_edits, taken, now) if self.next_edits else None
        self.on_demand = [left for found in self.on_demand if (left := _left(found, taken, now))]
        self.document = now

    def _taken(self, now: Document) -> tuple[Edit, ...]:
        """Which suggested edits make the document what it is now: one, or all of a suggestion; empty if none do."""
        offered = [found.edits for found in (self.next_edits, *self.on_demand) if found]
        choices = [*((edit,) for edits in offered for edit in edits), *offered]
        return next((edits for edits in choices if edits and with_all(self.document, edits) == now.text), ())

    def _change(self, now: Document, taken: tuple[Edit, ...]) -> Change | None:
        """The user's last change, up to now."""
        if self.change is None:
            return None if taken else Change(self.document, now)
        if now.text == self.document.text:
            return replace(self.change, now=now)
        return as_if_before(self.change, taken, now) if taken else self.change.followed_by(now)


class Documents:
    """What the editor has open, by URI."""

    def __init__(self) -> None:
        self._opened: dict[str, Opened] = {}

    def get(self, uri: str) -> Document | None:
        """The document as it is now; None if it is not open."""
        opened = self._opened.get(uri)
        return opened.document if opened else None

    def open(self, item: lsp.TextDocumentItem) -> Document:
        """The document that is taken over; whatever was open under its URI is forgotten."""
        document = Document(item.text, item.uri, file_name(item.uri), item.language_id, item.version)
        self._opened[item.uri] = Opened(document)
        return document

    def change(self, params: lsp.DidChangeTextDocumentParams, encoding: Encoding) -> None:
        """Applies changes to a document, whole texts or ranges; unknown documents stay unknown.

        Raises PositionError when a range lies outside the document; then none of the changes are applied.
        """
        opened = self._opened.get(params.text_document.uri)
        if opened is None:
            return
        document = opened.document
        for change in params.content_changes:
            document = replace(document, text=_changed(document, change, encoding))
        opened.follow(replace(document, version=params.text_document.version))

    def close(self, uri: str) -> None:
        """Forgets a document and everything kept for it."""
        self._opened.pop(uri, None)

    def remember(self, uri: str, fills: tuple[Fill, ...]) -> None:
        """Keeps the fills of an answer, of which one may be typed into later."""
        opened = self._opened.get(uri)
        if opened is not None and fills:
            opened.answers.appendleft(fills)

    def change_of(self, document: Document) -> Change | None:
        """What the user changed last, if the document still is as it was then."""
        opened = self._opened.get(document.uri)
        return opened.change if opened and opened.document is document else None

    def next_edits_of(self, document: Document) -> Suggestion | None:
        """What follows from that change; None if that is not known yet."""
        opened = self._opened.get(document.uri)
        return opened.next_edits if opened and opened.document is document else None

    def suggest(self, document: Document, found: Suggestion, *, on_demand: bool) -> None:
        """Keeps what was suggested for a document, as long as it stays as it is."""
        opened = self._opened.get(document.uri)
        if opened is None or opened.document is not document:
            return
        if on_demand:
            opened.on_demand.append(found)
        else:
            opened.next_edits = found

    def forget(self) -> None:
        """Forgets the answers, as with other settings there may be others; the user's changes stay."""
        for opened in self._opened.values():
            opened.answers.clear()
            opened.under_way = opened.next_edits = None

    def recall(self, gap: Gap) -> tuple[Fill, ...]:
        """What is left of the newest answer that the user has typed into up to this gap; empty without one."""
        opened = self._opened.get(gap.document.uri)
        answers = opened.answers if opened else ()
        return next((left for fills in answers if (left := left_of(fills, gap))), ())

    def note(self, gap: Gap, drafts: Drafts) -> None:
        """Keeps the drafts of a gap, which the next request may go on with."""
        opened = self._opened.get(gap.document.uri)
        if opened is not None and drafts.candidates:
            opened.under_way = gap, drafts

    def begun(self, gap: Gap) -> tuple[Begun, ...]:
        """The last drafts as far as they can be gone on with, if the user only typed behind where they began."""
        opened = self._opened.get(gap.document.uri)
        if opened is None or opened.under_way is None:
            return ()
        before, drafts = opened.under_way
        now = before.moved_to(gap.document)
        typed = gap.document.text[before.start : gap.start]
        is_same = now is not None and (now.start, now.end) == (gap.start, gap.end)
        return begun(drafts.candidates, typed) if is_same and 0 < len(typed) <= _MOST_TYPED_CHARS else ()


def left_of(fills: tuple[Fill, ...], gap: Gap) -> tuple[Fill, ...]:
    """What is left of those fills that the user has typed into up to this gap."""
    return tuple(left for fill in fills if (left := fill.typed_into(gap)))


def file_name(uri: str) -> str:
    """The name of the file without its folder, in one line; a URI is only text here, however odd."""
    path = re.split(r"[?#]", uri, maxsplit=1)[0]
    return " ".join(re.split(r"[/\\:]", unquote(path))[-1].split())


def hash_of(document: Document) -> DocumentHash:
    """What tells whether the editor and the server hold the same text."""
    digest = sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest()
    return DocumentHash(document.version, len(document.text), digest)


def _left(found: Suggestion, taken: tuple[Edit, ...], now: Document) -> Suggestion | None:
    """What is left of a suggestion when suggested edits were taken; None if that is nothing, or none were."""
    others = [moved(edit, taken, now) for edit in found.edits if edit not in taken] if taken else []
    left = tuple(edit for edit in others if edit)
    return replace(found, edits=left) if left else None


def _changed(document: Document, change: lsp.TextDocumentContentChangeEvent, encoding: Encoding) -> str:
    """The text after one change."""
    if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
        return change.text
    start, end = convert.offsets(document, change.range, encoding)
    return document.text[:start] + change.text + document.text[end:]
