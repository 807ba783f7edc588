"""The evaluation: cases that join to their files, counts that count, and a sandbox that holds."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgls.engines.filler import load_filler
from dgls.settings import Settings, with_settings
from evaluation.cases import Case, human_eval, lines, spans
from evaluation.fills import filled, way_of
from evaluation.measures import Outcome, calibration, interval, summary
from evaluation.sandbox import passes
from tests.lsp.client import environment

ROOT = Path(__file__).parent.parent
TEXTS = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("dgls/*/*.py"))]
PROBLEM = {
    "task_id": "SingleLineInfilling/Toy/0/L0",
    "entry_point": "add",
    "prompt": "def add(a, b):\n",
    "canonical_solution": "    return a + b\n",
    "suffix": "",
    "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n",
}


def outcome(truth: str, text: str, **given: Any) -> Outcome:
    """An outcome of a gap at the end of `x = `."""
    known: dict[str, Any] = {
        "sureness": 1.0,
        "n_forwards": 6,
        "n_steps": 4,
        "gap_tokens": 2,
        "true_tokens": 3,
        "any_exact": False,
    }
    case = Case("toy", "rest of line", "x = ", truth, "\nprint(x)\n")
    return Outcome(case=case, text=text, **(known | given))


@pytest.mark.parametrize("cut", [lines, spans])
def test_cases_join_to_their_files(cut: Callable[..., list[Case]]) -> None:
    """Prefix, truth and suffix are the file; the same seed cuts the same gaps."""
    texts = dict(TEXTS)
    cases = cut(TEXTS, 40, seed=3)
    assert len(cases) == 40
    for case in cases:
        assert case.prefix + case.truth + case.suffix == texts[case.name.rpartition(":")[0]]
        assert case.truth == case.truth.strip()
    assert cases == cut(TEXTS, 40, seed=3)
    assert cases != cut(TEXTS, 40, seed=4)
    assert {case.kind for case in cases} == ({"span"} if cut is spans else {"rest of line", "whole line"})


def test_measures() -> None:
    """Exact but for white space at the end; the first word; syntax; an echo of the next line."""
    right = outcome("len(items)", "len(items) ")
    assert (right.exact, right.first_word, right.parses, right.echoes) == (True, True, True, False)
    wrong = outcome("len(items)", "len(items")
    assert (wrong.exact, wrong.first_word, wrong.parses) == (False, True, False)
    assert 0.9 < wrong.similarity < 1
    assert outcome("1", "2\nprint(x)").echoes
    assert not outcome("", "").first_word


def test_summaries() -> None:
    """Means lie in their intervals; all and nothing have no spread; precision rises with sureness."""
    assert interval([1.0] * 20) == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 20}
    found = interval([0.0, 1.0] * 50)
    assert found["low"] < found["mean"] == 0.5 < found["high"]
    outcomes = [outcome("1", "1", sureness=0.9)] * 5 + [outcome("1", "2", sureness=0.1)] * 5
    assert [row["precision"] for row in calibration(outcomes)] == [1.0] * 5 + [0.8333, 0.7143, 0.625, 0.5556, 0.5]
    assert "pass@1" not in summary(outcomes)


@pytest.mark.parametrize(
    ("code", "is_fine"),
    [
        ("assert 1 + 1 == 2", True),
        ("import math, re, typing, collections", True),
        ("assert False", False),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", False),
        ("import os; os.system('true')", False),
        ("import subprocess; subprocess.run(['true'])", False),
        ("open('x', 'w')", False),
        ("x = bytearray(1 << 31)", False),
        ("import sys; sys.exit(3)", False),
    ],
)
def test_the_sandbox(code: str, is_fine: bool) -> None:
    """Ordinary code passes; network, processes, files and much memory are refused."""
    assert passes(code) is is_fine


def test_the_sandbox_ends_what_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless loop is no pass."""
    monkeypatch.setattr("evaluation.sandbox.TIME_S", 1)
    assert not passes("while True: pass")


def test_a_benchmark_through_the_flow(tmp_path: Path) -> None:
    """The truth passes its own test, and the model's fill gets a verdict."""
    data = tmp_path / "problems.jsonl"
    data.write_text(json.dumps(PROBLEM) + "\n", encoding="utf-8")
    (case,) = human_eval(data)
    assert passes(case.prefix + case.truth + case.suffix + case.test)
    settings = with_settings(Settings(), {"threads": 1})
    filler = load_filler(settings)
    for way in map(way_of, ("chosen", "oracle", "3", "left-to-right", "left-to-right-oracle")):
        (found,) = filled(filler, [case], way, settings)
        assert found.passed in (True, False)
        assert found.n_forwards > 0
        if way.oracle or way.fixed:
            assert found.gap_tokens == (found.true_tokens if way.oracle else 3)


def test_the_command_says_what_it_needs() -> None:
    """A benchmark without its file."""
    command = [sys.executable, str(ROOT / "scripts" / "evaluate.py"), "human-eval-infilling"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 2
    assert "needs --data FILE" in done.stderr
