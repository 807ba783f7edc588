"""How likely standing code is, against one pass for each token; and what becomes noise of it."""

from itertools import pairwise

import pytest
import torch

from dgls.diffusion.canvas import Canvas, lay_rows
from dgls.diffusion.denoise import denoise
from dgls.diffusion.layout import Run, least_likely
from dgls.diffusion.noise import SeededNoise
from dgls.diffusion.prefix import PrefixCache
from dgls.diffusion.renoise import likelihoods, steps_left
from dgls.diffusion.sampling import Kernel, Sampling
from dgls.engines.gemma import Gemma

PREFIX = list(range(5, 12))
STANDING = [40 + 3 * n for n in range(20)]
TAIL = [30, 31, 32]
BANNED = torch.zeros(260, dtype=torch.bool).index_fill(0, torch.arange(4), value=True)


def canvas_of(*runs: Run) -> Canvas:
    """A row between what is known."""
    return lay_rows([9], [runs], TAIL, end=1, width=32)


@torch.no_grad()
@pytest.mark.parametrize("noise_id", [None, 3])
def test_likelihoods_are_those_of_one_pass_for_each_token(model: Gemma, noise_id: int | None) -> None:
    cache = PrefixCache(model)
    cache.sync(PREFIX)
    past, canvas = cache.prefix.seen(), canvas_of(Run(STANDING, "warm"))
    parts = list(likelihoods(model, past, len(PREFIX), canvas, noise_id=noise_id, banned=BANNED))
    assert len(parts) == (1 if noise_id is None else 2)  # 20 tokens, 16 rows at once
    p, instead = torch.cat([part.p for part in parts]), torch.cat([part.instead for part in parts])
    for index, token in enumerate(STANDING):
        place = 1 + index
        row = canvas.ids.clone()
        if noise_id is not None:
            row[0, place] = noise_id
        logits = model.logits(model.decode(row, None, past, len(PREFIX))[0, place : place + 1])[0]
        expected = logits.masked_fill(BANNED, -torch.inf).softmax(-1)
        assert float(p[index]) == pytest.approx(float(expected[token]), abs=1e-5)
        assert int(instead[index]) == int(expected.argmax())


def test_a_stronger_noise_takes_all_that_a_weaker_one_takes() -> None:
    p = [0.9, 0.1, 0.5, 0.3, 0.7]
    chosen = [least_likely(p, strength / 10) for strength in range(11)]
    assert [sum(one) for one in chosen] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert all(hard >= soft for before, after in pairwise(chosen) for soft, hard in zip(before, after, strict=True))
    assert chosen[2] == [False, True, False, False, False]


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_an_impossible_strength_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="a strength is"):
        least_likely([0.5], strength)


@pytest.mark.parametrize("kernel", Kernel)
def test_what_is_warm_begins_as_it_is_and_pins_inside_never_change(model: Gemma, kernel: Kernel) -> None:
    cache = PrefixCache(model)
    cache.sync(PREFIX)
    canvas = canvas_of(
        Run([7, 8], "warm"), Run([0] * 4, "noise"), Run([50, 51], "pinned"), Run([0], "noise"), Run([60], "warm")
    )
    sampling = Sampling(max_denoising_steps=6, kernel=kernel)
    noise = SeededNoise(0, 260, model.device, None if kernel is Kernel.UNIFORM else 3)
    steps = list(
        denoise(model, cache.prefix.seen(), len(PREFIX), canvas, sampling=sampling, noise=noise, banned=BANNED)
    )
    for step in steps:
        for ids in (step.draft, step.current):
            assert bool((ids == canvas.ids)[canvas.pinned].all())
            assert kernel is not Kernel.ABSORBING or bool((ids == canvas.ids)[canvas.warm].all())
    assert canvas.middle.sum() == 10
    assert canvas.gap.sum() == 8


@pytest.mark.parametrize("kernel", Kernel)
def test_with_no_noise_nothing_is_computed_and_nothing_changes(model: Gemma, kernel: Kernel) -> None:
    cache = PrefixCache(model)
    cache.sync(PREFIX)
    past, canvas = cache.prefix.seen(), canvas_of(Run(STANDING, "warm"))
    before = model.n_forwards
    sampling = Sampling(max_denoising_steps=6, kernel=kernel)
    steps = list(
        denoise(
            model,
            past,
            len(PREFIX),
            canvas,
            sampling=sampling,
            noise=SeededNoise(0, 260, model.device, 3),
            banned=BANNED,
            n_steps=steps_left(canvas, sampling),
        )
    )
    assert [step.draft.tolist() for step in steps] == [canvas.ids.tolist()]
    assert model.n_forwards == before


def test_what_is_warm_is_that_much_of_the_way() -> None:
    half = canvas_of(Run([7, 8], "warm"), Run([0, 0], "noise"))
    assert steps_left(half, Sampling(max_denoising_steps=10)) == 5
    assert steps_left(canvas_of(Run([0, 0], "noise")), Sampling(max_denoising_steps=10)) == 10
    assert steps_left(half, Sampling(max_denoising_steps=10, kernel=Kernel.ABSORBING)) is None
