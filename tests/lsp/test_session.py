"""A session from start to end: handshake, status, progress, settings, failures, shutdown."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import URI, Editor
from tests.lsp.conftest import Start
from tests.lsp.test_ghost_text import outcomes

SCRIPT = {"default": {"drafts": ["one"], "alternatives": ["two", "three"]}}


def opened(start: Start, *settings: str, options: Any = None) -> Editor:
    """An editor with a document open and a ready engine."""
    editor = start(SCRIPT, *settings)
    editor.initialize(options=options)
    editor.open("\n")
    editor.ready()
    return editor


def states(editor: Editor) -> list[str]:
    """The states of the engine that the editor was told, without repetitions."""
    told = [note["params"]["state"] for note in editor.notes if note["method"] == "dgls/status"]
    return [state for index, state in enumerate(told) if told[:index][-1:] != [state]]


def configure(editor: Editor, **settings: Any) -> None:
    """Changes settings as VS Code and Neovim do."""
    editor.notify("workspace/didChangeConfiguration", {"settings": {"dgls": settings}})
    editor.sync()


def popups(editor: Editor) -> list[str]:
    """The messages that were shown."""
    editor.sync()
    return [note["params"]["message"] for note in editor.notes if note["method"] == "window/showMessage"]


# -- handshake


def test_capabilities(start: Start) -> None:
    result = start(SCRIPT).initialize()
    assert result["serverInfo"]["name"] == "dgls"
    capabilities = result["capabilities"]
    assert capabilities["inlineCompletionProvider"] == {}
    assert capabilities["textDocumentSync"] == {"openClose": True, "change": 1, "save": False}


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (["utf-8", "utf-16", "utf-32"], "utf-8"),
        (["utf-16"], "utf-16"),
        (["utf-32", "utf-16"], "utf-32"),
        (["utf-7", "utf-8"], "utf-8"),
        (["utf-7"], "utf-16"),
        ([], "utf-16"),
        (None, "utf-16"),
    ],
)
def test_position_encoding(start: Start, offered: list[str] | None, agreed: str) -> None:
    result = start(SCRIPT).initialize(encodings=offered)
    assert result["capabilities"]["positionEncoding"] == agreed


# -- status and progress


def test_the_engine_starts_with_the_first_document(start: Start) -> None:
    editor = opened(start)
    assert states(editor) == ["idle", "loading", "ready"]
    ready = editor.note("dgls/status", lambda status: status["state"] == "ready")
    assert ready == {"state": "ready", "engine": "scripted (script.json)", "detail": "ready"}


def test_an_editor_that_never_agrees_to_a_progress_bar_holds_up_nothing(start: Start) -> None:
    editor = start(SCRIPT, agrees=False)
    editor.initialize(window={"workDoneProgress": True})
    editor.open("\n")
    editor.note("window/workDoneProgress/create")
    editor.ready()
    assert editor.texts(0, 0) == ["one"]
    assert editor.leave() == 0


def test_no_progress_bar_without_the_capability(start: Start) -> None:
    assert opened(start).count("window/workDoneProgress/create") == 0


# -- settings


@pytest.mark.parametrize("options", [{"n_alternatives": 2}, {"dgls": {"n_alternatives": "2", "seed": None}}])
def test_initialization_options(start: Start, options: Any) -> None:
    assert opened(start, options=options).texts(0, 0, invoked=True) == ["one", "two"]


def test_a_bad_setting_is_told_once_and_the_others_count(start: Start) -> None:
    bad = {"pause_mss": 1, "n_alternatives": 1, "max_steps": -1}
    editor = opened(start, options=bad)
    assert editor.texts(0, 0, invoked=True) == ["one"]
    configure(editor, **bad)
    assert popups(editor) == [
        "dgls: there is no setting 'pause_mss': did you mean 'pause_ms'?",
        "dgls: setting 'max_steps' cannot be -1: use 0 or more",
    ]


def test_settings_that_are_no_object_are_told(start: Start) -> None:
    editor = opened(start, options=["pause_ms"])
    assert popups(editor) == ['dgls: the settings are no object: send {"name": value, ...}']


def test_settings_change_live(start: Start) -> None:
    editor = opened(start)
    configure(editor, n_alternatives=2)
    assert editor.texts(0, 0, invoked=True) == ["one", "two"]
    configure(editor, n_alternatives=3)
    assert editor.texts(0, 0, invoked=True) == ["one", "two", "three"]
    assert states(editor) == ["idle", "loading", "ready"]  # the engine went on


def test_how_sure_a_fill_must_be_changes_live(start: Start) -> None:
    editor = start({"default": {"drafts": ["one = 1\ntwo = 2"], "unsure_from": 8}})
    editor.initialize()
    editor.open("\n")
    editor.ready()
    assert editor.texts(0, 0) == ["one = 1\ntwo = 2"]
    configure(editor, least_sureness_percent=50)
    assert editor.texts(0, 0) == ["one = 1"]
    assert states(editor) == ["idle", "loading", "ready"]


def test_another_engine_setting_starts_another_engine(start: Start, tmp_path: Path) -> None:
    editor = opened(start)
    assert editor.texts(0, 0) == ["one"]
    other = tmp_path / "other.json"
    other.write_text('{"default": {"drafts": ["other"]}}', encoding="utf-8")
    configure(editor, script=str(other))
    editor.note("dgls/status", lambda status: status == {**status, "state": "ready", "engine": "scripted (other.json)"})
    assert editor.texts(0, 0) == ["other"]  # not what the engine before had said
    assert states(editor) == ["idle", "loading", "ready", "loading", "ready"]


def test_the_log_moves_live(start: Start, tmp_path: Path, log: Path) -> None:
    editor = opened(start)
    moved = tmp_path / "moved.log"
    configure(editor, log_file=str(moved))
    editor.texts(0, 0)
    assert outcomes(log) == []
    assert outcomes(moved) == ["automatic 1 items 3 chars 1"]
    configure(editor, log_file=str(tmp_path / "no folder" / "x.log"))
    assert popups(editor) == ["dgls: the log file 'x.log' cannot be written: No such file or directory"]


@pytest.mark.parametrize("name", ["~nobody at all/x.log", "\0x.log"])
def test_a_log_file_that_cannot_be_is_told_and_the_level_counts_all_the_same(
    start: Start, log: Path, name: str
) -> None:
    editor = opened(start, options={"log_file": name, "log_level": "error"})
    assert editor.texts(0, 0) == ["one"]
    (told,) = popups(editor)
    assert told.endswith("x.log' cannot be written: choose another log_file")
    assert outcomes(log) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_a_log_whose_folder_goes_away_keeps_no_request_from_its_answer(start: Start, tmp_path: Path) -> None:
    editor = opened(start)
    folder = tmp_path / "logs"
    for _ in range(2):
        folder.mkdir()
        configure(editor, log_file=str(folder / "x.log"))
        editor.texts(0, 0)
        assert outcomes(folder / "x.log") == ["automatic 1 items 3 chars 1"]
        shutil.rmtree(folder)
        editor.open("\n")
        assert editor.texts(0, 0) == ["one"]
        editor.open("\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows moves no file that is open")
def test_a_log_that_has_grown_is_put_aside_once_and_every_server_goes_on_in_the_new_one(
    start: Start, tmp_path: Path, log: Path
) -> None:
    first = opened(start)
    grown = tmp_path / "grown.log"
    configure(first, log_file=str(grown))
    first.texts(0, 0)
    with grown.open("a", encoding="utf-8") as file:
        file.write("x" * 10_000_000)
    second = opened(start)
    configure(second, log_file=str(grown))
    second.texts(0, 0)
    assert (tmp_path / "grown.log.1").stat().st_size > 10_000_000
    assert outcomes(grown) == ["automatic 1 items 3 chars 1"]
    first.texts(0, 0, invoked=True)
    assert outcomes(grown)[1:] == ["invoked 3 items 11 chars 0"]  # known already


# -- failures


def test_a_broken_script_is_told_once_and_answers_are_empty(start: Start, log: Path, tmp_path: Path) -> None:
    editor = start("{", "n_alternatives=1")
    editor.initialize()
    editor.open("\n")
    editor.note("dgls/status", lambda status: status["state"] == "failed")
    assert [editor.texts(0, 0) for _ in range(3)] == [[], [], []]
    (popup,) = popups(editor)
    assert popup.startswith("dgls: the script script.json is broken: ")
    assert outcomes(log) == ["automatic failed 0"] * 3
    # Once the script is mended any change of settings tries again.
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT), encoding="utf-8")
    configure(editor, n_alternatives=2)
    editor.ready()
    assert editor.texts(0, 0) == ["one"]
    assert states(editor) == ["idle", "loading", "failed", "loading", "ready"]


def test_no_message_to_the_editor_has_a_folder(start: Start, tmp_path: Path) -> None:
    editor = start(SCRIPT, f"script={tmp_path / 'missing' / 'script.json'}")
    editor.initialize(options={"model": 1, "script": f"{tmp_path}/missing/script.json"})
    editor.open("\n")
    editor.note("dgls/status", lambda status: status["state"] == "failed")
    assert len(popups(editor)) == 2
    assert not [note for note in editor.notes if re.search(r"/\w+/|Traceback", json.dumps(note["params"]))]


def test_a_document_that_comes_before_the_engine_is_ready(start: Start, log: Path) -> None:
    editor = start(SCRIPT)
    editor.initialize()
    request = editor.asking(0, 0)
    document = {"uri": URI, "languageId": "python", "version": 1, "text": "\n"}
    editor.send({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}}, request)
    assert editor.items(request, send=False) in ([], editor.items(editor.asking(0, 0)))
    assert outcomes(log)[0] in ("automatic loading 0", "automatic 1 items 3 chars 1")


# -- the end


def test_shutdown_and_exit(start: Start) -> None:
    assert opened(start).leave() == 0


def test_exit_without_shutdown(start: Start) -> None:
    editor = opened(start)
    editor.notify("exit")
    assert editor.process.wait(30) == 1


def test_an_editor_that_hangs_up_ends_the_server(start: Start) -> None:
    editor = opened(start)
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    assert editor.process.wait(30) == 1


def test_half_a_message_before_the_end(start: Start) -> None:
    editor = opened(start)
    editor.send_bytes(b'Content-Length: 100\r\n\r\n{"jsonrpc"')
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    assert editor.process.wait(30) == 1


def test_a_thread_that_computes_does_not_keep_the_process(tmp_path: Path) -> None:
    busy = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()"
    serve = "from dgls.lsp.server import serve; from dgls.settings import Settings; raise SystemExit(serve(Settings()))"
    editor = Editor([sys.executable, "-c", f"{busy}\n{serve}"], tmp_path / "stderr")
    try:
        editor.initialize()
        assert editor.leave() == 0
    finally:
        editor.close()


def test_what_libraries_print_and_read_does_not_disturb(tmp_path: Path) -> None:
    noisy = "import os, dgls.lsp.server as server; told = server.initialized"
    prints = "def initialized(ls, params): print('noise'); os.write(1, b'noise' + os.read(0, 1)); told(ls, params)"
    serve = "from dgls.settings import Settings; server.initialized = initialized; server.serve(Settings())"
    editor = Editor([sys.executable, "-c", f"{noisy}\n{prints}\n{serve}"], tmp_path / "stderr")
    try:
        editor.initialize()
        assert editor.note("dgls/status")["state"] == "idle"
        assert editor.leave() == 0
    finally:
        editor.close()
    assert (tmp_path / "stderr").read_text().count("noise") == 2
