"""The clip, rule by rule: the marks enclose what is to remain of the model's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.text.clip import clip
from tests.marked import marked

CASES = [
    # as it is
    ("return «a + b»\n", "a + b"),
    ("x = «1»", "1"),
    # special tokens and code fences end it
    ("return «a»\n", "a<eos>garbage"),
    ("return «a»\n", "a<|endoftext|>x"),
    ("return «a»\n", "a<end_of_turn>\nmore"),
    ("return «a»\n", "a\n```\nexplanation"),
    ("return «a < b»\n", "a < b"),
    ("return «a <b> c»\n", "a <b> c"),
    # the line below is not repeated
    ("x = «1»\nprint(x)\n", "1\nprint(x)\ny = 2"),
    ("x = «1»\n\n\nprint(x)\n", "1\nprint(x)"),
    ("if x:\n    «y\n    )»\n)\n", "y\n    )"),  # too short a line to be evidence
    # what follows is not repeated
    ("foo(«a, b»)\n", "a, b)"),
    ("x = «[1, 2]»\n", "[1, 2]\n"),
    ("f(g(«x)»)\n", "x)"),  # without the bracket the syntax would break
    ("def f(«a»):\n    pass\n", "a):\n    pass"),
    # the block that the user is in
    ("def f():\n    «return 1»\n", "return 1\n\ndef g():\n    return 2"),
    ("if a:\n    «b()\n    c()»\n", "b()\n    c()\nelse:\n    d()"),
    ("if a:\n    «b(\n\n        c)»\n", "b(\n\n        c)"),
    ("«a\nb»", "a\nb"),
    # spaces at the end, and nothing at all
    ("x = «1»\n", "1   \n\n"),
    ("x = «»\n", ""),
    ("x = «»\n", "  \n\t"),
    ("x = «»\n", "<eos>a"),
    ("x = «»\n", "\n"),
    # the document's own line ends
    ("if a:\r\n    «b\r\n    c»\r\n", "b\n    c"),
    ("x(«a,\r\n  b»)\r\n", "a,\n  b)"),
]


@pytest.mark.parametrize(("text", "raw"), CASES)
def test_clip(text: str, raw: str) -> None:
    gap, expected = marked(text)
    assert clip(raw, gap) == expected


@given(st.text("ab(): \n<>|`", max_size=40), st.sampled_from([case[0] for case in CASES]))
def test_a_clip_is_a_beginning_and_needs_no_second_one(raw: str, text: str) -> None:
    gap, _ = marked(text)
    clipped = clip(raw, gap).replace(gap.document.line_end, "\n")
    assert raw.startswith(clipped)
    assert clipped == clipped.rstrip()
