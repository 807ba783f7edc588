"""The canvas: token ids, which of them are pinned, and several gap lengths laid out as rows of one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.diffusion.layout import laid


@dataclass(frozen=True, eq=False)
class Canvas:
    """`ids [rows, L]` and `pinned [rows, L]`; what is not pinned is the gap, one unbroken run in each row."""

    ids: Tensor
    pinned: Tensor

    @property
    def gap(self) -> Tensor:
        """Where the gap is, `[rows, L]`."""
        return ~self.pinned


def lay_out(head: Sequence[int], gap_lengths: Sequence[int], tail: Sequence[int], *, end: int, width: int) -> Canvas:
    """One row `head | gap | tail` for each gap length, on the CPU; gap positions hold `end` until they are noised.

    Every row is filled up to `width` with as much of the tail as fits, and with `end` once the tail is used up: all
    rows are equally long without padding, and no attention mask is needed.
    Raises ValueError when the longest gap does not fit.
    """
    rows = [laid(head, [end] * n_gap, tail, end=end, width=width) for n_gap in gap_lengths]
    pinned = torch.ones((len(rows), width), dtype=torch.bool)
    for row, n_gap in enumerate(gap_lengths):
        pinned[row, len(head) : len(head) + n_gap] = False
    return Canvas(torch.tensor(rows, dtype=torch.long), pinned)
