"""Code written anew on demand, with the bundled model and with the scripted engine."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from dgls.edits import Suggestion, filled, filled_with, rewritten
from dgls.engines import EditingEngine, load
from dgls.settings import Settings, with_settings
from dgls.text.document import Document
from dgls.text.fill import Silence
from dgls.text.gap import Gap, gap_at

SETTINGS = with_settings(
    Settings(), {"threads": 1, "device": "cpu", "effort": "low", "gap_lengths": [1, 3, 6], "deadline_ms": 60_000}
)
CODE = "class Stack:\n    def push(self, item):\n        ...\n\n    def pop(self):\n        return ...\n"
LONG = "".join(f"def f{n}(value):\n    total = value + {n}\n    return total\n\n\n" for n in range(6))

Use = Callable[[EditingEngine], Awaitable[Suggestion]]


class Running:
    """A started engine with a loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        engine = load(settings)
        assert isinstance(engine, EditingEngine)
        self._engine = engine
        self._loop = asyncio.Runner()
        self._loop.run(self._start())

    async def _start(self) -> None:
        async for _ in self._engine.start():
            pass

    def do(self, use: Use) -> Suggestion:
        """What a flow says."""

        async def main() -> Suggestion:
            return await use(self._engine)

        return self._loop.run(main())

    def close(self) -> None:
        """Ends it."""
        self._loop.run(self._engine.close())
        self._loop.close()


@pytest.fixture(scope="module")
def real() -> Iterator[Running]:
    """The bundled model."""
    running = Running(SETTINGS)
    yield running
    running.close()


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Running]:
    """A script."""
    path = tmp_path / "script.json"
    standing = {"total = a": "total = a + b", "broken(": "x = )"}
    path.write_text(json.dumps({"default": {"drafts": ["done"]}, "standing": standing}), encoding="utf-8")
    running = Running(with_settings(Settings(), {"engine": "scripted", "script": str(path)}))
    yield running
    running.close()


def document_of(text: str) -> Document:
    """A Python file."""
    return Document(text, "file:///a.py", "a.py", version=7)


def result(suggestion: Suggestion) -> str:
    """The text after all edits."""
    edits = suggestion.edits
    text = edits[0].document.text
    assert all(one.end <= other.start for one, other in pairwise(edits))
    for edit in reversed(edits):
        assert edit.document is edits[0].document
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_selection_is_written_anew_as_the_model_would(scripted: Running, line_end: str) -> None:
    text = f"def f(a, b):{line_end}    total = a{line_end}    return total{line_end}"
    start, end = text.index("    total"), text.index("    return")
    selection = Gap(document_of(text), start, end)
    found = scripted.do(lambda engine: rewritten(selection, 0.5, "", engine, scripted.settings))
    assert [(edit.before, edit.text) for edit in found.edits] == [("", " + b")]
    assert result(found) == text.replace("total = a", "total = a + b")


def test_what_would_break_the_code_is_not_offered(scripted: Running) -> None:
    selection = Gap(document_of("x = 1\nbroken(\n"), 6, 13)
    found = scripted.do(lambda engine: rewritten(selection, 1.0, "", engine, scripted.settings))
    assert found.edits == () or "x = )" in found.edits[0].result  # as broken as before is no worse
    selection = Gap(document_of("total\n"), 0, 5)
    found = scripted.do(lambda engine: rewritten(selection, 1.0, "", engine, scripted.settings))
    assert found.silence is Silence.FITS


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_selected_is_no_place(scripted: Running, text: str) -> None:
    selection = Gap(document_of(text), 0, len(text))
    found = scripted.do(lambda engine: rewritten(selection, 1.0, "", engine, scripted.settings))
    assert found.silence is Silence.NO_PLACE


def test_strength_0_changes_nothing(real: Running) -> None:
    selection = Gap(document_of(LONG), 0, len(LONG) // 6)
    found = real.do(lambda engine: rewritten(selection, 0.0, "", engine, real.settings))
    assert (found.edits, found.silence) == ((), Silence.FITS)


def test_line_ends_of_two_kinds_are_no_reason_for_an_edit(real: Running) -> None:
    text = "total = 1\r\nother = 2\nprint(total, other)\r\n"
    found = real.do(lambda engine: rewritten(Gap(document_of(text), 0, len(text)), 0.0, "", engine, real.settings))
    assert (found.edits, found.silence) == ((), Silence.FITS)


def test_a_selection_whose_first_lines_are_short_is_written_in_parts(real: Running) -> None:
    numbers = ", ".join(map(str, range(24)))
    text = f"words = ['one', 'two', 'three', 'four']\nvalues = compute({numbers})\n"
    found = real.do(lambda engine: rewritten(Gap(document_of(text), 0, len(text)), 0.0, "", engine, real.settings))
    assert (found.edits, found.silence) == ((), Silence.FITS)


def test_a_selection_longer_than_a_canvas_is_written_in_parts(real: Running) -> None:
    selection = Gap(document_of(LONG), 0, len(LONG))
    found = real.do(lambda engine: rewritten(selection, 0.2, "", engine, real.settings))
    assert found.cost.n_steps > 1
    assert found.edits
    compile(result(found), "a.py", "exec")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_placeholders_are_filled_together(real: Running, line_end: str) -> None:
    text = CODE.replace("\n", line_end)
    found = real.do(lambda engine: filled(document_of(text), 0, len(text), engine, real.settings))
    assert [edit.before for edit in found.edits] == ["...", "..."]
    whole = result(found)
    assert "..." not in whole
    assert whole.count("\n") == whole.count(line_end)
    compile(whole, "a.py", "exec")


def test_placeholders_far_apart_are_filled_one_after_another(scripted: Running, real: Running) -> None:
    text = CODE + LONG + CODE
    found = real.do(lambda engine: filled(document_of(text), 0, len(text), engine, real.settings))
    assert [edit.start for edit in found.edits] == [n for n in range(len(text)) if text.startswith("...", n)]
    compile(result(found), "a.py", "exec")
    found = scripted.do(lambda engine: filled(document_of(text), 0, len(text), engine, scripted.settings))
    assert result(found) == text.replace("...", "done")


def test_only_placeholders_of_the_range_are_filled(scripted: Running) -> None:
    end = CODE.index("def pop")
    found = scripted.do(lambda engine: filled(document_of(CODE), 0, end, engine, scripted.settings))
    assert result(found) == CODE.replace("...", "done", 1)
    found = scripted.do(lambda engine: filled(document_of(CODE), 0, 10, engine, scripted.settings))
    assert found.silence is Silence.NO_PLACE


@pytest.mark.parametrize("required", ["item", "items.append", ")", "return", "self.items", "int(", "naïve 🎉"])
def test_what_is_required_stands_in_the_fill(real: Running, required: str) -> None:
    gap = Gap(document_of(CODE), CODE.index("..."), CODE.index("...") + 3)
    found = real.do(lambda engine: filled_with(gap, required, engine, real.settings))
    assert [required in edit.text for edit in found.edits] == [True]


def test_what_is_typed_already_stays_in_front_of_what_is_required(real: Running) -> None:
    text = "def total(numbers):\n    result = su\n"
    gap = gap_at(document_of(text), len(text) - 1)
    found = real.do(lambda engine: filled_with(gap, "numbers", engine, real.settings))
    assert "numbers" in found.edits[0].text
    assert found.edits[0].result.startswith(text[:-1])


def test_a_late_answer_is_none_and_says_so(real: Running) -> None:
    hurried = with_settings(real.settings, {"deadline_ms": 1})
    found = real.do(lambda engine: filled(document_of(CODE), 0, len(CODE), engine, hurried))
    assert (found.edits, found.silence) == ((), Silence.LATE)


def test_places_that_need_one_name_get_one(real: Running) -> None:
    text = "def f(path):\n    ... = read(path)\n    return ...\n"
    found = real.do(lambda engine: filled(document_of(text), 0, len(text), engine, real.settings))
    first, second = (edit.text for edit in found.edits)
    assert first == second
