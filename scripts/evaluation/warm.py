"""Warm starts against cold ones: the same request with and without what an earlier draft of it has left."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from dgls.engines import Draft, Drafts
from dgls.engines.filler import Filler
from dgls.infill import asked, chosen
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.edit import n_alike
from dgls.text.gap import gap_at
from dgls.text.prompt import Begun
from dgls.warm import begun, behind
from evaluation.cases import Case

_SURE = 0.5
_NEW_TOKENS = (1, 2, 3, 4)  # what may stand in the place of a typed deviation, with what is typed of it
_LEAST_KEPT = 2

_SYMBOL = re.compile(r"\s*\w+|\s*\W")


@dataclass(frozen=True)
class Start:
    """One request, cold and warm: steps, passes, and whether the text is the true one."""

    cold_steps: float
    warm_steps: float
    cold_forwards: float
    warm_forwards: float
    cold_exact: float
    warm_exact: float
    same_text: float


# What a user types after a first request, and what is left of its drafts by then; None when nothing is.
Typing = Callable[[Filler, Settings, Case], "tuple[str, tuple[Begun, ...]] | None"]


def after_a_key(filler: Filler, settings: Settings, case: Case) -> tuple[str, tuple[Begun, ...]] | None:
    """The next character of the truth, typed after the second step of a running fill."""
    early = list(islice(_drafts(filler, settings, case, ""), 2))
    left = begun(early[-1].candidates, case.truth[0])
    return (case.truth[0], left) if left else None


def after_a_deviation(filler: Filler, settings: Settings, case: Case) -> tuple[str, tuple[Begun, ...]] | None:
    """What the fill has right, and the next symbol of the truth in place of what it has wrong."""
    *_, last = _drafts(filler, settings, case, "")
    best = _best(settings, case, "", last)
    n_right = n_alike(best, case.truth)
    symbol = _SYMBOL.match(case.truth[n_right:])
    if not best or best == case.truth or symbol is None:
        return None
    shown = sorted(last.candidates, key=lambda draft: draft.text != best)
    typed = case.truth[: n_right + symbol.end()]
    left = tuple(_mended(shown[0], typed))
    return (typed, left) if left else None


def _mended(draft: Draft, typed: str) -> Iterator[Begun]:
    """A draft whose beginning is what was typed instead, with a few new tokens there, and the rest if it is sure."""
    rest = behind(draft.tokens, n_alike(draft.text, typed))[0][1:]
    kept = [(token.text, token.settled and token.sureness >= _SURE) for token in rest]
    if sum(stays for _, stays in kept) >= _LEAST_KEPT:
        for n_new in _NEW_TOKENS:
            yield Begun((*[("", False)] * n_new, *kept))


def started(filler: Filler, settings: Settings, case: Case, typing: Typing) -> Start | None:
    """Both starts of the request behind what was typed; None when there is no warm one."""
    found = typing(filler, settings, case)
    if found is None:
        return None
    typed, left = found
    *_, cold = _drafts(filler, settings, case, typed)
    *_, warm = _drafts(filler, settings, case, typed, left)
    texts = [_best(settings, case, typed, last) for last in (cold, warm)]
    truth = case.truth.removeprefix(typed)
    return Start(
        cold_steps=cold.cost.n_steps,
        warm_steps=warm.cost.n_steps,
        cold_forwards=cold.cost.n_forwards,
        warm_forwards=warm.cost.n_forwards,
        cold_exact=texts[0] == truth,
        warm_exact=texts[1] == truth,
        same_text=texts[0] == texts[1],
    )


def _drafts(
    filler: Filler, settings: Settings, case: Case, typed: str, left: tuple[Begun, ...] = ()
) -> Iterator[Drafts]:
    """The drafts of a case behind what was typed."""
    gap = gap_at(Document(case.prefix + typed + case.suffix, name="a.py"), len(case.prefix) + len(typed))
    return filler.drafts(replace(asked(gap, settings), begun=left))


def _best(settings: Settings, case: Case, typed: str, last: Drafts) -> str:
    """The text that is shown in the end."""
    gap = gap_at(Document(case.prefix + typed + case.suffix, name="a.py"), len(case.prefix) + len(typed))
    found = chosen(gap, last.candidates, settings.least_sureness_percent / 100)
    return found[0].text if found else ""
