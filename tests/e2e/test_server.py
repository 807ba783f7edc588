"""Whole sessions with a server that speaks as vLLM does: a real language server process, a real connection."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fake_vllm import FakeVllm, Fault
from tests.lsp.client import Editor, environment
from tests.tiny import SPECIALS, TURNS, save_tiny

ROOT = Path(__file__).parents[2]
TEXT = "def f(a):\n    x = \n    return x\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose vocabulary has turns."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny", SPECIALS + TURNS)


Start = Callable[..., Editor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts language servers that ask one address; they end with the test."""
    editors: list[Editor] = []

    def begin(url: str) -> Editor:
        options = [f"url={url}", "pause_ms=0", "gap_lengths=[6, 9]", "max_steps=4", f"log_file={tmp_path / 'log'}"]
        command = [sys.executable, "-m", "dgls", "serve", "--engine", "vllm"]
        command += [part for option in options for part in ("--set", option)]
        editors.append(Editor(command, tmp_path / "stderr"))
        editors[-1].initialize()
        editors[-1].open(TEXT)
        return editors[-1]

    yield begin
    for editor in editors:
        editor.close()


def texts(editor: Editor) -> list[Any]:
    """The items behind `x = `."""
    return editor.texts(1, 8, invoked=True)


def until(found: Callable[[], Any]) -> Any:
    """What is found once it is true, within a minute."""
    begun = time.monotonic()
    while not (value := found()):
        assert time.monotonic() - begun < 60
        time.sleep(0.05)
    return value


def test_a_server_that_breaks_is_told_once_and_used_again(start: Start, folder: Path) -> None:
    """Every request is answered meanwhile."""
    with FakeVllm(folder) as fake:
        fake.text = " a + 1"
        editor = start(fake.url)
        editor.ready()
        assert texts(editor)[0].startswith("a + 1")
        port = int(fake.url.rpartition(":")[2])
    for n in range(5):
        editor.change(TEXT + "#" * (n + 1))
        assert texts(editor) == []
    shown = [note["params"] for note in editor.notes if note["method"] == "window/showMessage"]
    expected = f"dgls: 127.0.0.1:{port} cannot be reached (Connection refused): start it, or correct url"
    assert [note["message"] for note in shown] == [expected]
    with FakeVllm(folder, port=port) as again:
        again.text = " b"
        assert until(lambda: texts(editor))[0].startswith("b")
    assert editor.count("window/showMessage") == 1
    states = [note["params"]["state"] for note in editor.notes if note["method"] == "dgls/status"]
    assert states[-2:] == ["failed", "ready"]


@contextmanager
def process(folder: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Such a server as a process of its own; ends it with SIGKILL."""
    command = [sys.executable, str(ROOT / "scripts" / "fake_vllm.py"), str(folder), *options]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip(), running
        finally:
            running.kill()


def test_a_server_that_is_killed_during_a_fill(start: Start, folder: Path) -> None:
    """The request is answered at once, one message says what is wrong, and a new server at the address is used."""
    with process(folder, "--step-ms", "15000") as (url, running):
        editor = start(url)
        editor.ready()
        message = editor.asking(1, 8, invoked=True)
        editor.send(message)
        time.sleep(0.5)
        running.kill()
        assert editor.items(message, send=False) == []
    with process(folder, "--port", url.rpartition(":")[2]):
        until(lambda: works_again(editor) or texts(editor))
        assert works_again(editor)
    assert editor.count("window/showMessage") == 1


def works_again(editor: Editor) -> bool:
    """Whether the editor was told so."""
    return any(note["params"].get("detail") == "works again" for note in editor.notes)


def test_until_the_server_is_there_it_is_loading(start: Start, folder: Path, tmp_path: Path) -> None:
    """Answered at once and without a message; the status says what is waited for."""
    with FakeVllm(folder) as gone:
        port = int(gone.url.rpartition(":")[2])
    editor = start(gone.url)
    assert texts(editor) == []
    waiting = editor.note("dgls/status", lambda status: "waiting" in status["detail"])
    assert waiting["state"] == "loading"
    with FakeVllm(folder, port=port) as fake:
        fake.text = " a + 1"
        editor.ready()
        assert texts(editor)
    assert editor.count("window/showMessage") == 0
    assert "loading" in (tmp_path / "log").read_text(encoding="utf-8")


def test_two_language_servers_share_one_server(start: Start, folder: Path) -> None:
    with FakeVllm(folder) as fake:
        fake.text = " a + 1"
        editors = [start(fake.url), start(fake.url)]
        for editor in editors:
            editor.ready()
        asked = [editor.asking(1, 8, invoked=True) for editor in editors]
        for editor, message in zip(editors, asked, strict=True):
            editor.send(message)
        for editor, message in zip(editors, asked, strict=True):
            assert editor.items(message, send=False)


def test_a_newer_key_closes_the_connections_of_the_request_before(start: Start, folder: Path) -> None:
    with FakeVllm(folder) as fake:
        fake.text = " a + 1"
        editor = start(fake.url)
        editor.ready()
        fake.faults.extend([Fault(pause_s=60)] * 2)
        old = editor.asking(1, 8)
        editor.send(old)
        until(lambda: fake.n_running == 2)
        assert editor.items(editor.asking(1, 8))
        assert editor.response(old).get("error") or editor.response(old)["result"]["items"] == []
        until(lambda: fake.n_cancelled == 2)


def test_no_model_library_is_loaded_for_a_server(folder: Path, tmp_path: Path) -> None:
    """Neither at the start nor by a fill."""
    place = tmp_path / "x.py"
    place.write_text(TEXT, encoding="utf-8")
    with FakeVllm(folder) as fake:
        fake.text = " a"
        code = (
            "import sys; from dgls.cli.main import run;"
            f"run(['fill', '--engine', 'vllm', '--set', 'url={fake.url}', '{place}:2:9']);"
            "print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    filled, loaded = done.stdout.splitlines()
    assert (filled[:1], loaded, done.stderr) == ("a", "[]", "")
