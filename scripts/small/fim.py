"""The autoregressive twin's examples: suffix, prefix and middle in one causal window (arXiv 2207.14255).

The twin is the same network without canvases. It exists for comparison alone: the same files and gaps, the same
compute, decoded greedily from left to right. The suffix comes first, and a mark before the prefix's last token says
that a middle follows. With the suffix or the mark between prefix and middle, some hundred steps did not learn to go on
where the prefix had ended; without a mark, 900 steps did not learn to end.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from small.batches import Batch, Shape, Windows
from small.data import Files
from small.gaps import Gaps, Quick
from small.net import Net
from small.noising import Ids, gap_end
from small.tokens import BOS, EOS, MIDDLE_MARK, PAD, PREFIX_MARK, SUFFIX_MARK

N_MARKS = 4  # <|suffix|>, <|prefix|>, <|middle|> and the <eos> behind the middle
PLAIN_SHARE = 0.1  # of the windows stay plain code
MOST_PREFIX, DEV_SUFFIX = 160, 48  # tokens when it is measured: with the middle they fit into a window of 256


class FimBatches:
    """Batches by number, always the same for the same number and seed."""

    def __init__(self, files: Files, line_starts: NDArray[np.bool_], shape: Shape, seed: int = 0) -> None:
        self.windows = Windows(files, line_starts, shape.window - N_MARKS, seed)
        self.line_starts, self.shape, self.seed = line_starts, shape, seed

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, 1, step])
        n = self.shape.n_windows
        rows, middles = zip(*(self._row(self.windows[step * n + i], rng) for i in range(n)), strict=True)
        return as_batch(np.stack(rows), np.array(middles), self.shape)

    def _row(self, window: Ids, rng: np.random.Generator) -> tuple[Ids, int]:
        """A window with the suffix of a gap moved to its head, filled up on the right, and where the middle begins.

        Some stay as they are, without a middle.
        """
        text = window[1:][window[1:] != EOS]
        if len(text) < 2 or rng.random() < PLAIN_SHARE:
            row, middle = window[: len(text) + 2], self.shape.window  # one <eos> where the file ends
        else:
            begin = int(rng.integers(0, min(self.shape.reach, len(text))))
            end = min(len(text), gap_end(begin, np.flatnonzero(self.line_starts[text]).tolist(), rng))
            row = np.concatenate([asked_for(text[:begin], text[end:]), text[begin:end], [EOS]])
            middle = len(row) - (end - begin) - 1
        return np.pad(row, (0, self.shape.window - len(row)), constant_values=PAD), middle


def asked_for(prefix: Ids, suffix: Ids) -> Ids:
    """`<bos> <|suffix|> suffix <|prefix|> prefix`, with `<|middle|>` before its last token; middle, `<eos>` follow."""
    return np.concatenate([[BOS, SUFFIX_MARK], suffix, [PREFIX_MARK], prefix[:-1], [MIDDLE_MARK], prefix[-1:]])


def as_batch(windows: Ids, middles: Ids, shape: Shape) -> Batch:
    """Windows `[B, W]` whose every next token is asked for, the filling aside; no canvases.

    Middles, which begin at `middles` `[B]`, weigh as much as the gaps of canvases do: they are `gap_rows`, as one mean
    with the ends behind them.
    """
    following = np.pad(windows[:, 1:], ((0, 0), (0, 1)), constant_values=PAD)
    in_middle = (np.arange(shape.window) >= middles[:, None] - 1) & (following != PAD)
    ar_rows, gap_rows = np.flatnonzero((following != PAD) & ~in_middle), np.flatnonzero(in_middle)
    targets = following.ravel()
    return Batch(
        windows=torch.from_numpy(windows),
        canvases=torch.zeros((len(windows), 0, shape.canvas), dtype=torch.long),
        starts=torch.zeros((len(windows), 0), dtype=torch.long),
        ar_rows=torch.from_numpy(ar_rows),
        ar_targets=torch.from_numpy(targets[ar_rows]),
        gap_rows=torch.from_numpy(gap_rows),
        gap_targets=torch.from_numpy(targets[gap_rows]),
    )


@torch.no_grad()
def measure_fim(net: Net, gaps: Gaps) -> Quick:
    """The quick measures of a twin: all of the middle and its `<eos>`, each given the true tokens before it.

    `exact` is what greedy decoding would reach, without being told the length.
    """
    gaps = gaps.to("cpu")
    found = [_middle(net, gaps, i) for i in range(len(gaps))]
    losses, right = (torch.cat([pair[k] for pair in found]) for k in (0, 1))
    hits = [pair[1] for pair in found]
    first = sum(float(hit[0]) for hit in hits) / len(hits)
    exact = sum(float(hit.all()) for hit in hits) / len(hits)
    return Quick(ar=float("nan"), gap=float(losses.mean()), first=first, token=float(right.float().mean()), exact=exact)


def _middle(net: Net, gaps: Gaps, i: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and hit of each token of one middle and of the end behind it."""
    n, length = int(gaps.starts[i]), int(gaps.lengths[i])
    prefix, following = gaps.prefixes[i, 1:n].numpy(), gaps.following[i].numpy()
    suffix = following[length : length + DEV_SUFFIX]
    before = asked_for(prefix, suffix[suffix != EOS])
    ids = torch.from_numpy(np.concatenate([before, following[:length], [EOS]]))[None]
    ids = ids.to(net.embedding.device)
    nothing = torch.zeros((1, 0, 1), dtype=torch.long, device=ids.device)
    encoded, _ = net(ids, nothing, nothing[..., 0], 1)
    logits, truth = net.logits(encoded[0, -length - 2 : -1]), ids[0, -length - 1 :]
    return torch.nn.functional.cross_entropy(logits, truth, reduction="none"), logits.argmax(-1) == truth
