"""Measures fills of gaps whose text is known, through the same flow that editors use.

    python scripts/evaluate.py lines|spans [--n 240]
    python scripts/evaluate.py human-eval-infilling --data HumanEval-SingleLineInfilling.jsonl.gz [--n 100]
    ... [--model ID] [--set NAME=VALUE] [--lengths chosen oracle 8] [--out RESULT.json]

`lines` and `spans` come from the files that the small model's training holds out: other models may have read them.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from dgls.cli.main import settings_of
from dgls.engines.filler import load_filler
from evaluation.cases import Case, held_out, human_eval, lines, spans
from evaluation.fills import Lengths, filled
from evaluation.measures import calibration, summary


def main() -> None:
    """Prints a table; writes everything to a file if asked."""
    given = arguments()
    settings = settings_of(given)
    filler = load_filler(settings)
    cases = cases_of(given)
    results: dict[str, Any] = {"task": given.task, "model": settings.model or "bundled", "n": len(cases)}
    for name in given.lengths:
        outcomes = list(filled(filler, cases, lengths_of(name), settings))
        results[name] = {"summary": summary(outcomes), "calibration": calibration(outcomes)}
        results[name]["fills"] = [[found.case.name, found.case.truth, found.text] for found in outcomes]
        for measure, value in results[name]["summary"].items():
            print(
                f"{name:8} {measure:14} {value['mean']:8.4f}  [{value['low']:.4f}, {value['high']:.4f}]  n {value['n']}"
            )
        sys.stdout.flush()
    if given.out:
        Path(given.out).write_text(json.dumps(results, indent=1), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["lines", "spans", "human-eval-infilling"])
    parser.add_argument("--data", type=Path, help="the benchmark's file")
    parser.add_argument("--n", type=int, default=240, help="how many gaps")
    parser.add_argument("--seed", type=int, default=0, help="which gaps")
    parser.add_argument("--lengths", nargs="+", default=["chosen", "oracle"], help="chosen, oracle, or a number")
    parser.add_argument("--engine", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--model", default=None, help="model folder or hub id")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of dgls")
    parser.add_argument("--out", help="a JSON file for all results")
    found = parser.parse_args()
    if found.task == "human-eval-infilling" and not found.data:
        parser.error("human-eval-infilling needs --data FILE")
    return found


def cases_of(given: argparse.Namespace) -> list[Case]:
    """The gaps to fill."""
    if given.task == "human-eval-infilling":
        return human_eval(given.data)[: given.n]
    cut = lines if given.task == "lines" else spans
    return cut(held_out(), given.n, given.seed)


def lengths_of(name: str) -> Lengths:
    """The gap lengths that a name on the command line stands for."""
    return Lengths(name, fixed=int(name) if name.isdigit() else None, oracle=name == "oracle")


if __name__ == "__main__":
    main()
