"""The causal scores of a batch of candidates against one plain encoding for each."""

from typing import Any

import pytest
import torch

from dgls.diffusion.choose import Joined, causal_scores
from dgls.diffusion.prefix import PrefixCache
from dgls.engines.gemma import Gemma

CANDIDATES = [
    Joined([], [10], [20, 21]),
    Joined([], [10, 11, 12, 13, 14, 15], [20, 21]),
    Joined([5, 6], [10, 11], [20]),
    Joined([], [10, 11], []),
]


@torch.no_grad()
def reference(loaded: Any, prefix: list[int], found: Joined) -> float:
    """`log p(gap, tail | prefix, head)` by transformers' encoder and head, one token after the other."""
    ids = [*prefix, *found.ids]
    hidden = loaded.model.encoder(input_ids=torch.tensor([ids])).last_hidden_state[0]
    softcap = loaded.final_logit_softcapping
    log_p = (torch.tanh(loaded.lm_head(hidden) / softcap) * softcap).log_softmax(-1)
    first = len(prefix) + len(found.head)
    return float(sum(log_p[at - 1, ids[at]] for at in range(first, len(ids))))


@pytest.mark.parametrize("n_prefix", [1, 7, 50])
def test_equals_one_by_one(loaded: Any, model: Gemma, n_prefix: int) -> None:
    """In one batch and one by one, with a prefix of one token and with one beyond the window."""
    prefix = [2, *((13 * n) % 250 + 4 for n in range(n_prefix - 1))]
    cache = PrefixCache(model)
    cache.sync(prefix)
    scores = causal_scores(model, cache.prefix, CANDIDATES)

    assert scores == pytest.approx([reference(loaded, prefix, found) for found in CANDIDATES], abs=1e-3)
    assert model.n_forwards == 2
