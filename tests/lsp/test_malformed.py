"""Messages that should not be: a request is answered, a notification ignored, and the server goes on."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import URI, Editor, framed, server_command
from tests.lsp.conftest import Start

CURSOR = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}
ASKED = {**CURSOR, "context": {"triggerKind": 1}}

# Anything of a traceback or a file system.
LEAK = re.compile(r"/|\\|Traceback|\.py|line \d|lsprotocol|cattrs")


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One server for all tests here: each must leave it working."""
    folder = tmp_path_factory.mktemp("malformed")
    (folder / "script.json").write_text('{"default": {"drafts": ["fill"]}}', encoding="utf-8")
    command = server_command(f"script={folder / 'script.json'}", f"log_file={folder / 'log'}", "pause_ms=0")
    connected = Editor(command, folder / "stderr")
    connected.initialize()
    connected.open("\n")
    connected.ready()
    yield connected
    assert (folder / "stderr").read_text() == ""
    connected.close()


@pytest.fixture(autouse=True)
def _works_afterwards(editor: Editor) -> Iterator[None]:
    """Whatever a test sends, nothing pops up and the next request is answered."""
    yield
    assert editor.texts(0, 0) == ["fill"]
    assert editor.count("window/showMessage") == 0


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        "text",
        {},
        CURSOR,
        {**CURSOR, "context": None},
        {**CURSOR, "context": {}},
        {**CURSOR, "context": {"triggerKind": 0}},
        {**CURSOR, "context": {"triggerKind": 3}},
        {**CURSOR, "context": {"triggerKind": "x"}},
        {**CURSOR, "context": {"triggerKind": 1, "selectedCompletionInfo": {}}},
        {**CURSOR, "context": {"triggerKind": 1, "selectedCompletionInfo": {"range": None, "text": "x"}}},
        {**ASKED, "position": None},
        {**ASKED, "position": {"line": 0}},
        {**ASKED, "position": {"line": -1, "character": 0}},
        {**ASKED, "position": {"line": 0, "character": 2**31}},
        {**ASKED, "position": {"line": "x", "character": []}},
        {**ASKED, "textDocument": None},
        {**ASKED, "textDocument": {}},
        {"context": {"triggerKind": 1}},
    ],
)
def test_a_request_with_malformed_parameters_is_answered(editor: Editor, params: Any) -> None:
    request = editor.request("textDocument/inlineCompletion", params)
    editor.send(request)
    assert editor.error(request) == {"code": -32602, "message": "The parameters of this request are malformed."}


def test_a_request_without_parameters_is_answered(editor: Editor) -> None:
    for method in ("textDocument/inlineCompletion", "dgls/documentHash"):
        request = editor.request(method)
        del request["params"]
        editor.send(request)
        assert editor.error(request)["code"] == -32602


def test_unknown_fields_are_ignored(editor: Editor) -> None:
    params = {**ASKED, "formattingOptions": {}, "textDocument": {"uri": URI, "version": 7}, "jsonrpc": "2.0"}
    assert len(editor.ask("textDocument/inlineCompletion", params)["items"]) == 1


@pytest.mark.parametrize(
    "method", ["textDocument/hover", "dgls/unknown", "$/unknown", "", "textDocument/didOpen", "initialized"]
)
def test_a_method_that_is_no_request_of_ours_is_answered(editor: Editor, method: str) -> None:
    for request in (editor.request(method, {}), {"jsonrpc": "2.0", "id": "with a name", "method": method}):
        editor.send(request)
        assert editor.error(request) == {"code": -32601, "message": "dgls does not know this method."}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/didChange", {"textDocument": {"uri": URI, "version": None}, "contentChanges": [{"text": "x"}]}),
        ("textDocument/didChange", {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{}]}),
        ("textDocument/didChange", {"textDocument": {"uri": "file:///a", "version": 2}, "contentChanges": []}),
        ("textDocument/didOpen", {}),
        ("textDocument/didClose", {"textDocument": {"uri": "file:///never opened"}}),
        ("textDocument/didSave", {"textDocument": {"uri": URI}}),
        ("workspace/didChangeConfiguration", {"settings": None}),
        ("workspace/didChangeConfiguration", {"settings": [1]}),
        ("workspace/didChangeConfiguration", {"settings": {"other": {"pause_ms": 1}}}),
        ("workspace/didChangeConfiguration", {}),
        ("window/workDoneProgress/cancel", {"token": "nobody's"}),
        ("$/cancelRequest", {"id": None}),
        ("$/setTrace", {"value": "shouting"}),
        ("$/whatever", {"a": [1, {"jsonrpc": "2.0", "method": "exit"}]}),
        ("unknown", None),
    ],
)
def test_an_odd_notification_is_ignored(editor: Editor, method: str, params: Any) -> None:
    editor.notify(method, params)


@pytest.mark.parametrize(
    "body",
    [b"garbage", b"{", b"\xff\xfe", b"[" * 100_000, b'{"jsonrpc": "2.0", "id": 1, "method": "x"', b"\x00"],
)
def test_what_is_not_json_is_answered_without_an_id(editor: Editor, body: bytes) -> None:
    editor.send_bytes(framed(body))
    assert editor.unasked_response()["error"] == {"code": -32700, "message": "The message is not JSON."}


@pytest.mark.parametrize(
    "message",
    [
        [],
        [{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}],
        1,
        None,
        {"jsonrpc": "2.0", "id": None, "method": "textDocument/inlineCompletion", "params": ASKED},
        {"jsonrpc": "2.0", "id": {"a": 1}, "method": "shutdown"},
    ],
)
def test_what_is_no_message_is_answered_without_an_id(editor: Editor, message: Any) -> None:
    editor.send(message)
    assert editor.unasked_response()["error"]["code"] == -32600


@pytest.mark.parametrize(
    "message",
    [
        {"id": "a", "method": "shutdown"},
        {"jsonrpc": "1.0", "id": "b", "method": "shutdown"},
        {"jsonrpc": "2.0", "id": "c", "method": 7},
        {"jsonrpc": "2.0", "id": "d", "method": "initialize", "params": {"processId": None, "capabilities": {}}},
    ],
)
def test_a_request_that_cannot_be_is_answered(editor: Editor, message: dict[str, Any]) -> None:
    editor.send(message)
    assert editor.error(message)["code"] == -32600


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"jsonrpc": "2.0"},
        {"jsonrpc": "2.0", "method": None},
        {"jsonrpc": "2.0", "id": "nobody asked", "result": 1},
        {"jsonrpc": "2.0", "id": "nobody asked", "error": {"code": 1, "message": "x"}},
        {"jsonrpc": "2.0", "id": "nobody asked", "error": "x"},
        {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "x"}},
        {"jsonrpc": "2.0", "id": [], "result": None},
    ],
)
def test_a_response_that_nobody_waits_for_is_ignored(editor: Editor, message: Any) -> None:
    editor.send(message)


@pytest.mark.parametrize(
    "noise",
    [
        b"\r\n",
        b"\r\n\r\n\n",
        b"Content-Type: x\r\n\r\n",
        b"no header at all\r\n",
        b"no line end, then a header: ",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
    ],
)
def test_noise_between_messages_is_passed_over(editor: Editor, noise: bytes) -> None:
    editor.send_bytes(noise)


def test_headers_in_other_spellings(editor: Editor) -> None:
    request = editor.request("textDocument/inlineCompletion", ASKED)
    body = json.dumps(request).encode()
    editor.send_bytes(b"Content-Type: x; charset=utf-8\r\ncontent-length:  %d\n\n%s" % (len(body), body))
    assert len(editor.items(request, send=False)) == 1


def test_before_initialize_only_initialize_is_done(start: Start) -> None:
    early = start({"default": {"drafts": ["fill"]}})
    request, shutdown = early.request("textDocument/inlineCompletion", ASKED), early.request("shutdown")
    early.open("\n")
    early.send(request, shutdown)
    for refused in (request, shutdown):
        assert early.error(refused) == {"code": -32002, "message": "The server is not initialized yet."}
    early.initialize()
    assert early.texts(0, 0) == []  # it was opened too early


def test_after_shutdown_only_exit_is_done(start: Start) -> None:
    late = start({"default": {"drafts": ["fill"]}})
    late.initialize()
    late.ask("shutdown")
    request = late.request("textDocument/inlineCompletion", ASKED)
    late.open("\n")
    late.send(request)
    assert late.error(request)["code"] == -32600
    late.notify("exit")
    assert late.process.wait(30) == 0


def test_a_failure_inside_tells_the_editor_nothing_about_the_inside(start: Start, log: Path) -> None:
    broken = start({"default": {"drafts": ["fill"]}})
    params: Any = {"processId": None, "rootUri": "file://[", "capabilities": {}}  # urllib raises for this one
    request = broken.request("initialize", params)
    broken.send(request)
    error = broken.error(request)
    assert error == {"code": -32603, "message": "dgls failed inside; its log says more."}
    assert not LEAK.search(json.dumps(broken.notes))
    broken.notify("exit")
    assert broken.process.wait(30) == 1
    assert "ValueError: Invalid IPv6 URL" in log.read_text(encoding="utf-8")
