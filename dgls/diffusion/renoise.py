"""Re-noising: how likely code that stands there is, token by token, and which of it becomes noise again.

Where noise may be any token, the model was trained to doubt what it reads: one pass says it all. Where noise is an id,
a token that is seen is believed, so each is hidden in turn, a few rows at a time.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.diffusion.canvas import Canvas
from dgls.diffusion.model import KeyValues, Model
from dgls.diffusion.prefix import as_rows
from dgls.diffusion.sampling import Kernel, Sampling

_ROWS_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Likely:
    """How likely each token is at its place (0..1), and the likeliest one there; both `[n]`, on the CPU."""

    p: Tensor
    instead: Tensor


@torch.no_grad()
def likelihoods(
    model: Model, past: KeyValues, n_past: int, canvas: Canvas, *, noise_id: int | None, banned: Tensor
) -> Generator[Likely, None, None]:
    """The tokens in the gap of a canvas of one row, from left to right, in as many parts as it takes passes.

    `past` holds the prefix in one row. Temperature 1; `noise_id` is None where one pass is enough.
    """
    ids = canvas.ids.to(model.device)
    places = torch.nonzero(canvas.gap[0]).flatten().to(model.device)
    n_at_once = _ROWS_AT_ONCE if noise_id is not None else max(len(places), 1)
    for first in range(0, len(places), n_at_once):
        part = places[first : first + n_at_once]
        rows = torch.arange(len(part), device=model.device) if noise_id is not None else torch.zeros_like(part)
        read = ids.repeat(len(part) if noise_id is not None else 1, 1)
        if noise_id is not None:
            read[rows, part] = noise_id
        hidden = model.decode(read, None, as_rows(past, len(read)), n_past)
        log_p = model.logits(hidden[rows, part]).masked_fill(banned, -torch.inf).log_softmax(-1)
        p = log_p.gather(-1, ids[0, part, None]).exp().flatten()
        yield Likely(p.cpu(), log_p.argmax(-1).cpu())


def steps_left(canvas: Canvas, sampling: Sampling) -> int | None:
    """How much of the schedule a canvas still has before it: what is warm is that much of the way.

    None, which is all of it, where noise is an id: there the loop ends by itself once none is left.
    """
    if sampling.kernel is Kernel.ABSORBING:
        return None
    noisy = (canvas.gap & ~canvas.warm).sum(-1)
    share = float((noisy / canvas.gap.sum(-1).clamp_min(1)).max())
    return math.ceil(share * sampling.max_denoising_steps)
