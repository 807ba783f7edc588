"""Trains the bundled small DiffusionGemma and exports it.

python scripts/train_small.py --minutes 90
python scripts/train_small.py --minutes 60 --resume ~/.cache/dgls/train/stable.pt
python scripts/train_small.py --minutes 60 --from dgls/small        goes on from exported weights, tokenizer and curve
python scripts/train_small.py --steps 9000 --twin --out ~/.cache/dgls/twin    the autoregressive twin, for comparison
python scripts/train_small.py --export ~/.cache/dgls/train/latest.pt
python scripts/train_small.py --export dgls/small --minutes 110    the card anew; the minutes are what it tells
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from dgls.diffusion.sampling import Kernel
from small.batches import Shape
from small.data import Wanted, load_data
from small.export import Figures, export
from small.net import Size
from small.restore import read_net, read_progress
from small.training import Begun, Plan, anew, from_weights, resumed, save, train

ROOT = Path(__file__).resolve().parent.parent
TINY_SIZE = Size(vocab=512, hidden=32, layers=2, mlp=64, heads=4, kv_heads=2, head_dim=8)
TINY_SHAPE = Shape(n_windows=2, n_canvases=2)
SIZES = {
    "tiny": (TINY_SIZE, TINY_SHAPE),
    "toy": (Size(vocab=512, hidden=64, layers=3, mlp=128, heads=4, kv_heads=2, head_dim=16), Shape(n_windows=4)),
    "small": (Size(), Shape()),
    "large": (  # 22 M parameters, 131,072 tokens a step: for a GPU
        Size(vocab=8192, hidden=512, layers=6, mlp=1536, heads=8, kv_heads=2, head_dim=64),
        Shape(n_windows=128, window=512, canvas=128),
    ),
}
TINY_FILES = 40  # of each split
TINY_GAPS = 12


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, then exports; or only exports."""
    args = parse(argv)
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    plan = plan_of(args)
    source = args.export if args.export and args.export.is_dir() else args.source
    wanted = Wanted(
        plan.size.vocab,
        n_files=TINY_FILES if args.tiny and not args.files else None,
        files=tuple(args.files),
        tokenizer=source / "tokenizer.json" if source else None,
    )
    data = load_data(args.work / "corpus", wanted)
    if args.export:
        checkpoint = checkpoint_of(args.export, plan)
    else:
        checkpoint = train(plan, data, begun(args, plan), say=lambda line: print(line, flush=True))
    if not args.no_export:
        n_gaps = min(args.gaps, TINY_GAPS) if args.tiny else args.gaps
        n_gaps = 0 if args.twin else n_gaps  # the card measures denoising
        export(checkpoint, args.out, data, work=args.work, figures=Figures(n_gaps, args.keep_figures))


def plan_of(args: argparse.Namespace) -> Plan:
    """The run that is asked for."""
    size, shape = SIZES["tiny" if args.tiny else args.size]
    plan = Plan(
        minutes=args.minutes,
        size=size,
        shape=shape,
        steps=args.steps,
        work=args.work,
        device=args.device,
        kernel=Kernel(args.noise),
        peak=args.peak,
        command=command_of(args),
    )
    if args.tiny:
        plan = replace(plan, compiled=False, n_dev_gaps=2 * TINY_GAPS)
    if args.twin:  # as many tokens a step, all of them in windows
        n_windows = plan.shape.n_tokens // plan.shape.window
        plan = replace(plan, twin=True, shape=replace(plan.shape, n_windows=n_windows, n_canvases=0))
    return plan


def checkpoint_of(path: Path, plan: Plan) -> Path:
    """A checkpoint, or one made of an exported model, whose card can so be written anew."""
    return (
        path if path.is_file() else save(plan.work / "exported.pt", plan, exported(path, plan)._replace(cold_since=0))
    )


def exported(folder: Path, plan: Plan) -> Begun:
    """The weights of an exported model, and its curve."""
    shutil.copy(folder / "curve.csv", plan.work)
    return from_weights(plan, read_net(folder), read_progress(folder / "curve.csv"))


def command_of(args: argparse.Namespace) -> str:
    """What was asked for, without the folders."""
    budget = f"--steps {args.steps}" if args.steps else f"--minutes {args.minutes:g}"
    noise = f" --noise {args.noise}" if args.noise != "absorbing" else ""
    peak = f" --peak {args.peak:g}" if args.peak != 1 else ""
    source = " --from dgls/small" if args.source else ""
    return f"python scripts/train_small.py {budget}{noise}{peak}{source}"


def begun(args: argparse.Namespace, plan: Plan) -> Begun:
    """What the run goes on from."""
    if args.resume:
        return resumed(plan, args.resume)
    if args.source:
        return exported(args.source, plan)
    return anew(plan)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=90, help="time to train, compilation and measuring included")
    parser.add_argument("--resume", type=Path, metavar="CKPT", help="go on from a checkpoint, with new --minutes")
    parser.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help="go on from an exported model")
    parser.add_argument("--files", nargs="+", type=Path, default=[], help="learn these files by heart, nothing else")
    parser.add_argument("--size", choices=list(SIZES), default="small", help="of the network and of a step")
    parser.add_argument("--steps", type=int, default=0, help="steps to train, instead of minutes")
    parser.add_argument("--noise", choices=sorted(Kernel), default="absorbing", help="what noise is")
    parser.add_argument("--peak", type=float, default=1.0, help="share of the full learning rate before it decays")
    parser.add_argument("--twin", action="store_true", help="train the autoregressive twin")
    parser.add_argument("--export", type=Path, metavar="CKPT", help="export this checkpoint, or an exported model anew")
    parser.add_argument("--no-export", action="store_true", help="only train")
    parser.add_argument("--out", type=Path, default=ROOT / "dgls" / "small", help="folder of the exported model")
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache" / "dgls" / "train", help="working folder")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gaps", type=int, default=240, help="held-out gaps to measure on for the card; 0: none")
    parser.add_argument(
        "--keep-figures", action="store_true", help="write the card with the figures of the last export"
    )
    parser.add_argument("--tiny", action="store_true", help="the tiny size on a few files, for a test")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
