"""Requests that are superseded, cancelled, late or stale: each is answered, and none holds up the next."""

from pathlib import Path

from tests.lsp.client import URI, Editor, notification
from tests.lsp.conftest import Start
from tests.lsp.test_ghost_text import outcomes

NEVER_MS = 600_000
CANCELLED = {"code": -32800, "message": "The request was cancelled."}

SCRIPT = {
    "default": {"drafts": ["fast"]},
    "rules": [
        {"prefix_ends": "slow", "drafts": ["x", "y"], "delay_ms": NEVER_MS},
        {"prefix_ends": "half", "drafts": ["way_there"], "delay_ms": 400},
    ],
}


def opened(start: Start, text: str, *settings: str) -> Editor:
    """An editor with a text open and a ready engine."""
    editor = start(SCRIPT, *settings)
    editor.initialize()
    editor.open(text)
    editor.ready()
    return editor


def test_a_newer_request_of_the_same_document_supersedes(start: Start, log: Path) -> None:
    editor = opened(start, "slow\n\n")
    older, newer = editor.asking(0, 4), editor.asking(1, 0, invoked=True)
    editor.send(older, newer)
    assert editor.error(older) == CANCELLED
    assert [item.insert_text for item in editor.items(newer, send=False)] == ["fast"]
    assert outcomes(log) == ["automatic superseded 0", "invoked 1 items 4 chars 1"]


def test_a_request_of_another_document_supersedes_nothing(start: Start, log: Path) -> None:
    editor = opened(start, "half\n")
    editor.open("\n", uri="file:///other.py")
    first, second = editor.asking(0, 4), editor.asking(0, 0, uri="file:///other.py")
    editor.send(first, second)
    assert [item.insert_text for item in editor.items(second, send=False)] == ["fast"]
    assert [item.insert_text for item in editor.items(first, send=False)] == ["way_there"]


def test_every_superseded_request_is_answered(start: Start) -> None:
    editor = opened(start, "slow\n\n")
    older = [editor.asking(0, 4) for _ in range(50)]
    newest = editor.asking(1, 0)
    editor.send(*older, newest)
    assert [editor.error(request) for request in older] == [CANCELLED] * 50
    assert len(editor.items(newest, send=False)) == 1


def test_the_editor_cancels(start: Start, log: Path) -> None:
    editor = opened(start, "slow\n\n")
    request = editor.asking(0, 4)
    editor.send(request, notification("$/cancelRequest", {"id": request["id"]}))
    assert editor.error(request) == CANCELLED
    assert outcomes(log) == ["automatic cancelled 0"]
    assert editor.texts(1, 0) == ["fast"]


def test_cancelling_what_is_answered_or_was_never_asked_does_nothing(start: Start) -> None:
    editor = opened(start, "\n")
    request = editor.asking(0, 0)
    assert len(editor.items(request)) == 1
    for odd in (request["id"], 99, "x"):
        editor.notify("$/cancelRequest", {"id": odd})
    editor.notify("$/cancelRequest", {})
    assert editor.texts(0, 0) == ["fast"]


def test_an_automatic_request_waits_for_a_newer_key(start: Start, log: Path) -> None:
    editor = opened(start, "\n", "pause_ms=10000")
    paused, invoked = editor.asking(0, 0), editor.asking(0, 0, invoked=True)
    editor.send(paused, invoked)
    assert editor.error(paused) == CANCELLED
    assert len(editor.items(invoked, send=False)) == 1  # did not wait
    assert "pause" not in log.read_text(encoding="utf-8")  # the engine was never asked for the first


def test_a_late_answer_is_an_empty_list(start: Start, log: Path) -> None:
    editor = opened(start, "slow\n", "deadline_ms=30")
    assert editor.texts(0, 4) == []
    assert outcomes(log) == ["automatic late 0"]


def test_the_document_moves_on_while_the_engine_writes(start: Start, log: Path) -> None:
    editor = opened(start, "half\n")
    request = editor.asking(0, 4)
    editor.send(request, editor.changed("halfway\n"))
    (item,) = editor.items(request, send=False)
    assert item.insert_text == "_there"
    assert item.range is not None
    assert (item.range.start.character, item.range.end.character) == (7, 7)


def test_a_fill_that_no_longer_fits_is_not_shown(start: Start, log: Path) -> None:
    editor = opened(start, "half\n")
    for changed in ("half a\n", "# elsewhere\nhalf\n", "halfway_there\n"):
        editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})  # forget the fill
        editor.open("half\n")
        request = editor.asking(0, 4)
        editor.send(request, editor.changed(changed))
        assert editor.items(request, send=False) == [], changed
    assert [line for line in outcomes(log) if "stale" in line] == ["automatic stale 1"] * 3


def test_a_popup_selection_is_stale_after_any_change(start: Start, log: Path) -> None:
    editor = opened(start, "ha\n")
    selected = {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 2}}, "text": "half"}
    request = editor.asking(0, 2, selected=selected)
    editor.send(request, editor.changed("hal\n"))
    assert editor.items(request, send=False) == []
    assert outcomes(log) == ["automatic stale 1"]


def test_closing_a_document_ends_its_request_and_forgets_its_fills(start: Start, log: Path) -> None:
    editor = opened(start, "\nslow\n")
    assert editor.texts(0, 0) == ["fast"]
    request = editor.asking(1, 4)
    editor.send(request, notification("textDocument/didClose", {"textDocument": {"uri": URI}}))
    assert editor.error(request) == CANCELLED
    assert editor.ask("dgls/documentHash", {"textDocument": {"uri": URI}}) is None
    assert editor.texts(0, 0) == []
    editor.open("\nslow\n")
    assert editor.texts(0, 0) == ["fast"]
    assert [outcome[-1] for outcome in outcomes(log)] == ["1", "0", "0", "1"]  # the engine wrote it anew


def test_a_request_is_frozen_before_the_next_change(start: Start) -> None:
    editor = opened(start, "\n")
    request = editor.asking(0, 0)
    editor.send(request, editor.changed(""), editor.changed("\n"))
    (item,) = editor.items(request, send=False)
    assert item.insert_text == "fast"


def test_shutdown_ends_a_running_request_and_the_process(start: Start, log: Path) -> None:
    editor = opened(start, "slow\n")
    request = editor.asking(0, 4)
    editor.send(request)
    assert editor.leave() == 0
    assert editor.error(request) == CANCELLED
