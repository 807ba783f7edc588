"""The prefix cache against encoding everything anew, with transformers' own cache as the reference."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dgls.diffusion.prefix import PrefixCache
from dgls.engines.gemma import Gemma
from tests.tiny import WINDOW

CANVAS = torch.tensor([[40, 41, 3, 3, 3, 50]])
TOLERANCE = 1e-4
LONG = [2, *((11 * n) % 250 + 4 for n in range(3 * WINDOW))]


@torch.no_grad()
def reference(loaded: Any, ids: list[int]) -> Tensor:
    """The logits of a canvas behind `ids`, by one plain forward of transformers' class."""
    output = loaded(input_ids=torch.tensor([ids]), decoder_input_ids=CANVAS)
    logits: Tensor = output.logits
    return logits


@torch.no_grad()
def ours(model: Gemma, cache: PrefixCache) -> Tensor:
    """The same behind a synced cache."""
    hidden = model.decode(CANVAS, None, cache.prefix.seen(), len(cache.prefix.ids))
    return model.logits(hidden)


EDITS = {
    "append": [LONG[:20], LONG[:21], LONG[:30]],
    "backspace": [LONG[:20], LONG[:19], LONG[:17]],
    "edit in the middle": [LONG[:30], [*LONG[:12], 99, *LONG[13:30]]],
    "shrink below the window": [LONG, LONG[:10]],
    "shrink to one": [LONG, LONG[:1]],
    "shrink and grow": [LONG, LONG[:10], LONG],
    "another document": [LONG, [200, 201, 202]],
    "many backspaces beyond the window": [LONG[:n] for n in range(len(LONG), 5, -3)],
    "one by one across the window": [LONG[:n] for n in range(WINDOW - 3, WINDOW + 4)],
    "unchanged": [LONG, LONG],
}


@pytest.mark.parametrize("history", EDITS.values(), ids=EDITS.keys())
def test_reuse_equals_recompute(loaded: Any, model: Gemma, history: list[list[int]]) -> None:
    """After every edit the canvas reads exactly what it would read behind a fresh encoding."""
    cache = PrefixCache(model)
    for ids in history:
        cache.sync(ids)
        assert cache.prefix.ids == ids
        assert (ours(model, cache) - reference(loaded, ids)).abs().max() <= TOLERANCE


def test_only_what_is_new_is_encoded(model: Gemma) -> None:
    """Counts of encoded tokens: all, one more, none, what follows the first difference."""
    cache = PrefixCache(model)

    assert cache.sync(LONG[:30]) == 30
    assert cache.sync(LONG[:31]) == 1
    assert cache.sync(LONG[:31]) == 0
    assert cache.sync(LONG[:20]) == 0
    assert cache.sync([*LONG[:15], 99, 98]) == 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3 * WINDOW), st.integers(4, 250)), min_size=1, max_size=6))
def test_any_history_is_exact(edits: list[tuple[int, int]]) -> None:
    """Random cuts, each followed by another token."""
    from tests.tiny import tiny_model

    loaded = tiny_model()
    model = Gemma(loaded)
    cache = PrefixCache(model)
    cache.sync(LONG)
    for length, token in edits:
        ids = [*cache.prefix.ids[:length], token]
        cache.sync(ids)
    assert (ours(model, cache) - reference(loaded, ids)).abs().max() <= TOLERANCE


def test_an_earlier_prefix_stays_as_it_is(loaded: Any, model: Gemma) -> None:
    """A request that is still running reads its own prefix, although the cache has moved on."""
    cache = PrefixCache(model)
    cache.sync(LONG)
    earlier = cache.prefix
    cache.sync([*LONG[:9], 77, 78])
    with torch.no_grad():
        logits = model.logits(model.decode(CANVAS, None, earlier.seen(), len(earlier.ids)))
    assert (logits - reference(loaded, LONG)).abs().max() <= TOLERANCE


def test_branches_leave_the_cache_alone(loaded: Any, model: Gemma) -> None:
    """Appending to a branch does not show in the cache."""
    cache = PrefixCache(model)
    cache.sync(LONG)
    branch = cache.prefix.without_last(3)
    with torch.no_grad():
        model.encode(torch.tensor([[9, 8, 7]] * 3), branch, len(LONG) - 1)

    assert branch.layers[0].keys.shape[-2] == len(LONG) - 1 + 3
    assert (ours(model, cache) - reference(loaded, LONG)).abs().max() <= TOLERANCE
