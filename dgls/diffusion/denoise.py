"""The denoising loop: a canvas goes in, one `Step` comes out per pass of the decoder, until the gap is settled.

The rules are those of transformers' `EntropyBoundSampler` and `StableAndConfidentStoppingCriteria`, applied to the gap
alone: pinned tokens take no part in the entropy budget, the mean entropy or the stop. `tests/diffusion` compares the
loop with transformers' own `generate`.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from dgls.diffusion.canvas import Canvas
from dgls.diffusion.model import KeyValues, Model
from dgls.diffusion.noise import Noise
from dgls.diffusion.prefix import as_rows
from dgls.diffusion.sampling import Kernel, Sampling


class Typed(Protocol):
    """What the gap must begin with because the user has typed it already."""

    def allowed(self, path: Sequence[int], n_left: int) -> Tensor | None:
        """The tokens that may follow `path` from the start of the gap, `[V]` bool; None once all of it is written.

        With `n_left` places, this one included, the rest of it can still be written, if that is possible at all.
        """


@dataclass(frozen=True, eq=False)
class Step:
    """The canvas after one pass of the decoder; everything is `[rows, L]` but `done` and `dropped`, `[rows]`.

    `draft` is the likeliest canvas with pins in place, `sureness` the probability (temperature 1) of each of its
    tokens, `entropy` that of the gap's distributions (0 at pins), `accepted` what the next canvas keeps.
    """

    number: int
    draft: Tensor
    current: Tensor
    sureness: Tensor
    entropy: Tensor
    accepted: Tensor
    done: Tensor
    dropped: Tensor


# Which rows are not worth going on with after a step, `[rows]` bool.
Lagging = Callable[[Step, Canvas], Tensor]


@dataclass(eq=False)
class _State:
    """What the loop carries from step to step; everything `[rows, L]` but where it says otherwise."""

    current: Tensor
    draft: Tensor
    sureness: Tensor
    entropy: Tensor
    accepted: Tensor
    committed: Tensor  # absorbing noise: accepted for good
    n_stable: Tensor  # [rows]
    done: Tensor  # [rows]
    dropped: Tensor  # [rows]
    soft: Tensor | None  # [rows, L, H]


@torch.no_grad()
def denoise(
    model: Model,
    past: KeyValues,
    n_past: int,
    canvas: Canvas,
    *,
    sampling: Sampling,
    noise: Noise,
    banned: Tensor,
    typed: Typed | None = None,
    lagging: Lagging | None = None,
    n_steps: int | None = None,
) -> Generator[Step, None, None]:
    """One `Step` per pass; the last one is settled, or the cap of `sampling` is reached.

    `past` holds the prefix in one row, `banned [V]` tokens that must not stand in the gap. A row that is done or
    dropped is not computed any more. Of the schedule, the last `n_steps` are done; None means all. What is warm on the
    canvas stays for good where noise is an id, elsewhere the model may change it at any step. Stop iterating to cancel.
    """
    state = _begin(model, canvas, noise, sampling.kernel)
    n_steps = sampling.max_denoising_steps if n_steps is None else n_steps
    if n_steps == 0 or bool(state.done.all()):
        yield _step(state, 0)  # nothing is noise
        return
    for number in range(1, n_steps + 1):
        rows = torch.nonzero(~(state.done | state.dropped)).flatten()
        gap = canvas.gap.to(model.device)[rows] & ~state.committed[rows]
        soft = None if state.soft is None else state.soft[rows]
        hidden = model.decode(state.current[rows], soft, as_rows(past, len(rows)), n_past)
        logits = model.logits(hidden[gap]).masked_fill(banned, -torch.inf)
        n_left = n_steps - number + 1
        _advance(model, state, rows, gap, logits, _Turn(sampling, noise, typed, number, n_left, canvas))
        step = _step(state, number)
        if lagging is not None:
            state.dropped |= lagging(step, canvas) & ~state.done
            step = replace(step, dropped=state.dropped.clone())
        yield step
        if bool((state.done | state.dropped).all()):
            return


@dataclass(frozen=True, eq=False)
class _Turn:
    """What one step needs to know beside the state."""

    sampling: Sampling
    noise: Noise
    typed: Typed | None
    number: int
    n_left: int
    canvas: Canvas


def _step(state: _State, number: int) -> Step:
    """The state as it is now, for others to keep."""
    return Step(
        number,
        draft=state.draft.clone(),
        current=state.current.clone(),
        sureness=state.sureness.clone(),
        entropy=state.entropy.clone(),
        accepted=state.accepted.clone(),
        done=state.done.clone(),
        dropped=state.dropped.clone(),
    )


def _begin(model: Model, canvas: Canvas, noise: Noise, kernel: Kernel) -> _State:
    """The state before the first step: noise in the gap, or what is warm there, and no self-conditioning signal."""
    current = canvas.ids.to(model.device).clone()
    warm = canvas.warm.to(model.device)
    noisy = canvas.gap.to(model.device) & ~warm
    for row in range(len(current)):
        current[row, noisy[row]] = noise.tokens(row, 0, int(noisy[row].sum()))
    return _State(
        current=current,
        draft=current.clone(),
        sureness=torch.where(noisy, 0.0, 1.0),
        entropy=torch.zeros_like(current, dtype=torch.float32),
        accepted=~noisy,
        committed=warm & (kernel is Kernel.ABSORBING),
        n_stable=torch.zeros(len(current), dtype=torch.long, device=model.device),
        done=~noisy.any(-1) & (kernel is Kernel.ABSORBING),
        dropped=torch.zeros(len(current), dtype=torch.bool, device=model.device),
        soft=None,
    )


def _advance(model: Model, state: _State, rows: Tensor, gap: Tensor, logits: Tensor, turn: _Turn) -> None:
    """One step of the sampler on the rows that are still open; `logits [n, V]` are those of `gap [open rows, L]`."""
    forced = _force_typed(state, rows, gap, logits, turn)
    sampling = turn.sampling
    temperature = sampling.temperature(turn.n_left)
    scaled = logits / temperature if temperature > 0 else logits
    log_p = scaled.log_softmax(-1)
    likeliest = scaled.argmax(-1)
    sampled = likeliest
    if temperature > 0:
        gumbel = torch.cat([turn.noise.gumbel(int(row), turn.number, int(gap[i].sum())) for i, row in enumerate(rows)])
        sampled = torch.where(forced, likeliest, (log_p + gumbel).argmax(-1))
    entropy = -(log_p.exp() * log_p.clamp_min(-1e30)).sum(-1)

    before = state.draft[rows]
    state.draft[rows] = before.masked_scatter(gap, likeliest)
    sureness = logits.softmax(-1).gather(-1, likeliest[:, None]).flatten() if temperature > 0 else log_p.exp().amax(-1)
    state.sureness[rows] = state.sureness[rows].masked_scatter(gap, sureness)
    by_place = torch.full(gap.shape, torch.inf, device=gap.device).masked_scatter(gap, entropy)
    state.entropy[rows] = by_place.masked_fill(~gap, 0.0)
    accepted = _accepted(by_place, gap, sampling, turn.n_left) & gap
    if turn.typed is not None:
        accepted = _with_held(accepted, gap, forced)
    _renoise(state, rows, gap, accepted, sampled, turn)
    _condition(model, state, rows, gap, log_p, turn)
    _settle(state, rows, gap, before, turn)


def _accepted(entropy: Tensor, gap: Tensor, sampling: Sampling, n_left: int) -> Tensor:
    """The places of lowest entropy whose sum of entropies, less the largest, stays within the bound; `[rows, L]`.

    transformers' `EntropyBoundSampler.accept_canvas` (arXiv 2505.24857) on the gap alone: pins have infinite entropy.
    """
    ascending, places = entropy.sort(dim=-1)
    within = ascending.cumsum(-1) - ascending <= sampling.entropy_bound  # inf - inf is nan: never within
    if sampling.kernel is not Kernel.UNIFORM:
        n_open = gap.sum(-1, keepdim=True)
        n_steps = sampling.max_denoising_steps
        # What is accepted for good is not open any more: a share of the rest; otherwise a growing share of the whole.
        if sampling.kernel is Kernel.ABSORBING:
            share = -(-n_open // n_left)
        else:
            share = -(-n_open * (n_steps - n_left + 1) // n_steps)
        within |= torch.arange(entropy.shape[-1], device=entropy.device) < share
    return torch.zeros_like(within).scatter(-1, places, within)


def _renoise(state: _State, rows: Tensor, gap: Tensor, accepted: Tensor, sampled: Tensor, turn: _Turn) -> None:
    """The next canvas: accepted places take their sample, all other open places get new noise."""
    current = state.current[rows].masked_scatter(gap, sampled)
    for i, row in enumerate(rows):
        renoised = gap[i] & ~accepted[i]
        noise = turn.noise.tokens(int(row), turn.number, int(gap[i].sum()))
        current[i, renoised] = noise[renoised[gap[i]]]
    state.current[rows] = current
    state.accepted[rows] = accepted | ~gap
    if turn.sampling.kernel is Kernel.ABSORBING:
        # What is accepted for good is what was sampled, not what is likeliest.
        state.draft[rows] = torch.where(accepted, current, state.draft[rows])
        state.committed[rows] |= accepted


def _condition(model: Model, state: _State, rows: Tensor, gap: Tensor, log_p: Tensor, turn: _Turn) -> None:
    """The signal for the next step: mean embeddings in the gap, the token's own embedding at pins."""
    if not model.self_conditioned or turn.n_left == 1:
        return
    signal = model.embed(state.current[rows])
    unknown = gap & ~state.committed[rows]
    signal[unknown] = model.embed_soft(log_p[unknown[gap]].exp()).to(signal.dtype)
    if state.soft is None:
        state.soft = torch.zeros((*state.current.shape, signal.shape[-1]), dtype=signal.dtype, device=signal.device)
    state.soft[rows] = signal


def _settle(state: _State, rows: Tensor, gap: Tensor, before: Tensor, turn: _Turn) -> None:
    """Marks rows as done: unchanged for `stability_threshold` steps and sure enough, or full where noise is an id."""
    sampling = turn.sampling
    same = (before == state.draft[rows]).all(-1) & (turn.number > 1)
    state.n_stable[rows] = torch.where(same, state.n_stable[rows] + 1, 0)
    is_stable = state.n_stable[rows] >= sampling.stability_threshold
    match sampling.kernel:
        case Kernel.UNIFORM:
            is_sure = state.entropy[rows].sum(-1) / gap.sum(-1).clamp_min(1) < sampling.confidence_threshold
            state.done[rows] = is_sure & is_stable
        case Kernel.ABSORBING:
            state.done[rows] = (turn.canvas.pinned.to(gap.device)[rows] | state.committed[rows]).all(-1)
        case Kernel.MIXED:
            state.done[rows] = state.accepted[rows].all(-1) & is_stable


def _force_typed(state: _State, rows: Tensor, gap: Tensor, logits: Tensor, turn: _Turn) -> Tensor:
    """Lets only tokens that agree with what is typed stand at the start of the gap; which of `logits` were held, `[n]`.

    A token's choice decides what may follow it, so the places are walked from left to right along the likeliest
    path; there the likeliest token is also what is sampled.
    """
    forced = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    if turn.typed is None:
        return forced
    offsets = gap.flatten().long().cumsum(0).view(gap.shape) - 1
    whole_gap = turn.canvas.gap
    given = ~whole_gap | turn.canvas.warm if turn.sampling.kernel is Kernel.ABSORBING else ~whole_gap
    for i, row in enumerate(rows.tolist()):
        path: list[int] = []
        for place in torch.nonzero(whole_gap[row]).flatten().tolist():
            n_left = next(iter(torch.nonzero(given[row, place:]).flatten().tolist()), gap.shape[1] - place)
            allowed = turn.typed.allowed(path, n_left)
            if allowed is None:
                break
            if gap[i, place]:
                at = int(offsets[i, place])
                logits[at].masked_fill_(~allowed, -torch.inf)
                forced[at] = True
                path.append(int(logits[at].argmax()))
            else:
                path.append(int(state.current[row, place]))
    return forced


def _with_held(accepted: Tensor, gap: Tensor, forced: Tensor) -> Tensor:
    """Held places are accepted from left to right, and all of them as soon as any place behind them is.

    What is held depends on the tokens before it: with a later place accepted for good, an earlier one could still turn
    to a token that would need another one there.
    """
    held = torch.zeros_like(gap).masked_scatter(gap, forced)
    all_before = (accepted | ~held).long().cumprod(-1).bool()
    any_behind = (accepted & ~held).any(-1, keepdim=True)
    return accepted & (all_before | ~held) | (held & any_behind)
