"""Engines that ask the real server, and what the model in this process says of the same canvas."""

from contextlib import aclosing
from typing import Any

import torch

from dgls.diffusion.prefix import PrefixCache
from dgls.engines import Drafts
from dgls.engines.gemma import Gemma
from dgls.engines.vllm.engine import VllmEngine
from dgls.engines.vllm.wire import Asked
from dgls.settings import with_settings
from dgls.text.prompt import Prompt
from tests.vllm.server import Real


def engine_for(server: Real, **given: Any) -> VllmEngine:
    """An engine with short gaps: each step of each row takes its time on a CPU."""
    chosen = {"gap_lengths": [4], "suffix_tokens": 8, "max_steps": 3, "effort": "low"}
    return VllmEngine(with_settings(server.settings, chosen | given))


async def items_of(engine: VllmEngine, prompt: Prompt) -> list[Drafts]:
    """Everything that a started engine yields."""
    async with aclosing(engine.drafts(prompt)) as stream:
        return [item async for item in stream]


@torch.no_grad()
def ours(model: Gemma, asked: Asked) -> torch.Tensor:
    """The local engine's log-probabilities of a canvas's first step, `[L, V]`."""
    cache = PrefixCache(model)
    cache.sync(asked.prompt)
    hidden = model.decode(torch.tensor([asked.canvas]), None, cache.prefix.seen(), len(asked.prompt))
    return model.logits(hidden[0]).log_softmax(-1)
