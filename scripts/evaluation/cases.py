"""Gaps whose text is known: cut from files, or read from a benchmark."""

import gzip
import json
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dgls.errors import SourceError

# Where a cursor can stand in a line: before a word, a sign or a space.
_PLACES = re.compile(r"\b|(?<=\W)(?=\S)")
_MAX_ROUNDS = 200  # a text of comments and blank lines may have no gap at all

_Cut = Callable[[str, str, random.Random], "Case | None"]


@dataclass(frozen=True)
class Case:
    """A gap and its true text; `test` is code that passes when the filled file is right, if there is any."""

    name: str
    kind: str
    prefix: str
    truth: str
    suffix: str
    test: str = ""


# Which cases are wanted.
Fits = Callable[[Case], bool]


def anything(case: Case) -> bool:
    """Every case."""
    return bool(case.truth)


def lines(texts: Iterable[tuple[str, str]], n: int, seed: int = 0, fits: Fits = anything) -> list[Case]:
    """`n` gaps inside one line of named texts: half the rest of a line, half a whole one but its indentation."""
    return _some(texts, n, seed, lambda *drawn: _fitting(_line_case(*drawn), fits))


def spans(texts: Iterable[tuple[str, str]], n: int, seed: int = 0, fits: Fits = anything) -> list[Case]:
    """`n` gaps of 2 to 10 whole lines, the first one without its indentation."""
    return _some(texts, n, seed, lambda *drawn: _fitting(_span_case(*drawn), fits))


def human_eval(path: Path, n: int | None = None, seed: int = 0, fits: Fits = anything) -> list[Case]:
    """`n` random problems of a HumanEval-Infilling file (.jsonl or .jsonl.gz) in its order. Raises SourceError."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found = [case for case in (_problem(json.loads(line)) for line in raw.decode().splitlines()) if fits(case)]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else "it is no HumanEval-Infilling file"
        )
        raise SourceError(f"cannot read {path.name}", reason) from error
    kept = sorted(random.Random(seed).sample(range(len(found)), min(n or len(found), len(found))))
    return [found[index] for index in kept]


def _problem(given: dict[str, str]) -> Case:
    """One problem; its test calls the function by name."""
    test = f"{given['test']}\ncheck({given['entry_point']})\n"
    name = given["task_id"]
    return Case(name, name.split("/")[0], given["prompt"], given["canonical_solution"], given["suffix"], test)


def _some(texts: Iterable[tuple[str, str]], n: int, seed: int, cut: _Cut) -> list[Case]:
    """Different cases from texts in random order, one from each, round by round until there are `n`.

    What is drawn from a text, and its place, depends on its name alone: where a package more is installed, nearly all
    of the cases stay the same.
    """
    drawn = [(random.Random(f"{seed} {name}"), name, text) for name, text in texts]
    ordered = sorted((rng.random(), name, text, rng) for rng, name, text in drawn)
    found: dict[tuple[str, str], Case] = {}
    for _ in range(_MAX_ROUNDS):
        for _, name, text, rng in ordered:
            case = cut(name, text, rng)
            if case is not None and len(found) < n:
                found.setdefault((case.name, case.truth), case)
    return list(found.values())


def _fitting(case: Case | None, fits: Fits) -> Case | None:
    """The case, if it is wanted."""
    return case if case is not None and fits(case) else None


def _line_case(name: str, text: str, rng: random.Random) -> Case | None:
    """The rest of a line or a whole one; None when the line that was drawn is too short."""
    rows = text.split("\n")
    number = rng.randrange(len(rows))
    line = rows[number]
    indent = len(line) - len(line.lstrip())
    whole = rng.random() < 0.5
    places = [place.start() for place in _PLACES.finditer(line) if indent < place.start() < len(line)]
    at = indent if whole else rng.choice(places or [indent])
    truth = line[at:]
    if not 2 <= len(truth.strip()) <= 80 or truth != truth.strip():
        return None
    kind = "whole line" if at == indent else "rest of line"
    return Case(f"{name}:{number + 1}", kind, "\n".join([*rows[:number], line[:at]]), truth, _below(rows, number + 1))


def _span_case(name: str, text: str, rng: random.Random) -> Case | None:
    """Some whole lines; None when they are too long or nearly empty."""
    rows = text.split("\n")
    n_lines = rng.randint(2, 10)
    number = rng.randrange(max(len(rows) - n_lines, 1))
    indent = len(rows[number]) - len(rows[number].lstrip())
    taken = "\n".join(rows[number : number + n_lines])
    truth = taken[indent:]
    if not rows[number].strip() or truth != truth.strip() or len(truth) > 400:
        return None
    prefix = "\n".join([*rows[:number], taken[:indent]])
    return Case(f"{name}:{number + 1}", "span", prefix, truth, _below(rows, number + n_lines))


def _below(rows: list[str], number: int) -> str:
    """The text from the end of the gap's last line on."""
    return "".join(f"\n{row}" for row in rows[number:])
