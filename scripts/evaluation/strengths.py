"""Strength: how much of code that stands there changes when so much of it is written anew."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from dgls.engines.filler import Filler
from dgls.infill import asked
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.gap import Gap
from dgls.text.prompt import Standing
from evaluation.cases import Case

STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


def changed(filler: Filler, settings: Settings, case: Case, strength: float) -> float:
    """The share of the true text's tokens that are not in the best text anew, in their order; 0..1."""
    text = case.prefix + case.truth + case.suffix
    gap = Gap(Document(text, name="a.py"), len(case.prefix), len(case.prefix) + len(case.truth))
    *_, last = filler.drafts(replace(asked(gap, settings), middle=(Standing(case.truth, strength),)))
    text = last.candidates[0].text if last.candidates else case.truth
    return _lost(filler.tokens.encode(case.truth), filler.tokens.encode(text))


def _lost(before: Sequence[int], after: Sequence[int]) -> float:
    """The share of tokens that did not stay."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return 1 - sum(block.size for block in blocks) / max(len(before), 1)
