"""The training loop: AdamW on the adapters, a curve, and a state from which a run goes on as if never interrupted."""

import csv
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dgls.engines.checkpoint import Facts
from dgls.engines.gemma import Gemma
from dgls.engines.masks import banned_mask
from dgls.engines.tokens import Tokens
from dgls.errors import EngineError, UsageError
from finetuning.adapter import save_adapter, trained
from finetuning.canvases import Recipe, draw_example
from finetuning.objective import losses
from finetuning.sources import Corpus

COLUMNS = ("step", "minutes", "lr", "gap", "prefix")
AR_WEIGHT = 0.5  # of the encoder's own loss, which keeps its scores of candidates good
_CONDITIONED_SHARE = 0.5
_WARM_UP_STEPS = 20
_LAST_LR = 0.1  # of the highest


@dataclass(frozen=True)
class Plan:
    """One run; adapter, curve and state go into `folder`."""

    folder: Path
    steps: int
    recipe: Recipe = field(default_factory=Recipe)
    batch: int = 4
    lr: float = 2e-4
    seed: int = 0
    save_every: int = 50


@dataclass(frozen=True)
class Tuned:
    """What is trained: the passes of the engine over a model, its vocabulary and facts, and its adapters."""

    model: Gemma
    tokens: Tokens
    facts: Facts
    peft: Any


def train(
    tuned: Tuned, corpus: Corpus, plan: Plan, *, resume: bool = False, say: Callable[[str], None] = print
) -> None:
    """Trains up to `plan.steps`. Raises DglsError when it cannot begin, resume or learn."""
    weights = trained(tuned.peft)
    optimiser = torch.optim.AdamW(weights, lr=plan.lr, weight_decay=0.0)
    first, minutes = _restore(plan, weights, optimiser) if resume else _begin(plan)
    begin = time.monotonic() - 60 * minutes
    recent: list[tuple[float, float]] = []
    for step in range(first, plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = plan.lr * lr_scale(step, plan.steps)
        recent.append(_step(tuned, corpus, plan, step))
        if not math.isfinite(sum(recent[-1])):
            raise EngineError(f"the loss of step {step + 1} is not a number", "resume with a smaller --lr")
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            minutes = (time.monotonic() - begin) / 60
            line = _record(plan, step + 1, minutes, recent)
            _save(plan, step + 1, minutes, weights, optimiser)
            recent = []
            say(line)
    save_adapter(tuned.peft, plan.folder)


def lr_scale(step: int, n_steps: int) -> float:
    """The share of the highest learning rate: a short warm-up, then a straight fall to a tenth."""
    warm_up = min(_WARM_UP_STEPS, max(n_steps // 10, 1))
    fall = 1 - (1 - _LAST_LR) * max(step - warm_up, 0) / max(n_steps - warm_up, 1)
    return min((step + 1) / warm_up, 1.0) * fall


def _step(tuned: Tuned, corpus: Corpus, plan: Plan, step: int) -> tuple[float, float]:
    """Adds the gradients of one batch; its mean losses. The same step always draws the same examples."""
    banned = banned_mask(tuned.tokens).to(tuned.model.device)
    found = []
    for number in range(plan.batch):
        rng = random.Random(f"{plan.seed}/{step}/{number}")
        example = draw_example(corpus, tuned.tokens, tuned.facts, plan.recipe, rng)
        conditioned = tuned.model.self_conditioned and rng.random() < _CONDITIONED_SHARE
        gap, prefix = losses(tuned.model, example, banned, conditioned=conditioned)
        ((gap + AR_WEIGHT * prefix) / plan.batch).backward()  # type: ignore[no-untyped-call]
        found.append((float(gap.detach()), float(prefix.detach())))
    return _means(found)


def _means(rows: list[tuple[float, float]]) -> tuple[float, float]:
    """The mean of each column."""
    return sum(gap for gap, _ in rows) / len(rows), sum(prefix for _, prefix in rows) / len(rows)


def _begin(plan: Plan) -> tuple[int, float]:
    """An empty folder for a run from step 0. Raises UsageError."""
    if (plan.folder / "state.pt").exists():
        raise UsageError(f"{plan.folder} holds a run already", "add --resume to go on with it, or give another --out")
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        with (plan.folder / "curve.csv").open("w", newline="") as file:
            csv.writer(file).writerow(COLUMNS)
    except OSError as error:
        raise UsageError(f"{plan.folder} cannot be written ({error.strerror})", "give another --out") from error
    return 0, 0.0


def _restore(plan: Plan, weights: list[torch.nn.Parameter], optimiser: torch.optim.Optimizer) -> tuple[int, float]:
    """Step and minutes of a saved state, which is put into weights and optimiser. Raises UsageError."""
    path = plan.folder / "state.pt"
    if not path.is_file():
        raise UsageError(f"{plan.folder} holds no run to resume", "leave out --resume, or give the --out of that run")
    state = torch.load(path, map_location="cpu", weights_only=True)
    if [weight.shape for weight in weights] != [saved.shape for saved in state["weights"]]:
        raise UsageError(f"the run in {plan.folder} is of another model or rank", "give the same --model and --rank")
    with torch.no_grad():
        for weight, saved in zip(weights, state["weights"], strict=True):
            weight.copy_(saved)
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"]), float(state["minutes"])


def _save(
    plan: Plan, step: int, minutes: float, weights: list[torch.nn.Parameter], optimiser: torch.optim.Optimizer
) -> None:
    """Writes the state; an older one stays whole until the new one is."""
    part = plan.folder / "state.part"
    saved = [weight.detach() for weight in weights]
    torch.save({"step": step, "minutes": minutes, "weights": saved, "optimiser": optimiser.state_dict()}, part)
    part.replace(plan.folder / "state.pt")


def _record(plan: Plan, step: int, minutes: float, recent: list[tuple[float, float]]) -> str:
    """Appends the mean losses since the last row to curve.csv; the row in words."""
    gap, prefix = _means(recent)
    lr = plan.lr * lr_scale(step - 1, plan.steps)
    row = (str(step), f"{minutes:.2f}", f"{lr:.2e}", f"{gap:.4f}", f"{prefix:.4f}")
    with (plan.folder / "curve.csv").open("a", newline="") as file:
        csv.writer(file).writerow(row)
    return "  ".join(f"{name} {value}" for name, value in zip(COLUMNS, row, strict=True))
