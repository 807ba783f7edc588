"""The messages that LSP does not have: their names and what they carry (snake_case here, camelCase on the wire)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

import attrs
from attrs import validators
from lsprotocol import types as lsp

State = Literal["idle", "loading", "ready", "failed"]

STATUS = "dgls/status"
DRAFT = "dgls/draft"
OUTCOME = "dgls/outcome"
DOCUMENT_HASH = "dgls/documentHash"
NEXT_EDITS = "textDocument/copilotInlineEdit"  # LSP has none; this is the name that clients ask by
REWRITE = "dgls/rewrite"
FILL_GAPS = "dgls/fillGaps"
FILL_WITH = "dgls/fillWith"

Params = TypeVar("Params")


@attrs.frozen
class Status:
    """Notification to the editor: how far the engine is; `detail` is a phrase for people.

    `percent` says how much of the loading is done, where that is known. For editors with the capability
    `experimental.dgls.status`.
    """

    state: State
    engine: str
    detail: str
    percent: int | None = None


@attrs.frozen
class Draft:
    """Notification about a running request: the beginning of its fill that has settled.

    For editors with the capability `experimental.dgls.draft`.
    """

    text_document: lsp.VersionedTextDocumentIdentifier
    position: lsp.Position
    text: str


@attrs.frozen
class Outcome:
    """Notification right before the answer to a request: what became of it.

    `unsure_from` has for each item where in its text the unsure tail begins, in units of the position encoding, or
    null; `silence` says why there are no items. For editors with the capability `experimental.dgls.outcome`.
    """

    text_document: lsp.VersionedTextDocumentIdentifier
    position: lsp.Position
    unsure_from: tuple[int | None, ...]
    silence: str | None
    ms: float


@attrs.frozen
class DocumentHashParams:
    """Which document's hash is asked for."""

    text_document: lsp.TextDocumentIdentifier


@attrs.frozen
class DocumentHash:
    """What the server believes the document to be; `length` in code points, `sha256` of its UTF-8 form."""

    version: int
    length: int
    sha256: str


@attrs.frozen
class NextEditsContext:
    """Who asks: the user on purpose (1) or the editor by itself (2)."""

    trigger_kind: int = 2


@attrs.frozen
class NextEditsParams:
    """Asks what follows from the user's last change; edits near the position come first."""

    text_document: lsp.OptionalVersionedTextDocumentIdentifier
    position: lsp.Position
    context: NextEditsContext | None = None


@attrs.frozen
class RewriteParams:
    """Asks to write `strength` (0 to 1) of a range anew."""

    text_document: lsp.OptionalVersionedTextDocumentIdentifier
    range: lsp.Range
    strength: float = attrs.field(default=1.0, validator=(validators.ge(0), validators.le(1)))
    instruction: str = ""


@attrs.frozen
class FillGapsParams:
    """Asks to fill the placeholders in a range, or in the whole document."""

    text_document: lsp.OptionalVersionedTextDocumentIdentifier
    range: lsp.Range | None = None


@attrs.frozen
class FillWithParams:
    """Asks to fill a range, empty at a cursor, with something that has a text in it."""

    text_document: lsp.OptionalVersionedTextDocumentIdentifier
    range: lsp.Range
    text: str


@attrs.frozen
class ApplyNextEditsParams:
    """Asks to apply everything that follows from the user's last change."""

    text_document: lsp.OptionalVersionedTextDocumentIdentifier


@attrs.frozen
class InlineEdit:
    """What is to stand in a range of a document at one version."""

    text: str
    range: lsp.Range
    text_document: lsp.VersionedTextDocumentIdentifier


@attrs.frozen
class InlineEdits:
    """The answer to each request for edits; `silence` says why there are none."""

    edits: tuple[InlineEdit, ...]
    silence: str | None


@attrs.frozen
class Request(Generic[Params]):
    """A request from the editor that LSP does not have."""

    id: int | str
    params: Params
    method: str
    jsonrpc: str = "2.0"


REQUESTS: Mapping[str, Any] = MappingProxyType(
    {
        DOCUMENT_HASH: Request[DocumentHashParams],
        NEXT_EDITS: Request[NextEditsParams],
        REWRITE: Request[RewriteParams],
        FILL_GAPS: Request[FillGapsParams],
        FILL_WITH: Request[FillWithParams],
    }
)
