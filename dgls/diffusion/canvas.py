"""The canvas: token ids, which of them are pinned, and several layouts of one gap as rows of one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.diffusion.layout import Run, laid


@dataclass(frozen=True, eq=False)
class Canvas:
    """`ids [rows, L]` and `pinned [rows, L]`; what is not pinned is the gap. `warm [rows, L]`, of the gap, begins with
    what stands in `ids`; `middle [rows, L]` is the gap with all that is pinned inside it, one unbroken run in each row.
    """

    ids: Tensor
    pinned: Tensor
    warm: Tensor
    middle: Tensor

    @property
    def gap(self) -> Tensor:
        """Where the gap is, `[rows, L]`."""
        return ~self.pinned


def lay_out(head: Sequence[int], gap_lengths: Sequence[int], tail: Sequence[int], *, end: int, width: int) -> Canvas:
    """One row `head | gap | tail` for each gap length. Raises ValueError when the longest gap does not fit."""
    rows = [[Run([end] * n_gap, "noise")] for n_gap in gap_lengths]
    return lay_rows(head, rows, tail, end=end, width=width)


def lay_rows(
    head: Sequence[int], rows: Sequence[Sequence[Run]], tail: Sequence[int], *, end: int, width: int
) -> Canvas:
    """One row `head | middle | tail` for each middle, on the CPU; noise positions hold `end` until they are noised.

    Every row is filled up to `width` with as much of the tail as fits, and with `end` once the tail is used up: all
    rows are equally long without padding, and no attention mask is needed.
    Raises ValueError when the longest middle does not fit.
    """
    ids = [laid(head, _ids(row, end), tail, end=end, width=width) for row in rows]
    kinds = [[*["pinned"] * len(head), *(run.kind for run in row for _ in run.ids)] for row in rows]
    return Canvas(
        torch.tensor(ids, dtype=torch.long),
        pinned=~_where(kinds, ("noise", "warm"), width),
        warm=_where(kinds, ("warm",), width),
        middle=_where([["head"] * len(head) + kind[len(head) :] for kind in kinds], ("noise", "warm", "pinned"), width),
    )


def _ids(row: Sequence[Run], end: int) -> list[int]:
    """The tokens of a middle."""
    return [end if run.kind == "noise" else token for run in row for token in run.ids]


def _where(kinds: Sequence[Sequence[str]], wanted: tuple[str, ...], width: int) -> Tensor:
    """Which places of each row are of a wanted kind, `[rows, width]`."""
    found = torch.zeros((len(kinds), width), dtype=torch.bool)
    for row, names in enumerate(kinds):
        found[row, : len(names)] = torch.tensor([name in wanted for name in names], dtype=torch.bool)
    return found
