"""Noise for canvases: what stands where nothing is accepted yet, and the randomness of sampling."""

from typing import Protocol

import torch
from torch import Tensor


class Noise(Protocol):
    """Random draws that depend on the row and the step alone, not on the batch a row is in."""

    def tokens(self, row: int, step: int, n: int) -> Tensor:
        """What stands at `n` gap positions that are not accepted, `[n]`."""

    def gumbel(self, row: int, step: int, n: int) -> Tensor:
        """Standard Gumbel noise, `[n, V]`: `argmax(log p + gumbel)` is a sample of p."""


class SeededNoise:
    """Noise from a seed: the same seed, row and step give the same draw.

    `noise_id` is the token that stands for noise; None means uniform noise over the vocabulary.
    """

    def __init__(self, seed: int, vocab_size: int, device: torch.device, noise_id: int | None) -> None:
        self._seed = seed
        self._vocab_size = vocab_size
        self._device = device
        self._noise_id = noise_id

    def tokens(self, row: int, step: int, n: int) -> Tensor:
        """The noise id everywhere, or uniform ids."""
        if self._noise_id is not None:
            return torch.full((n,), self._noise_id, device=self._device)
        return torch.randint(self._vocab_size, (n,), generator=self._generator(row, step, 0), device=self._device)

    def gumbel(self, row: int, step: int, n: int) -> Tensor:
        """Gumbel noise by inverting its distribution."""
        generator = self._generator(row, step, 1)
        uniform = torch.rand((n, self._vocab_size), generator=generator, device=self._device)
        return -torch.log(-torch.log(uniform.clamp_(1e-20, 1 - 1e-7)))

    def _generator(self, row: int, step: int, stream: int) -> torch.Generator:
        """A generator of its own for each row, step and kind of draw."""
        seed = ((self._seed * 4093 + row) * 4093 + step) * 2 + stream
        return torch.Generator(self._device).manual_seed(seed % 2**63)
