"""The clip, rule by rule: what is shown of a model's text, and that nothing a model writes can upset it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.text.clip import RULES, Clipped, Sureness, clip
from dgls.text.clip.place import Policy
from dgls.text.document import Document
from dgls.text.fill import Silence
from dgls.text.gap import Gap, gap_at
from dgls.text.languages import language_of
from tests.marked import ODD_PIECES, marked

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "clip_cases.json").read_text(encoding="utf-8"))
OUT_OF_MANY = (16438, 31909, 34864, 36529, 39714)  # seeds that took many rounds to come to rest
LANGUAGES = sorted({case["language"] for case in CASES})

# The marks enclose what is to remain of the text.
MARKED = [
    ("return «a + b»\n", "a + b"),
    ("return «a»\n", "a<eos>garbage"),
    ("return «a»\n", "a<|endoftext|>x"),
    ("return «a»\n", "a<end_of_turn>\nmore"),
    ("x = «'<|endoftext|>'»\n", "'<|endoftext|>'"),
    ("return «a»\n", "a\n```\nexplanation"),
    ("return «a < b»\n", "a < b"),
    ("return «a <b> c»\n", "a <b> c"),
    ("x = «1»\n\n\nprint(x)\n", "1\nprint(x)"),
    ("foo(«a, b»)\n", "a, b)"),
    ("x = «[1, 2]»\n", "[1, 2]\n"),
    ("f(g(«x)»)\n", "x)"),
    ("f(g(«x)»)\n", "x))"),
    ("def f(«a»):\n    pass\n", "a):\n    pass"),
    ("def f():\n    «return 1»\n", "return 1\n\ndef g():\n    return 2"),
    ("if a:\n    «b(\n\n        c)»\n", "b(\n\n        c)"),
    ("«a\nb»", "a\nb"),
    ("x = «1»\n", "1   \n\n"),
    ("if a:\r\n    «b\r\n    c»\r\n", "b\n    c"),
    ("x(«a,\r\n  b»)\r\n", "a,\n  b)"),
]
SILENT = [
    ("  \n\t", Silence.EMPTY),
    ("<eos>a", Silence.EMPTY),
    ("a\ufffdb", Silence.UNRESOLVED),
    ("= =", Silence.BROKEN),
]


def clipped(case: dict[str, Any], raw: str, *, truncated: bool = False) -> Clipped:
    """A text clipped for the place of a case."""
    gap = gap_at(Document(case["prefix"] + case["suffix"], language=case["language"]), len(case["prefix"]))
    return clip(raw, gap, policy=case["policy"], truncated=truncated)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case: dict[str, Any]) -> None:
    found = clipped(case, case["raw"], truncated=case["truncated"])
    assert (None if found.silence else found.text) == case["expected"]
    assert clipped(case, found.text).text == found.text


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.name)
def test_every_rule_acts_in_a_case(rule: Any) -> None:
    acting = [case for case in CASES if rule.name in clipped(case, case["raw"], truncated=case["truncated"]).rules]
    assert acting


@pytest.mark.parametrize(("text", "raw"), MARKED)
def test_what_remains(text: str, raw: str) -> None:
    gap, expected = marked(text)
    assert clip(raw, gap).text == expected


@pytest.mark.parametrize(("raw", "why"), SILENT)
def test_why_nothing_remains(raw: str, why: Silence) -> None:
    gap, _ = marked("x = 1\ny = «»2\n")
    found = clip(raw, gap)
    assert (found.text, found.silence) == ("", why)


def test_a_block_may_end_out_of_sight() -> None:
    begin, rest = "function f(a) {\n  ", "\n" + "    b(a);\n" * 400 + "  }\n}\n"
    found = clip("if (a) {", gap_at(Document(begin + rest, language="javascript"), len(begin)))
    assert found.text == "if (a) {"


def test_a_text_that_needs_no_clip_says_so() -> None:
    gap, text = marked("def f(a, b):\n    return «a + b»\n")
    assert clip(text, gap) == Clipped("a + b", n_errors=0)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([("a", 0.9), (" + ", 0.9), ("b", 0.9)], "a + b"),
        ([("foo(a)", 0.9), (" + ", 0.1), ("b", 0.9)], "foo(a)"),
        ([("foo(a)\n", 0.9), ("    bar(", 0.9), ("b", 0.1), (")", 0.9)], "foo(a)"),
        ([("foo(a)\n", 0.9), ("    ", 0.1), ("bar()", 0.9)], "foo(a)"),
        ([("foo", 0.1), ("(a)", 0.9)], None),
        ([("foo(", 0.9), ("a", 0.1), (")", 0.9)], None),
    ],
)
def test_a_text_ends_before_the_model_is_unsure(tokens: list[tuple[str, float]], expected: str | None) -> None:
    gap, _ = marked("def f(a, b):\n    «»\n")
    raw = "".join(text for text, _ in tokens)
    found = clip(raw, gap, sureness=Sureness(tokens, 0.5))
    assert (found.text or None, found.silence) == (expected, None if expected else Silence.UNSURE)
    assert clip(raw, gap, sureness=Sureness(tokens, 0.0)) == clip(raw, gap)


def test_the_sureness_of_other_tokens_is_not_asked() -> None:
    gap, _ = marked("x = «»\n")
    assert clip("a + b", gap, sureness=Sureness([("c", 0.0)], 0.5)).text == "a + b"


@pytest.mark.parametrize("raw", ["  \f", " \u2028", "\t\x1c\n", "\x85"])
def test_odd_white_space_is_white_space(raw: str) -> None:
    gap, _ = marked("if a:\n    «»\n")
    assert clip(raw, gap).silence == Silence.EMPTY


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_are_those_of_the_document(line_end: str) -> None:
    gap, _ = marked("if a:\n    «»\nb()\n".replace("\n", line_end))
    assert clip("c()\n    d()\r\n    e()", gap).text == f"c(){line_end}    d(){line_end}    e()"


def odd_gap(rng: random.Random) -> Gap:
    """A gap somewhere in odd text; either side may be empty."""
    text = odd_text(rng, 40)
    start, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
    return Gap(Document(text, language=rng.choice([*LANGUAGES, "plaintext"])), start, end)


def odd_text(rng: random.Random, most: int) -> str:
    """Pieces of code, line ends of every kind and characters that are hard to count."""
    pieces = (*ODD_PIECES, *"()[]{}<>\"'`#/*:,;=-+.\\ \t", "  ", "    ", "```", '"""', "def f(x):\n", "return x", "}\n")
    pieces += ("<div>", "</div>", "else", "end\n", "<|turn>", "\x00", "a" * 50, '"key": 1,\n', "- item\n")
    return "".join(rng.choice(pieces) for _ in range(rng.randint(0, most)))


def check_odd(seed: int) -> None:
    """A text of odd pieces is clipped without an error, and once more to itself."""
    rng = random.Random(seed)
    gap, raw = odd_gap(rng), odd_text(rng, 30)
    policy: Policy = rng.choice(("ide", "infill"))
    found = clip(raw, gap, policy=policy, truncated=rng.random() < 0.3)
    again = clip(found.text, gap, policy=policy)
    assert again.text == found.text, seed
    assert within(found.text, raw), seed


def within(text: str, raw: str) -> bool:
    """Whether a text's signs stand in the raw text in this order; JSON's separators may be new."""
    signs = iter("".join(raw.split()))
    return all(sign in signs for sign in "".join(text.split()).replace(",", ""))


def test_odd_texts() -> None:
    for seed in (*range(1500), *OUT_OF_MANY):
        check_odd(seed)


@pytest.mark.slow
def test_many_odd_texts() -> None:
    for seed in range(100_000):
        check_odd(seed)


@given(st.text(max_size=60), st.sampled_from(CASES))
def test_any_text_is_clipped(raw: str, case: dict[str, Any]) -> None:
    assert clipped(case, clipped(case, raw).text).text == clipped(case, raw).text


@pytest.mark.parametrize("piece", ["a", "(", "x = 1\n", "\n", '"', "<div>", "\ud83d", "\r", "```\n", "a, "])
def test_a_megabyte_is_clipped(piece: str) -> None:
    gap, _ = marked("def f():\n    «»\n")
    assert len(clip(piece * (1_000_000 // len(piece)), gap).text) < 1_000_000


@pytest.mark.parametrize(
    ("identifier", "name", "expected"),
    [
        ("python", "", "python"),
        ("typescriptreact", "x.py", "tsx"),
        ("plaintext", "main.rs", "rust"),
        ("", "Gemfile", "ruby"),
        ("C#", "", "csharp"),
        ("cobol", "x.cob", "cobol"),
    ],
)
def test_a_language_is_known_by_its_identifier_or_else_by_the_file(identifier: str, name: str, expected: str) -> None:
    assert language_of(identifier, name).name == expected


def test_a_preprocessor_condition_may_end_far_below() -> None:
    """The guard of a header is closed out of sight."""
    prefix, suffix = "/* head */\n", "\n#include <a.h>\n" + "int f(void);\n" * 400 + "#endif\n"
    raw = "#ifndef A_H\n#define A_H"
    for policy in ("ide", "infill"):
        found = clip(raw, gap_at(Document(prefix + suffix, language="c"), len(prefix)), policy=policy)
        assert found.text == raw
