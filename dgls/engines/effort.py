"""The effort dial: how much work a fill gets, from quick to thorough."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from dgls.diffusion.sampling import Sampling
from dgls.errors import ModelError
from dgls.settings import Settings


@dataclass(frozen=True)
class Effort:
    """Most steps, the nats of entropy a step may accept, and how many gap lengths go on after the first step.

    There are further rounds, up to `n_rounds` in all, while the longest or shortest of the lengths is the best one.
    """

    max_denoising_steps: int
    entropy_bound: float
    n_kept_lengths: int
    n_rounds: int


def effort_of(settings: Settings, own: Mapping[str, Any], sampling: Sampling) -> Effort:
    """The effort that the settings name; single settings replace a part of it. Raises ModelError.

    A checkpoint may bring a measured dial of its own (`own["efforts"]`). Otherwise the released model's: it settles
    after about 12 steps, and caps of 8 and 16 were no worse than 48 in the one sweep that is public.
    """
    released = {
        "low": Effort(min(8, sampling.max_denoising_steps), sampling.entropy_bound, 2, 1),
        "medium": Effort(min(16, sampling.max_denoising_steps), sampling.entropy_bound, 3, 2),
        "high": Effort(sampling.max_denoising_steps, sampling.entropy_bound, 5, 3),
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
