"""What an editor that asks for it is told beside the answer: drafts, and what became of each request."""

from typing import Any

import pytest

from dgls.lsp.editor import percent_of
from tests.lsp.client import URI, Editor
from tests.lsp.conftest import Start

SCRIPT = {
    "default": {"drafts": [" "]},
    "rules": [
        {"prefix_ends": "def a", "drafts": ["dd(x, ", "dd(a, ?", "dd(a, b):", "dd(a, b):\n    return a + b"]},
        {"prefix_ends": "y = ", "drafts": ["𝄞(a) + b"], "unsure_from": 5},
    ],
}


def opened(start: Start, text: str, *settings: str, **asked_for: bool) -> Editor:
    """An editor that asked for our notifications, with a text open."""
    editor = start(SCRIPT, *settings)
    editor.initialize(experimental={"dgls": {"status": True, **asked_for}})
    editor.open(text)
    editor.ready()
    return editor


def told(editor: Editor, method: str) -> list[Any]:
    """What the notifications of a kind said, once the server has nothing more to say."""
    editor.count(method)
    return [note["params"] for note in editor.notes if note["method"] == method]


def test_drafts_are_what_has_settled_and_no_two_are_the_same(start: Start) -> None:
    editor = opened(start, "def a\n", draft=True)
    editor.texts(0, 5)
    drafts = told(editor, "dgls/draft")
    assert [draft["text"] for draft in drafts] == ["dd(", "dd(a,", "dd(a, b):"]
    assert drafts[0]["textDocument"] == {"uri": URI, "version": 1}
    assert drafts[0]["position"] == {"line": 0, "character": 5}


@pytest.mark.parametrize("experimental", [None, {}, {"dgls": None}, {"dgls": {"draft": 1}}, []])
def test_an_editor_that_did_not_ask_is_told_nothing(start: Start, experimental: Any) -> None:
    editor = start(SCRIPT)
    editor.initialize(experimental=experimental)
    editor.open("def a\n")
    while not (texts := editor.texts(0, 5)):  # the engine is not ready yet
        pass
    assert texts == ["dd(a, b):\n    return a + b"]
    assert told(editor, "dgls/status") == told(editor, "dgls/draft") == told(editor, "dgls/outcome") == []


def test_the_outcome_says_where_the_unsure_tail_begins_in_utf_16(start: Start) -> None:
    editor = opened(start, "y = \n", outcome=True)
    editor.texts(0, 4)
    (outcome,) = told(editor, "dgls/outcome")
    assert (outcome["unsureFrom"], outcome.get("silence")) == ([6], None)
    assert outcome["ms"] >= 0


def test_a_tail_that_was_typed_into_is_shorter(start: Start) -> None:
    editor = opened(start, "y = \n", outcome=True)
    editor.texts(0, 4)
    editor.change("y = 𝄞(a\n")
    editor.texts(0, 8)
    assert told(editor, "dgls/outcome")[-1]["unsureFrom"] == [2]


def test_where_nothing_is_unsure_there_is_no_tail(start: Start) -> None:
    editor = opened(start, "y = \n", "unsure_percent=0", outcome=True)
    editor.texts(0, 4)
    assert told(editor, "dgls/outcome")[0]["unsureFrom"] == [None]


def test_the_outcome_says_why_there_is_nothing(start: Start) -> None:
    editor = opened(start, "nothing = \n", outcome=True)
    assert editor.texts(0, 10) == []
    (outcome,) = told(editor, "dgls/outcome")
    assert (outcome["unsureFrom"], outcome["silence"]) == ([], "empty")


def test_a_late_answer_comes_after_its_drafts(start: Start) -> None:
    slow = {"default": {"drafts": ["f(", "f(a)"], "delay_ms": 400}}
    editor = start(slow, "deadline_ms=600")
    editor.initialize(experimental={"dgls": {"status": True, "draft": True, "outcome": True}})
    editor.open("x = \n")
    editor.ready()
    assert editor.texts(0, 4) == []
    assert [draft["text"] for draft in told(editor, "dgls/draft")] == ["f("]
    assert told(editor, "dgls/outcome")[0]["silence"] == "late"


@pytest.mark.parametrize(
    ("phrase", "percent"), [("reading the weights: 40 %", 40), ("loading the model", None), ("(1 of 3)", None)]
)
def test_a_figure_in_a_phrase_is_told_as_a_number(phrase: str, percent: int | None) -> None:
    assert percent_of(phrase) == percent
