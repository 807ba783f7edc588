"""The effort dial: how much work a fill gets, from quick to thorough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from dgls.diffusion.sampling import Sampling
from dgls.errors import ModelError
from dgls.settings import Settings


@dataclass(frozen=True)
class Effort:
    """Most steps, the nats of entropy a step may accept, how many gap lengths go on after the first step, and which
    share of the surest one's sureness a length must have after each step to go on.

    There are up to `n_rounds` of gap lengths in all; where `fine`, the later ones also try those next to the best one.
    """

    max_denoising_steps: int
    entropy_bound: float
    n_kept_lengths: int
    least_shares: Sequence[float]
    n_rounds: int
    fine: bool


def effort_of(settings: Settings, own: Mapping[str, Any], sampling: Sampling) -> Effort:
    """The effort that the settings name; single settings replace a part of it. Raises ModelError.

    A checkpoint may bring a measured dial of its own (`own["efforts"]`). Otherwise the released model's: it settles
    after about 12 steps, and caps of 8 and 16 were no worse than 48 in the one sweep that is public.
    """
    bound, most = sampling.entropy_bound, sampling.max_denoising_steps
    released = {
        "low": Effort(min(8, most), bound, 2, (), 1, fine=False),
        "medium": Effort(min(16, most), bound, 3, (), 2, fine=True),
        "high": Effort(most, bound, 5, (), 3, fine=True),
    }
    measured = own.get("efforts", {}).get(settings.effort, {})
    try:
        effort = replace(released[settings.effort], **measured)
    except TypeError as error:
        known = ", ".join(entry.name for entry in fields(Effort))
        raise ModelError(f"the model's config has an effort {measured!r}", f"an effort has {known}") from error
    return replace(
        effort,
        max_denoising_steps=settings.max_steps or effort.max_denoising_steps,
        n_kept_lengths=settings.n_kept_lengths or effort.n_kept_lengths,
    )
