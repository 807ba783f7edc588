"""Filling cases through the flow of `dgls.infill`, in a way and at one value of a sweep."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from dgls.engines import Engine
from dgls.engines.tokens import Tokens
from dgls.infill import Answer, infill
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.gap import gap_at
from evaluation.benches import Bench, gap_tokens
from evaluation.cases import Case
from evaluation.engines import Probing
from evaluation.outcome import Outcome
from evaluation.sandbox import passes
from evaluation.sweeps import Variant
from evaluation.ways import Way


async def filled(bench: Bench, cases: Sequence[Case], way: Way, variant: Variant) -> AsyncIterator[Outcome]:
    """The outcome of every case. Raises DglsError."""
    for case in cases:
        true_tokens, n_typed = gap_tokens(bench.tokens, case.prefix, case.truth)
        oracle = true_tokens if way.left_to_right else true_tokens - n_typed
        engine = await bench.engine(way, variant, oracle if way.oracle else way.fixed)
        answer = await _answer(engine, case, variant.settings)
        watched = engine.probe.n_pins_changed if isinstance(engine, Probing) else None
        yield replace(outcome(case, answer, bench.tokens, true_tokens), n_pins_changed=watched)


def outcome(case: Case, answer: Answer, tokens: Tokens, true_tokens: int) -> Outcome:
    """What an answer is worth."""
    best = answer.candidates[0] if answer.candidates else None
    text = answer.fills[0].text if answer.fills else ""
    # A benchmark's gap is whole lines.
    whole = text + "\n" if case.truth.endswith("\n") and not text.endswith("\n") else text
    return Outcome(
        case=case,
        text=text,
        raw=best.raw if best else "",
        sureness=answer.fills[0].sureness if answer.fills else 0.0,
        n_forwards=answer.cost.n_forwards,
        n_steps=answer.cost.n_steps,
        gap_tokens=len(best.draft.tokens) or best.draft.gap_tokens if best else 0,
        true_tokens=true_tokens,
        shown_tokens=len(tokens.encode(text)),
        first_token=bool(text) and tokens.encode(text)[0] == tokens.encode(case.truth)[0],
        any_exact=any(found.text.rstrip() == case.truth.rstrip() for found in answer.candidates),
        passed=passes(case.prefix + whole + case.suffix + case.test) if case.test else None,
    )


async def _answer(engine: Engine, case: Case, settings: Settings) -> Answer:
    """The answer of the flow, without a deadline."""
    gap = gap_at(Document(case.prefix + case.suffix), len(case.prefix))
    found = Answer()
    async for item in infill(gap, engine, settings):
        found = item if isinstance(item, Answer) else replace(found, cost=item.cost)
    return found
