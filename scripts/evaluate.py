"""Measures fills of gaps whose text is known, through the same flow that editors use.

    python scripts/evaluate.py lines|spans [--n 240]
    python scripts/evaluate.py human-eval-infilling --data HumanEval-SingleLineInfilling.jsonl.gz [--n 100]
    ... [--model ID] [--set NAME=VALUE] [--ways chosen oracle 8 left-to-right]
    ... [--sweep max_steps=1,2,4,8,16,48] [--out RESULT.json] [--plot PICTURE.png]

`lines` and `spans` come from the files that the small model's training holds out: other models may have read them.
A sweep measures every way at every value of a setting; the plot shows exact match against forwards.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dgls.cli.main import settings_of
from dgls.engines.filler import load_filler
from dgls.settings import Settings, with_settings
from evaluation.cases import Case, held_out, human_eval, lines, spans
from evaluation.fills import filled, way_of
from evaluation.measures import calibration, summary


def main() -> None:
    """Prints a table; writes everything to a file if asked."""
    given = arguments()
    cases = cases_of(given)
    results = []
    for value, settings in swept(given):
        filler = load_filler(settings)
        for name in given.ways:
            outcomes = list(filled(filler, cases, way_of(name), settings))
            found = {"way": name, "sweep": value, "summary": summary(outcomes), "calibration": calibration(outcomes)}
            show(found)
            results.append(found | {"fills": [[case.case.name, case.case.truth, case.text] for case in outcomes]})
    whole = {"task": given.task, "model": given.model or "bundled", "seed": given.seed, "results": results}
    if given.out:
        given.out.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    if given.plot:
        plot(results, given.task, given.plot)


def swept(given: argparse.Namespace) -> Iterator[tuple[str, Settings]]:
    """The settings at each value of the sweep; once, without one."""
    settings = settings_of(given)
    if not given.sweep:
        yield "", settings
        return
    name, _, values = given.sweep.partition("=")
    for value in values.split(","):
        yield f"{name}={value}", with_settings(settings, {name: value})


def show(found: dict[str, Any]) -> None:
    """One line for each measure."""
    for measure, value in found["summary"].items():
        bounds = f"[{value['low']:.4f}, {value['high']:.4f}]  n {value['n']}"
        print(f"{found['way']:20} {found['sweep']:14} {measure:14} {value['mean']:8.4f}  {bounds}", flush=True)


def plot(results: list[dict[str, Any]], title: str, path: Path) -> None:
    """Exact match against forwards, one line for each way, with intervals."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for way in dict.fromkeys(found["way"] for found in results):
        points = sorted(
            (found["summary"]["forwards"]["mean"], *(found["summary"]["exact"][key] for key in ("mean", "low", "high")))
            for found in results
            if found["way"] == way
        )
        forwards, exact, low, high = zip(*points, strict=True)
        (line,) = axes.plot(forwards, exact, marker="o", label=way)
        axes.fill_between(forwards, low, high, color=line.get_color(), alpha=0.15)
    axes.set(xlabel="forwards per fill", ylabel="exact match", title=title, ylim=(0, None))
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def arguments() -> argparse.Namespace:
    """The command line, understood."""
    found = parser().parse_args()
    if found.task == "human-eval-infilling" and not found.data:
        parser().error("human-eval-infilling needs --data FILE")
    return found


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["lines", "spans", "human-eval-infilling"])
    parser.add_argument("--data", type=Path, help="the benchmark's file")
    parser.add_argument("--n", type=int, default=240, help="how many gaps")
    parser.add_argument("--seed", type=int, default=0, help="which gaps")
    ways = "chosen, oracle, a number of tokens, left-to-right, left-to-right-oracle"
    parser.add_argument("--ways", nargs="+", default=["chosen", "oracle"], help=ways)
    parser.add_argument("--sweep", metavar="NAME=V,V,...", help="values of one setting")
    parser.add_argument("--engine", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--model", default=None, help="model folder or hub id")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of dgls")
    parser.add_argument("--out", type=Path, help="a JSON file for all results")
    parser.add_argument("--plot", type=Path, help="a picture of exact match against forwards; needs matplotlib")
    return parser


def cases_of(given: argparse.Namespace) -> list[Case]:
    """The gaps to fill."""
    if given.task == "human-eval-infilling":
        return human_eval(given.data)[: given.n]
    cut = lines if given.task == "lines" else spans
    return cut(held_out(), given.n, given.seed)


if __name__ == "__main__":
    main()
