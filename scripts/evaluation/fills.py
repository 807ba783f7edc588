"""Filling cases through the flow of `dgls.infill`, with the gap length chosen, fixed, or told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, replace

from dgls.engines import Drafts, Engine
from dgls.engines.filler import Filler
from dgls.infill import Answer, infill
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.gap import gap_at
from dgls.text.prompt import Prompt
from evaluation.cases import Case
from evaluation.left_to_right import LeftToRight
from evaluation.measures import Outcome
from evaluation.sandbox import passes


@dataclass(frozen=True)
class Way:
    """How gaps are filled: denoised or left to right, with the model's own gap lengths, one, or the true one."""

    name: str
    fixed: int | None = None
    oracle: bool = False
    left_to_right: bool = False


def way_of(name: str) -> Way:
    """`chosen`, `oracle`, a number of tokens, `left-to-right` (to the end of the line) or `left-to-right-oracle`."""
    left_to_right = name.startswith("left-to-right")
    return Way(name, int(name) if name.isdigit() else None, name.endswith("oracle"), left_to_right)


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


def filled(filler: Filler, cases: list[Case], way: Way, settings: Settings) -> Iterator[Outcome]:
    """The outcome of every case."""
    for case in cases:
        truth = len(filler.tokens.encode(case.truth))
        length = truth if way.oracle else way.fixed
        yield outcome(case, asyncio.run(_answer(_engine(filler, way, length), case, settings)), truth)


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


def _engine(filler: Filler, way: Way, length: int | None) -> Engine:
    """The filler as an engine that fills in this way."""
    if way.left_to_right:
        return LeftToRight(filler, length)
    return Started(filler.with_lengths((length,)) if length else filler)


async def _answer(engine: Engine, case: Case, settings: Settings) -> Answer:
    """The answer of the flow, without a deadline."""
    gap = gap_at(Document(case.prefix + case.suffix), len(case.prefix))
    found = Answer()
    async for item in infill(gap, engine, settings):
        found = item if isinstance(item, Answer) else replace(found, cost=item.cost)
    return found
