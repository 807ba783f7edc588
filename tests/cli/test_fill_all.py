"""`dgls fill --all`: a file with all its placeholders filled, on stdout."""

import difflib
from pathlib import Path

import pytest

from tests.cli.conftest import Dgls, Scripted

SOURCE = "def add(a, b):\n    ...\n\n\ndef two():\n    TODO\n    print('🎉')\n"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_prints_the_file_with_all_gaps_filled(dgls: Dgls, scripted: Scripted, tmp_path: Path, line_end: str) -> None:
    source = SOURCE.replace("\n", line_end)
    (tmp_path / "x.py").write_bytes(source.encode())
    done = dgls("fill", "--all", *scripted("n = 1"), "x.py")
    filled = source.replace("...", "n = 1").replace("TODO", "n = 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, filled, "")
    assert (tmp_path / "x.py").read_bytes().decode() == source
    lines = difflib.ndiff(source.splitlines(), done.stdout.splitlines())
    assert sum(line.startswith("+") for line in lines) == 2


def test_other_placeholders(dgls: Dgls, scripted: Scripted, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("def f():\n    ...\n\n\ndef g():\n    HERE\n", encoding="utf-8")
    done = dgls("fill", "--all", *scripted("return 1"), "--set", "placeholders=HERE", "x.py")
    assert (done.returncode, done.stdout) == (0, "def f():\n    ...\n\n\ndef g():\n    return 1\n")


def test_nothing_to_fill_is_no_failure(dgls: Dgls, scripted: Scripted, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("x = 1\n", encoding="utf-8")
    done = dgls("fill", "--all", *scripted("x"), "x.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "x = 1\n", "nothing to show: no place\n")


def test_the_deadline_is_a_silence(dgls: Dgls, scripted: Scripted, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(SOURCE, encoding="utf-8")
    done = dgls("fill", "--all", *scripted("x", delay_ms=5000), "--set", "deadline_ms=50", "x.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, SOURCE, "nothing to show: late\n")


def test_a_file_that_is_missing_is_a_failure(dgls: Dgls, scripted: Scripted) -> None:
    done = dgls("fill", "--all", *scripted("x"), "missing.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "dgls: there is no file missing.py: check the path\n"
