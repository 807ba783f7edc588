"""A server that speaks as vLLM does, and whose answers are those of a real model after one step."""

from pathlib import Path
from typing import Any

import torch

from dgls.diffusion.prefix import PrefixCache
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.settings import Settings, with_settings
from fake_vllm import FakeVllm


class ComputingVllm(FakeVllm):
    """Reads each canvas once, however many steps are allowed: what it answers does not depend on vLLM's own noise."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.model = Gemma(load_model(folder, with_settings(Settings(), {"device": "cpu"})))

    @torch.no_grad()
    def log_p(self, prompt: list[int], canvas: list[int]) -> torch.Tensor:
        """The log-probabilities of a canvas's first step, `[L, V]`."""
        cache = PrefixCache(self.model)
        cache.sync(prompt)
        hidden = self.model.decode(torch.tensor([canvas]), None, cache.prefix.seen(), len(prompt))
        return self.model.logits(hidden[0]).log_softmax(-1)

    def _written(self, request: dict[str, Any]) -> dict[str, Any]:
        """The likeliest token of each place, and the log-probabilities that were asked for."""
        answer = super()._written(request)
        canvas = request["vllm_xargs"].get("diffusion_seed_canvas")
        if canvas is None or request["prompt"] == [0]:
            return answer
        log_p = self.log_p(request["prompt"], canvas)
        told = request.get("logprob_token_ids")
        others = [told or place.topk(request["logprobs"]).indices.tolist() for place in log_p]
        ids = log_p.argmax(-1).tolist()
        answer["choices"][0]["token_ids"] = ids
        answer["choices"][0]["logprobs"] |= {
            "token_logprobs": log_p.amax(-1).tolist(),
            "top_logprobs": [
                {f"token_id:{other}": float(place[other]) for other in {*some, token}}
                for place, some, token in zip(log_p, others, ids, strict=True)
            ],
        }
        return answer
