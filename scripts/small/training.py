"""The training loop: one time budget, a curve, and checkpoints from which another budget can go on."""

import csv
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.nn import functional

from dgls.diffusion.sampling import Kernel
from small.batches import Batch, Batches, Shape
from small.data import Data
from small.fim import FimBatches, measure_fim
from small.gaps import Gaps, cut_gaps, measure
from small.loss import CHUNK, head_loss
from small.net import Net, Size
from small.optim import DECAY_SHARE, Optimisers, lr_scale

AR_WEIGHT = 0.5
COLUMNS = (
    *("minutes", "steps", "tokens", "lr_scale", "train_ar", "train_gap"),
    *("dev_ar", "dev_gap", "dev_first", "dev_exact"),
)


@dataclass(frozen=True)
class Plan:
    """One run: so many minutes, or, if `steps` are given, so many steps."""

    minutes: float
    work: Path  # latest.pt, stable.pt, final.pt and curve.csv go here
    size: Size = field(default_factory=Size)
    shape: Shape = field(default_factory=Shape)
    device: str = "cpu"
    save_every: float = 5.0  # minutes
    n_dev_gaps: int = 240
    compiled: bool = True
    seed: int = 0
    steps: int = 0
    kernel: Kernel = Kernel.ABSORBING
    peak: float = 1.0  # share of the full learning rate before the decay
    command: str = ""  # as the card tells it
    twin: bool = False  # the autoregressive twin: windows in prefix-suffix-middle order, no canvases

    def share(self, minutes: float, steps: int) -> float:
        """How much of the run is over."""
        return steps / self.steps if self.steps else minutes / self.minutes


@dataclass
class Progress:
    """How far training has come, over all resumed runs."""

    steps: int = 0
    tokens: int = 0
    minutes: float = 0.0


def train(plan: Plan, data: Data, begun: "Begun", *, say: Callable[[str], None] = print) -> Path:
    """Trains what was begun for as long as the plan says and returns the final checkpoint.

    The learning rate falls over the last part of the time; stable.pt is the state just before that, the one to resume
    from with more time.
    """
    torch.manual_seed(plan.seed)
    net, optimisers, progress = begun.net, begun.optimisers, begun.progress
    batches = batches_of(plan, data)
    gaps = cut_gaps(data.splits["dev"], data.line_starts, plan.n_dev_gaps).to(plan.device)
    step_once = Stepper(net, plan)
    begin, before, first = time.monotonic(), progress.minutes, progress.steps
    saved, stable, losses = begin, False, []
    while (share := plan.share((time.monotonic() - begin) / 60, progress.steps - first)) < 1:
        if share >= 1 - DECAY_SHARE and not stable:
            save(plan.work / "stable.pt", plan, begun)
            stable = True
        scale = plan.peak * lr_scale(progress.steps - begun.cold_since, share)
        losses.append(step_once(batches[progress.steps]))
        optimisers.step(scale)
        progress.steps += 1
        progress.tokens += plan.shape.n_tokens
        progress.minutes = before + (time.monotonic() - begin) / 60
        if time.monotonic() - saved > 60 * plan.save_every:
            say(record(plan, net, gaps, progress, (scale, losses)))
            save(plan.work / "latest.pt", plan, begun)
            saved, losses = time.monotonic(), []
    say(record(plan, net, gaps, progress, (0.0, losses)))
    return save(plan.work / "final.pt", plan, begun)


class Stepper:
    """Forward and backward pass of one batch; gradients stay in the parameters."""

    def __init__(self, net: Net, plan: Plan) -> None:
        self.net, self.plan = net, plan
        self._forward: Callable[..., tuple[torch.Tensor, torch.Tensor]] = (
            torch.compile(net, dynamic=False) if plan.compiled else net
        )

    def __call__(self, batch: Batch) -> tuple[float, float]:
        """The mean losses of encoder and denoiser, in nats per token."""
        device = self.plan.device
        windows, canvases, starts = (t.to(device) for t in (batch.windows, batch.canvases, batch.starts))
        encoded, decoded = self._forward(windows, canvases, starts, self.plan.shape.reach)
        n_ar, n_gap = len(batch.ar_rows), len(batch.gap_rows)
        rows = torch.cat([batch.ar_rows, batch.gap_rows])
        weights = torch.cat([torch.full((n_ar,), AR_WEIGHT / n_ar), torch.full((n_gap,), 1 / max(n_gap, 1))])
        targets = torch.cat([batch.ar_targets, batch.gap_targets])
        rows, weights, targets = (functional.pad(t, (0, -len(t) % CHUNK)).to(device) for t in (rows, weights, targets))
        hidden = torch.cat([encoded.flatten(0, 1), decoded.flatten(0, 2)])[rows].to(self.net.compute)
        loss, each = head_loss(hidden, self.net.embedding, (targets, weights), compiled=self.plan.compiled)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(each[:n_ar].mean()), float(each[n_ar : n_ar + n_gap].mean())


def batches_of(plan: Plan, data: Data) -> Batches | FimBatches:
    """The training examples of a plan."""
    if plan.twin:
        return FimBatches(data.splits["train"], data.line_starts, plan.shape, plan.seed)
    return Batches(data.splits["train"], data.line_starts, plan.shape, plan.seed, plan.kernel)


class Begun(NamedTuple):
    """What a run goes on from; `cold_since` is the step at which the optimisers were new."""

    net: Net
    optimisers: Optimisers
    progress: Progress
    cold_since: int = 0


def anew(plan: Plan) -> Begun:
    """Random weights and an empty curve."""
    (plan.work / "curve.csv").unlink(missing_ok=True)
    net = Net(plan.size).to(plan.device)
    net.compute = torch.bfloat16
    return Begun(net, Optimisers(net), Progress())


def resumed(plan: Plan, checkpoint: Path) -> Begun:
    """The state of a checkpoint."""
    state = torch.load(checkpoint, map_location=plan.device, weights_only=True)
    net = net_of(state).to(plan.device)
    net.compute = torch.bfloat16
    optimisers = Optimisers(net)
    optimisers.load_state_dict(state["optimisers"])
    return Begun(net, optimisers, Progress(**state["progress"]), state.get("cold_since", 0))


def from_weights(plan: Plan, net: Net, progress: Progress) -> Begun:
    """Weights without the state of their optimisers, which are warmed up anew."""
    net = net.to(plan.device)
    net.compute = torch.bfloat16
    return Begun(net, Optimisers(net), progress, progress.steps)


def net_of(state: dict[str, Any]) -> Net:
    """The network of a loaded checkpoint, computing in fp32."""
    net = Net(Size(**state["size"]))
    net.load_state_dict(state["net"])
    return net


def save(path: Path, plan: Plan, begun: "Begun") -> Path:
    """Writes a checkpoint; an older one stays whole until the new one is."""
    net, optimisers, progress, cold_since = begun
    part = path.with_suffix(".part")
    torch.save(
        {
            "net": net.state_dict(),
            "optimisers": optimisers.state_dict(),
            "progress": asdict(progress),
            "size": asdict(plan.size),
            "shape": asdict(plan.shape),
            "cold_since": cold_since,
            "command": plan.command,
            "kernel": str(plan.kernel),
        },
        part,
    )
    part.replace(path)
    return path


def record(
    plan: Plan, net: Net, gaps: Gaps, progress: Progress, recent: tuple[float, list[tuple[float, float]]]
) -> str:
    """Appends one row to curve.csv and returns it in words; `recent`: the rate's scale, the losses since the last."""
    scale, losses = recent
    means = [sum(column) / len(column) for column in zip(*losses, strict=True)] or [math.nan, math.nan]
    quick = (measure_fim if plan.twin else measure)(net, gaps)
    values = (scale, *means, quick.ar, quick.gap, quick.first, quick.exact)
    row = (f"{progress.minutes:.2f}", progress.steps, progress.tokens, *(f"{value:.4f}" for value in values))
    path = plan.work / "curve.csv"
    is_new = not path.is_file()
    with path.open("a", newline="") as file:
        csv.writer(file).writerows([COLUMNS, row] if is_new else [row])
    return "  ".join(f"{name} {value}" for name, value in zip(COLUMNS, row, strict=True))
