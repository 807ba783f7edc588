"""Fine-tunes a DiffusionGemma checkpoint on a folder of Python files, with LoRA, to fill gaps in fewer steps.

    python scripts/finetune.py --data src --out tuned --steps 500 --merge
    python scripts/finetune.py --data src --out tuned --steps 1000 --merge --resume
    dgls fill FILE:LINE:COL --model tuned

OUT/adapter holds the adapter (PEFT's format), the curve and the state to resume from; --merge writes a whole model
into OUT. A failure is one line on stderr and exit code 1, or 2 for a command that cannot be understood.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dgls.errors import DglsError, EngineError, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, then merges if asked; returns the exit code."""
    args = parse(argv)
    try:
        _run(args)
    except DglsError as error:
        print(f"finetune: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("finetune: interrupted: add --resume to go on from the last saved step", file=sys.stderr)
        return 130
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="model folder or hub id; the bundled small model if left out")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of Python files, or files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter and the merged model")
    parser.add_argument("--steps", type=_count, required=True, help="steps in all, those before --resume included")
    parser.add_argument("--batch", type=_count, default=4, help="gaps per step, one after the other")
    parser.add_argument("--rows", type=_count, default=4, help="canvases per gap, each with its own noise")
    parser.add_argument("--canvas", type=_count, default=64, help="tokens of a canvas")
    parser.add_argument("--context-tokens", type=int, default=0, help="tokens before the gap; 0: the model's number")
    parser.add_argument("--first-share", type=_share, default=0.5, help="share of canvases that are all noise (t = 1)")
    parser.add_argument("--rank", type=_count, default=16, help="rank of the adapters")
    parser.add_argument("--lr", type=float, default=2e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto", help="of the weights")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves it to torch")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/adapter")
    parser.add_argument("--merge", action="store_true", help="also write the whole model, adapter included, to OUT")
    return parser.parse_args(argv)


def _count(text: str) -> int:
    """A number from 1 on."""
    if (found := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return found


def _share(text: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= (found := float(text)) <= 1:
        raise argparse.ArgumentTypeError("must be 0 to 1")
    return found


def _run(args: argparse.Namespace) -> None:
    """Does what is asked. Raises DglsError, EngineError when a library is not installed."""
    try:
        from finetuning.run import run
    except ImportError as error:
        raise EngineError(f"{error.name or 'peft'} is not installed", "pip install 'dgls[local,finetune]'") from error
    run(args)


if __name__ == "__main__":
    sys.exit(main())
