"""What the answer to `textDocument/inlineCompletion` looks like."""

import re
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.lsp.client import URI, Editor
from tests.lsp.conftest import Start
from tests.marked import marked

SCRIPT = {
    "default": {"drafts": ["WRONG"]},
    "rules": [
        {
            "prefix_ends": "def a",
            "drafts": ["d", "dd(a, b):\n    return a + b"],
            "alternatives": ["dd(x)", "ll()", "ny"],
        },
        {"prefix_ends": "# 𝄞é", "drafts": ["♪"]},
        {"prefix_ends": "os.path", "drafts": [".join(a, b)"]},
        {"prefix_ends": "nothing = ", "drafts": [" "]},
    ],
}


def opened(start: Start, text: str, *settings: str, encoding: str = "utf-16") -> tuple[Editor, int, int]:
    """An editor with a marked text open, and where its cursor is."""
    gap, _ = marked(text)
    editor = start(SCRIPT, *settings)
    editor.initialize(encodings=[encoding])
    editor.open(gap.document.text)
    editor.ready()
    place = gap.document.position_at(gap.start, encoding)  # type: ignore[arg-type] # one of the three
    return editor, place.line, place.character


def outcomes(log: Path) -> list[str]:
    """What the log says about each request: trigger, outcome, steps."""
    found = re.findall(r"(automatic|invoked): (.*?), .* (\d+) steps", log.read_text(encoding="utf-8"))
    return [" ".join(parts) for parts in found]


def test_an_automatic_request_gets_one_item_with_an_empty_range(start: Start, log: Path) -> None:
    editor, line, character = opened(start, "import os\ndef a«»\n")
    (item,) = editor.items(editor.asking(line, character))
    assert item.insert_text == "dd(a, b):\n    return a + b"
    assert item.range == lsp.Range(lsp.Position(1, 5), lsp.Position(1, 5))
    assert outcomes(log) == ["automatic 1 items 26 chars 2"]


def test_an_invoked_request_gets_alternatives(start: Start) -> None:
    editor, line, character = opened(start, "def a«»\n", "n_alternatives=3")
    assert editor.texts(line, character, invoked=True) == ["dd(a, b):\n    return a + b", "dd(x)", "ll()"]


@pytest.mark.parametrize("uri", ["vscode-vfs://github/owner/name/a.py", "untitled:Untitled-1"])
def test_a_document_that_is_on_no_disk_is_filled(start: Start, uri: str) -> None:
    editor = start(SCRIPT)
    editor.initialize()
    editor.open("def a\n", uri)
    editor.ready()
    assert editor.texts(0, 5, uri=uri) == ["dd(a, b):\n    return a + b"]


def test_typing_through_asks_no_engine(start: Start, log: Path) -> None:
    editor, line, character = opened(start, "def a«»\n")
    editor.texts(line, character)
    editor.change("def add(\n")
    assert editor.texts(line, character + 3) == ["a, b):\n    return a + b"]
    assert editor.texts(line, character + 3, invoked=True) == ["a, b):\n    return a + b", "x)"]
    assert [outcome[-1] for outcome in outcomes(log)] == ["2", "0", "0"]


def test_deleting_what_was_typed_brings_the_fill_back(start: Start, log: Path) -> None:
    editor, line, character = opened(start, "def a«»\n")
    editor.texts(line, character)
    editor.change("def az\n")
    assert editor.texts(line, character + 1) == ["WRONG"]
    editor.change("def a\n")
    assert editor.texts(line, character) == ["dd(a, b):\n    return a + b"]
    assert [outcome[-1] for outcome in outcomes(log)] == ["2", "1", "0"]


def test_a_selected_popup_item_is_taken_as_accepted(start: Start) -> None:
    editor, line, character = opened(start, "os.pa«»(x)\n")
    selected = {"range": span(0, 3, 0, 5), "text": "path"}
    (item,) = editor.items(editor.asking(line, character, selected=selected))
    assert item.insert_text == "path.join(a, b)"
    assert item.range == lsp.Range(lsp.Position(0, 3), lsp.Position(0, 5))
    # The fill is remembered for when the item is accepted, and for the next one with the same text.
    editor.change("os.path(x)\n")
    assert editor.texts(line, character + 2) == [".join(a, b)"]


def test_a_selected_range_outside_the_document_gets_nothing(start: Start, log: Path) -> None:
    editor, line, character = opened(start, "os.pa«»(x)\n")
    backwards = {"range": span(0, 5, 0, 3), "text": "path"}
    outside = {"range": span(0, 3, 9, 0), "text": "path"}
    assert editor.texts(line, character, selected=backwards) == []
    assert editor.texts(line, character, selected=outside) == []
    assert outcomes(log) == ["automatic outside 0", "automatic outside 0"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_positions_in_the_agreed_encoding(start: Start, encoding: str) -> None:
    editor, line, character = opened(start, "\f# é\r\n\u2028# 𝄞é«» é\r\n", encoding=encoding)
    (item,) = editor.items(editor.asking(line, character))
    assert item.insert_text == "♪"
    assert item.range == lsp.Range(lsp.Position(line, character), lsp.Position(line, character))


def test_a_character_past_the_end_of_its_line_means_the_end(start: Start) -> None:
    editor, line, _ = opened(start, "def a«»\nx\n")
    (item,) = editor.items(editor.asking(line, 2_000_000_000))
    assert item.range == lsp.Range(lsp.Position(0, 5), lsp.Position(0, 5))


def test_nothing_to_show_is_an_empty_list_with_a_reason_in_the_log(start: Start, log: Path) -> None:
    editor, line, character = opened(start, "nothing = «»\n", "max_document_chars=100")
    assert editor.texts(line, character) == []
    assert editor.texts(2, 0) == []
    assert editor.texts(0, 0, uri="file:///unknown.py") == []
    editor.change("x" * 101)
    assert editor.texts(0, 0) == []
    reasons = ["empty 1", "outside 0", "unknown document 0", "too large 0"]
    assert outcomes(log) == [f"automatic {reason}" for reason in reasons]


def test_the_log_holds_no_source_text_and_no_folder(start: Start, log: Path) -> None:
    editor, line, character = opened(start, "def a«»\n")
    editor.texts(line, character)
    assert "'x.py' v1, automatic:" in log.read_text(encoding="utf-8")
    for secret in ("def a", "dd(a", URI, "somebody"):
        assert secret not in log.read_text(encoding="utf-8")


def span(start_line: int, start_character: int, end_line: int, end_character: int) -> dict[str, dict[str, int]]:
    """A range on the wire."""
    return {
        "start": {"line": start_line, "character": start_character},
        "end": {"line": end_line, "character": end_character},
    }
