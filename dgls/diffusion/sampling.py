"""How to denoise: numbers alone, so that a checkpoint's files can be read without torch."""

from dataclasses import dataclass
from enum import StrEnum


class Kernel(StrEnum):
    """What noise a model was trained on, and so what may become of a token that a step has accepted."""

    UNIFORM = "uniform"  # any token, as the released model: every step decides the whole gap anew
    ABSORBING = "absorbing"  # one id that stands for noise: what is accepted stays for good
    MIXED = "mixed"  # mostly that id, also any token: the model doubts what it reads, every step decides anew


@dataclass(frozen=True)
class Sampling:
    """How to denoise; the first six are spelled as in transformers' generation config.

    At temperature 0 the likeliest token is taken and entropies are those of temperature 1. Where noise is an id of its
    own, each step accepts at least its share of the gap, so that the cap is reached with nothing left to guess blindly.
    """

    max_denoising_steps: int = 48
    entropy_bound: float = 0.1
    t_min: float = 0.4
    t_max: float = 0.8
    stability_threshold: int = 1
    confidence_threshold: float = 0.005
    kernel: Kernel = Kernel.UNIFORM

    def temperature(self, n_left: int) -> float:
        """The temperature with `n_left` steps left: from t_max at the first step towards t_min."""
        return self.t_min + (self.t_max - self.t_min) * n_left / self.max_denoising_steps
