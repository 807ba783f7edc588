"""The evaluation's numbers: cases that join to their files, counts that count, intervals, comparisons, tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgls.settings import Settings
from evaluation.bootstrap import closed, difference, interval, median
from evaluation.cases import Case, lines, spans
from evaluation.compare import Run, comparisons
from evaluation.measures import by_length, calibration, summary
from evaluation.outcome import Outcome, repeats
from evaluation.plots import plot
from evaluation.results import of_run
from evaluation.sweeps import Variant
from evaluation.tables import aligned, tables
from evaluation.ways import way_of

ROOT = Path(__file__).parent.parent
TEXTS = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("dgls/*/*.py"))]


def outcome(truth: str, text: str, suffix: str = "\nprint(x)\n", **given: Any) -> Outcome:
    """An outcome of a gap at the end of `x = `."""
    known: dict[str, Any] = {
        "raw": text,
        "sureness": 1.0,
        "n_forwards": 6,
        "n_steps": 4,
        "gap_tokens": 2,
        "true_tokens": 3,
        "shown_tokens": 2,
        "first_token": True,
        "any_exact": False,
    }
    case = Case("toy", "rest of line", "x = ", truth, suffix)
    return Outcome(case=case, text=text, **(known | given))


def run(way: str, n_exact: int, n: int = 10, variant: Variant | None = None, **given: Any) -> Run:
    """A run of which some first cases are exact."""
    outcomes = [outcome("1", "1" if index < n_exact else "2", **given) for index in range(n)]
    return Run(way_of(way), variant or Variant(Settings()), outcomes)


@pytest.mark.parametrize("cut", [lines, spans])
def test_cases_join_to_their_files_and_the_same_seed_cuts_the_same_gaps(cut: Callable[..., list[Case]]) -> None:
    texts = dict(TEXTS)
    cases = cut(TEXTS, 40, seed=3)
    assert len(cases) == 40
    for case in cases:
        assert case.prefix + case.truth + case.suffix == texts[case.name.rpartition(":")[0]]
        assert case.truth == case.truth.strip()
    assert cases == cut(TEXTS, 40, seed=3)
    assert cases != cut(TEXTS, 40, seed=4)
    assert {case.kind for case in cases} == ({"span"} if cut is spans else {"rest of line", "whole line"})


def test_one_file_more_changes_few_of_the_cases() -> None:
    """Which files are held out depends on the packages that are installed."""
    before, after = ({case.prefix + case.truth for case in lines(texts, 40)} for texts in (TEXTS[1:], TEXTS))
    assert len(before & after) >= 40 - 40 // len(TEXTS) - 1


def test_spans_have_two_to_ten_lines() -> None:
    n_lines = {case.truth.count("\n") + 1 for case in spans(TEXTS, 60)}
    assert min(n_lines) >= 2
    assert max(n_lines) <= 10


def test_a_fill_is_exact_but_for_white_space_at_its_end() -> None:
    right, wrong = outcome("len(items)", "len(items) "), outcome("len(items)", "len(items")
    assert (right.exact, right.parses) == (True, True)
    assert (wrong.exact, wrong.parses) == (False, False)
    assert 0.9 < wrong.similarity < 1


@pytest.mark.parametrize(
    ("text", "suffix", "is_echo"),
    [
        ("2\nprint(x)", "\nprint(x)\n", True),  # the line below
        ("2\n  print(x)\n3", "\nprint(x)\n", True),  # not as the last one
        ("items)[0]", "s)[0]\nmore", True),  # its end is the beginning of the suffix
        ("f(a)", "(a)\nmore", False),  # 3 characters
        ("return self", "\nself.n = 1\n", False),  # the same name in the next line
        ("1\n  self", "\n  self.n = 1\n", True),  # the next line begun
        ("2", "\n)\nprint(x)\n", False),
        ("2\n)", "\n)\nprint(x)\n", False),  # a short line is no evidence
        ("print(x) + 1", "\nprint(x)\n", False),
        ("", "\nprint(x)\n", False),
        ("x", "", False),
    ],
)
def test_an_echo_repeats_the_line_below_or_the_start_of_the_suffix(text: str, suffix: str, is_echo: bool) -> None:
    assert repeats(text, suffix) is is_echo
    assert outcome("y", text, suffix).echoes is is_echo


def test_what_the_truth_repeats_too_is_no_echo_and_the_clip_may_hide_one() -> None:
    assert not outcome("1\nprint(x)", "2\nprint(x)").echoes
    clipped = outcome("1", "2", raw="2\nprint(x)")
    assert (clipped.echoes, clipped.echoes_raw) == (False, True)


def test_all_and_nothing_have_no_spread_and_means_lie_in_their_intervals() -> None:
    assert interval([1.0] * 20) == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 20}
    found = interval([0.0, 1.0] * 50)
    assert 0.35 < found["low"] < found["value"] == 0.5 < found["high"] < 0.65
    assert interval([1.0, 1.0, 1.0, 9.0, 9.0], median)["value"] == 1.0


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    ours = [0.0, 1.0] * 50
    theirs = [*ours[:-1], 0.0]
    found = difference(ours, theirs)
    assert found["value"] == 0.01
    assert found["low"] == 0.0
    assert found["high"] - found["low"] < 0.05 < interval(ours)["high"] - interval(ours)["low"]


def test_the_lead_of_the_oracle_is_closed_by_what_the_choice_gains_of_it() -> None:
    fixed, oracle = [0.0] * 10, [1.0] * 8 + [0.0] * 2
    found = closed([1.0] * 6 + [0.0] * 4, fixed, oracle)
    assert found is not None
    assert found["low"] <= found["value"] == 0.75 <= found["high"]
    assert closed(fixed, oracle, fixed) is None


def test_measures_count_lengths_forwards_and_pins() -> None:
    found = summary([outcome("1", "1", n_forwards=6, n_pins_changed=0), outcome("1", "2", n_forwards=2, gap_tokens=7)])
    assert (found["exact"]["value"], found["forwards"]["value"], found["forwards median"]["value"]) == (0.5, 4, 4)
    assert (found["length off"]["value"], found["length bias"]["value"], found["length within 2"]["value"]) == (
        2.5,
        1.5,
        0.5,
    )
    assert found["tokens/forward"]["value"] == round((2 / 6 + 2 / 2) / 2, 4)
    assert {"pass@1", "pins changed"} & set(found) == set()


def test_precision_rises_with_sureness_and_lengths_have_their_own_numbers() -> None:
    outcomes = [outcome("1", "1", sureness=0.9)] * 10 + [outcome("1", "2", sureness=0.1, true_tokens=20)] * 10
    table = {row["coverage"]: row for row in calibration(outcomes)}
    assert [table[coverage]["value"] for coverage in (0.05, 0.5, 0.8, 1.0)] == [1.0, 1.0, 0.625, 0.5]
    assert {name: (row["value"], row["n"]) for name, row in by_length(outcomes).items()} == {
        "2-4": (1.0, 10),
        ">16": (0.0, 10),
    }


def test_runs_are_compared_with_the_first_way_and_with_those_of_the_same_length() -> None:
    runs = [run("pinned", 6), run("oracle", 8), run("oracle@prefix-only", 3), run("8", 0)]
    found = comparisons(runs)
    pairs = [(entry["of"], entry["from"]) for entry in found if entry.get("measure") == "exact"]
    assert pairs == [
        ("pinned", "oracle"),
        ("pinned", "oracle@prefix-only"),
        ("pinned", "8"),
        ("oracle", "oracle@prefix-only"),
    ]
    assert any(entry["text"].startswith("difference pinned - oracle exact -20.0 points [-") for entry in found)
    (closure,) = (entry for entry in found if entry["kind"] == "closed")
    assert closure["value"] == 0.75


def test_a_sweep_is_compared_with_its_last_value_and_its_spread_is_told() -> None:
    variants = [Variant(Settings(), "max_steps", value) for value in ("1", "4", "48")]
    found = comparisons([run("chosen", n, variant=variant) for n, variant in zip((2, 5, 4), variants, strict=True)])
    exact = [(entry["of"], entry["from"], entry["value"]) for entry in found if entry.get("measure") == "exact"]
    assert exact == [
        ("chosen max_steps=1", "chosen max_steps=48", -0.2),
        ("chosen max_steps=4", "chosen max_steps=48", 0.1),
    ]
    (spread,) = (entry for entry in found if entry["kind"] == "spread")
    assert spread["points"] == 30
    assert spread["text"].endswith("30.0 points (max_steps=1 to 4) n 10")


def test_columns_are_aligned_and_shares_are_in_percent() -> None:
    results = [of_run(run("chosen", 5)), of_run(run("oracle@prefix-only", 10))]
    quality = aligned(next(tables(results))).split("\n")
    assert quality[0] == "Quality, %"
    assert quality[1].split()[:2] == ["way", "exact"]
    assert [line.index(cell) for line, cell in zip(quality[1:], ("exact", "50.0", "100.0"), strict=True)] == [22] * 3


def test_a_plot_can_be_drawn_of_several_ways_and_axes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    axes = ("max_steps", "1"), ("max_steps", "4"), ("entropy_bound", "0.5")
    variants = [Variant(Settings(), axis, value) for axis, value in axes]
    results = [of_run(run(way, 5, variant=variant)) for way in ("chosen", "oracle") for variant in variants]
    plot(results, "lines", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
