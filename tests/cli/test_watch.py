"""`dgls fill --watch`: frames in a pipe, a live picture in a terminal."""

import errno
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

from dgls.cli.watch import draft_frame
from dgls.engines import Cost, Draft, Drafts, Token
from dgls.text.document import Document
from dgls.text.gap import gap_at
from tests.cli.conftest import Dgls, Scripted


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A file with a gap at 2:12, and that place."""
    (tmp_path / "add.py").write_bytes(b"def add(a, b):\r\n\treturn \r\n\r\nx = 1")
    return "add.py:2:9"


def test_one_frame_per_step_in_a_pipe(dgls: Dgls, scripted: Scripted, source: str) -> None:
    done = dgls("fill", "--watch", *scripted("a ? b", "a + b"), source)
    assert (done.returncode, done.stderr) == (0, "")
    counts = "0 forwards · gap of 1 token · 1 candidate"
    assert done.stdout.split("\n\n") == [
        frame("a ? b", f"1 step · {counts} · 100% sure"),
        frame("a + b", f"2 steps · {counts} · 100% sure"),
        frame("a + b", "filled · 2 steps · 0 forwards · 100% sure"),
        "",
    ]


def test_nothing_to_show_in_a_pipe(dgls: Dgls, scripted: Scripted, source: str) -> None:
    done = dgls("fill", "--watch", *scripted(""), source)
    assert (done.returncode, done.stderr) == (0, "nothing to show: empty\n")
    assert done.stdout.endswith("╰ filled · 1 step · 0 forwards · nothing to show\n\n")


def test_a_terminal_shows_one_picture(
    environment: dict[str, str], scripted: Scripted, source: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "dgls", "fill", "--watch", *scripted("a ? b", "a + b"), source]
    code, shown = in_terminal(command, tmp_path, environment | {"TERM": "xterm-256color"})
    assert code == 0
    assert "reading script.json" in shown
    assert "\x1b[1ma \x1b[0m\x1b[33m? b" in shown  # settled: bold; what may still change: yellow
    assert "\x1b[1ma + b" in shown  # settled: bold
    assert "\x1b[?25h" in shown  # the cursor is back
    assert "«" not in shown


def test_a_dumb_terminal_gets_frames(
    environment: dict[str, str], scripted: Scripted, source: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "dgls", "fill", "--watch", *scripted("a + b"), source]
    code, shown = in_terminal(command, tmp_path, environment | {"TERM": "dumb"})
    assert code == 0
    assert "return «a + b»" in shown


def test_styles_and_signs() -> None:
    tokens = (Token("sure", 0.9, True), Token("maybe", 0.6, False), Token("\n\x1b\t", 0.1, False))
    drafts = Drafts((Draft("", tokens, gap_tokens=3),), final=False, cost=Cost(n_steps=1, n_forwards=2))
    shown = draft_frame(gap_at(Document("x = "), 4), drafts)
    assert shown.plain.splitlines() == [
        "    1 │ x = suremaybe⏎␛    ",
        "      ╰ 1 step · 2 forwards · gap of 3 tokens · 1 candidate · 53% sure",
    ]
    assert [styled(shown, style) for style in ("bold", "yellow")] == ["sure", "maybe"]
    assert "⏎␛    " in styled(shown, "dim")


def test_few_lines_of_context() -> None:
    text = "".join(f"line_{number}\n" for number in range(1, 21))
    shown = draft_frame(gap_at(Document(text), text.index("line_10")), Drafts((), final=False))
    lines = shown.plain.splitlines()
    assert [lines[0], lines[4], lines[8]] == ["    6 │ line_6", "   10 │ line_10", "   14 │ line_14"]
    assert len(lines) == 10


def frame(fill: str, footer: str) -> str:
    """A frame of `source`."""
    lines = ["    1 │ def add(a, b):", f"    2 │     return «{fill}»", "    3 │ ", "    4 │ x = 1", f"      ╰ {footer}"]
    return "\n".join(lines)


def styled(text: Text, style: str) -> str:
    """The parts of a text that have a style."""
    return "".join(text.plain[span.start : span.end] for span in text.spans if span.style == style)


def in_terminal(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """The exit code of a command in a pseudo-terminal, and everything written to it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError as error:
        if error.errno != errno.EIO:  # what Linux says when the other side is closed
            raise
    os.close(ours)
    return process.wait(timeout=10), written.decode()
