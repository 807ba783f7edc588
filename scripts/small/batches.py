"""Training examples: windows of code for the causal encoder, and canvases with gaps for the denoiser."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from dgls.diffusion.sampling import Kernel
from small.data import Files
from small.noising import noise_out
from small.tokens import BOS, EOS, N_SPECIAL

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """The sizes of one training step, in tokens."""

    n_windows: int = 8
    window: int = 256
    n_canvases: int = 4  # per window
    canvas: int = 64

    @property
    def reach(self) -> int:
        """How many tokens of its window a canvas can see at most: it must end within the window."""
        return self.window - self.canvas

    @property
    def n_tokens(self) -> int:
        return self.n_windows * (self.window + self.n_canvases * self.canvas)


@dataclass(frozen=True)
class Batch:
    """One training step; B windows of W tokens, K canvases of C tokens on each."""

    windows: torch.Tensor  # [B, W]
    canvases: torch.Tensor  # [B, K, C], noise in the gaps; K may be 0
    starts: torch.Tensor  # [B, K], the window position at which a canvas begins
    ar_rows: torch.Tensor  # [B * W / 2], flat window positions whose next token is to be predicted
    ar_targets: torch.Tensor
    gap_rows: torch.Tensor  # [n], flat positions in windows, then canvases, whose token is to be told
    gap_targets: torch.Tensor


class Windows:
    """Windows by number: an epoch covers every file once, in random order, cut anew at a random phase.

    The same number always gives the same window, so that a resumed run needs no other state.
    """

    def __init__(self, files: Files, line_starts: NDArray[np.bool_], length: int, seed: int) -> None:
        self.files, self.length, self.seed = files, length, seed
        sizes = np.diff(files.offsets)
        self._n_cuts = -(-sizes // (length - 1)) + 1  # [n_files]
        self._lines = np.union1d(np.flatnonzero(line_starts[files.ids]), files.offsets[:-1])
        # The line end without indentation is one of the 256 bytes, which come right after the special tokens.
        self._bare = {int(i) for i in np.flatnonzero(line_starts) if i < N_SPECIAL + 256}
        self._epoch = lru_cache(maxsize=1)(self._cut)

    def __getitem__(self, index: int) -> Ids:
        """<bos>, a piece of one file, and <eos> after the file's end; `[length]`.

        A piece from inside a file begins with the line end before it; half of the unindented ones begin after it.
        """
        epoch, place = divmod(index, int(self._n_cuts.sum()))
        begin, end = (int(value) for value in self._epoch(epoch)[place])
        if int(self.files.ids[begin]) in self._bare and index % 2:
            begin += 1
        ids = self.files.ids[begin : min(end, begin + self.length - 1)].astype(np.int64)
        return np.concatenate([[BOS], ids, np.full(self.length - 1 - len(ids), EOS)])

    def _cut(self, epoch: int) -> NDArray[np.int64]:
        """`[n, 2]`: begin of the piece and end of its file, shuffled."""
        rng = np.random.default_rng([self.seed, epoch])
        file = np.repeat(np.arange(len(self._n_cuts)), self._n_cuts)
        number = np.arange(len(file)) - np.repeat(np.cumsum(self._n_cuts) - self._n_cuts, self._n_cuts)
        phase = rng.integers(0, self.length - 1, len(self._n_cuts))[file]
        first, last = self.files.offsets[file], self.files.offsets[file + 1]
        wanted = np.clip(first + number * (self.length - 1) - phase, first, last - 1)
        begins = self._lines[np.searchsorted(self._lines, wanted, side="right") - 1]
        return rng.permutation(np.stack([begins, last], axis=1))


class Batches:
    """Batches by number, always the same for the same number and seed."""

    def __init__(
        self,
        files: Files,
        line_starts: NDArray[np.bool_],
        shape: Shape,
        seed: int = 0,
        kernel: Kernel = Kernel.ABSORBING,
    ) -> None:
        self.windows = Windows(files, line_starts, shape.window, seed)
        self.line_starts, self.shape, self.seed, self.kernel = line_starts, shape, seed, kernel

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, 1, step])
        n = self.shape.n_windows
        windows = np.stack([self.windows[step * n + i] for i in range(n)])
        return make_batch(windows, self.line_starts, (self.shape, self.kernel), rng)


def make_batch(
    windows: Ids, line_starts: NDArray[np.bool_], plan: tuple[Shape, Kernel], rng: np.random.Generator
) -> Batch:
    """Lays canvases on windows `[B, W]` and picks the positions to learn from."""
    shape, kernel = plan
    n_text = np.maximum(2, (windows != EOS).sum(axis=1))  # <bos> included
    starts = np.stack([rng.integers(1, min(shape.reach + 1, n), shape.n_canvases) for n in n_text])
    places = starts[:, :, None] + np.arange(shape.canvas)
    clean = np.take_along_axis(windows[:, None, :], places, axis=2)
    pairs = [noise_out(canvas, line_starts, kernel, rng) for row in clean for canvas in row]
    canvases, asked = (np.stack(column).reshape(clean.shape) for column in zip(*pairs, strict=True))
    ar_rows = _ar_rows(windows, rng)
    return Batch(
        windows=torch.from_numpy(windows),
        canvases=torch.from_numpy(canvases),
        starts=torch.from_numpy(starts),
        ar_rows=torch.from_numpy(ar_rows),
        ar_targets=torch.from_numpy(windows.ravel()[ar_rows + 1]),
        gap_rows=torch.from_numpy(np.flatnonzero(asked) + windows.size),
        gap_targets=torch.from_numpy(clean[asked]),
    )


def _ar_rows(windows: Ids, rng: np.random.Generator) -> Ids:
    """A random half of the window positions (always the same number); those within the filling only if need be."""
    following = windows[:, 1:]
    rank = rng.random(following.shape) + ((following == EOS) & (windows[:, :-1] == EOS))
    rows = np.arange(windows.size).reshape(windows.shape)[:, :-1]
    return np.sort(rows.ravel()[np.argsort(rank, axis=None)[: windows.size // 2]])
