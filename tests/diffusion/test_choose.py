"""The causal scores of a batch of candidates against one plain encoding for each."""

from typing import Any

import pytest
import torch

from dgls.diffusion.canvas import Canvas
from dgls.diffusion.choose import Joined, behind_the_surest, causal_scores
from dgls.diffusion.denoise import Step
from dgls.diffusion.layout import further_lengths
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


@pytest.mark.parametrize(
    ("tried", "best", "next_ones"),
    [
        ([1, 2, 4, 8], 4, []),
        ([1, 2, 4, 8], 1, []),
        ([1, 2, 4, 8], 8, [11, 16, 23, 32]),
        ([16, 23, 32, 45, 60], 16, [4, 6, 8, 11]),
        ([16, 23, 32, 45], 23, [4, 6, 8, 11]),
        ([16, 23, 32, 45], 45, [4, 6, 8, 11, 60]),
        ([4, 6, 8], 4, [1, 2, 3]),
        ([60], 60, []),
    ],
)
def test_lengths_are_tried_below_the_shortest_and_beyond_the_best(
    tried: list[int], best: int, next_ones: list[int]
) -> None:
    """Never beyond the most that fits, and not for a fixed length."""
    assert further_lengths(tried, best, 60) == next_ones


@pytest.mark.parametrize(
    ("tried", "best", "next_ones"),
    [
        ([1, 2, 4, 8, 16], 4, [3, 5, 6, 7]),
        ([1, 2, 4, 8, 16], 8, [6, 9, 12, 14]),
        ([1, 2, 3, 4], 2, []),
        ([1, 2, 4], 1, []),
        ([2, 8], 2, [1, 4, 5, 7]),
        ([2, 8], 8, [1, 3, 4, 6, 7, 11, 16, 23, 32]),
    ],
)
def test_fine_rounds_try_the_lengths_beside_the_best_one(tried: list[int], best: int, next_ones: list[int]) -> None:
    """As many as four of those between its neighbours."""
    assert further_lengths(tried, best, 60, fine=True) == next_ones


SURENESS = torch.tensor([[0.9, 0.5], [0.4, 0.6], [0.3, 0.3], [0.2, 0.2]])  # means 0.7, 0.5, 0.3, 0.2


@pytest.mark.parametrize(
    ("n_kept", "least_shares", "already", "lagging"),
    [
        (2, [], [], [2, 3]),
        (4, [], [], []),
        (4, [0.4], [], [3]),  # 0.2 is less than 0.28
        (4, [0.1, 0.7], [], [2, 3]),  # this is the third step
        (4, [0.1, 0.1, 0.7, 0.1], [], [2, 3]),
        (1, [0.5], [], [1, 2, 3]),
        (4, [0.5], [0], [3]),  # of those that are left
    ],
)
def test_rows_that_lag_behind_the_surest(
    n_kept: int, least_shares: list[float], already: list[int], lagging: list[int]
) -> None:
    """By rank and by share; a row that was dropped before is no measure."""
    dropped = torch.tensor([row in already for row in range(4)])
    pinned = torch.zeros((4, 2), dtype=torch.bool)
    canvas = Canvas(torch.zeros((4, 2), dtype=torch.long), pinned, torch.zeros_like(pinned), ~pinned)
    nothing = torch.zeros((4, 2))
    step = Step(3, nothing, nothing, SURENESS, nothing, nothing, dropped, dropped)
    found = behind_the_surest(n_kept, least_shares)(step, canvas)
    assert [row for row in torch.nonzero(found).flatten().tolist() if row not in already] == lagging
