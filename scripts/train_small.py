"""Trains the bundled small DiffusionGemma and exports it.

python scripts/train_small.py --minutes 90
python scripts/train_small.py --minutes 60 --resume ~/.cache/dgls/train/stable.pt
python scripts/train_small.py --export ~/.cache/dgls/train/latest.pt
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from small.batches import Shape
from small.data import load_data
from small.export import Figures, export
from small.net import Size
from small.training import Plan, train

ROOT = Path(__file__).resolve().parent.parent
TINY_SIZE = Size(vocab=512, hidden=32, layers=2, mlp=64, heads=4, kv_heads=2, head_dim=8)
TINY_SHAPE = Shape(n_windows=2, n_canvases=2)
TINY_FILES = 40  # of each split
TINY_GAPS = 12


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, then exports; or only exports."""
    args = parse(argv)
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    plan = Plan(minutes=args.minutes, work=args.work, device=args.device)
    if args.tiny:
        plan = replace(plan, size=TINY_SIZE, shape=TINY_SHAPE, compiled=False, n_dev_gaps=2 * TINY_GAPS)
    data = load_data(args.work / "corpus", vocab_size=plan.size.vocab, n_files=TINY_FILES if args.tiny else None)
    checkpoint = args.export or train(plan, data, resume=args.resume, say=lambda line: print(line, flush=True))
    if not args.no_export:
        n_gaps = min(args.gaps, TINY_GAPS) if args.tiny else args.gaps
        export(checkpoint, args.out, data, work=args.work, figures=Figures(n_gaps, args.keep_figures))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=90, help="time to train, compilation and measuring included")
    parser.add_argument("--resume", type=Path, metavar="CKPT", help="go on from a checkpoint, with new --minutes")
    parser.add_argument("--export", type=Path, metavar="CKPT", help="export this checkpoint instead of training")
    parser.add_argument("--no-export", action="store_true", help="only train")
    parser.add_argument("--out", type=Path, default=ROOT / "dgls" / "small", help="folder of the exported model")
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache" / "dgls" / "train", help="working folder")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gaps", type=int, default=240, help="held-out gaps to measure on for the card; 0: none")
    parser.add_argument(
        "--keep-figures", action="store_true", help="write the card with the figures of the last export"
    )
    parser.add_argument("--tiny", action="store_true", help="toy sizes and a few files, for a test")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
