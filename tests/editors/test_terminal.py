"""Emacs and Helix in a terminal, set up as editors/README.md says; skipped where they are not installed.

lsp-mode must be on Emacs' load path. Each test prints the screen with the fill on it (`pytest -s`).
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.editor

ROOT = Path(__file__).parents[2]
README = (ROOT / "editors" / "README.md").read_text(encoding="utf-8")
PATIENCE_S = 120.0
SCRIPT = {
    "default": {"drafts": [" "]},
    "rules": [{"prefix_ends": "def a", "drafts": ["dd(a, b):\n    return a + b"]}],
}
TAKEN = "def add(a, b):\n    return a + b\n"
# What asks questions when Emacs sees a file for the first time, or wants packages that the test does not need.
LSP_MODE = """
(setq lsp-auto-guess-root t lsp-guess-root-without-session t lsp-warn-no-matched-clients nil lsp-enable-snippet nil
      lsp-headerline-breadcrumb-enable nil lsp-lens-enable nil lsp-client-packages nil lsp-completion-enable nil)
"""


class Terminal:
    """A program in a terminal of its own, and a folder with a `dgls` that answers from a script."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "x.py"
        self.file.write_text("", encoding="utf-8")
        self._folder = folder
        self._log = folder / "dgls.log"
        (folder / ".git").mkdir()
        (folder / "script.json").write_text(json.dumps(SCRIPT), encoding="utf-8")
        settings = f'--engine scripted --set script="{folder}/script.json" --set log_file="{self._log}"'
        program = folder / "bin" / "dgls"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m dgls "$@" {settings}\n', encoding="utf-8"
        )
        program.chmod(0o755)

    def start(self, *command: str) -> None:
        """Starts the program; its home is the folder."""
        env = f'HOME={self._folder} TERM=xterm-256color LANG=C.UTF-8 PATH={self._folder}/bin:"$PATH"'
        self.tmux("new-session", "-d", "-x", "80", "-y", "16", f"env {env} {shlex.join(command)}")

    def tmux(self, *arguments: str) -> str:
        """What tmux says, in a server that no other test sees."""
        command = ["tmux", "-S", str(self._folder / "tmux"), "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=self._folder).stdout

    def screen(self) -> str:
        """What a user sees."""
        return self.tmux("capture-pane", "-p").rstrip()

    def wait(self, found: Callable[[], bool], what: str) -> None:
        """Waits until it is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not found():
            assert time.monotonic() < deadline, f"{what} never came; the screen:\n{self.screen()}"
            time.sleep(0.2)

    def type(self, text: str) -> None:
        """Types text once the engine is ready."""
        self.wait(lambda: self._log.exists() and "is ready" in self._log.read_text(encoding="utf-8"), "the engine")
        self.tmux("send-keys", "-l", text)
        self.wait(lambda: text in self.screen(), "the text")

    def press(self, *keys: str) -> None:
        """Presses keys by their names in tmux."""
        self.tmux("send-keys", *keys)

    def wait_saved(self) -> None:
        """Waits until the fill is in the file."""
        self.wait(lambda: self.file.read_text(encoding="utf-8") == TAKEN, "the saved file")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that ends with the test."""
    needs("tmux")
    one = Terminal(tmp_path)
    yield one
    one.tmux("kill-server")


def needs(program: str) -> None:
    """Skips the test where a program is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")


def needs_in_emacs(feature: str) -> None:
    """Skips a test where Emacs, or this part of it, is not installed."""
    needs("emacs")
    if subprocess.run(["emacs", "--batch", "--eval", f"(require '{feature})"], capture_output=True).returncode:
        pytest.skip(f"Emacs has no {feature}")


def recipe(language: str, word: str) -> str:
    """The piece of editors/README.md that has this word."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (one,) = [piece for piece in found if word in piece]
    return one


def shows_a_fill(terminal: Terminal) -> bool:
    """Whether the whole fill is on the screen."""
    return "return a + b" in terminal.screen()


def test_emacs_lsp_mode(terminal: Terminal, tmp_path: Path) -> None:
    needs_in_emacs("lsp-inline-completion")
    (tmp_path / "init.el").write_text(LSP_MODE + recipe("elisp", "lsp-mode"), encoding="utf-8")
    terminal.start("emacs", "-nw", "-q", "-l", "init.el", "x.py")
    terminal.type("def a")
    terminal.wait(lambda: shows_a_fill(terminal), "the ghost text")
    print(terminal.screen())
    assert terminal.file.read_text(encoding="utf-8") == ""
    terminal.press("C-j")
    terminal.press("C-x", "C-s")
    terminal.wait_saved()


def test_emacs_eglot(terminal: Terminal, tmp_path: Path) -> None:
    needs_in_emacs("eglot")
    (tmp_path / "init.el").write_text(recipe("elisp", "eglot"), encoding="utf-8")
    terminal.start("emacs", "-nw", "-q", "-l", "init.el", "x.py")
    terminal.type("def a")
    terminal.press("C-M-i")  # the only one of its kind is taken at once
    terminal.wait(lambda: shows_a_fill(terminal), "the fill")
    print(terminal.screen())
    terminal.press("C-x", "C-s")
    terminal.wait_saved()


def test_helix(terminal: Terminal, tmp_path: Path) -> None:
    needs("hx")
    place = tmp_path / ".config" / "helix" / "languages.toml"
    place.parent.mkdir(parents=True)
    place.write_text(recipe("toml", "language-server"), encoding="utf-8")
    terminal.start("hx", "x.py")
    terminal.wait(lambda: "x.py" in terminal.screen(), "the file")
    terminal.press("i")
    terminal.type("def a")
    terminal.wait(lambda: "add(a, b):" in terminal.screen(), "the popup")
    print(terminal.screen())
    terminal.press("Tab", "Enter", "Escape")
    terminal.wait(lambda: shows_a_fill(terminal), "the fill")
    terminal.press(":", "w", "Enter")
    terminal.wait_saved()
