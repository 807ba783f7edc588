"""Cases of edits that follow a change: each leads to what the authors wrote; and how edits are counted."""

import json
import random
import sys
from pathlib import Path

import pytest

import evaluate
from evaluation.bootstrap import ratio
from evaluation.edits.case import EditCase, file_of
from evaluation.edits.cases import edit_cases, makers
from evaluation.edits.outcome import Followed, measures

TEXT = '''\
"""A shop that sells things."""

RATE = 7  # a rate


class Shop:
    """Sells what people want to buy."""

    def __init__(self, name, size):
        self.name = name
        self.size = size

    def price(self, item, tax):
        amount = item * self.size
        return amount + tax

    def total(self, items, tax):
        found = 0
        for one in items:
            found += self.price(one, tax)
        if tax is None:
            return self.name
        else:
            return found


def shown(shop, text):
    print("a shop that sells", shop.name, text)


def main(text):
    shown(Shop, text)
'''
NAMES = "a_name = another_name = one_more = other_name\n"


def made(kind: str, seed: int = 0) -> EditCase | None:
    """A case of the shop."""
    file = file_of("shop.py", TEXT)
    assert file is not None
    return makers(["one_more", "other_name"])[kind](file, random.Random(seed))


@pytest.mark.parametrize("kind", [kind for kind in makers([]) if not kind.startswith("quiet")])
def test_what_is_wanted_leads_back_to_what_the_authors_wrote(kind: str) -> None:
    for seed in range(5):
        case = made(kind, seed)
        if case is None:
            continue
        assert case.before != case.now != TEXT
        assert case.expected
        if len(case.expected) == 1:
            assert case.expected == (TEXT,)
        for text in case.expected:
            assert file_of("a.py", text) is not None
        assert file_of("a.py", case.before) is not None
        return
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", [kind for kind in makers([]) if kind.startswith("quiet")])
def test_a_quiet_change_ends_in_what_the_authors_wrote(kind: str) -> None:
    case = next(case for case in (made(kind, seed) for seed in range(9)) if case is not None)
    assert (case.now, case.expected) == (TEXT, ())
    assert case.before != TEXT


def test_cases_are_the_same_for_the_same_seed() -> None:
    texts = [("a.py", TEXT), ("b.py", TEXT.replace("Shop", "Market")), ("names.py", NAMES)]
    first = edit_cases(texts, 3, 0, ["rename", "field"])
    assert first == edit_cases(reversed(texts), 3, 0, ["field", "rename"])
    assert {case.kind.partition(":")[0] for case in first} == {"rename", "field"}


def test_precision_and_recall_are_of_edits() -> None:
    case = EditCase("a", "argument", "0", "1", ("right", "missed"))
    found = [Followed(case, ("right", "wrong"), 3), Followed(case, (), 1)]
    numbers = {name: one and one["value"] for name, one in measures(found).items()}
    assert numbers == {"precision": 0.5, "recall": 0.25, "passes": 2.0}
    quiet = [Followed(EditCase("a", "quiet: literal", "0", "1"), some, 0) for some in ((), (), ("x",), ())]
    shares = measures(quiet)["quiet"]
    assert shares is not None
    assert shares["value"] == 0.75


def test_a_ratio_of_nothing_is_unknown() -> None:
    assert ratio([0.0], [0.0]) is None
    found = ratio([1.0, 0.0, 2.0], [1.0, 0.0, 3.0])
    assert found is not None
    assert (found["value"], found["n"]) == (0.75, 4)


def test_the_command_measures_all_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "shop.py").write_text(TEXT, encoding="utf-8")
    (folder / "names.py").write_text(NAMES, encoding="utf-8")
    script = tmp_path / "script.json"
    script.write_text("{}", encoding="utf-8")
    out, card = tmp_path / "out.json", tmp_path / "card.md"
    given = ["edits", "--files", str(folder), "--n", "1", "--ways", "flow", "mirrored"]
    given += ["--engine", "scripted", "--set", f"script={script}", "--out", str(out), "--card", str(card)]
    monkeypatch.setattr(
        sys, "argv", ["evaluate.py", *given, "--kinds", "rename: function", "quiet: comment", "quiet: literal"]
    )
    assert evaluate.main() == 0
    whole = json.loads(out.read_text(encoding="utf-8"))
    flow, mirrored = whole["results"]
    rows = {row["kind"]: row for row in mirrored["kinds"]}
    assert rows["rename: function"]["recall"]["value"] == 1
    assert rows["quiet: all"]["quiet"]["value"] == 1
    assert {row["kind"]: row for row in flow["kinds"]}["rename: function"]["recall"]["value"] == 0
    assert "| mirrored | rename: function | 1 | 100.0 [100.0, 100.0]" in card.read_text(encoding="utf-8")
    assert "Next edits" in capsys.readouterr().out


def test_a_way_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "edits", "--ways", "oracle"])
    assert evaluate.main() == 2
    assert "there is no way 'oracle' to follow a change" in capsys.readouterr().err
