"""pygls' own typed client against the server: what it sends and understands is LSP by the book."""

import asyncio
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from tests.lsp.client import PATIENCE_S, URI, environment, server_command

CAPABILITIES = lsp.ClientCapabilities(experimental={"dgls": {"status": True}})


def test_a_session_with_a_typed_client(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"default": {"drafts": ["a + b"], "alternatives": ["b + a"]}}', encoding="utf-8")
    command = server_command(f"script={script}", f"log_file={tmp_path / 'log'}")
    asyncio.run(asyncio.wait_for(session(command), PATIENCE_S))


async def session(command: list[str]) -> None:
    """Handshake, ghost text, hover (which dgls does not have), end."""
    client = LanguageClient("test", "1")
    ready = asyncio.Event()

    def heard(params: Any) -> None:
        if params.state == "ready":
            ready.set()

    client.feature("dgls/status")(heard)
    await client.start_io(*command, env=environment())
    result = await client.initialize_async(lsp.InitializeParams(CAPABILITIES))
    assert result.capabilities.inline_completion_provider == lsp.InlineCompletionOptions()
    client.initialized(lsp.InitializedParams())
    text = "def f(a, b):\n    return \n"
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(URI, "python", 1, text)))
    await ready.wait()
    invoked = lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Invoked)
    cursor = lsp.Position(1, 11)
    asked = lsp.InlineCompletionParams(invoked, lsp.TextDocumentIdentifier(URI), cursor)
    answer = await client.text_document_inline_completion_async(asked)
    assert isinstance(answer, lsp.InlineCompletionList)
    assert [(item.insert_text, item.range) for item in answer.items] == [
        ("a + b", lsp.Range(cursor, cursor)),
        ("b + a", lsp.Range(cursor, cursor)),
    ]
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()  # type: ignore[no-untyped-call]
