"""The canvas: token ids, which of them are pinned, and several gap lengths laid out as rows of one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

WIDTHS = (16, 32, 64, 128, 256)  # a few fixed sizes, so that a compiled engine needs a few graphs


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
    if len(head) + max(gap_lengths) > width:
        raise ValueError(f"head of {len(head)} and gap of {max(gap_lengths)} do not fit on a canvas of {width}")
    ids = torch.full((len(gap_lengths), width), end, dtype=torch.long)
    pinned = torch.ones_like(ids, dtype=torch.bool)
    for row, n_gap in enumerate(gap_lengths):
        start = len(head)
        shown = list(tail[: width - start - n_gap])
        ids[row, :start] = torch.tensor(list(head), dtype=torch.long)
        pinned[row, start : start + n_gap] = False
        ids[row, start + n_gap : start + n_gap + len(shown)] = torch.tensor(shown, dtype=torch.long)
    return Canvas(ids, pinned)


def width_for(n_tokens: int, most: int) -> int:
    """The smallest canvas width that holds `n_tokens`, but at most `most`."""
    return min(next((width for width in WIDTHS if width >= n_tokens), WIDTHS[-1]), most)
