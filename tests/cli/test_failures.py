"""Every failure is one line on stderr that says the next step, and an exit code."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Dgls, Scripted

USAGE = [
    ("", "there is no command: use serve, fill, clip, doctor or engine, or see dgls --help"),
    ("paint", "argument COMMAND: invalid choice: 'paint'"),
    ("--nothing", "unrecognized arguments: --nothing: see dgls --help"),
    ("fill", "the following arguments are required: FILE:LINE:COL: see dgls fill --help"),
    ("fill good.py", "'good.py' is not FILE:LINE:COL: write it like app.py:12:5"),
    ("fill good.py:1", "'good.py:1' is not FILE:LINE:COL: write it like app.py:12:5"),
    ("fill good.py:one:1", "'good.py:one:1' is not FILE:LINE:COL: write it like app.py:12:5"),
    ("fill good.py:0:1", "'good.py:0:1' is nowhere: lines and columns start at 1"),
    ("fill good.py:1:1 --json --watch", "argument --watch: not allowed with argument --json: see dgls fill --help"),
    ("fill good.py --all --watch", "argument --watch: not allowed with argument --all: see dgls fill --help"),
    ("fill good.py:1:1 --set seed", "--set 'seed' has no value: write --set NAME=VALUE"),
    ("fill good.py:1:1 --set sed=1", "there is no setting 'sed': did you mean 'seed'?"),
    ("fill good.py:1:1 --set seed=x", "setting 'seed' cannot be 'x': use a whole number"),
    ("fill good.py:1:1 --engine magic", "setting 'engine' cannot be 'magic': use `local`, `vllm`, `scripted`"),
    ("fill good.py:1:1 --engine scripted", "the scripted engine has no script: set one: --set script=FILE.json"),
    ("doctor --set n_documents=0", "setting 'n_documents' cannot be 0: use 1 or more"),
    ("serve --set x=1", "there is no setting 'x'"),
]

FAILURES = [
    ("missing.py:1:1", "there is no file missing.py: check the path"),
    (".:1:1", ". is a folder: name a file in it"),
    ("latin.py:1:1", "latin.py is not UTF-8 text: save it as UTF-8"),
    ("good.py:4:1", "good.py has no line 4: its last line is 3"),
    ("good.py:1:7", "line 1 of good.py has no column 7: its last column is 6"),
    ("good.py:999999999999999999:1", "good.py has no line 999999999999999999: its last line is 3"),
    ("large.py:1:1", "large.py has more than 5000000 characters: raise --set max_document_chars=N"),
    ("locked/good.py:1:1", "cannot read locked/good.py (Not a directory): check the path and its permissions"),
    (f"{'long' * 75}.py:1:1", f"cannot read {'long' * 75}.py (File name too long): check the path and its permissions"),
    ("new\nline.py:1:1", "there is no file new line.py: check the path"),
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of good and bad files."""
    (tmp_path / "good.py").write_bytes(b"x = 1\ny = 2\n")
    (tmp_path / "latin.py").write_bytes("x = 'größe'\n".encode("latin-1"))
    (tmp_path / "large.py").write_bytes(b"x = 1\n" * 1_700_000)
    (tmp_path / "locked").write_bytes(b"a file in the place of a folder")
    return tmp_path


@pytest.mark.parametrize(("arguments", "line"), USAGE)
def test_usage(dgls: Dgls, files: Path, arguments: str, line: str) -> None:
    check(dgls(*arguments.split()), 2, line)


@pytest.mark.parametrize(("place", "line"), FAILURES)
def test_failure(dgls: Dgls, scripted: Scripted, files: Path, place: str, line: str) -> None:
    check(dgls("fill", *scripted("a"), place), 1, line)


def test_failure_of_the_engine(dgls: Dgls, files: Path) -> None:
    done = dgls("fill", "good.py:1:1", "--engine", "scripted", "--set", "script=good.py")
    check(done, 1, 'the script good.py is broken: it looks like {"default": {"drafts": ["..."]}}')


def test_debug_shows_where(dgls: Dgls, files: Path) -> None:
    done = dgls("fill", "missing.py:1:1", "--debug")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback ")
    assert done.stderr.endswith("dgls: there is no file missing.py: check the path\n")


def test_an_unexpected_error_is_one_line_too(dgls: Dgls, tmp_path: Path) -> None:
    (tmp_path / "asyncio.py").write_text("raise RuntimeError('a bad\\nday')")
    (tmp_path / "good.py").touch()
    done = dgls("fill", "good.py:1:1", PYTHONPATH=f"{tmp_path}:{ROOT}")
    check(done, 1, "unexpected RuntimeError: a bad day: run it again with --debug")


_WITH_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from dgls.cli.main import main
sys.exit(main())
"""


def test_ctrl_c_is_quiet(environment: dict[str, str], scripted: Scripted, files: Path) -> None:
    slow = scripted("a", *"bcdefghijklm", delay_ms=2000)  # the first one comes soon, the last one never
    # A shell starts what runs in its background with Ctrl-C ignored, and tests may run there.
    command = [sys.executable, "-c", _WITH_CTRL_C, "fill", "--watch", *slow, "good.py:1:1"]
    process = subprocess.Popen(command, cwd=files, env=environment, stdout=-1, stderr=-1)
    assert process.stdout is not None
    assert process.stdout.readline() == "    1 │ «a»x = 1\n".encode()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (130, b"")


def test_a_broken_pipe_is_quiet(environment: dict[str, str], scripted: Scripted, files: Path) -> None:
    command = [sys.executable, "-m", "dgls", "fill", *scripted("a", delay_ms=200), "good.py:1:1"]
    process = subprocess.Popen(command, cwd=files, env=environment, stdout=-1, stderr=-1)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as stderr:
        assert stderr.read() == b""
    assert process.wait(timeout=10) == 141


def check(done: "subprocess.CompletedProcess[str]", code: int, line: str) -> None:
    """Exactly one line on stderr, which begins like this, and nothing on stdout."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"dgls: {line}")
    assert done.stderr.count("\n") == 1
    assert ": " in done.stderr.removeprefix("dgls: ")
