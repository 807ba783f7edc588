"""`dgls clip`: one JSON line in, one JSON line out, whatever the line."""

import io
import json
import subprocess
import sys
from typing import Any

from dgls.cli.clip import answer, clip_lines
from tests.cli.conftest import ROOT

GOOD = {"language": "python", "prefix": "print(repr(", "suffix": ")\n", "raw": "x))", "truncated": False}
BAD: list[bytes] = [
    b"",
    b"\n",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe",
    b'{"language": "python"}',
    json.dumps(GOOD | {"raw": 1}).encode(),
    json.dumps(GOOD | {"truncated": "no"}).encode(),
    json.dumps(GOOD | {"policy": "all"}).encode(),
    b"[" * 100_000,
]


def given(**changes: Any) -> bytes:
    """A good line with changes."""
    return json.dumps(GOOD | changes).encode()


def test_a_text_and_its_rules() -> None:
    assert answer(given()) == {"text": "x)", "silence": None, "rules": ("S1",)}


def test_a_silence() -> None:
    assert answer(given(raw=" ")) == {"text": None, "silence": "empty", "rules": ("T2", "D2")}


def test_defaults() -> None:
    line = {name: GOOD[name] for name in ("language", "prefix", "suffix", "raw")}
    assert answer(json.dumps(line).encode()) == answer(given())
    assert answer(given(policy="infill"))["text"] == "x)"


def test_a_bad_line_is_an_error_and_no_end() -> None:
    out = io.StringIO()
    lines = [line.rstrip(b"\n") + b"\n" for line in [*BAD, given()]]
    assert clip_lines(io.BytesIO(b"".join(lines)), out) == 0
    *errors, last = map(json.loads, out.getvalue().splitlines())
    assert len(errors) == len(BAD)
    assert [error for error in errors if set(error) != {"error"} or not error["error"]] == []
    assert last["text"] == "x)"


def test_the_command() -> None:
    lines = given() + b"\nnonsense\n" + given(raw="\ud83d")
    done = subprocess.run([sys.executable, "-m", "dgls", "clip"], cwd=ROOT, input=lines, capture_output=True)
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (0, b"")
    assert first == {"text": "x)", "silence": None, "rules": ["S1"]}
    assert list(second) == ["error"]
    assert third["text"] == "\ud83d"
