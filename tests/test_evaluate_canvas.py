"""The command that measures what only a canvas can do, with the bundled model on a file of few lines."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluate_canvas import TASKS, main

FILE = Path(__file__).parent.parent / "fixtures" / "demo" / "inventory.py"
QUICK = ("--set", "threads=1", "--set", "effort=low", "--set", "gap_lengths=[1, 4]")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a task, and reads what it wrote."""

    def run(task: str, *given: str) -> dict[str, dict[str, dict[str, float]]]:
        out = tmp_path / "out.json"
        options = [*QUICK, "--files", str(FILE), "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["evaluate_canvas.py", task, *options, *given])
        assert main() == 0
        found: dict[str, dict[str, dict[str, float]]] = json.loads(out.read_text(encoding="utf-8"))
        return found

    return run


def test_every_task_has_a_test() -> None:
    assert set(TASKS) == {"warm", "together", "correct", "strength"}


def test_at_strength_0_nothing_changes_and_at_1_something_does(measured: Any) -> None:
    found = measured("strength", "--n", "3")
    assert found["strength 0.0"]["share changed"]["value"] == 0
    assert found["strength 1.0"]["share changed"]["value"] > 0


def test_a_warm_start_takes_fewer_steps(measured: Any) -> None:
    found = measured("warm", "--n", "8")["key typed into a running fill"]
    assert found["warm_steps"]["value"] < found["cold_steps"]["value"]


def test_two_ways_fill_the_same_places(measured: Any) -> None:
    found = measured("together", "--n", "1")
    assert found["together"]["agree"]["n"] == found["one_by_one"]["agree"]["n"] > 0
    assert found["together"]["right"]["value"] <= found["together"]["agree"]["value"]


def test_one_more_pass_is_counted(measured: Any) -> None:
    found = measured("correct", "--n", "2")["one more pass"]
    assert 0 < found["broken"]["n"] <= 2
    assert found["broken, after - before"]["value"] == pytest.approx(
        found["broken_after"]["value"] - found["broken"]["value"]
    )


def test_no_cases_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate_canvas.py", "warm", "--n", "0"])
    assert main() == 2
    assert "--n must be 1 or more" in capsys.readouterr().err
