"""Gaps cut from held-out files, and the quick measures of a network on them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from small.data import Files
from small.net import Net
from small.tokens import BOS, EOS, MASK, N_SPECIAL

PREFIX = 160  # tokens before the gap at most, <bos> included
CANVAS = 64
AR_FROM = 32  # the encoder is measured from this position on
MIN_LENGTH, MAX_LENGTH = 2, 16
N_PER_FILE = 4  # more only where there are too few files


@dataclass(frozen=True)
class Gaps:
    """n gaps; each begins where its canvas does."""

    prefixes: torch.Tensor  # [n, PREFIX], filled on the right
    starts: torch.Tensor  # [n], length of each prefix
    following: torch.Tensor  # [n, CANVAS + MAX_LENGTH], the true tokens of gap and suffix
    lengths: torch.Tensor  # [n], of the gap
    whole_line: torch.Tensor  # [n], bool: the gap is a whole line, else the rest of one

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: slice) -> "Gaps":
        return Gaps(*(t[rows] for t in (self.prefixes, self.starts, self.following, self.lengths, self.whole_line)))

    def to(self, device: str) -> "Gaps":
        """The gaps on a device."""
        return Gaps(
            *(t.to(device) for t in (self.prefixes, self.starts, self.following, self.lengths, self.whole_line))
        )

    @property
    def canvases(self) -> torch.Tensor:
        """The true tokens from the gap's first on; `[n, CANVAS]`."""
        return self.following[:, :CANVAS]

    @property
    def inside(self) -> torch.Tensor:
        """Which canvas positions are the gap; `[n, CANVAS]`."""
        return torch.arange(CANVAS, device=self.lengths.device) < self.lengths[:, None]


def cut_gaps(files: Files, line_starts: NDArray[np.bool_], n: int, seed: int = 0) -> Gaps:
    """`n` random gaps of 2-16 tokens, half of them whole lines, few from any one file."""
    rng = np.random.default_rng([seed, 3])
    found: list[tuple[NDArray[np.int64], int, NDArray[np.int64], int, bool]] = []
    spare = [ids for ids in files if len(ids) > PREFIX + CANVAS]
    n_per_file = max(N_PER_FILE, -(-n // max(len(spare), 1)))
    for number in rng.permutation(len(spare)):
        for i in range(min(n_per_file, n - len(found))):
            gap = _cut(spare[number].astype(np.int64), line_starts, whole_line=i % 2 == 0, rng=rng)
            found += [gap] if gap else []
    columns = list(zip(*found, strict=True))
    prefixes, following = (torch.from_numpy(np.stack(columns[i])) for i in (0, 2))
    return Gaps(prefixes, torch.tensor(columns[1]), following, torch.tensor(columns[3]), torch.tensor(columns[4]))


def _cut(
    ids: NDArray[np.int64], line_starts: NDArray[np.bool_], *, whole_line: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], int, NDArray[np.int64], int, bool] | None:
    """One gap of a file: prefix, its length, what follows, the gap's length and kind."""
    lines = np.flatnonzero(line_starts[ids])
    places = lines + 1 if whole_line else np.setdiff1d(np.arange(1, len(ids)), np.concatenate([lines, lines + 1]))
    for begin in rng.permutation(places[(places >= PREFIX) & (places <= len(ids) - CANVAS)])[:50].tolist():
        after = lines[np.searchsorted(lines, begin) :]
        length = int(after[0]) - begin if len(after) else 0
        first = int(lines[np.searchsorted(lines, begin - PREFIX + 1)])  # the earliest line in reach
        if MIN_LENGTH <= length <= MAX_LENGTH and begin - first > AR_FROM:
            prefix = np.concatenate([[BOS], ids[first:begin]])
            padded = np.pad(prefix, (0, PREFIX - len(prefix)))
            following = np.pad(ids[begin : begin + CANVAS + MAX_LENGTH], (0, CANVAS + MAX_LENGTH), constant_values=EOS)
            return padded, len(prefix), following[: CANVAS + MAX_LENGTH], length, whole_line
    return None


@dataclass(frozen=True)
class Quick:
    """What one pass tells: nats per token, and shares of gaps with one denoising step."""

    ar: float  # encoder cross-entropy on the prefixes
    gap: float  # decoder cross-entropy on gaps that are all noise
    first: float  # first token right
    token: float  # tokens right
    exact: float  # all tokens right


@torch.no_grad()
def measure(net: Net, gaps: Gaps, chunk: int = 24) -> Quick:
    """The quick measures of a network, special tokens banned from the gap."""
    parts = [_measure(net, gaps[i : i + chunk]) for i in range(0, len(gaps), chunk)]
    ar, gap, right = (torch.cat(column) for column in zip(*parts, strict=True))
    by_gap = torch.split(right, gaps.lengths.tolist())
    first, exact = torch.stack([hits[0] for hits in by_gap]), torch.stack([hits.all() for hits in by_gap])
    values = (ar.mean(), gap.mean(), first.float().mean(), right.float().mean(), exact.float().mean())
    return Quick(*(float(value) for value in values))


def _measure(net: Net, gaps: Gaps) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Losses of the encoder, losses and hits of the gap tokens, each flat."""
    inside = gaps.inside
    noised = gaps.canvases.masked_fill(inside, MASK)
    encoded, decoded = net(gaps.prefixes, noised[:, None], gaps.starts[:, None], PREFIX)
    places = torch.arange(PREFIX - 1, device=gaps.starts.device)
    asked = (places >= AR_FROM) & (places < gaps.starts[:, None] - 1)
    ar = functional.cross_entropy(net.logits(encoded[:, :-1][asked]), gaps.prefixes[:, 1:][asked], reduction="none")
    logits, truth = net.logits(decoded[:, 0][inside]), gaps.canvases[inside]
    gap = functional.cross_entropy(logits, truth, reduction="none")
    logits[:, :N_SPECIAL] = -torch.inf
    return ar, gap, logits.argmax(-1) == truth
