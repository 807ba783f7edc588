"""A session as an editor has it: pygls' typed client, a real server process, the bundled model, a 2,000-line file."""

import asyncio
import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

URI = "file:///project/prices.py"
BLOCK = """\
def total(items, tax):
    result = 0
    for item in items:
        result += item.price * tax
    return result


"""
TYPED = "def count(items):\n    return l"  # 30 characters
PATIENCE_S = 60
CAPABILITIES = lsp.ClientCapabilities(experimental={"dgls": {"status": True}})


class Typist:
    """An editor with one document and a cursor, which tells the server every key."""

    def __init__(self, client: LanguageClient, text: str, cursor: int) -> None:
        self.client = client
        self.text = text
        self.cursor = cursor
        self.version = 1
        document = lsp.TextDocumentItem(URI, "python", 1, text)
        client.text_document_did_open(lsp.DidOpenTextDocumentParams(document))

    def insert(self, typed: str) -> None:
        """Writes text at the cursor."""
        self.text = self.text[: self.cursor] + typed + self.text[self.cursor :]
        self.cursor += len(typed)
        self.version += 1
        change = lsp.TextDocumentContentChangeWholeDocument(self.text)
        identity = lsp.VersionedTextDocumentIdentifier(self.version, URI)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(identity, [change]))

    def ask(self, kind: lsp.InlineCompletionTriggerKind) -> "asyncio.Task[Any]":
        """A request for ghost text at the cursor, under way."""
        params = lsp.InlineCompletionParams(
            context=lsp.InlineCompletionContext(kind),
            text_document=lsp.TextDocumentIdentifier(URI),
            position=self.position,
        )
        return asyncio.ensure_future(self.client.text_document_inline_completion_async(params))

    @property
    def position(self) -> lsp.Position:
        """The cursor; the text is ASCII, so all encodings agree."""
        before = self.text[: self.cursor].split("\n")
        return lsp.Position(len(before) - 1, len(before[-1]))

    async def server_hash(self) -> str:
        """The hash of what the server holds."""
        answer = await self.client.protocol.send_request_async("dgls/documentHash", {"textDocument": {"uri": URI}})
        return str(answer.sha256)


async def session(log: Path) -> tuple[Typist, list[str]]:
    """Types, takes the ghost text half by typing and half by accepting; the typist and what was shown."""
    client = LanguageClient("typist", "1")
    ready = asyncio.Event()

    def heard(params: Any) -> None:
        if params.state == "ready":
            ready.set()

    client.feature("dgls/status")(heard)
    options = ["--engine", "local", "--set", "threads=1", "--set", f"log_file={log}", "--set", "deadline_ms=60000"]
    await client.start_io(sys.executable, "-m", "dgls", "serve", *options)
    await client.initialize_async(lsp.InitializeParams(CAPABILITIES))
    client.initialized(lsp.InitializedParams())
    lines = (BLOCK * 286).split("\n")[:2000]
    cursor = len("\n".join(lines[:1001])) + 1  # an empty line between two functions
    typist = Typist(client, "\n".join(lines), cursor)
    await asyncio.wait_for(ready.wait(), PATIENCE_S)

    requests = []
    for key in TYPED:
        typist.insert(key)
        requests.append(typist.ask(lsp.InlineCompletionTriggerKind.Automatic))
        await asyncio.sleep(0.01)
    answers = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), PATIENCE_S)
    superseded = [answer for answer in answers[:-1] if getattr(answer, "code", None) == -32800]
    assert len(superseded) >= len(TYPED) // 2

    shown = []
    while True:
        answer = await typist.ask(lsp.InlineCompletionTriggerKind.Invoked)
        (item, *_) = answer.items
        assert item.range == lsp.Range(typist.position, typist.position)
        shown.append(item.insert_text)
        if len(shown) == 3 or len(item.insert_text) < 2:
            break
        typist.insert(item.insert_text[0])
    typist.insert(shown[-1])

    assert await typist.server_hash() == sha256(typist.text.encode()).hexdigest()
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()  # type: ignore[no-untyped-call] # pygls has types for most of itself
    return typist, shown


def test_type_see_type_through_accept(tmp_path: Path) -> None:
    """Ghost text comes, typing into it costs no forward, and the server's text is the editor's in the end."""
    log = tmp_path / "log"
    typist, shown = asyncio.run(session(log))

    first = shown[0]
    assert len(first) > 1
    assert shown == [first[n:] for n in range(len(shown))]
    assert TYPED + first in typist.text

    forwards = [int(found) for found in re.findall(r"(\d+) forwards", log.read_text(encoding="utf-8"))]
    assert forwards[-len(shown) :] == [forwards[-len(shown)], *[0] * (len(shown) - 1)]
    assert sum(count > 0 for count in forwards) >= 1
