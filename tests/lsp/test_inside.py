"""What cannot be seen from outside the process: engines that break, progress bars in time, what is kept in memory."""

import asyncio
import gc
import json
import logging
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from dgls.engines import Draft, Drafts
from dgls.errors import EndedError, EngineError
from dgls.lsp.editor import without_folders
from dgls.lsp.server import with_handlers
from dgls.lsp.session import Session
from dgls.settings import Settings, with_settings
from dgls.text.fill import Silence
from dgls.text.prompt import Prompt
from tests.lsp.client import URI, notification

OTHER = URI.replace("x.py", "y.py")


class Inside:
    """A session in this process, without a stream: messages go in one by one, and those that come out are kept."""

    def __init__(self, **capabilities: Any) -> None:
        self.session = with_handlers(Session(Settings(pause_ms=0)))
        self.session.protocol.set_writer(self, include_headers=False)  # type: ignore[arg-type] # it has what is used
        self.sent: list[Any] = []
        capabilities.setdefault("experimental", {"dgls": {"status": True}})
        params = {"processId": None, "rootUri": None, "capabilities": capabilities}
        self.say({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})

    def write(self, data: bytes) -> None:
        """Keeps a message that goes to the editor."""
        self.sent.append(json.loads(data))

    def say(self, message: Any) -> None:
        """Hands a message to the server."""
        self.session.protocol.receive(json.dumps(message).encode())

    def open(self, text: str, uri: str = URI) -> None:
        """Opens a document without starting an engine."""
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.session.host.start = lambda settings: None  # type: ignore[method-assign] # the test brings its engine
        self.say(notification("textDocument/didOpen", {"textDocument": item}))

    async def ask(self, number: int, uri: str = URI) -> Any:
        """The response to a request for ghost text at the start."""
        place = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}
        params = {**place, "context": {"triggerKind": 2}}
        self.say({"jsonrpc": "2.0", "id": number, "method": "textDocument/inlineCompletion", "params": params})
        while not self.responses(number):
            await asyncio.sleep(0)
        return self.responses(number)[0]

    def responses(self, number: int) -> list[Any]:
        """The responses to a request."""
        return [message for message in self.sent if message.get("id") == number and "method" not in message]

    def told(self, method: str) -> list[Any]:
        """The parameters of what the editor was told."""
        return [message["params"] for message in self.sent if message.get("method") == method]


class Engine:
    """An engine that breaks until it is mended, or that takes its time."""

    name = "test engine in /some/folder/x"

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.writes = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.was_closed = self.was_freed = False

    async def start(self) -> AsyncIterator[str]:
        """Nothing to start."""
        yield "starts"

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """A draft once the test lets it."""
        if self.error:
            raise self.error
        self.writes.set()
        try:
            await self.goes_on.wait()
            yield Drafts((Draft("fill"),), final=True)
        finally:
            self.was_closed = True

    async def close(self) -> None:
        """Frees what it holds."""
        self.was_freed = True


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs an async test."""
    asyncio.run(test())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            EngineError("no memory for /some/folder/model.bin", "close something"),
            "no memory for model.bin: close something",
        ),
        (TypeError("a/b: /c/d"), "something inside failed (TypeError): see the log"),
    ],
)
def test_an_engine_that_breaks_is_told_once(error: Exception, told: str, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        inside, engine = Inside(), Engine()
        inside.open("\n")
        inside.session.host.engine = engine
        engine.error = error
        for number in (1, 2, 3):
            assert (await inside.ask(number))["result"] == {"items": []}
        assert inside.told("window/showMessage") == [{"type": 1, "message": f"dgls: {told}"}]
        assert [status["state"] for status in inside.told("dgls/status")] == ["failed"]
        assert "/" not in json.dumps(inside.told("dgls/status"))
        engine.error = None
        engine.goes_on.set()
        assert (await inside.ask(4))["result"]["items"][0]["insertText"] == "fill"
        assert [status["state"] for status in inside.told("dgls/status")] == ["failed", "ready"]

    with caplog.at_level(logging.INFO, "dgls"):
        run(test)
    lines = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len([record for record in lines if not record.exc_info]) == 1  # one outage, one line
    assert len([record for record in lines if record.exc_info]) == (0 if isinstance(error, EngineError) else 1)


def test_an_answer_to_what_was_asked_before_it_broke_does_not_mend_it() -> None:
    """Nor does one that is late: only what is asked afterwards and answered."""

    async def test() -> None:
        inside, engine = Inside(), Engine()
        inside.open("\n")
        inside.open("\n", OTHER)
        inside.session.host.engine = engine
        older = asyncio.create_task(inside.ask(1))
        await engine.writes.wait()
        engine.error = EngineError("no memory", "close something")
        await inside.ask(2, OTHER)
        engine.goes_on.set()
        assert (await older)["result"]["items"]
        assert [status["state"] for status in inside.told("dgls/status")] == ["failed"]
        engine.error = None
        engine.goes_on.clear()
        inside.session.settings = with_settings(inside.session.settings, {"deadline_ms": 1})
        assert (await inside.ask(3, OTHER))["result"] == {"items": []}
        assert [status["state"] for status in inside.told("dgls/status")] == ["failed"]
        engine.goes_on.set()
        inside.session.settings = with_settings(inside.session.settings, {"deadline_ms": 10_000})
        assert (await inside.ask(4, OTHER))["result"]["items"]
        assert [status["state"] for status in inside.told("dgls/status")] == ["failed", "ready"]

    run(test)


@pytest.mark.parametrize("is_surprise", [True, False])
def test_an_engine_whose_server_has_ended_is_started_anew(is_surprise: bool) -> None:
    """Once, however many requests fail with it; that is told if nobody could expect it."""

    async def test() -> None:
        inside, engine = Inside(), Engine()
        starts: list[Settings] = []

        def start(settings: Settings) -> None:
            starts.append(settings)
            inside.session.host.engine, inside.session.host.silence = None, Silence.LOADING

        inside.open("\n")
        inside.open("\n", OTHER)
        inside.session.host.engine = engine
        inside.session.host.start = start  # type: ignore[method-assign] # the test brings its engine
        engine.error = EndedError("the server has ended", "it is started again", is_surprise=is_surprise)
        both = [asyncio.create_task(inside.ask(1)), asyncio.create_task(inside.ask(2, OTHER))]
        for asked in both:
            assert (await asked)["result"] == {"items": []}
        assert len(starts) == 1
        told = [{"type": 2, "message": "dgls: the server has ended: it is started again"}]
        assert inside.told("window/showMessage") == told * is_surprise

    run(test)


def test_a_superseded_draft_is_closed_before_its_request_is_answered() -> None:
    async def test() -> None:
        inside, engine = Inside(), Engine()
        inside.open("\n")
        inside.session.host.engine = engine
        older = asyncio.create_task(inside.ask(1))
        await engine.writes.wait()
        inside.say(notification("$/cancelRequest", {"id": 1}))
        assert (await older)["error"]["code"] == -32800
        assert engine.was_closed

    run(test)


def test_another_engine_starts_once_the_old_one_is_freed(tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / "script.json").write_text("{}", encoding="utf-8")
        inside, old = Inside(), Engine()
        host = inside.session.host
        host.engine = host._held = old
        settings = Settings(engine="scripted", script=str(tmp_path / "script.json"))
        for _ in range(3):  # the last one counts, however quickly they follow each other
            host.start(settings)
            await asyncio.sleep(0)
        assert host.engine is None
        while host.engine is None:
            await asyncio.sleep(0)
        assert old.was_freed
        assert host.engine.name == "scripted (script.json)"
        await host.close(1.0)

    run(test)


def test_closing_a_document_frees_everything_kept_for_it() -> None:
    async def test() -> None:
        inside, engine = Inside(), Engine()
        engine.goes_on.set()
        inside.open("\n")
        inside.session.host.engine = engine
        document = inside.session.documents.get(URI)
        assert document is not None
        kept = weakref.ref(document)
        del document
        assert len((await inside.ask(1))["result"]["items"]) == 1
        inside.say(notification("textDocument/didClose", {"textDocument": {"uri": URI}}))
        await asyncio.sleep(0)
        gc.collect()
        assert kept() is None

    run(test)


def test_messages_leave_nothing_behind() -> None:
    async def test() -> None:
        inside, engine = Inside(), Engine()
        engine.goes_on.set()
        inside.open("\n")
        inside.session.host.engine = engine
        for number in range(1, 20):
            change = {"textDocument": {"uri": URI, "version": number}, "contentChanges": [{"text": f"{number}\n"}]}
            inside.say(notification("textDocument/didChange", change))
            inside.say(notification("$/setTrace", {"value": "off"}))
            await inside.ask(number)
        await asyncio.sleep(0)
        assert inside.session.protocol._request_futures == {}

    run(test)


# -- progress

SHOWS = {"window": {"workDoneProgress": True}}


def begun(inside: Inside, answer: dict[str, Any]) -> Any:
    """A progress bar that the editor has answered with."""
    progress = inside.session.editor.progress("Starting")
    progress.report("first")
    (create,) = (message for message in inside.sent if message.get("method") == "window/workDoneProgress/create")
    inside.say({"jsonrpc": "2.0", "id": create["id"], **answer})
    return progress


def test_a_progress_bar_from_start_to_end() -> None:
    inside = Inside(**SHOWS)
    progress = begun(inside, {"result": None})
    progress.report("second")
    progress.end("ready")
    progress.end("again")
    assert [params["value"] for params in inside.told("$/progress")] == [
        {"kind": "begin", "title": "Starting", "message": "first"},
        {"kind": "report", "message": "second"},
        {"kind": "end", "message": "ready"},
    ]


def test_a_progress_bar_that_the_editor_refuses() -> None:
    inside = Inside(**SHOWS)
    progress = begun(inside, {"error": {"code": -32603, "message": "no"}})
    progress.end("ready")
    assert inside.told("$/progress") == []


def test_a_progress_bar_that_comes_too_late() -> None:
    inside = Inside(**SHOWS)
    progress = inside.session.editor.progress("Starting")
    progress.end("ready")
    (create,) = inside.sent[-1:]
    inside.say({"jsonrpc": "2.0", "id": create["id"], "result": None})
    assert inside.told("$/progress") == []


def test_shutdown_before_the_editor_answers_about_the_progress_bar() -> None:
    inside = Inside(**SHOWS)
    inside.session.editor.progress("Starting")
    inside.say({"jsonrpc": "2.0", "id": 9, "method": "shutdown"})
    assert inside.responses(9) == [{"jsonrpc": "2.0", "id": 9, "result": None}]


# -- what the editor is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cannot read /home/me/x.json: no", "cannot read x.json: no"),
        ("'/home/my self/a b/x.json' is missing", "'x.json' is missing"),
        ("C:\\Users\\me\\x.json", "x.json"),
        ("/", "/"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("google/gemma on cpu, 1/2 done", "google/gemma on cpu, 1/2 done"),
        ("/a/b and /c/d", "b and d"),
        ("(/a/b)", "(b)"),
        ("two\n/a/b", "two\nb"),
    ],
)
def test_folders_are_not_told(text: str, told: str) -> None:
    assert without_folders(text) == told
