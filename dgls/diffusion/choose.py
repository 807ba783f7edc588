"""The choice between rows: how well each candidate joins the code on both sides of the gap.

The encoder reads prefix, candidate and the head of the suffix from left to right: a candidate is good when it is
likely after the prefix and the suffix is likely after it. On small models this chose best by far; a clean
bidirectional pass chose worst, because it prefers degenerate repetitions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.diffusion.canvas import Canvas
from dgls.diffusion.denoise import Lagging, Step
from dgls.diffusion.model import Model
from dgls.diffusion.prefix import Prefix


@dataclass(frozen=True)
class Joined:
    """A candidate between what is known: `head` pinned before it on the canvas, `gap`, and the first suffix tokens."""

    head: Sequence[int]
    gap: Sequence[int]
    tail: Sequence[int]

    @property
    def ids(self) -> list[int]:
        """All of it in reading order."""
        return [*self.head, *self.gap, *self.tail]


# What ranks candidates: the model, the synced prefix and the candidates in, one score for each out, higher is better.
Scorer = Callable[[Model, Prefix, Sequence[Joined]], list[float]]


@torch.no_grad()
def causal_scores(model: Model, prefix: Prefix, candidates: Sequence[Joined]) -> list[float]:
    """`log p(gap, tail | prefix, head)` of each candidate, in nats: one causal pass over all of them.

    The sum, not the mean: candidates of all lengths are scored on the same suffix, so the sum is the likelihood of
    the same event told in different ways. Rows are filled up on the right, which a causal pass does not see.
    """
    longest = max(len(found.ids) for found in candidates)
    rows = [[prefix.ids[-1], *found.ids, *[0] * (longest - len(found.ids))] for found in candidates]
    ids = torch.tensor(rows, device=model.device)
    hidden = model.encode(ids, prefix.without_last(len(rows)), len(prefix.ids) - 1)
    return [
        float(_log_p(model, row, hidden[index], len(found.head), len(found.ids)))
        for index, (row, found) in enumerate(zip(ids, candidates, strict=True))
    ]


def behind_the_surest(n_kept: int, least_shares: Sequence[float] = ()) -> Lagging:
    """Rows that are not worth going on with: all but the `n_kept` of the highest mean probability in the gap after the
    first step; after step n also those that have less than `least_shares[n - 1]` of the surest row's, the last share
    holding for all later steps.

    The shares may rise, as the rows tell more of themselves from step to step. The bundled model's were found on its
    dev files, where they changed none of 25 exact fills and took a quarter of the steps away.
    """

    def lagging(step: Step, canvas: Canvas) -> Tensor:
        means = mean_sureness(step, canvas)
        means[step.dropped] = -1.0
        rank = means.argsort(descending=True, stable=True).argsort(stable=True)
        share = least_shares[min(step.number, len(least_shares)) - 1] if least_shares else 0.0
        return (rank >= n_kept) | (means < share * means.amax())

    return lagging


def mean_sureness(step: Step, canvas: Canvas) -> Tensor:
    """The mean probability of the gap's tokens in each row, `[rows]`."""
    gap = canvas.gap.to(step.sureness.device)
    return (step.sureness * gap).sum(-1) / gap.sum(-1)


def _log_p(model: Model, row: Tensor, hidden: Tensor, start: int, end: int) -> Tensor:
    """The summed log-probability of `row[1 + start : 1 + end]`, each predicted by the place before it."""
    log_p = model.logits(hidden[start:end]).log_softmax(-1)
    return log_p.gather(-1, row[1 + start : 1 + end, None]).sum()
