"""Whole sessions with a server of our own: the language server starts it, and starts it again when it has ended."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dgls.engines.checkpoint import read_json
from dgls.engines.serving.own import stop
from dgls.engines.serving.place import place_of
from dgls.engines.serving.record import read
from dgls.engines.tokens import read_tokens
from dgls.settings import Settings
from tests.lsp.client import Editor
from tests.serving.conftest import Machine, free, gone, machine, running, started, until
from tests.tiny import SPECIALS, TURNS, save_tiny

__all__ = ["machine"]

TEXT = "def f(a):\n    x = \n    return x\n"

Start = Callable[..., Editor]


@pytest.fixture
def folder(machine: Machine) -> Path:
    """A model folder; the stand-in writes ` a + 1` into every gap."""
    found = save_tiny(machine.folder / "model", SPECIALS + TURNS)
    tokens = read_tokens(found, int(read_json(found / "config.json")["text_config"]["vocab_size"]))
    machine.set(FAKE_VLLM_WRITES=json.dumps(tokens.encode(" a + 1")))
    return found


@pytest.fixture
def start(machine: Machine, folder: Path) -> Iterator[Start]:
    """Starts language servers that use the machine's own server; they end with the test."""
    editors: list[Editor] = []

    def begin(**given: Any) -> Editor:
        options = {"model": folder, "pause_ms": 0, "gap_lengths": "[6]", "max_steps": 4, "engine_start": "auto"} | given
        options |= {"log_file": log(machine, len(editors))}
        command = [sys.executable, "-m", "dgls", "serve", "--engine", "vllm"]
        command += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        editors.append(Editor(command, machine.folder / "stderr"))
        editors[-1].initialize(window={"workDoneProgress": True})
        editors[-1].open(TEXT)
        return editors[-1]

    yield begin
    for editor in editors:
        editor.close()


def log(machine: Machine, number: int = 0) -> Path:
    """The log of a language server."""
    return machine.folder / f"{number}.log"


def texts(editor: Editor) -> list[Any]:
    """The items behind `x = `, as the engine finds them now."""
    editor.change(TEXT + "#" * editor.version)
    return editor.texts(1, 8, invoked=True)


def states(editor: Editor) -> list[str]:
    """The states that the editor was told, without repetitions."""
    editor.sync()
    told = [note["params"]["state"] for note in editor.notes if note["method"] == "dgls/status"]
    return [state for before, state in zip(["", *told], told, strict=False) if state != before]


def ends_idle(folder: Path) -> None:
    """Waits until the server has ended by itself."""
    until(free(place_of(str(folder))))
    left = read(place_of(str(folder)))
    assert left is not None
    assert left.phase == "idle"


def test_a_server_that_ended_idle_is_started_by_the_next_request(start: Start, machine: Machine, folder: Path) -> None:
    """It is answered as loading meanwhile, with a progress bar and without a message."""
    editor = start(engine_idle_s=1)
    editor.ready()
    ends_idle(folder)
    assert texts(editor) == []
    until(lambda: texts(editor))
    assert states(editor)[:5] == ["idle", "loading", "ready", "loading", "ready"]
    assert editor.count("window/showMessage") == 0
    assert editor.count("window/workDoneProgress/create") >= 2
    assert len(machine.started()) >= 2  # on a slow machine it may have ended once more meanwhile
    lines = log(machine).read_text(encoding="utf-8").splitlines()
    assert any("invoked: loading" in line for line in lines)
    assert not any(" ERROR " in line for line in lines)


def test_a_server_that_was_killed_is_started_by_the_next_request(start: Start, machine: Machine, folder: Path) -> None:
    """One message says so."""
    editor = start()
    editor.ready()
    assert texts(editor)
    server = running(place_of(str(folder))).server
    os.kill(server.pid, signal.SIGKILL)
    until(gone(server))
    assert texts(editor) == []
    until(lambda: texts(editor))
    assert states(editor) == ["idle", "loading", "ready", "loading", "ready"]
    told = "dgls: this machine's vLLM server has ended: it is started again; dgls engine logs says why"
    assert [note["params"]["message"] for note in editor.notes if note["method"] == "window/showMessage"] == [told]
    assert len(machine.started()) == 2


def test_a_server_that_breaks_before_it_has_answered_is_not_started_for_ever(
    start: Start, machine: Machine, folder: Path
) -> None:
    """One line says so, in the editor and in the log."""
    editor = start()
    editor.ready()
    os.kill(running(place_of(str(folder))).server.pid, signal.SIGKILL)
    until(free(place_of(str(folder))))
    for _ in range(4):
        assert texts(editor) == []
    assert editor.count("window/showMessage") == 1
    assert states(editor)[-1] == "failed"
    assert len(machine.started()) == 1
    assert log(machine).read_text(encoding="utf-8").count(" ERROR ") == 1


def test_a_server_that_was_stopped_stays_so_until_it_is_started(start: Start, machine: Machine, folder: Path) -> None:
    """Every window uses it again then."""
    editor, other = start(), start(engine_start="never")
    for window in (editor, other):
        window.ready()
        assert texts(window)
    stop(place_of(str(folder)))
    for window in (editor, other, editor, other):
        assert texts(window) == []
    assert len(machine.started()) == 1
    third = start()
    third.ready()
    for window in (editor, other):
        until(lambda window=window: texts(window))  # type: ignore[misc] # mypy does not see through the default
    assert len(machine.started()) == 2


def test_a_window_waits_for_what_another_one_starts(start: Start, machine: Machine, folder: Path) -> None:
    """Also one that may start none itself."""
    machine.holds_loading()
    machine.go.touch()
    editor, other = start(), start(engine_start="never")
    for window in (editor, other):
        window.ready()
        assert texts(window)
    machine.go.unlink()
    server = running(place_of(str(folder))).server
    os.kill(server.pid, signal.SIGKILL)
    until(gone(server))
    assert texts(editor) == []
    until(lambda: len(machine.started()) == 2)
    assert texts(other) == []
    assert states(other)[-1] == "loading"
    machine.go.touch()
    for window in (editor, other):
        until(lambda window=window: texts(window))  # type: ignore[misc] # as above
    assert len(machine.started()) == 2
    assert "failed" not in states(other)


def test_a_window_that_found_no_server_uses_the_one_that_comes(start: Start, machine: Machine, folder: Path) -> None:
    """Somebody starts it by hand; until then, one message says so."""
    editor = start(engine_start="never")
    assert editor.note("window/showMessage")["message"].endswith("run dgls engine start, or set engine_start=auto")
    for _ in range(3):
        assert texts(editor) == []
    started(Settings(model=str(folder)))
    until(lambda: texts(editor))
    assert editor.count("window/showMessage") == 1
    assert states(editor) == ["idle", "loading", "failed", "loading", "ready"]


def test_loading_is_shown_as_progress(start: Start, machine: Machine, folder: Path) -> None:
    """What its log says that it is at; requests are answered meanwhile."""
    machine.holds_loading()
    editor = start()
    editor.note("$/progress", lambda params: params["value"].get("message") == "capturing CUDA graphs: 40 %")
    assert texts(editor) == []
    machine.go.touch()
    editor.ready()
    shown = [note["params"]["value"] for note in editor.notes if note["method"] == "$/progress"]
    assert shown[0]["title"] == "Starting the engine"
    assert any(value.get("message") == "reading the vocabulary of dg" for value in shown)
    assert texts(editor)
