"""Code that stands in the gap and a real vLLM: the same numbers as the model in this process.

Its name puts it before the tests that kill the server, and behind those that count what it was asked.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.engines import Drafts, Reading
from dgls.engines.checkpoint import read_facts
from dgls.engines.framing import framed
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.engines.local import LocalEngine
from dgls.engines.tokens import read_tokens
from dgls.engines.vllm.known import texts_known
from dgls.settings import with_settings
from dgls.text.prompt import Open, Pinned, Prompt, Standing
from tests.vllm.asking import engine_for, items_of, ours
from tests.vllm.server import Real

pytestmark = pytest.mark.vllm


def test_code_is_read_weighed_and_edited_as_in_this_process(vllm: Real, checkpoint: Path) -> None:
    """Standing code token by token and each text's score to 1e-3; pinned text stands in every candidate of two gaps.

    A text is scored as a finished row is, which is not the local engine's causal pass.
    """
    texts, around = ["x = a", "", "return"], Prompt("def f(a):\n    ", "\n    return a\n", "f.py")
    standing = replace(around, middle=(Standing("b = f(a)"),))
    settings = with_settings(vllm.settings, {"engine": "local", "device": "cpu", "suffix_tokens": 8})

    async def here() -> tuple[Reading, ...]:
        engine = LocalEngine(settings)
        async for _ in engine.start():
            pass
        try:
            return await engine.read(standing)
        finally:
            await engine.close()

    async def there() -> tuple[tuple[Reading, ...], tuple[float, ...], Drafts, Drafts]:
        engine = engine_for(vllm, gap_lengths=[1, 2, 3, 4], n_kept_lengths=8)
        async for _ in engine.start():
            pass
        try:
            two_gaps = replace(around, middle=(Open(), Pinned(" = "), Open()))
            anew = replace(around, middle=(Standing("b = f(a)", 0.5),))
            edited = [(await items_of(engine, prompt))[-1] for prompt in (two_gaps, anew)]
            return await engine.read(standing), await engine.weigh(around, texts), edited[0], edited[1]
        finally:
            await engine.close()

    (found, scores, filled, anew), expected = asyncio.run(there()), asyncio.run(here())
    assert [(one.text, one.instead) for one in found] == [(one.text, one.instead) for one in expected]
    assert [one.likelihood for one in found] == pytest.approx([one.likelihood for one in expected], abs=1e-3)
    model = Gemma(load_model(checkpoint, settings))
    tokens, facts = read_tokens(checkpoint, model.vocab_size), read_facts(checkpoint, settings)
    frame = framed(around, tokens, settings.strategy, facts.context_tokens)
    known, n_scored = texts_known(frame, texts, tokens, settings, facts)
    for score, one in zip(scores, known, strict=True):
        (asked,) = one.asked
        log_p = ours(model, asked)[range(len(asked.canvas)), asked.canvas]
        gap, tail = log_p[one.row.start : one.row.end], log_p[one.row.end :][:n_scored]
        assert score == pytest.approx(float(tail.mean() + (gap.mean() if len(gap) else 0.0)), abs=1e-3)
    assert filled.candidates
    assert all(" = " in draft.text and len(draft.parts) == 2 for draft in filled.candidates)
    assert all(draft.gap_tokens == len("b = f(a)") for draft in anew.candidates)  # none with a special token in it
