"""How well a network finds and mends a wrong token among right ones: what revising and edit suggestions live on.

PYTHONPATH=scripts python -m small.doubt --work ~/.cache/dgls/train FOLDER ...
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch

from small.data import Wanted, load_data
from small.gaps import PREFIX, Gaps, cut_gaps
from small.net import Net
from small.restore import read_net
from small.tokens import MASK, N_SPECIAL


@dataclass(frozen=True)
class Doubt:
    """Shares of the lines with one wrong token in which it is the least probable one, and its place is mended."""

    found: float
    mended: float
    kept: float  # of the right tokens: how many the model would leave as they are


@torch.no_grad()
def doubt(net: Net, gaps: Gaps, *, hidden: bool, seed: int = 0) -> Doubt:
    """One token of each gap, drawn from another gap, is wrong. Either one pass reads the line as it stands, or each
    token is `hidden` in turn, one pass of as many canvases.
    """
    rng = torch.Generator().manual_seed(seed)
    found, mended, kept = 0, 0, []
    for i in range(len(gaps)):
        length = int(gaps.lengths[i])
        canvas = gaps.canvases[i].clone()
        place = int(torch.randint(length, (1,), generator=rng))
        wrong = _other(gaps, int(canvas[place]), rng)
        truth = canvas[:length].clone()
        canvas[place] = wrong
        canvases = canvas.repeat(length, 1) if hidden else canvas[None]
        if hidden:
            canvases[torch.arange(length), torch.arange(length)] = MASK
        _, decoded = net(gaps.prefixes[i : i + 1], canvases[None], gaps.starts[i].expand(1, len(canvases)), PREFIX)
        rows = decoded[0, torch.arange(length), torch.arange(length)] if hidden else decoded[0, 0, :length]
        logits = net.logits(rows)
        logits[:, :N_SPECIAL] = -torch.inf
        p = logits.log_softmax(-1).gather(-1, canvas[:length, None]).flatten()
        best = logits.argmax(-1)
        found += int(p.argmin()) == place
        mended += int(best[place] == truth[place])
        right = torch.arange(length) != place
        kept.append(best[right] == truth[right])
    return Doubt(found / len(gaps), mended / len(gaps), float(torch.cat(kept).float().mean()))


def _other(gaps: Gaps, token: int, rng: torch.Generator) -> int:
    """A token of some other gap."""
    while True:
        i, place = (int(torch.randint(n, (1,), generator=rng)) for n in (len(gaps), 2))
        if (found := int(gaps.following[i, place])) != token and found >= N_SPECIAL:
            return found


def main() -> None:
    """Prints the shares of some exported models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="working folder of the training, for its corpus")
    parser.add_argument("--n", type=int, default=480)
    args = parser.parse_args()
    data = load_data(args.work / "corpus", Wanted(vocab_size=4096))
    gaps = cut_gaps(data.splits["dev"], data.line_starts, args.n)
    for folder in args.folders:
        for hidden in (False, True):
            got = doubt(read_net(folder), gaps, hidden=hidden)
            way = "each hidden in turn" if hidden else "one pass"
            print(f"{folder.name:20} {way:20} found {got.found:.3f}  mended {got.mended:.3f}  kept {got.kept:.3f}")


if __name__ == "__main__":
    main()
