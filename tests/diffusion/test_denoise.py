"""Our denoising loop against transformers' own `generate` with a pinning logits processor, on the same noise."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessorList
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    EntropyBoundSampler,
    EntropyBoundSamplerConfig,
)

from dgls.diffusion.canvas import Canvas, lay_out, lay_rows
from dgls.diffusion.choose import behind_the_surest, mean_sureness
from dgls.diffusion.denoise import Step, denoise
from dgls.diffusion.layout import Run
from dgls.diffusion.noise import SeededNoise
from dgls.diffusion.prefix import PrefixCache
from dgls.diffusion.sampling import Kernel, Sampling
from dgls.engines.gemma import Gemma

VOCAB = 260
END = 1
NOTHING_BANNED = torch.zeros(VOCAB, dtype=torch.bool)
SHORT = list(range(5, 12))
LONG = [2, *((7 * n) % 250 + 4 for n in range(60))]  # far beyond the window of 16


class Tape:
    """Noise drawn beforehand for whole canvases, so that two loops can be given the same."""

    def __init__(self, canvas: Canvas, n_steps: int) -> None:
        rows, width = canvas.ids.shape
        source = torch.Generator().manual_seed(7)
        self.canvas = canvas
        self.ids = torch.randint(VOCAB, (n_steps + 1, rows, width), generator=source)
        uniform = torch.rand((n_steps + 1, rows, width, VOCAB), generator=source)
        self.gumbels = -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))

    def tokens(self, row: int, step: int, n: int) -> Tensor:
        """The tape's ids at the row's gap."""
        return self.ids[step, row][self.canvas.gap[row]]

    def gumbel(self, row: int, step: int, n: int) -> Tensor:
        """The tape's Gumbel noise at the row's gap."""
        return self.gumbels[step, row][self.canvas.gap[row]]


class Pin:
    """The logits processor that holds known tokens: one-hot logits have no entropy and cost nothing of the bound."""

    def __init__(self, canvas: Canvas) -> None:
        one_hot = torch.full((*canvas.ids.shape, VOCAB), -1e4)
        self.one_hot = one_hot.scatter(-1, canvas.ids[..., None], 1e4)
        self.pinned = canvas.pinned[..., None]

    def __call__(self, input_ids: Tensor, scores: Tensor, cur_step: int | None = None) -> Tensor:
        """The scores with pinned places replaced."""
        return torch.where(self.pinned, self.one_hot, scores)


class Drafts:
    """A streamer that keeps every draft."""

    def __init__(self) -> None:
        self.drafts: list[Tensor] = []

    def put(self, value: Tensor) -> None:
        """The prompt, and each finished canvas: not wanted."""

    def put_draft(self, value: Tensor) -> None:
        """The likeliest canvas of a step."""
        self.drafts.append(value.clone())

    def end(self) -> None:
        """Nothing to close."""


def reference(
    loaded: Any, prefix: list[int], canvas: Canvas, sampling: Sampling, tape: Tape, patch: Any
) -> list[Tensor]:
    """The drafts of transformers' `generate`, driven by the tape's noise."""
    n_draws = iter(range(1000))
    n_samples = iter(range(1, 1000))
    n_gap = int(canvas.gap[0].sum())
    rows, width = canvas.ids.shape

    def initialize_canvas(self: Any, batch_size: int, device: Any) -> Tensor:
        return tape.ids[next(n_draws)].clone()

    def multinomial(probs: Tensor, num_samples: int) -> Tensor:
        gumbel = tape.gumbels[next(n_samples)].view(-1, VOCAB)
        return (probs.log() + gumbel).argmax(-1, keepdim=True)

    patch.setattr(EntropyBoundSampler, "initialize_canvas", initialize_canvas)
    patch.setattr(torch, "multinomial", multinomial)
    patch.setattr(loaded.config, "canvas_length", width)
    streamer = Drafts()
    loaded.generate(
        torch.tensor([prefix] * rows),
        decoder_input_ids=torch.where(canvas.pinned, canvas.ids, tape.ids[0]),
        logits_processor=LogitsProcessorList([Pin(canvas)]),
        streamer=streamer,
        max_new_tokens=width,
        max_denoising_steps=sampling.max_denoising_steps,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=sampling.entropy_bound),
        t_min=sampling.t_min,
        t_max=sampling.t_max,
        stability_threshold=sampling.stability_threshold,
        # generate takes the mean over the whole canvas, where pins count as 0
        confidence_threshold=sampling.confidence_threshold * n_gap / width,
        eos_token_id=None,
    )
    return streamer.drafts


def ours(loaded: Any, prefix: list[int], canvas: Canvas, sampling: Sampling, noise: Any, **held: Any) -> list[Step]:
    """The steps of our loop."""
    return steps_of(Gemma(loaded), prefix, canvas, sampling, noise, **held)


def steps_of(
    model: Gemma, prefix: list[int], canvas: Canvas, sampling: Sampling, noise: Any, **held: Any
) -> list[Step]:
    """The same with a given model; nothing is banned unless `held` says so."""
    cache = PrefixCache(model)
    cache.sync(prefix)
    given = {"sampling": sampling, "noise": noise, "banned": NOTHING_BANNED} | held
    return list(denoise(model, cache.prefix.seen(), len(prefix), canvas, **given))


@pytest.mark.parametrize("prefix", [SHORT, LONG], ids=["within the window", "beyond the window"])
@pytest.mark.parametrize("lengths", [[6], [6, 6, 6], [20]], ids=["one row", "three rows", "long gap"])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_denoising_steps=8),
        Sampling(max_denoising_steps=5, entropy_bound=3.0, t_min=0.1, t_max=1.3),
        Sampling(max_denoising_steps=20, entropy_bound=50.0, t_min=0.01, t_max=0.05, confidence_threshold=2.0),
    ],
    ids=["as released", "loose", "stops early"],
)
def test_equals_generate(loaded: Any, prefix: list[int], lengths: list[int], sampling: Sampling) -> None:
    """Every draft of every step is the same, and the loop stops at the same step."""
    canvas = lay_out([9, 8], lengths, [30, 31, 32, 33, 34], end=END, width=32)
    tape = Tape(canvas, sampling.max_denoising_steps)
    with pytest.MonkeyPatch.context() as patch:
        expected = reference(loaded, prefix, canvas, sampling, tape, patch)
    steps = ours(loaded, prefix, canvas, sampling, tape)

    assert len(steps) == len(expected)
    if sampling.confidence_threshold == 2.0 and lengths[0] == 6:
        assert len(steps) < sampling.max_denoising_steps
    for step, draft in zip(steps, expected, strict=True):
        assert torch.equal(step.draft, draft), f"step {step.number}"


@pytest.mark.parametrize("kernel", list(Kernel))
def test_pins_never_change(loaded: Any, kernel: Kernel) -> None:
    """Over every step, pinned tokens changed in drafts and in canvases: exactly 0."""
    canvas = lay_out([9, 8], [1, 5, 17], [30, 31, 32, 33], end=END, width=32)
    noise = SeededNoise(3, VOCAB, torch.device("cpu"), noise_id=None if kernel is Kernel.UNIFORM else 3)
    steps = ours(loaded, SHORT, canvas, Sampling(max_denoising_steps=12, kernel=kernel), noise)

    changed = sum(int((ids != canvas.ids)[canvas.pinned].sum()) for step in steps for ids in (step.draft, step.current))
    assert changed == 0
    assert all(bool(step.accepted[canvas.pinned].all()) for step in steps)


def four_steps(loaded: Any, kernel: Kernel) -> tuple[Canvas, list[Step]]:
    """Gaps of 5 and 17 in steps that are never sure: each accepts just its share, and the cap leaves no noise."""
    canvas = lay_out([], [5, 17], [30, 31, 32, 33], end=END, width=32)
    noise = SeededNoise(3, VOCAB, torch.device("cpu"), noise_id=3)
    sampling = Sampling(max_denoising_steps=4, entropy_bound=1e-9, t_min=0, t_max=0, kernel=kernel)
    steps = ours(loaded, SHORT, canvas, sampling, noise)
    is_noise = [(step.current == 3) & canvas.gap for step in steps]
    assert [rows.sum(-1).tolist() for rows in is_noise] == [[3, 12], [2, 8], [1, 4], [0, 0]]
    return canvas, steps


def test_absorbing_noise_keeps_what_is_accepted(loaded: Any) -> None:
    """Accepted tokens stay, every step accepts at least its share, and nothing is open at the cap."""
    canvas, steps = four_steps(loaded, Kernel.ABSORBING)

    for before, after in pairwise(steps):
        kept = (before.current != 3) & canvas.gap
        assert torch.equal(before.current[kept], after.current[kept])
    assert torch.equal(steps[-1].draft, steps[-1].current)
    assert bool(steps[-1].done.all())


def test_mixed_noise_decides_the_whole_gap_anew(loaded: Any) -> None:
    """Every step accepts at least its growing share, may change what it accepted before, and the cap leaves nothing."""
    canvas, steps = four_steps(loaded, Kernel.MIXED)

    pairs = [
        ((before.current != 3) & canvas.gap & (after.current != 3), before, after) for before, after in pairwise(steps)
    ]
    assert any(not torch.equal(before.current[kept], after.current[kept]) for kept, before, after in pairs)
    assert torch.equal(steps[-1].draft, steps[-1].current)


def test_mixed_noise_stops_when_nothing_changes_any_more(loaded: Any) -> None:
    """All accepted and the draft as before: that is the end, long before the cap."""
    canvas = lay_out([], [3], [30, 31], end=END, width=16)
    noise = SeededNoise(3, VOCAB, torch.device("cpu"), noise_id=3)
    sampling = Sampling(max_denoising_steps=40, entropy_bound=1e9, t_min=0, t_max=0, kernel=Kernel.MIXED)
    *earlier, before, last = ours(loaded, SHORT, canvas, sampling, noise)

    assert last.number < 40
    assert torch.equal(before.draft, last.draft)
    assert not any(bool(step.done.any()) for step in [*earlier, before])


def test_same_seed_same_fill_in_any_batch(loaded: Any) -> None:
    """A row's noise depends on its seed, row and step; so the first row is the same alone and in a batch."""
    sampling = Sampling(max_denoising_steps=6, entropy_bound=2.0)
    noise = SeededNoise(11, VOCAB, torch.device("cpu"), None)
    alone = ours(loaded, SHORT, lay_out([], [6], [30], end=END, width=16), sampling, noise)
    batch = ours(loaded, SHORT, lay_out([], [6, 9, 2], [30], end=END, width=16), sampling, noise)
    again = ours(loaded, SHORT, lay_out([], [6], [30], end=END, width=16), sampling, noise)

    assert torch.equal(alone[-1].draft, again[-1].draft)
    assert torch.equal(alone[-1].draft[0], batch[-1].draft[0])


def test_a_row_that_is_done_is_not_computed(loaded: Any) -> None:
    """Once a row has settled, the decoder gets the other rows alone."""
    canvas = lay_out([], [1, 12], [30, 31], end=END, width=16)
    noise = SeededNoise(1, VOCAB, torch.device("cpu"), noise_id=3)
    sampling = Sampling(max_denoising_steps=6, entropy_bound=1e-9, t_min=0, t_max=0, kernel=Kernel.ABSORBING)
    model = Counting(loaded)
    steps_of(model, SHORT, canvas, sampling, noise)

    assert model.n_rows == [2, 1, 1, 1, 1, 1]


def test_rows_that_lag_are_dropped(loaded: Any) -> None:
    """After the first step two rows go on; the dropped ones keep their draft, and a step says which they are."""
    canvas = lay_out([], [2, 4, 6, 9], [30, 31], end=END, width=16)
    noise = SeededNoise(1, VOCAB, torch.device("cpu"), noise_id=3)
    sampling = Sampling(max_denoising_steps=2, t_min=0, t_max=0, kernel=Kernel.ABSORBING)
    model = Counting(loaded)
    first, last = steps_of(model, SHORT, canvas, sampling, noise, lagging=behind_the_surest(2))

    assert model.n_rows == [4, 2]
    surest = mean_sureness(first, canvas).topk(2).indices
    assert first.dropped.tolist() == last.dropped.tolist() == [row not in surest.tolist() for row in range(4)]
    assert torch.equal(first.draft[first.dropped], last.draft[first.dropped])
    assert last.done.tolist() == (~last.dropped).tolist()


class Counting(Gemma):
    """A model that notes how many rows each pass of the decoder had."""

    def __init__(self, loaded: Any) -> None:
        super().__init__(loaded)
        self.n_rows: list[int] = []

    def decode(self, ids: Tensor, soft: Tensor | None, past: Any, n_past: int) -> Tensor:
        """Notes the rows."""
        self.n_rows.append(len(ids))
        return super().decode(ids, soft, past, n_past)


def test_banned_tokens_never_stand_in_the_gap(loaded: Any) -> None:
    """With all but three tokens banned, the gap is made of these."""
    banned = torch.ones(VOCAB, dtype=torch.bool)
    banned[[50, 60, 70]] = False
    canvas = lay_out([], [8], [30], end=END, width=16)
    noise = SeededNoise(0, VOCAB, torch.device("cpu"), None)

    for step in ours(loaded, SHORT, canvas, Sampling(max_denoising_steps=5), noise, banned=banned):
        assert set(step.draft[canvas.gap].tolist()) <= {50, 60, 70}


class BeginsWith:
    """The gap must begin with the given tokens or, for the last of them, one of two."""

    def __init__(self, *choices: Sequence[int]) -> None:
        self.choices = choices

    def allowed(self, path: Sequence[int], n_left: int) -> Tensor | None:
        """The choices at the next place."""
        if len(path) >= len(self.choices):
            return None
        allowed = torch.zeros(VOCAB, dtype=torch.bool)
        allowed[list(self.choices[len(path)])] = True
        return allowed


@pytest.mark.parametrize("kernel", list(Kernel))
def test_the_gap_begins_with_what_is_typed(loaded: Any, kernel: Kernel) -> None:
    """At every step, in every row that is long enough."""
    canvas = lay_out([], [2, 9], [30], end=END, width=16)
    noise = SeededNoise(0, VOCAB, torch.device("cpu"), None if kernel is Kernel.UNIFORM else 3)
    sampling = Sampling(max_denoising_steps=5, kernel=kernel)

    for step in ours(loaded, SHORT, canvas, sampling, noise, typed=BeginsWith([40], [41, 42])):
        assert step.draft[:, 0].tolist() == [40, 40]
        assert set(step.draft[:, 1].tolist()) <= {41, 42}


class OneOrTwo:
    """What is typed is one token from 100 on, or a smaller one and then 42."""

    def allowed(self, path: Sequence[int], n_left: int) -> Tensor | None:
        """Anything, then 42 after the small ones."""
        if not path:
            return torch.ones(VOCAB, dtype=torch.bool)
        if len(path) > 1 or path[0] >= 100:
            return None
        return torch.arange(VOCAB) == 42


class Endless:
    """What is typed is any tokens as far as the gap reaches; `asked` has how many places were left each time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def allowed(self, path: Sequence[int], n_left: int) -> Tensor | None:
        """Anything."""
        self.asked.append(n_left)
        return torch.ones(VOCAB, dtype=torch.bool)


@pytest.mark.parametrize("kernel", list(Kernel))
def test_what_is_typed_is_told_how_many_places_are_left(loaded: Any, kernel: Kernel) -> None:
    """As far as nothing stands that stays: pinned tokens, or where noise is an id warm ones."""
    row = [Run([END] * 2, "noise"), Run([7], "warm"), Run([END], "noise"), Run([9], "pinned"), Run([END], "noise")]
    canvas = lay_rows([5], [row], [30], end=END, width=16)
    noise = SeededNoise(0, VOCAB, torch.device("cpu"), None if kernel is Kernel.UNIFORM else 3)
    typed = Endless()
    ours(loaded, SHORT, canvas, Sampling(max_denoising_steps=1, kernel=kernel), noise, typed=typed)
    assert typed.asked == ([2, 1, 0, 1, 1] if kernel is Kernel.ABSORBING else [4, 3, 2, 1, 1])


@pytest.mark.parametrize("kernel", list(Kernel))
def test_what_is_typed_stays_whole_when_its_tokens_change(loaded: Any, kernel: Kernel) -> None:
    """At every step of many canvases, although the likeliest first token may change from one step to the next."""
    for seed in range(60):
        canvas = lay_out([], [4, 9], [30 + seed], end=END, width=16)
        prefix = [2, 5 + seed, 100 + 2 * seed]
        sampling = Sampling(max_denoising_steps=4, entropy_bound=1e-9, kernel=kernel)
        noise = SeededNoise(seed, VOCAB, torch.device("cpu"), None if kernel is Kernel.UNIFORM else 3)
        for step in ours(loaded, prefix, canvas, sampling, noise, typed=OneOrTwo()):
            assert all(first >= 100 or second == 42 for first, second in step.draft[:, :2].tolist())
