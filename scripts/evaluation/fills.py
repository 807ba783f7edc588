"""Filling cases through the flow of `dgls.infill`, with the gap length chosen, fixed, or told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, replace

from dgls.engines import Drafts
from dgls.engines.filler import Filler
from dgls.infill import Answer, infill
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.gap import gap_at
from dgls.text.prompt import Prompt
from evaluation.cases import Case
from evaluation.measures import Outcome
from evaluation.sandbox import passes


@dataclass(frozen=True)
class Lengths:
    """Which gap lengths are tried: the model's own, one fixed number of tokens, or the true one (`oracle`)."""

    name: str
    fixed: int | None = None
    oracle: bool = False


class Started:
    """A loaded filler as an engine."""

    name = "local"

    def __init__(self, filler: Filler) -> None:
        self._filler = filler

    async def start(self) -> AsyncIterator[str]:
        """It is started."""
        yield "ready"

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The filler's drafts, in this thread."""
        for item in self._filler.drafts(prompt):
            yield item

    async def close(self) -> None:
        """The filler lives on."""


def filled(filler: Filler, cases: list[Case], lengths: Lengths, settings: Settings) -> Iterator[Outcome]:
    """The outcome of every case."""
    for case in cases:
        truth = filler.n_tokens(case.truth)
        wanted = (truth,) if lengths.oracle else (lengths.fixed,) if lengths.fixed else None
        fitting = filler.with_lengths(wanted) if wanted else filler
        yield outcome(case, asyncio.run(_answer(fitting, case, settings)), truth)


def outcome(case: Case, answer: Answer, true_tokens: int) -> Outcome:
    """What an answer is worth."""
    best = answer.candidates[0] if answer.candidates else None
    truth = case.truth.rstrip()
    text = answer.fills[0].text if answer.fills else ""
    # A benchmark's gap is whole lines; the clip leaves the last line end to the suffix.
    whole = text + "\n" if case.truth.endswith("\n") else text
    return Outcome(
        case=case,
        text=text,
        sureness=answer.fills[0].sureness if answer.fills else 0.0,
        n_forwards=answer.cost.n_forwards,
        n_steps=answer.cost.n_steps,
        gap_tokens=best.draft.gap_tokens if best else 0,
        true_tokens=true_tokens,
        any_exact=any(found.text.rstrip() == truth for found in answer.candidates),
        passed=passes(case.prefix + whole + case.suffix + case.test) if case.test else None,
    )


async def _answer(filler: Filler, case: Case, settings: Settings) -> Answer:
    """The answer of the flow, without a deadline."""
    gap = gap_at(Document(case.prefix + case.suffix), len(case.prefix))
    found = Answer()
    async for item in infill(gap, Started(filler), settings):
        found = item if isinstance(item, Answer) else replace(found, cost=item.cost)
    return found
