"""Warm starts: drafts behind what was typed meanwhile, and what the model makes of them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from lsprotocol import types as lsp

from dgls.diffusion.sampling import Kernel
from dgls.engines import Draft, Drafts, Token
from dgls.engines.filler import Filler, load_filler
from dgls.infill import asked
from dgls.lsp.workspace import Documents
from dgls.settings import Settings, with_settings
from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.prompt import Begun
from dgls.warm import begun

BEFORE, BEHIND = "def total(numbers):\n    result = 0\n    ", "\n    return result\n"


def draft_of(*tokens: str) -> Draft:
    """A draft of these tokens; one that ends with ~ has not settled, one that ends with ? is not sure."""
    made = tuple(Token(token.strip("~?"), 0.3 if token.endswith("?") else 0.9, "~" not in token) for token in tokens)
    return Draft("".join(token.text for token in made), made)


def kept_of(fills: Sequence[Begun]) -> list[list[str]]:
    """The tokens of each fill, those that do not stay as _."""
    return [[text if stays else "_" for text, stays in fill.tokens if text or not stays] for fill in fills]


def test_a_draft_that_goes_on_as_typed_is_shifted() -> None:
    found = begun([draft_of("for", " number", " in~", " numbers", ":")], "for n")
    assert kept_of(found) == [["umber", "_", " numbers", ":"]]


def test_drafts_that_begin_otherwise_are_left_out() -> None:
    drafts = [draft_of("if", " x"), draft_of("for", " n"), draft_of("for", " m"), draft_of("fo", "r", " n~")]
    assert kept_of(begun(drafts, "for")) == [[" n"], [" m"]]


def test_what_is_typed_has_a_place_of_its_own_unless_a_place_is_the_rest_of_it() -> None:
    assert kept_of(begun([draft_of("for", " n~", " in")], "for")) == [["_", "_", " in"]]
    assert kept_of(begun([draft_of("for", " n~", " in")], "for ")) == [["_", " in"]]
    assert kept_of(begun([draft_of("for~", " n~", " in")], "fo")) == [["_", "_", " in"]]


def test_after_a_deviation_nothing_is_kept() -> None:
    assert begun([draft_of("result", " +=", " number", " *", " 2")], "total") == ()


def test_without_anything_settled_there_is_no_warm_start() -> None:
    assert begun([draft_of("a", " b~", " c~")], "a") == ()
    assert begun([draft_of("ab")], "ab") == ()
    assert begun([], "x") == ()


def test_drafts_are_those_of_the_same_gap() -> None:
    documents = Documents()
    documents.open(lsp.TextDocumentItem("file:///a.py", "python", 0, BEFORE + BEHIND))
    gap = gap_at(Document(BEFORE + BEHIND, "file:///a.py"), len(BEFORE))
    documents.note(gap, Drafts((draft_of("for", " number"),), final=False))
    assert kept_of(documents.begun(_typed(gap, "f"))) == [["or", " number"]]
    assert documents.begun(gap) == ()  # nothing was typed
    assert documents.begun(_typed(gap, "f" * 41)) == ()
    elsewhere = Document(BEFORE + "f" + BEHIND + "x", "file:///a.py")
    assert documents.begun(gap_at(elsewhere, len(BEFORE) + 1)) == ()
    documents.close("file:///a.py")
    assert documents.begun(_typed(gap, "f")) == ()


def _typed(gap: Gap, text: str) -> Gap:
    """The gap behind some keys."""
    return gap_at(replace(gap.document, text=gap.prefix + text + gap.suffix), gap.start + len(text))


@pytest.fixture(scope="module", params=["", "tests/by_heart/uniform", "tests/by_heart/mixed"])
def filler(request: pytest.FixtureRequest) -> Filler:
    """The bundled model, and the two that know a file by heart."""
    return load_filler(with_settings(Settings(), {"model": request.param, "device": "cpu", "threads": 1}))


@pytest.mark.parametrize("typed", ["f", "fo", "for", "for ", "for n", "for numb"])
def test_a_warm_start_takes_fewer_steps_and_says_what_was_typed(filler: Filler, typed: str) -> None:
    gap = _typed(gap_at(Document(BEFORE + BEHIND, name="a.py"), len(BEFORE)), typed)
    prompt = asked(gap, Settings())
    drafts = [draft_of("for", " number~", " in", " numbers", ":", "\n        ", "result", " +=", " number")]
    *_, cold = filler.drafts(prompt)
    *_, warm = filler.drafts(replace(prompt, begun=begun(drafts, typed)))
    assert warm.cost.n_steps < cold.cost.n_steps
    assert warm.candidates
    if filler.facts.sampling.kernel is Kernel.ABSORBING:
        assert warm.candidates[0].text.endswith(" numbers:\n        result += number")


def test_a_warm_start_has_room_for_all_of_a_long_name(filler: Filler) -> None:
    gap = _typed(gap_at(Document(BEFORE + BEHIND, name="a.py"), len(BEFORE)), "configuration_of_all_numbers")
    drafts = [draft_of("configuration_of_all_numbers", "(~", "numbers", ")")]
    *_, warm = filler.drafts(replace(asked(gap, Settings()), begun=begun(drafts, "configuration_of_all_numbers")))
    assert warm.candidates
    if filler.facts.sampling.kernel is Kernel.ABSORBING:
        assert warm.candidates[0].text.endswith("numbers)")


def test_a_fill_that_fits_no_canvas_any_more_begins_anew(filler: Filler) -> None:
    gap = gap_at(Document(BEFORE + BEHIND, name="a.py"), len(BEFORE))
    prompt = asked(gap, Settings())
    *_, cold = filler.drafts(prompt)
    *_, warm = filler.drafts(replace(prompt, begun=(Begun((("(" * 300, True), (")", False))),)))
    assert [draft.text for draft in warm.candidates] == [draft.text for draft in cold.candidates]
