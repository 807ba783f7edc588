"""Fills in the completion popup, for editors without ghost text."""

import re
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import converters
from lsprotocol import types as lsp

from tests.lsp.client import URI, Editor
from tests.lsp.conftest import Start

SCRIPT = {
    "default": {"drafts": [" "]},
    "rules": [
        {"prefix_ends": "def a", "drafts": ["dd(a, b):\n    return a + b"], "alternatives": ["dd(x)", "ll()"]},
        {"prefix_ends": "if 𝄞é:", "drafts": ["\n    y = 1"]},
        {"prefix_ends": "fence = ", "drafts": ['"""```"""']},
        {"prefix_ends": "f(", "drafts": ["a, "]},
        {"prefix_ends": "slow", "drafts": ["er"], "delay_ms": 60_000},
    ],
}
GHOST_TEXT = {"inlineCompletion": {"dynamicRegistration": False}}


def opened(start: Start, text: str, *settings: str, encoding: str = "utf-16", **capabilities: Any) -> Editor:
    """An editor without ghost text, with a text open."""
    editor = start(SCRIPT, *settings)
    result = editor.initialize(encodings=[encoding], **capabilities)
    assert result["capabilities"]["completionProvider"] == {}
    editor.open(text)
    editor.ready()
    return editor


def asking(editor: Editor, line: int, character: int) -> dict[str, Any]:
    """A request for a popup, not sent yet."""
    place = {"textDocument": {"uri": URI}, "position": {"line": line, "character": character}}
    return editor.request("textDocument/completion", place | {"context": {"triggerKind": 1}})


def popup(editor: Editor, line: int, character: int) -> lsp.CompletionList:
    """The popup at a place, by LSP's own types."""
    message = asking(editor, line, character)
    editor.send(message)
    return converters.get_converter().structure(editor.response(message)["result"], lsp.CompletionList)


@pytest.mark.parametrize(
    ("setting", "document", "offered"),
    [
        ("auto", {}, True),
        ("auto", GHOST_TEXT, False),
        ("on", GHOST_TEXT, True),
        ("off", {}, False),
    ],
)
def test_popups_are_offered_where_there_is_no_ghost_text(
    start: Start, setting: str, document: Any, offered: bool
) -> None:
    editor = start(SCRIPT)
    options = {"popup": setting}
    capabilities = editor.initialize(options=options, textDocument=document)["capabilities"]
    assert ("completionProvider" in capabilities) == offered
    assert "inlineCompletionProvider" in capabilities


def test_each_fill_is_an_item_and_replaces_the_word_before_it(start: Start, log: Path) -> None:
    editor = opened(start, "import os\ndef a\n")
    found = popup(editor, 1, 5)
    assert found.is_incomplete
    assert [item.label for item in found.items] == ["add(a, b):", "add(x)", "all()"]
    best = found.items[0]
    span = lsp.Range(lsp.Position(1, 4), lsp.Position(1, 5))
    assert best.text_edit == lsp.TextEdit(span, "add(a, b):\n    return a + b")
    assert isinstance(best.documentation, lsp.MarkupContent)
    assert best.documentation.value == "```python\nadd(a, b):\n    return a + b\n```"
    assert best.insert_text_mode is lsp.InsertTextMode.AsIs
    assert best.filter_text == "add(a, b):"
    assert [item.sort_text for item in found.items] == ["~~~~00", "~~~~01", "~~~~02"]
    assert re.search(r"popup: 3 items", log.read_text(encoding="utf-8"))


def test_a_fill_that_begins_with_a_new_line_has_a_name(start: Start) -> None:
    editor = opened(start, "if 𝄞é:\n", encoding="utf-8")
    (item,) = popup(editor, 0, 10).items
    assert item.label == "y = 1"
    assert item.text_edit == lsp.TextEdit(lsp.Range(lsp.Position(0, 10), lsp.Position(0, 10)), "\n    y = 1")


def test_a_fence_in_the_text_is_fenced(start: Start) -> None:
    editor = opened(start, "fence = \n")
    (item,) = popup(editor, 0, 8).items
    assert isinstance(item.documentation, lsp.MarkupContent)
    assert item.documentation.value == '````python\n"""```"""\n````'


def test_typing_through_asks_no_engine(start: Start, log: Path) -> None:
    editor = opened(start, "def a\n")
    popup(editor, 0, 5)
    editor.change("def add(\n")
    assert [item.label for item in popup(editor, 0, 8).items] == ["a, b):", "x)"]
    assert re.findall(r"(\d+) steps", log.read_text(encoding="utf-8")) == ["1", "0"]


def test_blanks_that_are_left_of_a_fill_are_no_item(start: Start) -> None:
    editor = opened(start, "f(b)\n")
    assert [item.label for item in popup(editor, 0, 2).items] == ["a,"]
    editor.change("f(a,b)\n")
    assert list(popup(editor, 0, 4).items) == []


def test_nothing_to_show_is_an_empty_list(start: Start) -> None:
    assert list(popup(opened(start, "z\n"), 0, 1).items) == []


def test_ghost_text_and_popups_do_not_supersede_each_other(start: Start) -> None:
    editor = opened(start, "slow\n", "popup=on")
    ghost, first = editor.asking(0, 4), asking(editor, 0, 4)
    editor.send(ghost, first)
    second = asking(editor, 0, 4)
    editor.send(second)
    assert editor.error(first)["code"] == -32800
    for message in (ghost, second):
        editor.notify("$/cancelRequest", {"id": message["id"]})
        assert editor.error(message)["code"] == -32800


def test_no_drafts_are_told_of_a_popup(start: Start) -> None:
    editor = start({"default": {"drafts": ["one(", "one()"], "delay_ms": 50}})
    editor.initialize(experimental={"dgls": {"status": True, "draft": True, "outcome": True}})
    editor.open("x = \n")
    editor.ready()
    assert [item.label for item in popup(editor, 0, 4).items] == ["one()"]
    assert editor.count("dgls/draft") == editor.count("dgls/outcome") == 0
