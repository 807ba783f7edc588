"""Corruption: where the gaps of a training canvas are, and what stands in them instead of the code."""

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from dgls.diffusion.sampling import Kernel
from small.tokens import MASK, N_SPECIAL

Ids = NDArray[np.int64]


def random_share(kernel: Kernel, rng: np.random.Generator) -> float:
    """How much of the noise of one canvas is random tokens instead of `<mask>`.

    In a mixed half of the canvases a noised token is a random one with a probability drawn for the canvas. Where random
    tokens are about, the model is asked for every token of the gaps, so that it learns to doubt what it reads there.
    """
    if kernel is Kernel.MIXED:
        return float(rng.random()) if rng.random() < 0.5 else 0.0
    return float(kernel is Kernel.UNIFORM)


def noise_out(
    canvas: Ids, line_starts: NDArray[np.bool_], kernel: Kernel, rng: np.random.Generator
) -> tuple[Ids, NDArray[np.bool_]]:
    """A clean canvas `[C]` with noise in its gaps, and the positions the model is asked for.

    In half of the canvases the gaps are all noise, in the others each token with a probability drawn for the canvas;
    at least one token, unless the canvas has no text.
    """
    gaps = np.zeros(len(canvas), np.bool_)
    n_text = int((canvas >= N_SPECIAL).sum())
    if n_text == 0:
        return canvas, gaps
    for begin, end in draw_gaps(n_text, np.flatnonzero(line_starts[canvas]).tolist(), rng):
        gaps[begin:end] = True
    noised = gaps
    if rng.random() < 0.5:
        noised = gaps & (rng.random(len(canvas)) < rng.random())
        if not noised.any():
            noised[rng.choice(np.flatnonzero(gaps))] = True
    noise = np.full(len(canvas), MASK)
    share = random_share(kernel, rng)
    if not share:
        return np.where(noised, noise, canvas), noised
    drawn = rng.random(len(canvas)) < share
    noise[drawn] = rng.integers(N_SPECIAL, len(line_starts), int(drawn.sum()))
    return np.where(noised, noise, canvas), gaps


def draw_gaps(n_text: int, lines: list[int], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Random gaps (begin, end) within `n_text` tokens, of which those at `lines` begin a line.

    A quarter of the canvases begin with up to 12 clean tokens, a fifth have one gap, the others several.
    """
    begin = int(rng.integers(1, 13)) if rng.random() < 0.25 else 0
    begin = begin if begin < n_text else 0
    single, gaps = rng.random() < 0.2, []
    while begin < n_text:
        end = min(n_text, gap_end(begin, lines, rng))
        gaps.append((begin, end))
        clean = rng.integers(1, 8) if rng.random() < 0.6 else rng.integers(8, 25)
        begin = n_text if single else end + int(clean)
    return gaps


def gap_end(begin: int, lines: list[int], rng: np.random.Generator) -> int:
    """Where a gap ends: 60 % the rest of its line (at the end of one: the next), 25 % 1-16 tokens, 15 % 12-40."""
    kind = rng.random()
    if kind < 0.6:
        place = bisect_left(lines, begin + 1)
        return lines[place] if place < len(lines) else 1 << 30
    return begin + int(rng.integers(1, 17) if kind < 0.85 else rng.integers(12, 41))
