"""What of the text reaches the engine: whole lines within a budget, and the same beginning from key to key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.text.document import Document
from dgls.text.gap import gap_at
from dgls.text.prompt import kept_from, prompt
from tests.marked import marked

LINES = st.lists(st.text("ab ", max_size=12)).map("\n".join)


def test_a_short_text_is_kept_whole() -> None:
    gap, _ = marked("a\nb «»c\nd\n", name="x.py", language="python")
    asked = prompt(gap, 100)
    assert (asked.prefix, asked.suffix, asked.name, asked.language) == ("a\nb ", "c\nd\n", "x.py", "python")


def test_line_ends_are_lf() -> None:
    gap, _ = marked("a\r\nb\r«»c\r\nd\n")
    assert (prompt(gap, 100).prefix, prompt(gap, 100).suffix) == ("a\nb\n", "c\nd\n")


@given(LINES, st.integers(60, 200))
def test_what_is_kept_begins_at_a_line_start(prefix: str, budget: int) -> None:
    start = kept_from(prefix, budget)
    assert start == 0 or prefix[start - 1] == "\n"


@given(LINES, st.integers(40, 200))
def test_about_half_the_budget_or_more_is_kept(prefix: str, budget: int) -> None:
    n_kept = len(prefix) - kept_from(prefix, budget)
    longest_line = 13
    assert n_kept <= budget + 1
    assert n_kept >= min(len(prefix), budget // 2 - longest_line)


@pytest.mark.parametrize("line", ["x" * 10, "x" * 79, "x" * 5000])
def test_the_beginning_moves_only_every_half_budget(line: str) -> None:
    text = f"{line}\n" * (20_000 // len(line))
    starts = [kept_from(text[:end], 1000) for end in range(len(text))]
    assert starts == sorted(starts)
    assert len(set(starts)) <= len(text) // 500 + 1


@pytest.mark.parametrize("text", ["x" * 3000, "x" * 3000 + "\ny", "x\n" + "y" * 3000, "x" * 3000 + "\n" + "y" * 3000])
def test_a_line_longer_than_the_budget_is_cut(text: str) -> None:
    n_kept = len(text) - kept_from(text, 1000)
    assert 250 <= n_kept <= 1000


@given(LINES, LINES, st.integers(8, 400))
def test_the_suffix_is_a_beginning_in_whole_lines(prefix: str, suffix: str, budget: int) -> None:
    gap = gap_at(Document(prefix + suffix), len(prefix))
    kept = prompt(gap, budget).suffix
    assert suffix.startswith(kept)
    assert len(kept) <= budget // 4
    assert kept == suffix or kept.endswith("\n") or "\n" not in kept
