"""The evaluation's command: gaps from everywhere, results for people and for machines, and errors in one line."""

import json
import sys
from pathlib import Path

import pytest

import evaluate
from evaluation.cases import human_eval
from evaluation.sandbox import passes

ROOT = Path(__file__).parent.parent
PROBLEM = {
    "task_id": "SingleLineInfilling/Toy/0/L0",
    "entry_point": "add",
    "prompt": "def add(a, b):\n",
    "canonical_solution": "    return a + b\n",
    "suffix": "",
    "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n",
}
SPAN = {
    "task_id": "RandomSpanInfillingLight/Toy/0/1",
    "entry_point": "add",
    "prompt": "def add(a, b):\n    result = a",
    "canonical_solution": " + b\n    re",
    "suffix": "turn result\n",
    "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n",
}


def run(monkeypatch: pytest.MonkeyPatch, *given: str) -> int:
    """The command's exit code."""
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *given])
    return evaluate.main()


def problems(folder: Path) -> Path:
    """A benchmark's file of a line and a random span."""
    path = folder / "problems.jsonl"
    path.write_text("".join(json.dumps(problem) + "\n" for problem in (PROBLEM, SPAN)), encoding="utf-8")
    return path


def test_the_truths_of_a_benchmark_pass_their_own_tests(tmp_path: Path) -> None:
    cases = human_eval(problems(tmp_path))
    assert [case.kind for case in cases] == ["SingleLineInfilling", "RandomSpanInfillingLight"]
    for case in cases:
        assert passes(case.prefix + case.truth + case.suffix + case.test)
        assert not passes(case.prefix + "    return a - b\n" + case.suffix + case.test)


def test_a_benchmark_is_measured_and_written_in_all_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, card, short = tmp_path / "result.json", tmp_path / "result.md", tmp_path / "brief.md"
    files = ["--out", str(out), "--markdown", str(card), "--card", str(short)]
    ways = ["--ways", "chosen", "oracle", "2"]
    sweep = ["--sweep", "entropy_bound=0.02,0.5"]
    data = ["--data", str(problems(tmp_path)), "--set", "threads=1"]
    assert run(monkeypatch, "human-eval-infilling", *data, *ways, *sweep, *files) == 0
    whole = json.loads(out.read_text(encoding="utf-8"))
    assert (whole["n"], whole["seed"], whole["model"]) == (2, 0, "bundled")
    assert whole["command"].startswith("evaluate.py human-eval-infilling --data problems.jsonl --set threads=1")
    assert str(tmp_path) not in out.read_text(encoding="utf-8") + card.read_text(encoding="utf-8")
    assert whole["versions"]["torch"]
    assert [(found["way"], found["sweep"]) for found in whole["results"]] == [
        (way, f"entropy_bound={bound}") for bound in ("0.02", "0.5") for way in ways[1:]
    ]
    for found in whole["results"]:
        assert found["summary"]["pass@1"]["n"] == 2
        assert found["summary"]["pins changed"]["value"] == 0
        assert {fill["passed"] for fill in found["fills"]} <= {True, False}
        if found["way"] == "oracle":
            assert found["summary"]["length off"]["value"] == 0
    assert {entry["kind"] for entry in whole["comparisons"]} == {"difference", "closed", "spread"}
    printed = capsys.readouterr().out
    assert "Exact by true length in tokens, %" in printed
    assert "difference chosen entropy_bound=0.02 - oracle entropy_bound=0.02 exact " in printed
    assert "| way | sweep | exact | pass@1 | first token |" in card.read_text(encoding="utf-8")
    assert "| way | sweep | exact, % | pass@1, % | first token, % |" in short.read_text(encoding="utf-8")
    assert short.read_text(encoding="utf-8").count("| chosen |") == 2


def test_own_files_are_cut_into_gaps_of_the_wanted_lengths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "result.json"
    limits = ["--min-truth-tokens", "3", "--max-truth-tokens", "6", "--n", "4"]
    given = ["--files", str(ROOT / "dgls/text"), "--set", "threads=1", "--ways", "oracle", "--out", str(out)]
    assert run(monkeypatch, "lines", *limits, *given) == 0
    fills = json.loads(out.read_text(encoding="utf-8"))["results"][0]["fills"]
    assert len(fills) == 4
    assert all(3 <= fill["true_tokens"] <= 6 for fill in fills)
    assert all(fill["case"].startswith("text/") for fill in fills)


def test_an_engine_that_is_not_local_is_asked_through_its_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, out = tmp_path / "script.json", tmp_path / "result.json"
    script.write_text(json.dumps({"default": {"drafts": ["    return a + b"]}}), encoding="utf-8")
    given = ["human-eval-infilling", "--data", str(problems(tmp_path)), "--engine", "scripted"]
    assert run(monkeypatch, *given, "--set", f"script={script}", "--ways", "chosen", "--out", str(out)) == 0
    (found,) = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert [fill["passed"] for fill in found["fills"]] == [True, False]
    assert "pins changed" not in found["summary"]


@pytest.mark.parametrize(
    ("given", "code", "problem"),
    [
        (["--engine", "nonsense"], 2, "setting 'engine' cannot be 'nonsense'"),
        (["--engine", "scripted", "--ways", "oracle@prefix-only"], 2, "needs the model in this process"),
        (["--engine", "scripted", "--sweep", "t_max=1"], 2, "the sweep 't_max' needs the model in this process"),
        (["--engine", "scripted", "--ways", "8"], 1, "the scripted engine knows no gap lengths"),
        (["--ways", "longest"], 2, "there is no way 'longest'"),
        (["--sweep", "max_steps"], 2, "has no values"),
        (["--sweep", "entropy_bound=much"], 2, "'entropy_bound' cannot be 'much'"),
        (["--sweep", "first_length=0"], 2, "'first_length' cannot be '0'"),
        (["--sweep", "stepz=1"], 2, "there is no setting 'stepz'"),
        (["--min-truth-tokens", "900"], 2, "there is no such gap"),
        (["--data", "nowhere.jsonl"], 1, "cannot read nowhere.jsonl"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_an_exit_code(
    given: list[str],
    code: int,
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = [] if "--data" in given else ["--data", str(problems(tmp_path))]
    ways = [] if "--ways" in given else ["--ways", "chosen"]
    assert run(monkeypatch, "human-eval-infilling", *data, *ways, *given) == code
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["human-eval-infilling"], "needs --data FILE"),
        (["human-eval-infilling", "--data", "x", "--files", "y"], "takes no --files"),
        (["lines", "--n", "0"], "--n must be 1 or more"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    given: list[str], problem: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, *given)
    assert left.value.code == 2
    assert problem in capsys.readouterr().err


def test_the_help_explains_ways_and_measures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, "--help")
    assert left.value.code == 0
    printed = capsys.readouterr().out
    assert "LENGTH[@STRATEGY][@suffix=PART]" in printed
    assert "An echo is a fill" in printed
