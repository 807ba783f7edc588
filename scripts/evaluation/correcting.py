"""Self-correction: the unsure tokens of a finished fill become noise once more, and the better text is chosen."""

from dataclasses import dataclass, replace

from dgls.engines import Draft
from dgls.engines.filler import Filler
from dgls.infill import Candidate, asked, chosen
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.prompt import Begun
from dgls.text.syntax import n_errors
from evaluation.cases import Case

_SURE = 0.5


@dataclass(frozen=True)
class Corrected:
    """A fill before and after one more pass: more syntax errors than the true text, exact match; and what it took."""

    broken: float
    broken_after: float
    shown_broken: float
    shown_broken_after: float
    exact: float
    exact_after: float
    changed: float
    further_steps: float


def corrected(filler: Filler, settings: Settings, case: Case) -> Corrected | None:
    """One gap, filled and corrected; None where no candidate agrees with what is typed."""
    gap = gap_at(Document(case.prefix + case.suffix, name="a.py"), len(case.prefix))
    prompt, least = asked(gap, settings), settings.least_sureness_percent / 100
    *_, last = filler.drafts(prompt)
    candidates = chosen(gap, last.candidates, least)
    if not candidates:
        return None
    before = candidates[0]
    doubted = _doubted(before.draft)
    if doubted is None:
        return _figures(gap, case, before, before, 0)
    *_, again = filler.drafts(replace(prompt, begun=(doubted,)))
    after = chosen(gap, (*last.candidates, *again.candidates), least)[0]
    return _figures(gap, case, before, after, again.cost.n_steps)


def _doubted(draft: Draft) -> Begun | None:
    """The draft with noise in the place of what the model was not sure of; None if it was sure of all."""
    tokens = tuple((token.text, token.sureness >= _SURE) for token in draft.tokens)
    return None if all(stays for _, stays in tokens) else Begun((("", True), *tokens))


def _figures(gap: Gap, case: Case, before: Candidate, after: Candidate, n_steps: int) -> Corrected:
    """What became better or worse."""
    least = n_errors(gap, case.truth) or 0
    broken, broken_after, shown, shown_after = (
        float((n_errors(gap, text) or 0) > least) for text in (before.raw, after.raw, before.text, after.text)
    )
    return Corrected(
        broken=broken,
        broken_after=broken_after,
        shown_broken=shown,
        shown_broken_after=shown_after,
        exact=before.text == case.truth,
        exact_after=after.text == case.truth,
        changed=before.raw != after.raw,
        further_steps=n_steps,
    )
