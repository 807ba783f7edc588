"""The choice between candidates: fewest syntax errors first, then the engine's score, empty texts last."""

import pytest

from dgls.engines import Draft, Drafts, Token
from dgls.infill import chosen, fills_of, settled
from dgls.text.syntax import n_errors
from tests.marked import marked


@pytest.mark.parametrize(
    ("text", "worse"),
    [
        ("def f(a, b):\n    return «a + b»\n", "a +"),
        ("x = foo(«1, 2»)\n", "1, (2"),
        ("if «a == 1»:\n    pass\n", "a == = 1"),
        ("class A:\n    def f(self):\n        «return [x for x in self.y]»\n\nA()\n", "return [x for x in"),
        ("@«cache»\ndef f(): ...\n", "cache("),
        ("x = 1\r\ny = «2»\r\nz = 3\r\n", "(2"),
    ],
)
def test_a_text_that_parses_wins_over_a_better_score(text: str, worse: str) -> None:
    gap, better = marked(text)
    best, last = chosen(gap, (Draft(worse, score=9.0), Draft(better, score=-9.0)))
    assert (best.text, last.raw) == (better, worse)
    assert last.silence or (best.n_errors or 0) <= (last.n_errors or 0)


def test_then_the_score_decides_and_empty_texts_are_last() -> None:
    gap, _ = marked("x = «»\n")
    candidates = chosen(gap, (Draft("", score=9.0), Draft("1", score=-2.0), Draft("2", score=-1.0)))
    assert [found.text for found in candidates] == ["2", "1", ""]


def test_equal_candidates_keep_their_order_and_give_one_fill() -> None:
    gap, _ = marked("x = «»\n")
    drafts = (Draft("1", (Token("1", 0.5, settled=True),)), Draft("1 "), Draft("2"))
    fills = fills_of(gap, chosen(gap, drafts))
    assert [(fill.text, fill.sureness) for fill in fills] == [("1", 0.5), ("2", 0.0)]


def test_a_draft_need_not_parse_yet() -> None:
    gap, _ = marked("def f(a):\n    «»\n    return a\n")
    tokens = (Token("a = [", 0.9, settled=True), Token("1, 2]", 0.5, settled=False))
    assert settled(gap, Drafts((Draft("a = [1, 2]", tokens),), final=False)) == "a = ["
    assert chosen(gap, (Draft("a = ["),))[0].text == ""


def test_a_language_without_a_grammar_has_no_errors_to_count() -> None:
    gap, _ = marked("x = «»", language="cobol")
    assert n_errors(gap, "((") is None
    assert [found.text for found in chosen(gap, (Draft("((", score=1.0), Draft("1")))] == ["((", "1"]


def test_errors_far_away_are_not_counted() -> None:
    around = "def f():\n    pass\n\n" * 300
    gap, _ = marked(f"x = ((\n{around}y = «»\n{around}z = ))\n")
    assert n_errors(gap, "1") == 0


@pytest.mark.parametrize("text", ["\ud83d", "\x00", "𝄞", "\f", "\u2028"])
def test_odd_characters_are_parsed_too(text: str) -> None:
    gap, _ = marked("x = '«»'\n")
    assert n_errors(gap, text) is not None


def test_brackets_deeper_than_the_stack() -> None:
    gap, _ = marked("(" * 3000 + "x «»y" + ")" * 3000)
    assert n_errors(gap, "")
