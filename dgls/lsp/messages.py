"""The messages that LSP does not have: their names and what they carry (snake_case here, camelCase on the wire)."""

from typing import Literal

import attrs
from lsprotocol import types as lsp

State = Literal["idle", "loading", "ready", "failed"]

STATUS = "dgls/status"
DOCUMENT_HASH = "dgls/documentHash"


@attrs.frozen
class Status:
    """Notification to the editor: how far the engine is; `detail` is a phrase for people."""

    state: State
    engine: str
    detail: str


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
