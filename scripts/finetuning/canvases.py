"""Training examples: a gap framed as the engine frames it, on canvases with several amounts of noise."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.diffusion.canvas import lay_out
from dgls.diffusion.noise import Noise, SeededNoise
from dgls.engines.checkpoint import Facts
from dgls.engines.framing import framed
from dgls.engines.masks import banned_mask
from dgls.engines.tokens import Tokens
from dgls.errors import UsageError
from dgls.text.gap import Gap
from dgls.text.prompt import prompt
from finetuning.sources import Corpus

_CHARS_PER_TOKEN = 8  # generous: the framing cuts to the budget in tokens
_SINGLE_SHARE = 0.4  # of canvases that have the one gap alone, as the engine's have
_MAX_DRAWS = 200
_MAX_READ = 256  # prefix tokens that the encoder's loss asks for: logits over a large vocabulary are large


@dataclass(frozen=True)
class Recipe:
    """The sizes of an example; `first_share` of its canvases are all noise in the gap, as at the first step."""

    canvas: int = 64
    n_rows: int = 4
    first_share: float = 0.5


@dataclass(frozen=True, eq=False)
class Example:
    """A prefix `[P]`, canvases behind it `[rows, L]`: true and noised; `asked` is where the loss asks for the truth.

    `read` are the places of the prefix whose next token the encoder is asked for.
    """

    prefix: Tensor
    clean: Tensor
    noised: Tensor
    asked: Tensor
    read: Tensor


def draw_example(corpus: Corpus, tokens: Tokens, facts: Facts, recipe: Recipe, rng: random.Random) -> Example:
    """An example from the first gap drawn that fits the canvas. Raises UsageError."""
    for _ in range(_MAX_DRAWS):
        found = _example(corpus.draw(rng), tokens, facts, recipe, rng)
        if found is not None:
            return found
    raise UsageError(
        f"no gap in --data fits a canvas of {recipe.canvas} tokens", "give a larger --canvas, or other data"
    )


def _example(gap: Gap, tokens: Tokens, facts: Facts, recipe: Recipe, rng: random.Random) -> Example | None:
    """The example of a gap; None when it leaves no place on the canvas for what follows."""
    frame = framed(prompt(gap, facts.context_tokens * _CHARS_PER_TOKEN), tokens, "auto", facts.context_tokens)
    truth = tokens.encode(frame.typed.decode() + gap.document.text[gap.start : gap.end])
    begin, end = len(frame.head), len(frame.head) + len(truth)
    if not truth or end >= recipe.canvas:
        return None
    canvas = lay_out(frame.head, [len(truth)] * recipe.n_rows, frame.tail, end=frame.end, width=recipe.canvas)
    clean = canvas.ids.clone()
    clean[:, begin:end] = torch.tensor(truth)
    gaps = canvas.gap.clone()
    for row in gaps:
        for first, last in _more_gaps(end, min(end + len(frame.tail), recipe.canvas), rng):
            row[first:last] = True
    gaps &= ~banned_mask(tokens)[clean]  # the turn's end
    chosen = _chosen(gaps, recipe.first_share, rng)
    noise = SeededNoise(rng.getrandbits(31), tokens.vocab_size, clean.device, facts.noise_id)
    # With uniform noise nothing tells a true token of the gap from a false one: the model is asked for all of them.
    asked = gaps if facts.noise_id is None else chosen
    prefix = torch.tensor(list(frame.prefix))
    return Example(prefix, clean, _noised(clean, chosen, noise), asked, _read(len(prefix), rng))


def _noised(clean: Tensor, chosen: Tensor, noise: Noise) -> Tensor:
    """The canvases with noise at the chosen places."""
    found = clean.clone()
    for number, row in enumerate(chosen):
        found[number, row] = noise.tokens(number, 0, int(row.sum()))
    return found


def _more_gaps(begin: int, end: int, rng: random.Random) -> Iterator[tuple[int, int]]:
    """Further gaps of 1-16 tokens behind the first one, clean runs of 1-24 tokens before each; often none."""
    if rng.random() < _SINGLE_SHARE:
        return
    begin += rng.randint(1, 24)
    while begin < end:
        last = min(begin + rng.randint(1, 16), end)
        yield begin, last
        begin = last + rng.randint(1, 24)


def _chosen(gaps: Tensor, first_share: float, rng: random.Random) -> Tensor:
    """Which gap tokens become noise, `[rows, L]`: each with a probability t; t is 1, or drawn from U(0, 1)."""
    generator = torch.Generator().manual_seed(rng.getrandbits(31))
    levels = [1.0 if rng.random() < first_share else rng.random() for _ in gaps]
    chosen = gaps & (torch.rand(gaps.shape, generator=generator) < torch.tensor(levels)[:, None])
    return torch.where(chosen.any(-1, keepdim=True), chosen, gaps)


def _read(n_prefix: int, rng: random.Random) -> Tensor:
    """At most `_MAX_READ` places of a prefix, at most half of them, each with a next token; none in a prefix of one."""
    n_places = n_prefix - 1
    return torch.tensor(rng.sample(range(n_places), min(-(-n_places // 2), _MAX_READ)), dtype=torch.long)
