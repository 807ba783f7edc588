"""Requests for edits, frozen at their first line: the document as it is then, and the flow that will answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from lsprotocol import types as lsp

from dgls import edits, next_edits
from dgls.edits import Suggestion
from dgls.engines import EditingEngine
from dgls.errors import PositionError
from dgls.lsp import convert, messages
from dgls.lsp.latest import Kind
from dgls.lsp.session import Session
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.fill import Silence
from dgls.text.gap import Gap

Flow = Callable[[EditingEngine, Settings], Awaitable[Suggestion]]


@dataclass(frozen=True, eq=False)
class Wish:
    """What is asked about a document as it was then; `pauses` when a newer key may still take it back."""

    document: Document
    flow: Flow
    kind: Kind = "edits on demand"
    pauses: bool = False


def next_edits_wish(
    session: Session, document: Document | Silence, *, on_purpose: bool = False
) -> Wish | Suggestion | Silence:
    """What follows from the user's last change, or what is known of it already."""
    if isinstance(document, Silence):
        return document
    if session.settings.next_edits == "off" and not on_purpose:
        return Silence.OFF
    if known := session.documents.next_edits_of(document):
        return known
    change = session.documents.change_of(document)
    if change is None:
        return Silence.NO_PLACE
    return Wish(document, partial(next_edits.next_edits, change), "next edits", pauses=not on_purpose)


def rewrite_wish(session: Session, params: messages.RewriteParams) -> Wish | Silence:
    """A range written anew."""
    gap = _gap(session, params.text_document, params.range)
    if isinstance(gap, Silence):
        return gap
    return Wish(gap.document, partial(edits.rewritten, gap, params.strength, params.instruction))


def fill_gaps_wish(session: Session, params: messages.FillGapsParams) -> Wish | Silence:
    """The placeholders of a range, or of the whole document."""
    document = frozen(session, params.text_document)
    if isinstance(document, Silence):
        return document
    gap = _gap(session, params.text_document, params.range) if params.range else Gap(document, 0, len(document.text))
    return gap if isinstance(gap, Silence) else Wish(document, partial(edits.filled, document, gap.start, gap.end))


def fill_with_wish(session: Session, params: messages.FillWithParams) -> Wish | Silence:
    """A gap that is to have a text in it."""
    gap = _gap(session, params.text_document, params.range)
    return gap if isinstance(gap, Silence) else Wish(gap.document, partial(edits.filled_with, gap, params.text))


def frozen(session: Session, named: lsp.OptionalVersionedTextDocumentIdentifier) -> Document | Silence:
    """The document at the version that is asked about, or why it cannot be asked about."""
    document = session.documents.get(named.uri)
    if document is None:
        return Silence.UNKNOWN_DOCUMENT
    if named.version not in (None, document.version):
        return Silence.STALE
    return Silence.TOO_LARGE if len(document.text) > session.settings.max_document_chars else document


def _gap(session: Session, named: lsp.OptionalVersionedTextDocumentIdentifier, span: lsp.Range) -> Gap | Silence:
    """A range of a document."""
    document = frozen(session, named)
    if isinstance(document, Silence):
        return document
    try:
        return Gap(document, *convert.offsets(document, span, session.encoding))
    except PositionError:
        return Silence.OUTSIDE
