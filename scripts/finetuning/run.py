"""One run of fine-tuning, from a command line to folders."""

import argparse

import torch

from dgls.engines.checkpoint import find, read_facts
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.engines.tokens import read_tokens
from dgls.errors import EngineError, UsageError
from dgls.settings import Settings, with_settings
from finetuning.adapter import adapted, merged
from finetuning.canvases import Recipe
from finetuning.checkpoint import save_merged
from finetuning.sources import read_corpus
from finetuning.training import Plan, Tuned, train


def run(args: argparse.Namespace) -> None:
    """Reads everything, so that what is missing shows at once; then trains. Raises DglsError."""
    if args.threads:
        torch.set_num_threads(args.threads)
    corpus = read_corpus(args.data)
    folder = find(args.model)
    if folder.resolve() == args.out.resolve():
        raise UsageError("--out is the folder of the model itself", "give another --out")
    given = {"context_tokens": args.context_tokens, "device": args.device, "dtype": args.dtype}
    settings = with_settings(Settings(), given)
    facts = read_facts(folder, settings)
    plan = plan_of(args, facts.canvas_length)
    loaded = load_model(folder, settings)
    tokens = read_tokens(folder, loaded.config.get_text_config().vocab_size)
    peft = adapted(loaded, args.rank, args.seed)
    tuned = Tuned(Gemma(loaded), tokens, facts, peft)
    try:
        train(tuned, corpus, plan, resume=args.resume, say=lambda line: print(line, flush=True))
    except torch.OutOfMemoryError as error:
        raise EngineError("the GPU's memory is full", "use fewer --context-tokens, --rows or --canvas") from error
    if args.merge:
        save_merged(merged(peft), folder, args.out)
        print(f"the merged model is in {args.out}")


def plan_of(args: argparse.Namespace, longest: int) -> Plan:
    """The run that the command line asks for. Raises UsageError."""
    if not 8 <= args.canvas <= longest:
        raise UsageError(f"a canvas of {args.canvas} tokens", f"give --canvas 8 to {longest}, the model's own length")
    recipe = Recipe(canvas=args.canvas, n_rows=args.rows, first_share=args.first_share)
    return Plan(
        folder=args.out / "adapter",
        steps=args.steps,
        recipe=recipe,
        batch=args.batch,
        lr=args.lr,
        seed=args.seed,
    )
