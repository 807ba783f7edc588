"""Suggested edits: requests that are answered with them, in a real server process."""

import re
from pathlib import Path
from typing import Any

import pytest

from dgls.text.document import Encoding
from tests.lsp.client import URI, Editor
from tests.lsp.conftest import Start
from tests.lsp.edits import ENCODINGS, offset, place, with_edits

SCRIPT = {
    "default": {"drafts": ["filled"]},
    "rules": [{"prefix_ends": "def add(a, b):\n    ", "drafts": ["total = a + b\n    return total"]}],
    "standing": {
        "print(width)": "print(breadth)",
        "area = width * 2  # 🎉": "area = breadth * 2  # 🎉",
        "x=1": "x = 1",
    },
}
BEFORE = "width = 3\n\n\nprint(width)\n\n\narea = width * 2  # 🎉\n"
AFTER = BEFORE.replace("width = 3", "breadth = 3")
FIXED = AFTER.replace("(width", "(breadth").replace("area = width", "area = breadth")


def changed(start: Start, before: str = BEFORE, after: str = AFTER, *settings: str, encoding: str = "utf-16") -> Editor:
    """An editor whose user has changed something."""
    editor = start(SCRIPT, *settings)
    editor.initialize(encodings=[encoding])
    editor.open(before)
    editor.ready()
    editor.change(after)
    return editor


def outcomes(log: Path) -> list[str]:
    """What the log says about each request for edits: what was asked, outcome, steps."""
    names = "next edits|rewrite|fill gaps|fill with"
    found = re.findall(rf"v\S+, ({names}): (.*?), .* (\d+) steps", log.read_text(encoding="utf-8"))
    return [": ".join(parts[:2]) for parts in found]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_follows_from_a_change(start: Start, encoding: Encoding, line_end: str) -> None:
    before, after, fixed = (text.replace("\n", line_end) for text in (BEFORE, AFTER, FIXED))
    editor = changed(start, before, after, encoding=encoding)
    edits, silence = editor.next_edits()
    assert silence is None
    assert with_edits(after, edits, encoding) == fixed
    assert {(edit["textDocument"]["uri"], edit["textDocument"]["version"]) for edit in edits} == {(URI, 2)}
    assert {name for edit in edits for name in edit} == {"text", "range", "textDocument"}


@pytest.mark.parametrize(("line", "nearest"), [(0, 3), (4, 3), (5, 6), (6, 6), (7, 6)])
def test_the_edit_nearest_to_the_cursor_comes_first(start: Start, line: int, nearest: int) -> None:
    edits, _ = changed(start).next_edits(line)
    assert [edit["range"]["start"]["line"] for edit in edits] == [nearest, 9 - nearest]


def test_without_a_change_nothing_follows(start: Start, log: Path) -> None:
    editor = start(SCRIPT)
    editor.initialize()
    editor.open(AFTER)
    editor.ready()
    assert editor.next_edits() == ([], "no place")
    editor.change(BEFORE.replace("print(width)", "").replace("area = width * 2  # 🎉", ""))
    assert editor.next_edits()[0] == []
    assert outcomes(log)[0] == "next edits: no place"


def test_they_can_be_turned_off_and_asked_for_on_purpose(start: Start) -> None:
    editor = changed(start, BEFORE, AFTER, "next_edits=off")
    assert editor.next_edits() == ([], "off")
    assert len(editor.next_edits(kind=1)[0]) == 2
    editor.notify("workspace/didChangeConfiguration", {"settings": {"dgls": {"next_edits": "auto"}}})
    assert len(editor.next_edits()[0]) == 2


def test_another_version_or_document_or_place_is_refused(start: Start) -> None:
    editor = changed(start)
    asked = editor.asking_next()["params"]
    for version in (1, 3, -1):
        found = editor.ask(
            "textDocument/copilotInlineEdit", {**asked, "textDocument": {"uri": URI, "version": version}}
        )
        assert found == {"edits": [], "silence": "stale"}
    for method, params in WISHES.items():
        stale = {"textDocument": {"uri": URI, "version": 1}, **params}
        assert editor.ask(method, stale) == {"edits": [], "silence": "stale"}
        elsewhere = {"textDocument": {"uri": "file:///y.py", "version": 1}, **params}
        assert editor.ask(method, elsewhere) == {"edits": [], "silence": "unknown document"}
    assert editor.next_edits(99) == ([], "outside")
    assert editor.edits("dgls/rewrite", range=span(0, 0, 99, 0)) == ([], "outside")


def test_a_client_that_names_no_version_means_the_document_as_it_is(start: Start) -> None:
    editor = changed(start)
    asked = editor.asking_next()["params"]
    for document in ({"uri": URI}, {"uri": URI, "version": None}):
        found = editor.ask("textDocument/copilotInlineEdit", {**asked, "context": None, "textDocument": document})
        assert [edit["textDocument"]["version"] for edit in found["edits"]] == [2, 2]


def test_what_is_known_needs_no_engine_and_what_is_left_is_known(start: Start, log: Path) -> None:
    """The user takes one edit: the other one has moved, and nothing suggests undoing the first."""
    editor = changed(start)
    edits, _ = editor.next_edits()
    assert editor.next_edits(4)[0] == edits
    once = with_edits(AFTER, edits[:1])
    editor.change(once)
    left, _ = editor.next_edits()
    assert with_edits(once, left) == FIXED
    editor.change(with_edits(once, left))
    assert editor.next_edits()[0] == []
    costs = re.findall(r"next edits: .* (\d+) steps", log.read_text(encoding="utf-8"))
    assert costs[1:3] == ["0", "0"]


def test_focus_is_heard_in_silence(start: Start) -> None:
    editor = changed(start)
    editor.notify("textDocument/didFocus", {"textDocument": {"uri": URI}})
    assert editor.count("window/showMessage") == editor.count("window/logMessage") == 0
    assert len(editor.next_edits()[0]) == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_selection_is_rewritten(start: Start, encoding: Encoding, line_end: str) -> None:
    text = f"s = '🎉'; x=1{line_end}x=1{line_end}"
    editor = changed(start, text, text, encoding=encoding)
    first, last = text.index("x=1"), text.index("x=1") + 3
    asked = {"start": place(text, first, encoding), "end": place(text, last, encoding)}
    edits, _ = editor.edits("dgls/rewrite", range=asked, strength=0.6)
    assert with_edits(text, edits, encoding) == text.replace("'; x=1", "'; x = 1")
    assert offset(text, edits[0]["range"]["start"], encoding) >= first


def test_what_is_right_as_it_is_stays_and_blanks_are_no_code(start: Start) -> None:
    editor = changed(start, "y = 2\n\n\n", "y = 3\n\n\n")
    assert editor.edits("dgls/rewrite", range=span(0, 0, 0, 5)) == ([], "fits")
    assert editor.edits("dgls/rewrite", range=span(1, 0, 2, 0)) == ([], "no place")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_gaps_are_filled(start: Start, line_end: str) -> None:
    text = "def add(a, b):\n    ...\n\n\nx = 1\n".replace("\n", line_end)
    editor = changed(start, text, text)
    edits, _ = editor.edits("dgls/fillGaps")
    filled = text.replace("...", f"total = a + b{line_end}    return total")
    assert with_edits(text, edits) == filled
    assert editor.edits("dgls/fillGaps", range=span(0, 0, 2, 0))[0] == edits
    assert editor.edits("dgls/fillGaps", range=span(3, 0, 4, 0)) == ([], "no place")


def test_gaps_that_are_filled_one_by_one_are_no_change_of_the_users(start: Start) -> None:
    text = "def f():\n    ...\n\n\ndef g():\n    ...\n"
    editor = start(SCRIPT)
    editor.initialize()
    editor.open(text)
    editor.ready()
    edits, _ = editor.edits("dgls/fillGaps")
    assert len(edits) == 2
    editor.change(with_edits(text, edits[:1]))
    editor.change(with_edits(text, edits))
    assert editor.next_edits() == ([], "no place")


def test_a_gap_is_filled_with_something(start: Start) -> None:
    editor = changed(start, "y = \n", "z = \n")
    edits, _ = editor.edits("dgls/fillWith", range=span(0, 4, 0, 4), text=" + ")
    assert with_edits("z = \n", edits) == "z = filled + filled\n"


def test_an_engine_that_cannot_start_is_a_reason(start: Start) -> None:
    editor = start("{")  # a script that cannot be read
    editor.initialize()
    editor.open(BEFORE)
    editor.change(AFTER)
    editor.note("dgls/status", lambda status: status["state"] == "failed")
    assert editor.next_edits() == ([], "failed")


@pytest.mark.parametrize("strength", [-0.1, 1.1, 2])
def test_what_is_no_strength_is_refused(start: Start, strength: float) -> None:
    editor = changed(start, "x=1\n", "x=1\n")
    request = editor.request(
        "dgls/rewrite", {"textDocument": editor.named(), **WISHES["dgls/rewrite"], "strength": strength}
    )
    editor.send(request)
    assert editor.error(request)["code"] == -32602
    assert len(editor.edits("dgls/rewrite", range=span(0, 0, 0, 3), strength=1)[0]) == 1


def test_malformed_requests_are_refused(start: Start) -> None:
    editor = changed(start)
    for method in ("textDocument/copilotInlineEdit", *WISHES):
        for params in (None, {}, {"textDocument": 3}):
            request = editor.request(method, params)
            editor.send(request)
            assert editor.error(request)["code"] == -32602
    assert len(editor.next_edits()[0]) == 2


def span(first_line: int, first: int, last_line: int, last: int) -> dict[str, Any]:
    """A range on the wire."""
    return {"start": {"line": first_line, "character": first}, "end": {"line": last_line, "character": last}}


WISHES: dict[str, Any] = {
    "dgls/rewrite": {"range": span(0, 0, 0, 3)},
    "dgls/fillGaps": {},
    "dgls/fillWith": {"range": span(0, 0, 0, 0), "text": "x"},
}
