"""`dgls fill` on good files: the fill alone on stdout, or everything about it as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Dgls, Scripted

SOURCE = "def add(a, b):\n    return \n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with a gap at 2:12."""
    path = tmp_path / "add.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_prints_the_fill_alone(dgls: Dgls, scripted: Scripted, source: Path) -> None:
    done = dgls("fill", *scripted("a - b", "a + b", alternatives=["b + a"]), f"{source}:2:12")
    assert (done.returncode, done.stdout, done.stderr) == (0, "a + b\n", "")


def test_json_says_everything(dgls: Dgls, scripted: Scripted, source: Path) -> None:
    done = dgls("fill", "--json", *scripted("x", "a + b", alternatives=["b + a"]), f"{source}:2:12")
    found: dict[str, Any] = json.loads(done.stdout)
    ms = found.pop("ms")
    assert list(ms) == ["read", "load", "prompt", "engine", "clip"]
    assert all(value >= 0 for value in ms.values())
    assert found == {
        "name": "add.py",
        "line": 2,
        "column": 12,
        "fill": "a + b",
        "silence": None,
        "alternatives": ["b + a"],
        "steps": 2,
        "forwards": 0,
        "encoded_tokens": 0,
        "reused_tokens": 0,
        "candidates": [
            {
                "text": "a + b",
                "raw": "a + b",
                "rules": [],
                "silence": None,
                "score": 0.0,
                "n_errors": 0,
                "gap_tokens": 1,
            },
            {
                "text": "b + a",
                "raw": "b + a",
                "rules": [],
                "silence": None,
                "score": 0.0,
                "n_errors": 0,
                "gap_tokens": 1,
            },
        ],
        "tokens": [{"text": "a + b", "sureness": 1.0}],
    }
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_to_show_is_no_failure(dgls: Dgls, scripted: Scripted, source: Path) -> None:
    done = dgls("fill", *scripted("  "), f"{source}:2:12")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing to show: empty\n")


def test_nothing_to_show_as_json(dgls: Dgls, scripted: Scripted, source: Path) -> None:
    done = dgls("fill", "--json", *scripted(""), f"{source}:2:12")
    found = json.loads(done.stdout)
    assert (found["fill"], found["silence"], found["alternatives"], found["tokens"]) == (None, "empty", [], [])
    assert (done.returncode, done.stderr) == (0, "")


def test_the_deadline_is_a_silence(dgls: Dgls, scripted: Scripted, source: Path) -> None:
    slow = scripted("a + b", delay_ms=5000)
    done = dgls("fill", *slow, "--set", "deadline_ms=50", f"{source}:2:12")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing to show: late\n")


@pytest.mark.parametrize(
    ("name", "content", "place", "expected"),
    [
        ("empty.py", b"", "1:1", b"a\nb\n"),
        ("crlf.py", b"x = 1\r\n\r\n", "2:1", b"a\r\nb\n"),
        ("bom.py", b"\xef\xbb\xbfx = \n", "1:5", b"a\nb\n"),
        ("C:\\odd name:1.py", b"x\n", "1:1", b"a\nb\n"),
        ("notes.txt", "größe 𝄞 ".encode(), "1:9", b"a\nb\n"),
        ("end.py", b"x\n", "2:1", b"a\nb\n"),
    ],
)
def test_reads_what_editors_write(
    dgls: Dgls, scripted: Scripted, tmp_path: Path, name: str, content: bytes, place: str, expected: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    done = dgls("fill", *scripted("a\nb"), f"{name}:{place}")
    assert (done.returncode, done.stdout.encode(), done.stderr) == (0, expected, "")


def test_writes_utf_8_whatever_the_locale(dgls: Dgls, scripted: Scripted, source: Path) -> None:
    done = dgls("fill", *scripted("'größe 𝄞'"), f"{source}:2:12", PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "'größe 𝄞'\n", "")


def test_engine_and_model_win_over_set(dgls: Dgls, scripted: Scripted, source: Path) -> None:
    done = dgls("fill", "--set", "engine=local", *scripted("a + b"), f"{source}:2:12")
    assert (done.returncode, done.stdout) == (0, "a + b\n")
