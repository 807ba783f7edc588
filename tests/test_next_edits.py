"""The flow of next edits: with the bundled model what it follows, with the scripted one all the rest."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.edits import Suggestion
from dgls.engines import EditingEngine
from dgls.engines.local import LocalEngine
from dgls.engines.scripted import ScriptedEngine
from dgls.next_edits import next_edits
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.edit import Change
from dgls.text.fill import Silence
from dgls.text.prompt import Prompt

SETTINGS = Settings(threads=1)
RENAMED = """\
def total(numbers, start):
    {new} = start
    for number in numbers:
        {old} += number
    print("result", {old})
    return {old}
"""


async def started(engine: EditingEngine) -> EditingEngine:
    """The engine, ready."""
    async for _ in engine.start():
        pass
    return engine


@pytest.fixture(scope="module")
def bundled() -> Iterator[EditingEngine]:
    """The bundled model."""
    engine = asyncio.run(started(LocalEngine(SETTINGS)))
    yield engine
    asyncio.run(engine.close())


def scripted(folder: Path, standing: dict[str, str], delay_ms: float = 0) -> EditingEngine:
    """An engine that knows what lines should be."""
    path = folder / "script.json"
    path.write_text(json.dumps({"standing": standing, "delay_ms": delay_ms}), encoding="utf-8")
    return asyncio.run(started(ScriptedEngine(str(path))))


def followed(before: str, now: str, engine: EditingEngine) -> Suggestion:
    """What follows a change of a Python file."""
    change = Change(Document(before, name="a.py"), Document(now, name="a.py", version=1))
    found = asyncio.run(next_edits(change, engine, SETTINGS))
    assert bool(found.edits) == (found.silence is None)
    return found


def applied(found: Suggestion, text: str) -> str:
    """A text after all edits."""
    for edit in reversed(found.edits):
        assert edit == edit.minimal() or edit.text == edit.minimal().text
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_rename_is_followed_and_strings_are_not(bundled: EditingEngine, line_end: str) -> None:
    before = RENAMED.format(new="result", old="result").replace("\n", line_end)
    now = RENAMED.format(new="amount", old="result").replace("\n", line_end)
    found = followed(before, now, bundled)
    assert len(found.edits) == 3
    assert applied(found, now) == RENAMED.format(new="amount", old="amount").replace("\n", line_end)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (RENAMED.format(new="result", old="result"), RENAMED.format(new="amount", old="amount")),
        (RENAMED.format(new="0", old="result"), RENAMED.format(new="result", old="result")),
        ("def f():\n    return 1\n", "def f():\n    return 2\n"),
        ("# one\nx = 1\n", "# two\nx = 1\n"),
        ("x = 1\n", "x = 1\n"),
    ],
    ids=["renamed", "written", "literal", "comment", "nothing"],
)
def test_a_finished_change_is_quiet(bundled: EditingEngine, before: str, now: str) -> None:
    assert followed(before, now, bundled).silence in (Silence.FITS, Silence.NO_PLACE)


def test_a_line_that_no_canvas_holds_is_left_alone(bundled: EditingEngine) -> None:
    before = "def f(a):\n    b = 1\n    c = '" + "𝄞" * 100 + "'\n    return b\n"
    assert followed(before, before.replace("b = 1", "b = 2"), bundled).silence is Silence.FITS


def test_a_line_that_the_script_names_becomes_what_it_says(tmp_path: Path) -> None:
    engine = scripted(tmp_path, {"total = a": "total = a + b", "far = a": "far = b"})
    before = "def add(a):\n    total = a\n    return total\n\n\ndef g(a):\n    far = a\n"
    now = before.replace("add(a)", "add(a, b)")
    found = followed(before, now, engine)
    assert applied(found, now) == now.replace("total = a", "total = a + b")
    assert [(edit.before, edit.text) for edit in found.edits] == [("", " + b")]


def test_what_the_script_does_not_name_fits(tmp_path: Path) -> None:
    engine = scripted(tmp_path, {"something": "else"})
    before, now = RENAMED.format(new="result", old="result"), RENAMED.format(new="amount", old="result")
    assert followed(before, now, engine).silence is Silence.FITS
    assert followed("x", "x", engine).silence is Silence.NO_PLACE


def test_a_mirrored_edit_is_made_where_the_script_says_so(tmp_path: Path) -> None:
    engine = scripted(tmp_path, {"return result": "return amount"})
    before, now = RENAMED.format(new="result", old="result"), RENAMED.format(new="amount", old="result")
    found = followed(before, now, engine)
    assert applied(found, now) == now.replace("return result", "return amount")


def test_an_edit_that_would_break_the_syntax_is_not_made(tmp_path: Path) -> None:
    engine = scripted(tmp_path, {"total = a": "total = (a"})
    before = "def add(a):\n    total = a\n    return total\n"
    assert followed(before, before.replace("add(a)", "add(a, b)"), engine).silence is Silence.FITS


def test_what_the_model_wrote_in_vain_counts_too(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"default": {"drafts": ["one, two"]}}), encoding="utf-8")
    engine = asyncio.run(started(ScriptedEngine(str(path))))
    before = "def add(a):\n    return a\n\n\nadd(1)\n"
    found = followed(before, before.replace("add(a)", "add(a, b)"), engine)
    assert (found.silence, found.cost.n_steps) == (Silence.FITS, 1)


class Slowing(ScriptedEngine):
    """Takes too long for every place but the first."""

    n_weighed = 0

    async def weigh(self, prompt: Prompt, texts: Sequence[str]) -> tuple[float, ...]:
        """A place is weighed as it is, and as it was before the change."""
        self.n_weighed += 1
        await asyncio.sleep(0 if self.n_weighed <= 2 else 600)
        return await super().weigh(prompt, texts)


def test_a_late_answer_has_what_was_found_by_then(tmp_path: Path) -> None:
    before, now = RENAMED.format(new="result", old="result"), RENAMED.format(new="amount", old="result")
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"standing": {"result += number": "amount += number"}}), encoding="utf-8")
    engine = asyncio.run(started(Slowing(str(path))))
    change, hurried = Change(Document(before), Document(now)), replace(SETTINGS, deadline_ms=500)
    found = asyncio.run(next_edits(change, engine, hurried))
    assert applied(found, now) == now.replace("result += number", "amount += number")
    assert asyncio.run(next_edits(change, engine, hurried)).silence is Silence.LATE


def test_cancelling_stops_within_one_step(tmp_path: Path) -> None:
    engine = scripted(tmp_path, {"return result": "return amount"}, delay_ms=50)
    before, now = RENAMED.format(new="result", old="result"), RENAMED.format(new="amount", old="result")

    async def cancelled() -> float:
        task = asyncio.create_task(next_edits(Change(Document(before), Document(now)), engine, SETTINGS))
        await asyncio.sleep(0.12)
        begun = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.perf_counter() - begun

    assert asyncio.run(cancelled()) < 0.05
