"""What models write too much is cut, and what they write right stays: gates on real code, with a fixed seed."""

import os
from pathlib import Path

import pytest

from clipping.overrun import REGIONS, TYPED
from clipping.shares import Tallies, of_policy, sources_of, table, tallies
from dgls.text.clip.place import Policy
from dgls.text.languages import language_of

ROOT = Path(__file__).parent.parent.parent
FIXTURES = sorted((ROOT / "fixtures" / "clip").iterdir())
PYTHON = [*sorted(Path(os.__file__).parent.glob("*.py"))[10:150:7], *sorted((ROOT / "dgls").rglob("*.py"))[::4]]

# The least share of middles that come out unharmed, by policy and way of spoiling: `ide` in gaps as somebody types them
# (`TYPED`), `infill` in regions, too. scripts/clipping/README.md has figures of more and other files.
GATES: list[tuple[Policy, str, float]] = [
    ("ide", "correct", 0.98),
    ("ide", "correct, in its block", 0.995),
    ("infill", "correct", 0.995),
    ("ide", "whole suffix", 0.97),
    ("infill", "whole suffix", 0.97),
    ("ide", "cut suffix", 0.97),
    ("infill", "cut suffix", 0.97),
    ("ide", "suffix, then other code", 0.92),
    ("infill", "suffix, then other code", 0.91),
    ("ide", "indented twice", 0.92),
    ("ide", "echoed head", 0.9),
    ("ide", "fence and prose", 0.88),
    ("ide", "a closer too many", 0.7),
    ("ide", "other code", 0.45),
    ("ide", "no new error", 0.99),
    ("infill", "no new error", 0.99),
]
NOT_GATED = {"markdown", "sql"}  # hardly any text of theirs is wrong to a parser


@pytest.fixture(scope="module")
def python() -> Tallies:
    """The answers in Python: the standard library and this project."""
    return tallies([("python", path.read_text(encoding="utf-8")) for path in PYTHON], 10)


@pytest.fixture(scope="module")
def others() -> Tallies:
    """The answers in the other languages."""
    by_language = sources_of(map(str, FIXTURES))
    return tallies([source for name, texts in by_language.items() if name not in NOT_GATED for source in texts], 16)


@pytest.mark.parametrize(("policy", "way", "least"), GATES)
def test_gate_in_python(python: Tallies, policy: Policy, way: str, least: float) -> None:
    assert of_policy(python, policy).share(policy, way) >= least


@pytest.mark.parametrize(("policy", "way", "least"), GATES)
def test_gate_in_other_languages(others: Tallies, policy: Policy, way: str, least: float) -> None:
    assert of_policy(others, policy).share(policy, way) >= least


def test_tables_are_by_language_and_by_kind_of_gap() -> None:
    first, by_kind, second, _ = (
        part.split("\n") for part in table(sources_of(map(str, FIXTURES[:2])), 2).split("\n\n")
    )
    assert [row.split("|")[1].strip() for row in first] == ["`ide`, %", "---", "csharp", "java", "all"]
    assert [row.split("|")[1].strip() for row in second] == ["`infill`, %", "---", "csharp", "java", "all"]
    assert [row.split("|")[1].strip() for row in by_kind[2:]] == [*TYPED, *REGIONS]
    assert "| 4 |" in second[4]


def test_every_language_has_a_fixture() -> None:
    assert len({language_of("", path.name).name for path in FIXTURES}) == 24
