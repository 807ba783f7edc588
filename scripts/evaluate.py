"""Measures fills of gaps whose text is known, through the same flow that editors use.

    python scripts/evaluate.py lines|spans [--n 240] [--files PATH...]
    python scripts/evaluate.py edits [--n 40] [--kinds KIND...] [--split dev] [--ways flow mirrored own]
    python scripts/evaluate.py human-eval-infilling --data HumanEval-SingleLineInfilling.jsonl.gz [--n 100]
    ... [--engine NAME] [--model ID] [--twin FOLDER] [--set NAME=VALUE] [--ways chosen oracle 8 oracle@prefix-only]
    ... [--sweep max_steps=1,2,4,8,16,48]
    ... [--out RESULT.json] [--markdown RESULT.md] [--card BRIEF.md] [--plot PICTURE.png]

Without --files, `lines` and `spans` come from the files that the small model's training holds out: other models may
have read them. A benchmark's random spans are the same task with another file.

A sweep measures every way at every value of a setting, of a number of the sampler (entropy_bound, t_min, t_max,
confidence_threshold, stability_threshold), or of first_length: N stands for gap lengths from N/4 to 4N, of which
those are tried that fit.

An echo is a fill that says again what follows it: one of its lines is the first line below the gap, or its end is
the beginning of the suffix, over 4 characters or more, and the truth does not do so. A raw echo is one in the draft
before the clip. `any exact` is exact match of any candidate.

`edits` measures next edits: `--n` changes of each kind, whose right follow-up is known, and changes that nothing
follows. Precision is the share of the suggested edits that are wanted, recall the share of the wanted ones that are
suggested, quiet the share of the latter changes without any suggestion. Its ways: `flow` as in an editor, `mirrored`
what the plan proposes without asking the model, `own` only what the model itself writes.

"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dgls.cli.main import FAILURE, USAGE, settings_of
from dgls.errors import DglsError, UsageError
from evaluation import ways
from evaluation.benches import Bench, bench_of
from evaluation.cases import Case
from evaluation.compare import Run
from evaluation.edits.run import followed
from evaluation.fills import filled
from evaluation.plots import plot
from evaluation.results import of_run, result
from evaluation.sources import cases_of
from evaluation.sweeps import Variant, variants
from evaluation.tables import aligned, brief, markdown, tables
from evaluation.ways import Way, way_of


def main() -> int:
    """Prints tables, writes files if asked, and returns the exit code."""
    try:
        asyncio.run(evaluate(arguments()))
    except DglsError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILURE
    return 0


async def evaluate(given: argparse.Namespace) -> None:
    """Fills all gaps in all ways at all values. Raises DglsError."""
    settings = settings_of(given)
    if given.task == "edits":
        await followed(given, settings)
        return
    asked = [(way, variant) for variant in variants(settings, given.sweep) for way in map(way_of, given.ways)]
    bench = bench_of(settings, given.twin)
    try:
        cases = cases_of(given, bench.tokens)
        runs: list[Run] = []
        measured: list[dict[str, Any]] = []
        for way, variant in asked:
            runs.append(await run_of(bench, cases, way, variant))
            measured.append(of_run(runs[-1]))
            print(f"{len(runs)}/{len(asked)} {runs[-1].name}: {runs[-1].seconds:.0f} s", file=sys.stderr, flush=True)
            whole = result(given, bench.name, runs, measured)
            write(given, whole)  # after each run, so that hours are not lost with the last one
    finally:
        await bench.close()
    show(given, whole)


async def run_of(bench: Bench, cases: list[Case], way: Way, variant: Variant) -> Run:
    """One run with its seconds."""
    begun = time.perf_counter()
    outcomes = [outcome async for outcome in filled(bench, cases, way, variant)]
    return Run(way, variant, outcomes, time.perf_counter() - begun)


def write(given: argparse.Namespace, whole: Mapping[str, Any]) -> None:
    """The files. Raises UsageError."""
    try:
        if given.out:
            given.out.write_text(json.dumps(whole, indent=1), encoding="utf-8")
        if given.markdown:
            given.markdown.write_text(markdown(whole), encoding="utf-8")
        if given.card:
            given.card.write_text(brief(whole), encoding="utf-8")
        if given.plot:
            plot(whole["results"], f"{given.task}, {whole['n']} gaps, {whole['engine']}", given.plot)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}", error.strerror or "choose another place") from error


def show(given: argparse.Namespace, whole: Mapping[str, Any]) -> None:
    """The tables on the terminal."""
    print(f"{given.task}: {whole['n']} gaps, {whole['engine']}; 95 % bootstrap intervals over gaps\n")
    print("\n\n".join(map(aligned, tables(whole["results"]))))
    if whole["comparisons"]:
        print("\n" + "\n".join(entry["text"] for entry in whole["comparisons"]))


def arguments() -> argparse.Namespace:
    """The command line, understood; leaves with 2 when it cannot be."""
    found = parser().parse_args()
    if (found.task == "human-eval-infilling") != bool(found.data):
        parser().error("human-eval-infilling needs --data FILE, and only it takes one")
    if found.data and found.files:
        parser().error("human-eval-infilling takes no --files")
    found.ways = found.ways or (["flow"] if found.task == "edits" else ["chosen", "oracle"])
    if found.n < 1:
        parser().error("--n must be 1 or more")
    if found.plot and not find_spec("matplotlib"):
        parser().error("--plot needs matplotlib: pip install matplotlib")
    return found


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    text = f"{__doc__}{ways.__doc__}"
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["lines", "spans", "edits", "human-eval-infilling"])
    parser.add_argument("--data", type=Path, help="the benchmark's file")
    parser.add_argument("--files", type=Path, nargs="+", default=[], metavar="PATH", help="own Python files or folders")
    parser.add_argument("--n", type=int, default=240, help="how many gaps")
    parser.add_argument("--seed", type=int, default=0, help="which gaps")
    parser.add_argument(
        "--min-truth-tokens", type=int, default=1, metavar="N", help="gaps of so many tokens on the canvas"
    )
    parser.add_argument("--max-truth-tokens", type=int, default=None, metavar="N", help="and no longer")
    parser.add_argument("--ways", nargs="+", default=[], metavar="WAY", help="see above; chosen and oracle, or flow")
    parser.add_argument("--kinds", nargs="+", default=[], metavar="KIND", help="of edits: only these, such as rename")
    parser.add_argument("--split", choices=["dev", "test"], default="test", help="of edits: which projects")
    parser.add_argument("--sweep", action="append", default=[], metavar="NAME=V,V,...", help="repeatable; see above")
    parser.add_argument("--engine", default=None, help="an engine of dgls; local is the default")
    parser.add_argument("--model", default=None, help="model folder or hub id")
    parser.add_argument("--twin", type=Path, metavar="FOLDER", help="what train_small.py --twin wrote")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of dgls")
    parser.add_argument("--out", type=Path, help="a JSON file for everything")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="all tables as Markdown")
    parser.add_argument("--card", type=Path, metavar="FILE", help="one Markdown table, for a model card")
    parser.add_argument("--plot", type=Path, help="a picture of exact match against forwards; needs matplotlib")
    return parser


if __name__ == "__main__":
    sys.exit(main())
