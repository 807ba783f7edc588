"""How good a network is at filling held-out gaps: greedy left to right, denoising, and choosing the length."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from small.gaps import CANVAS, Gaps
from small.net import Net
from small.tokens import MASK, N_SPECIAL

STEPS = (1, 2, 4, 8)
TAILS = (0, 2, 4, 8, 16)  # tokens of the suffix that a score may include
CHUNK = 24  # gaps at a time

Scorer = tuple[str, int]  # ("sum" or "mean" of log p, suffix tokens)
SCORERS: tuple[Scorer, ...] = tuple((kind, tail) for kind in ("sum", "mean") for tail in TAILS)


@dataclass(frozen=True)
class Fills:
    """The answers of one method to n gaps, as token ids."""

    method: str
    ids: list[list[int]]

    def exact(self, gaps: Gaps) -> torch.Tensor:
        """`[n]` bool: the gap is filled with just the true tokens."""
        return torch.tensor([ids == truth(gaps, i) for i, ids in enumerate(self.ids)])

    def first(self, gaps: Gaps) -> torch.Tensor:
        """`[n]` bool: the first token is right."""
        return torch.tensor([ids[:1] == truth(gaps, i)[:1] for i, ids in enumerate(self.ids)])


@dataclass(frozen=True)
class Candidates:
    """One fill of each length for n gaps, with the log-probabilities the encoder gives them."""

    lengths: tuple[int, ...]
    ids: torch.Tensor  # [n, lengths, CANVAS], gap and suffix
    log_p: torch.Tensor  # [n, lengths, longest + TAILS[-1]], of gap and suffix tokens given all before; 0 behind them


def truth(gaps: Gaps, i: int) -> list[int]:
    """The true tokens of gap `i`."""
    found: list[int] = gaps.following[i, : int(gaps.lengths[i])].tolist()
    return found


def in_chunks(run: Callable[[Gaps], list[list[int]]], gaps: Gaps) -> list[list[int]]:
    """The answers to all gaps, a chunk at a time."""
    return [ids for i in range(0, len(gaps), CHUNK) for ids in run(gaps[i : i + CHUNK])]


@torch.no_grad()
def known_length(net: Net, gaps: Gaps) -> list[Fills]:
    """Greedy left to right (which sees no suffix), then denoising with 1 to 8 steps; all are told the gap's length."""
    fills = [Fills("left to right", in_chunks(lambda part: _left_to_right(net, part), gaps))]
    for steps in STEPS:
        ids = in_chunks(lambda part, steps=steps: _denoised(net, part, steps), gaps)  # type: ignore[misc]
        fills.append(Fills(f"denoising, {steps} step{'s' * (steps > 1)}", ids))
    return fills


@torch.no_grad()
def candidates(net: Net, gaps: Gaps, lengths: tuple[int, ...], steps: int) -> Candidates:
    """Fills of every length, denoised side by side on one prefix, and their causal log-probabilities."""
    ids, log_p = [], []
    for i in range(0, len(gaps), 4):
        part = gaps[i : i + 4]
        filled = _denoise_lengths(net, part, lengths, steps)
        ids.append(filled)
        log_p.append(torch.stack([_causal(net, part[k : k + 1], filled[k], lengths) for k in range(len(part))]))
    return Candidates(lengths, torch.cat(ids), torch.cat(log_p))


def choose(found: Candidates, scorer: Scorer) -> list[list[int]]:
    """The candidate of the best score for each gap."""
    kind, tail = scorer
    lengths = torch.tensor(found.lengths)
    counted = torch.arange(found.log_p.shape[2]) < (lengths + tail)[:, None]
    score = (found.log_p * counted).sum(-1) / (lengths + tail if kind == "mean" else 1)
    best = score.argmax(-1).tolist()
    return [ids[place, : found.lengths[place]].tolist() for ids, place in zip(found.ids, best, strict=True)]


def any_exact(found: Candidates, gaps: Gaps) -> torch.Tensor:
    """`[n]` bool: one of the candidates is the truth."""
    columns = [
        Fills("", [ids[place, :length].tolist() for ids in found.ids]).exact(gaps)
        for place, length in enumerate(found.lengths)
    ]
    return torch.stack(columns).any(0)


def denoise(net: Net, prefixes: tuple[torch.Tensor, torch.Tensor], canvases: torch.Tensor, steps: int) -> torch.Tensor:
    """Canvases `[n, K, C]` with the noise replaced: in each step the surest of what is left, evenly many.

    `prefixes` are windows `[n, P]` and their lengths `[n]`.
    """
    windows, starts = prefixes
    starts = starts[:, None].expand(canvases.shape[:2])
    for step in range(steps):
        noise = canvases == MASK
        _, decoded = net(windows, canvases, starts, windows.shape[1])
        p, best = _allowed(net.logits(decoded[noise])).softmax(-1).max(-1)
        sure = torch.full(canvases.shape, -1.0).masked_scatter(noise, p)
        rank = sure.argsort(-1, descending=True).argsort(-1)
        accepted = noise & (rank < (noise.sum(-1, keepdim=True) / (steps - step)).ceil())
        canvases = torch.where(accepted, canvases.masked_scatter(noise, best), canvases)
    return canvases


def _denoised(net: Net, gaps: Gaps, steps: int) -> list[list[int]]:
    """Fills of the true length."""
    noised = gaps.canvases.masked_fill(gaps.inside, MASK)
    filled = denoise(net, (gaps.prefixes, gaps.starts), noised[:, None], steps)[:, 0]
    return [ids[:length].tolist() for ids, length in zip(filled, gaps.lengths.tolist(), strict=True)]


def _left_to_right(net: Net, gaps: Gaps) -> list[list[int]]:
    """Greedy continuations of the prefix, cut to the true length."""
    longest = int(gaps.lengths.max())
    windows = torch.nn.functional.pad(gaps.prefixes, (0, longest))
    rows = torch.arange(len(gaps))
    for place in range(longest):
        encoded = _encode(net, windows)[rows, gaps.starts + place - 1]
        windows[rows, gaps.starts + place] = _allowed(net.logits(encoded)).argmax(-1)
    spans = zip(windows, gaps.starts.tolist(), gaps.lengths.tolist(), strict=True)
    return [ids[begin : begin + length].tolist() for ids, begin, length in spans]


def _denoise_lengths(net: Net, gaps: Gaps, lengths: tuple[int, ...], steps: int) -> torch.Tensor:
    """`[n, lengths, CANVAS]`: each length of noise before as much of the suffix as the canvas holds, denoised."""
    rows = []
    for following, length in zip(gaps.following, gaps.lengths.tolist(), strict=True):
        suffix = following[length:]
        rows.append(torch.stack([torch.cat([torch.full((n,), MASK), suffix[: CANVAS - n]]) for n in lengths]))
    return denoise(net, (gaps.prefixes, gaps.starts), torch.stack(rows), steps)


def _causal(net: Net, gap: Gaps, filled: torch.Tensor, lengths: tuple[int, ...]) -> torch.Tensor:
    """Log-probabilities of the candidates of one gap, `[lengths, longest + TAILS[-1]]`."""
    begin, width = int(gap.starts[0]), max(lengths) + TAILS[-1]
    windows = torch.cat([gap.prefixes[0, :begin].expand(len(lengths), -1), filled[:, :width]], dim=1)
    log_p = net.logits(_encode(net, windows)[:, begin - 1 : -1]).log_softmax(-1)
    found = log_p.gather(2, filled[:, :width, None]).squeeze(2)
    return found.masked_fill(torch.arange(width) >= (torch.tensor(lengths) + TAILS[-1])[:, None], 0.0)


def _encode(net: Net, windows: torch.Tensor) -> torch.Tensor:
    """The encoder's hidden states, without any canvas."""
    no_canvas, no_start = windows.new_zeros(len(windows), 0, 1), windows.new_zeros(len(windows), 0)
    encoded: torch.Tensor = net(windows, no_canvas, no_start, 0)[0]
    return encoded


def _allowed(logits: torch.Tensor) -> torch.Tensor:
    """Logits without the special tokens."""
    logits[..., :N_SPECIAL] = -torch.inf
    return logits
