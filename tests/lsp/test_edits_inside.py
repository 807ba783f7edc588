"""Edits give way to fills, and what the user changed last: what only counts inside the process can show."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from dgls.engines import Draft, Drafts, Reading
from dgls.lsp.workspace import Documents
from dgls.text.prompt import Prompt
from tests.lsp.client import URI, notification
from tests.lsp.test_inside import Engine, Inside, run

CANCELLED = {"code": -32800, "message": "The request was cancelled."}
HERE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 3}}


class Counting(Engine):
    """An engine that can edit, counts what it is asked for, and answers one step each time the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.lets = asyncio.Semaphore(0)

    async def step(self, what: str) -> None:
        """One denoising step or reading, once the test lets it."""
        self.steps.append(what)
        await self.lets.acquire()

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """Drafts of a fill or an edit."""
        what = "edit" if hasattr(prompt.middle[0], "strength") else "fill"
        for final in (False, True):
            await self.step(what)
            yield Drafts((Draft("fill"),), final=final)

    async def read(self, prompt: Prompt) -> tuple[Reading, ...]:
        """Nothing is unlikely."""
        await self.step("edit")
        return ()

    async def weigh(self, prompt: Prompt, texts: Sequence[str]) -> tuple[float, ...]:
        """Nothing fits as it is."""
        await self.step("edit")
        return (-10.0,) * len(texts)


async def session() -> tuple[Inside, Counting]:
    """A session whose user has changed a line."""
    inside, engine = Inside(), Counting()
    inside.open("x=1\ny=x\n")
    inside.session.host.engine = engine
    change(inside, "z=1\ny=x\n", 2)
    return inside, engine


def change(inside: Inside, text: str, version: int) -> None:
    """A change of the whole text."""
    document = {"uri": URI, "version": version}
    inside.say(notification("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]}))


def say(inside: Inside, number: int, method: str, **params: Any) -> None:
    """Sends a request about the document at version 2."""
    document = {"uri": URI, "version": 2}
    inside.say({"jsonrpc": "2.0", "id": number, "method": method, "params": {"textDocument": document, **params}})


def ask_fill(inside: Inside, number: int) -> None:
    """Asks for ghost text."""
    say(
        inside, number, "textDocument/inlineCompletion",
        position={"line": 2, "character": 0}, context={"triggerKind": 1},
    )  # fmt: skip


def ask_edits(inside: Inside, number: int, method: str) -> None:
    """Asks for next edits, or for a rewrite by a request or a command."""
    if method == "workspace/executeCommand":
        asked = {"textDocument": {"uri": URI, "version": 2}, "range": HERE}
        say(inside, number, method, command="dgls.rewrite", arguments=[asked])
    elif method == "dgls/rewrite":
        say(inside, number, method, range=HERE)
    else:
        say(inside, number, method, position=HERE["start"])


async def settled() -> None:
    """Lets everything run that can."""
    for _ in range(50):
        await asyncio.sleep(0)


NEXT = "textDocument/copilotInlineEdit"
METHODS = [NEXT, "dgls/rewrite", "workspace/executeCommand"]


@pytest.mark.parametrize("method", METHODS)
def test_a_fill_stops_running_edits_before_their_next_step(method: str) -> None:
    async def test() -> None:
        inside, engine = await session()
        ask_edits(inside, 1, method)
        await settled()
        assert engine.steps == ["edit"]
        ask_fill(inside, 2)
        for _ in range(10):
            engine.lets.release()
        await settled()
        assert engine.steps == ["edit", "fill", "fill"]
        answers = [message["id"] for message in inside.sent if "result" in message or "error" in message]
        assert answers == [0, 1, 2]
        assert inside.responses(1)[0]["error"] == CANCELLED
        assert inside.responses(2)[0]["result"]["items"]
        told = [told["message"] for told in inside.told("window/showMessage")]
        assert told == ["dgls: rewrite: it gave way to a fill; try again"] * (method == METHODS[2])

    run(test)


@pytest.mark.parametrize("method", METHODS)
def test_edits_wait_until_no_fill_runs(method: str) -> None:
    async def test() -> None:
        inside, engine = await session()
        ask_fill(inside, 1)
        await settled()
        ask_edits(inside, 2, method)
        await settled()
        assert engine.steps == ["fill"]
        engine.lets.release()
        await settled()
        ask_fill(inside, 3)  # one that waits is not stopped by a newer fill
        await settled()
        assert engine.steps == ["fill", "fill", "fill"]
        for _ in range(20):
            engine.lets.release()
        await settled()
        assert engine.steps[:5] == ["fill", "fill", "fill", "fill", "edit"]
        assert "error" not in inside.responses(2)[0]

    run(test)


def test_newer_edits_supersede_older_ones_and_edits_on_demand_come_first() -> None:
    async def test() -> None:
        inside, engine = await session()
        ask_edits(inside, 1, NEXT)
        await settled()
        ask_edits(inside, 2, NEXT)
        await settled()
        assert inside.responses(1)[0]["error"] == CANCELLED
        ask_edits(inside, 3, "dgls/rewrite")
        await settled()
        assert inside.responses(2)[0]["error"] == CANCELLED
        ask_edits(inside, 4, NEXT)
        await settled()
        assert engine.steps == ["edit", "edit", "edit"]
        for _ in range(50):
            engine.lets.release()
        await settled()
        answers = [message["id"] for message in inside.sent if "result" in message or "error" in message]
        assert answers == [0, 1, 2, 3, 4]
        assert inside.responses(3)[0]["result"]["edits"]

    run(test)


@pytest.mark.parametrize("method", METHODS)
def test_a_change_or_the_editor_stops_running_edits(method: str) -> None:
    async def test() -> None:
        inside, engine = await session()
        ask_edits(inside, 1, method)
        await settled()
        inside.say(notification("$/cancelRequest", {"id": 1}))
        await settled()
        assert inside.responses(1)[0]["error"] == CANCELLED
        ask_edits(inside, 2, method)
        await settled()
        change(inside, "z=2\ny=x\n", 3)
        await settled()
        assert inside.responses(2)[0]["error"] == CANCELLED
        assert engine.steps == ["edit", "edit"]

    run(test)


def test_an_engine_that_cannot_edit_offers_nothing() -> None:
    async def test() -> None:
        inside, _ = await session()
        inside.session.host.engine = Engine()
        for number, method in enumerate(METHODS, 1):
            ask_edits(inside, number, method)
            await settled()
        say(inside, 9, "textDocument/codeAction", range=HERE, context={"diagnostics": []})
        await settled()
        silent = {"edits": [], "silence": "no edits"}
        assert [inside.responses(number)[0]["result"] for number in (1, 2, 3, 9)] == [silent, silent, None, []]
        (told,) = inside.told("window/showMessage")
        assert told["message"] == "dgls: rewrite: nothing to show: no edits"

    run(test)


def test_while_the_engine_is_loading_there_are_no_edits() -> None:
    async def test() -> None:
        inside, _ = await session()
        inside.session.host.engine = None
        ask_edits(inside, 1, NEXT)
        await settled()
        assert inside.responses(1)[0]["result"] == {"edits": [], "silence": "loading"}

    run(test)


def test_what_the_user_takes_is_no_change_of_the_users() -> None:
    async def test() -> None:
        inside, engine = await session()
        change(inside, "z=1\n\ny=x\n", 2)
        ask = {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 3}}
        for _ in range(20):
            engine.lets.release()
        say(inside, 1, "dgls/rewrite", range=ask)
        await settled()
        (edit,) = inside.responses(1)[0]["result"]["edits"]
        assert edit["text"] == "fill"
        change(inside, "z=1\n\nfill\n", 3)
        found = inside.session.documents.change_of(document(inside.session.documents))
        assert found is not None
        assert (found.before.text, found.now.text) == ("x=1\nfill\n", "z=1\n\nfill\n")

    run(test)


def test_edits_that_take_too_long_are_late() -> None:
    async def test() -> None:
        inside, _ = await session()
        inside.session.settings = type(inside.session.settings)(pause_ms=0, deadline_ms=1)
        ask_edits(inside, 1, NEXT)
        while not inside.responses(1):
            await asyncio.sleep(0.001)
        assert inside.responses(1)[0]["result"] == {"edits": [], "silence": "late"}
        assert inside.session.documents.next_edits_of(document(inside.session.documents)) is None

    run(test)


def test_a_change_goes_on_within_its_line_and_ends_with_the_document() -> None:
    async def test() -> None:
        inside, _ = await session()
        documents = inside.session.documents
        change(inside, "zz=1\ny=x\n", 3)
        went_on = documents.change_of(document(documents))
        assert went_on is not None
        assert (went_on.before.text, went_on.now.text) == ("x=1\ny=x\n", "zz=1\ny=x\n")
        change(inside, "zz=1\ny=x\n", 4)  # a version without a change
        again = documents.change_of(document(documents))
        assert again is not None
        assert (again.before.text, again.now.version) == ("x=1\ny=x\n", 4)
        inside.say(notification("textDocument/didClose", {"textDocument": {"uri": URI}}))
        inside.open("zz=1\ny=x\n")
        assert documents.change_of(document(documents)) is None

    run(test)


def document(documents: Documents) -> Any:
    """The document as it is now."""
    return documents.get(URI)
