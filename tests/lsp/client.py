"""An editor for tests: it speaks LSP to a real server process, in blocking calls that wait for events, not for time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from lsprotocol import converters
from lsprotocol import types as lsp

PATIENCE_S = 30.0

URI = "file:///home/somebody/project/x.py"


class Editor:
    """A connection to one server process; what it sends is kept, so that nothing is missed."""

    def __init__(self, command: list[str], stderr: Path, *, agrees: bool = True) -> None:
        self.agrees = agrees  # whether requests of the server are answered
        self.version = 0
        self.notes: list[dict[str, Any]] = []  # notifications and requests of the server, in order
        self._answers: dict[Any, dict[str, Any]] = {}
        self._last_id = 0
        self._heard = Condition()
        self._converter = converters.get_converter()
        with stderr.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment()
            )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    # -- messages

    def send(self, *messages: Any) -> None:
        """Sends messages in one write."""
        self.send_bytes(b"".join(framed(json.dumps(message).encode()) for message in messages))

    def send_bytes(self, data: bytes) -> None:
        """Sends anything."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def request(self, method: str, params: Any = None) -> dict[str, Any]:
        """A request with the next id, not sent yet."""
        self._last_id += 1
        return {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}

    def notify(self, method: str, params: Any = None) -> None:
        """Sends a notification."""
        self.send(notification(method, params))

    def response(self, message: dict[str, Any]) -> dict[str, Any]:
        """The response to a request that was sent."""
        return dict(self._wait(lambda: self._answers.get(message["id"])))

    def unasked_response(self) -> dict[str, Any]:
        """The response to what has no id."""
        self._wait(lambda: self._answers.get(None))
        return self._answers.pop(None)

    def ask(self, method: str, params: Any = None) -> Any:
        """The result of a request."""
        message = self.request(method, params)
        self.send(message)
        response = self.response(message)
        assert "error" not in response, response
        return response["result"]

    def error(self, message: dict[str, Any]) -> dict[str, Any]:
        """The error that a request, sent already, is answered with."""
        response = self.response(message)
        assert "error" in response, response
        return dict(response["error"])

    def note(self, method: str, accept: Callable[[Any], bool] = lambda params: True) -> Any:
        """The parameters of the first notification of a kind, waiting for it if it has not come yet."""

        def found() -> Any:
            return next((n for n in self.notes if n["method"] == method and accept(n.get("params"))), None)

        return self._wait(found)["params"]

    def count(self, method: str) -> int:
        """How many notifications of a kind have come; a request in between makes sure that none is under way."""
        self.sync()
        return sum(note["method"] == method for note in self.notes)

    def sync(self) -> None:
        """Waits until the server has handled everything sent so far."""
        self.ask("dgls/documentHash", {"textDocument": {"uri": "no such document"}})

    # -- a session

    def initialize(self, *, options: Any = None, encodings: Any = ("utf-16",), **capabilities: Any) -> dict[str, Any]:
        """The result of the handshake; `experimental` is what the editor asks to be told."""
        capabilities.setdefault("experimental", {"dgls": {"status": True}})
        capabilities["general"] = {"positionEncodings": encodings}
        params = {"processId": None, "rootUri": None, "capabilities": capabilities, "initializationOptions": options}
        result = self.ask("initialize", params)
        self.notify("initialized", {})
        return dict(result)

    def open(self, text: str, uri: str = URI) -> None:
        """Opens a document at version 1."""
        self.version = 1
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def changed(self, text: str, uri: str = URI) -> dict[str, Any]:
        """A change of the whole text, not sent yet."""
        self.version += 1
        document = {"uri": uri, "version": self.version}
        return notification("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def change(self, text: str, uri: str = URI) -> None:
        """Changes the whole text."""
        self.send(self.changed(text, uri))

    def ready(self) -> None:
        """Waits until the engine is ready."""
        self.note("dgls/status", lambda status: status["state"] == "ready")

    def asking(
        self, line: int, character: int, *, uri: str = URI, invoked: bool = False, selected: Any = None
    ) -> dict[str, Any]:
        """A request for ghost text, not sent yet."""
        context: dict[str, Any] = {"triggerKind": 1 if invoked else 2}
        if selected is not None:
            context["selectedCompletionInfo"] = selected
        position = {"line": line, "character": character}
        params = {"textDocument": {"uri": uri}, "position": position, "context": context}
        return self.request("textDocument/inlineCompletion", params)

    def items(self, message: dict[str, Any], *, send: bool = True) -> list[lsp.InlineCompletionItem]:
        """The items of the answer, by LSP's own types."""
        if send:
            self.send(message)
        response = self.response(message)
        assert "error" not in response, response
        return list(self._converter.structure(response["result"], lsp.InlineCompletionList).items)

    def texts(self, line: int, character: int, **asked: Any) -> list[Any]:
        """The texts of the items at a place."""
        return [item.insert_text for item in self.items(self.asking(line, character, **asked))]

    def named(self, uri: str = URI) -> dict[str, Any]:
        """A document with its version of now."""
        return {"uri": uri, "version": self.version}

    def asking_next(self, line: int = 0, character: int = 0, *, kind: int = 2) -> dict[str, Any]:
        """A request for next edits, as clients of such edits send it, not sent yet."""
        place = {"textDocument": self.named(), "position": {"line": line, "character": character}}
        return self.request("textDocument/copilotInlineEdit", {**place, "context": {"triggerKind": kind}})

    def edits(self, method: str, **params: Any) -> tuple[list[Any], str | None]:
        """The edits that a request is answered with, and why there are none."""
        found = self.ask(method, {"textDocument": self.named(), **params})
        return found["edits"], found["silence"]

    def next_edits(self, line: int = 0, character: int = 0, **asked: Any) -> tuple[list[Any], str | None]:
        """The next edits for a cursor."""
        return self.edits("textDocument/copilotInlineEdit", **self.asking_next(line, character, **asked)["params"])

    def same_text(self, text: str, uri: str = URI) -> bool:
        """Whether the server holds this text."""
        mine = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        theirs = self.ask("dgls/documentHash", {"textDocument": {"uri": uri}})
        return bool(theirs["sha256"] == mine and theirs["length"] == len(text) and theirs["version"] == self.version)

    def leave(self) -> int:
        """Ends the session as LSP says; the exit code."""
        self.ask("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Frees the process and its pipes."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()

    # -- reading

    def _wait(self, found: Callable[[], Any]) -> Any:
        """What `found` returns once it returns something."""
        with self._heard:
            self._heard.wait_for(lambda: found() is not None or not self._reader.is_alive(), PATIENCE_S)
            result = found()
        assert result is not None, "the server is silent" if self._reader.is_alive() else "the server is gone"
        return result

    def _read(self) -> None:
        """Reads messages until the server is gone."""
        try:
            while (message := self._next()) is not None:
                with self._heard:
                    if "method" in message:
                        self.notes.append(message)
                    else:
                        self._answers[message["id"]] = message
                    self._heard.notify_all()
                if self.agrees and "method" in message and "id" in message:
                    result = {"applied": True} if message["method"] == "workspace/applyEdit" else None
                    self.send({"jsonrpc": "2.0", "id": message["id"], "result": result})
        finally:
            Thread(target=self._wake).start()

    def _wake(self) -> None:
        """Wakes whoever waits for a server that is gone."""
        self._reader.join()
        with self._heard:
            self._heard.notify_all()

    def _next(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            elif not line.strip():
                return dict(json.loads(self.process.stdout.read(length)))
            else:
                assert line.lower().startswith(b"content-type:"), line
        return None


def framed(body: bytes) -> bytes:
    """A message as it stands on the wire."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def notification(method: str, params: Any = None) -> dict[str, Any]:
    """A notification, not sent yet."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def environment() -> dict[str, str]:
    """An environment that finds this working tree, whatever the current folder."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def server_command(*settings: str) -> list[str]:
    """The command line of a server with the scripted engine and further settings."""
    options = [part for setting in settings for part in ("--set", setting)]
    return [sys.executable, "-m", "dgls", "serve", "--engine", "scripted", *options]
