"""The messages that LSP does not have: their names and what they carry (snake_case here, camelCase on the wire)."""

from typing import Literal

import attrs
from lsprotocol import types as lsp

State = Literal["idle", "loading", "ready", "failed"]

STATUS = "dgls/status"
DRAFT = "dgls/draft"
OUTCOME = "dgls/outcome"
DOCUMENT_HASH = "dgls/documentHash"


@attrs.frozen
class Status:
    """Notification to the editor: how far the engine is; `detail` is a phrase for people.

    `percent` says how much of the loading is done, where that is known.
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
class DocumentHashRequest:
    """Request from the editor; the answer is null when the document is not open."""

    id: int | str
    params: DocumentHashParams
    method: str = DOCUMENT_HASH
    jsonrpc: str = "2.0"
