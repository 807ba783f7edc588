"""What models write too much is cut, and what they write right stays: gates on real code, with a fixed seed."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgls.text.clip import clip
from dgls.text.clip.place import Policy
from dgls.text.languages import language_of
from dgls.text.syntax import n_errors
from tests.text.overrun import Cut, cuts, spoilt

ROOT = Path(__file__).parent.parent.parent
FIXTURES = sorted((ROOT / "fixtures" / "clip").iterdir())
PYTHON = [*sorted(Path(os.__file__).parent.glob("*.py"))[10:150:7], *sorted((ROOT / "dgls").rglob("*.py"))[::4]]

# The least share of middles that come out unharmed, by policy and way of spoiling. What the project's own files are
# changes, so there is room for a gap or two; how many gaps leave their block is the luck of the draw.
GATES: list[tuple[Policy, str, float]] = [
    ("ide", "correct", 0.96),
    ("ide", "correct, in its block", 0.99),
    ("infill", "correct", 0.99),
    ("ide", "whole suffix", 0.96),
    ("infill", "whole suffix", 0.97),
    ("ide", "suffix, then other code", 0.85),
    ("infill", "suffix, then other code", 0.85),
    ("ide", "indented twice", 0.9),
    ("ide", "echoed head", 0.9),
    ("ide", "a closer too many", 0.75),
    ("ide", "no new error", 0.99),
    ("infill", "no new error", 0.99),
]
NOT_GATED = {"markdown", "sql"}  # hardly any text of theirs is wrong to a parser


def outcomes(cut: Cut, policy: Policy, rng: random.Random) -> Iterator[tuple[str, bool]]:
    """What was asked of a clip, and whether it was so."""
    true_errors = n_errors(cut.gap, cut.middle) or 0
    for way, raw, truncated in spoilt(cut, rng):
        found = clip(raw, cut.gap, policy=policy, truncated=truncated)
        right = found.text.rstrip() == cut.middle.rstrip()
        yield way, right
        if way == "correct" and cut.stays_in_block:
            yield "correct, in its block", right
        if found.text:
            yield "no new error", (found.n_errors or 0) <= true_errors


def shares(sources: list[tuple[str, str]], n: int) -> dict[tuple[Policy, str], float]:
    """The share of right outcomes by policy and question, from `n` gaps in each source."""
    right: Counter[tuple[Policy, str]] = Counter()
    asked: Counter[tuple[Policy, str]] = Counter()
    for name, (language, text) in enumerate(sources):
        for cut in cuts(language, text, n, random.Random(name)):
            for policy in ("ide", "infill"):
                for question, answer in outcomes(cut, policy, random.Random(cut.start)):
                    asked[policy, question] += 1
                    right[policy, question] += answer
    return {key: right[key] / asked[key] for key in asked}


@pytest.fixture(scope="module")
def python() -> dict[tuple[Policy, str], float]:
    """The shares in Python: the standard library and this project."""
    return shares([("python", path.read_text(encoding="utf-8")) for path in PYTHON], 10)


@pytest.fixture(scope="module")
def others() -> dict[tuple[Policy, str], float]:
    """The shares in the other languages."""
    named = [(language_of("", path.name).name, path) for path in FIXTURES]
    return shares([(name, path.read_text(encoding="utf-8")) for name, path in named if name not in NOT_GATED], 16)


@pytest.mark.parametrize(("policy", "way", "least"), GATES)
def test_gate_in_python(python: dict[tuple[Policy, str], float], policy: Policy, way: str, least: float) -> None:
    assert python[policy, way] >= least


@pytest.mark.parametrize(("policy", "way", "least"), GATES)
def test_gate_in_other_languages(
    others: dict[tuple[Policy, str], float], policy: Policy, way: str, least: float
) -> None:
    assert others[policy, way] >= least


def test_every_language_has_a_fixture() -> None:
    assert len({language_of("", path.name).name for path in FIXTURES}) == 24
