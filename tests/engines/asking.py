"""Engines that ask a server which speaks as vLLM does, and what it was asked."""

import asyncio
from contextlib import aclosing
from typing import Any

from dgls.engines import Drafts
from dgls.engines.vllm.engine import VllmEngine
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt
from fake_vllm import FakeVllm

PLAIN = Prompt("def f(a):\n", "    return x\n", "f.py")


def engine_for(*fakes: FakeVllm, **given: Any) -> VllmEngine:
    """An engine that asks these servers."""
    chosen = {
        "url": [fake.url for fake in fakes],
        "gap_lengths": [4, 8],
        "max_steps": 6,
        "effort": "low",
        "reach_within_s": 1,
    }
    return VllmEngine(with_settings(Settings(), chosen | given))


async def started(engine: VllmEngine) -> VllmEngine:
    """The engine, ready."""
    assert [phrase async for phrase in engine.start()]
    return engine


async def items_of(engine: VllmEngine, prompt: Prompt = PLAIN) -> list[Drafts]:
    """Everything that it yields."""
    async with aclosing(engine.drafts(prompt)) as stream:
        return [item async for item in stream]


def filled(engine: VllmEngine, prompt: Prompt = PLAIN, n: int = 1) -> list[Drafts]:
    """What a started engine yields for a prompt, the last time of several."""

    async def main() -> list[Drafts]:
        try:
            await started(engine)
            return [await items_of(engine, prompt) for _ in range(n)][-1]
        finally:
            await engine.close()

    return asyncio.run(main())


def asked_of(fake: FakeVllm) -> list[dict[str, Any]]:
    """The canvases of fills, without the first questions of the start."""
    return [body for body in fake.asked if body["prompt"] != [0]]
