"""Measures what only a canvas can do, on the files that the small model's training holds out or on your own.

    python scripts/evaluate_canvas.py warm        a key typed into a running fill, and a typed deviation: warm and cold
    python scripts/evaluate_canvas.py together    a name missing in two places: filled together, and one by one
    python scripts/evaluate_canvas.py correct     one more pass over what a fill is unsure of
    python scripts/evaluate_canvas.py strength    how much of a line changes when so much of it is written anew
    ... [--files PATH...] [--n 240] [--seed 0] [--model ID] [--set NAME=VALUE] [--out RESULT.json]

Gaps are 2 to 16 tokens within a line. Every figure comes with a 95 % bootstrap interval.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dgls.cli.main import FAILURE, USAGE, settings_of
from dgls.engines import EditingEngine, load
from dgls.engines.filler import Filler, load_filler
from dgls.errors import DglsError, UsageError
from dgls.settings import Settings
from evaluation.bootstrap import Interval, difference, interval, ratio
from evaluation.cases import Case, lines
from evaluation.correcting import corrected
from evaluation.sources import held_out, own
from evaluation.strengths import STRENGTHS, changed
from evaluation.together import one_by_one, pairs, together
from evaluation.warm import after_a_deviation, after_a_key, started

_LEAST_TOKENS, _MOST_TOKENS = 2, 16

Figures = dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class Drawn:
    """Which cases are measured: `n` of these named texts."""

    texts: Sequence[tuple[str, str]]
    n: int
    seed: int


def main() -> int:
    """Prints the figures and returns the exit code."""
    given = parser().parse_args()
    try:
        if given.n < 1:
            raise UsageError("--n must be 1 or more", "leave it out for 240")
        texts = list(own(given.files) if given.files else held_out())
        figures = TASKS[given.task](settings_of(given), Drawn(texts, given.n, given.seed))
        show(figures)
        if given.out:
            given.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    except DglsError as error:
        print(f"evaluate_canvas: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILURE
    return 0


def warm(settings: Settings, drawn: Drawn) -> Figures:
    """Steps, passes and exact match of warm and cold starts."""
    filler = load_filler(settings)
    found: Figures = {}
    for name, typing in (("key typed into a running fill", after_a_key), ("typed deviation", after_a_deviation)):
        starts = [start for case in cases(filler, drawn) if (start := started(filler, settings, case, typing))]
        if not starts:
            continue
        columns = table([asdict(start) for start in starts])
        saved = difference(columns["warm_exact"], columns["cold_exact"])
        found[name] = summary(columns) | {"exact, warm - cold": saved}
        share = ratio(columns["warm_steps"], columns["cold_steps"])
        found[name] |= {"steps, warm / cold": share | {"n": len(starts)}} if share else {}
    if not found:
        raise UsageError("none of these gaps has a warm start", "take more: --n 240")
    return found


def correct(settings: Settings, drawn: Drawn) -> Figures:
    """Syntax errors and exact match before and after one more pass."""
    filler = load_filler(settings)
    found = [one for case in cases(filler, drawn) if (one := corrected(filler, settings, case))]
    columns = table([asdict(one) for one in found])
    fewer = difference(columns["broken_after"], columns["broken"])
    return {"one more pass": summary(columns) | {"broken, after - before": fewer}}


def strength(settings: Settings, drawn: Drawn) -> Figures:
    """The share of changed tokens at each strength."""
    filler = load_filler(settings)
    some = cases(filler, drawn)
    shares = {f"strength {value}": [changed(filler, settings, case, value) for case in some] for value in STRENGTHS}
    return {name: {"share changed": interval(values)} for name, values in shares.items()}


def dependent(settings: Settings, drawn: Drawn) -> Figures:
    """How often two places agree."""
    return asyncio.run(_dependent(settings, drawn))


async def _dependent(settings: Settings, drawn: Drawn) -> Figures:
    """The same with a running engine."""
    engine = load(settings)
    if not isinstance(engine, EditingEngine):
        raise UsageError("this engine cannot edit code", "use engine=local")
    try:
        async for _ in engine.start():
            pass
        some = pairs(drawn.texts, drawn.n, drawn.seed)
        ways = {way.__name__: [await way(pair, engine, settings) for pair in some] for way in (together, one_by_one)}
    finally:
        await engine.close()
    agree = {name: [float(one.agree) for one in found] for name, found in ways.items()}
    right = {name: [float(one.right) for one in found] for name, found in ways.items()}
    figures = {name: {"agree": interval(agree[name]), "right": interval(right[name])} for name in ways}
    return figures | {"together - one_by_one": {"agree": difference(agree["together"], agree["one_by_one"])}}


def cases(filler: Filler, drawn: Drawn) -> list[Case]:
    """Gaps of a few tokens."""

    def fits(case: Case) -> bool:
        return _LEAST_TOKENS <= len(filler.tokens.encode(case.truth)) <= _MOST_TOKENS

    return lines(drawn.texts, drawn.n, drawn.seed, fits)


def table(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """The columns of some rows."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def summary(columns: Mapping[str, Sequence[float]]) -> dict[str, Interval]:
    """The mean of each column."""
    return {name: interval(values) for name, values in columns.items()}


def show(figures: Figures) -> None:
    """One line for each figure."""
    for name, rows in figures.items():
        for key, value in rows.items():
            bounds = f"[{value['low']:.3f}, {value['high']:.3f}]"
            print(f"{name:30} {key:24} {value['value']:7.3f} {bounds:18} of {value['n']:.0f}")


TASKS: Mapping[str, Callable[[Settings, Drawn], Figures]] = {
    "warm": warm,
    "together": dependent,
    "correct": correct,
    "strength": strength,
}


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("task", choices=TASKS)
    found.add_argument("--files", type=Path, nargs="+", default=[], metavar="PATH", help="own Python files or folders")
    found.add_argument("--n", type=int, default=240, help="how many cases")
    found.add_argument("--seed", type=int, default=0, help="which cases")
    found.add_argument("--engine", default=None, help="an engine of dgls; local is the default")
    found.add_argument("--model", default=None, help="model folder or hub id")
    found.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of dgls")
    found.add_argument("--out", type=Path, help="a JSON file for the figures")
    return found


if __name__ == "__main__":
    sys.exit(main())
