"""Muon for the matrices of the layers, AdamW for embedding and norms, and the learning rate over wall-clock time."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import nn

MUON_LR = 0.02
ADAM_LR = 4e-3
WARM_UP_STEPS = 40
DECAY_SHARE = 0.3  # of the time
FINAL_SCALE = 0.02


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal (Jordan et al. 2024), matrices of one shape together."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float = MUON_LR, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                by_shape[p.shape].append(p)
            for (n_out, n_in), params in by_shape.items():
                updates = orthogonal(torch.stack([self._momentum(p, group["momentum"]) for p in params]))
                for p, update in zip(params, updates, strict=True):
                    p.sub_(update, alpha=group["lr"] * max(1.0, n_out / n_in) ** 0.5)

    def _momentum(self, p: nn.Parameter, momentum: float) -> torch.Tensor:
        """Nesterov momentum of the gradient."""
        assert p.grad is not None
        state = self.state[p]
        if "buffer" not in state:
            state["buffer"] = torch.zeros_like(p)
        buffer: torch.Tensor = state["buffer"].lerp_(p.grad, 1 - momentum)
        return torch.lerp(p.grad, buffer, momentum)


def orthogonal(x: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Matrices `[n, rows, columns]` with all singular values near 1, by Newton-Schulz iterations in bf16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = x.shape[1] <= x.shape[2]
    y: torch.Tensor = (x if wide else x.mT).bfloat16()
    y = y / (y.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        s = y @ y.mT
        y = a * y + (b * s + c * (s @ s)) @ y
    found: torch.Tensor = (y if wide else y.mT).to(x.dtype)
    return found


class Optimisers:
    """Both optimisers, stepped together with one learning rate scale."""

    def __init__(self, net: nn.Module) -> None:
        matrices = [p for name, p in net.named_parameters() if name.endswith("_proj")]
        others = [p for name, p in net.named_parameters() if not name.endswith("_proj")]
        self.muon = Muon(matrices)
        self.adam = torch.optim.AdamW(others, lr=ADAM_LR, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def step(self, scale: float) -> None:
        """Updates the weights and clears the gradients."""
        for optimiser, lr in ((self.muon, MUON_LR), (self.adam, ADAM_LR)):
            optimiser.param_groups[0]["lr"] = lr * scale
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, object]:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def lr_scale(step: int, share: float) -> float:
    """Share of the full learning rate: warm-up by steps, then constant, then linearly down in the last of the time."""
    decay = 1 - (1 - FINAL_SCALE) * max(0.0, share - (1 - DECAY_SHARE)) / DECAY_SHARE
    return min(1.0, (step + 1) / WARM_UP_STEPS) * max(FINAL_SCALE, decay)
