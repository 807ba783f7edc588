"""The cases of an evaluation: of each kind so many, drawn from files as the gaps are."""

import random
from collections.abc import Callable, Iterable, Sequence

from evaluation.edits.case import EditCase, File, file_of
from evaluation.edits.followers import argument, condition, field
from evaluation.edits.quiet import QUIET
from evaluation.edits.renames import KINDS as RENAMES
from evaluation.edits.renames import finished, names_of, rename

_MOST_ROUNDS = 12
_Maker = Callable[[File, random.Random], EditCase | None]


def edit_cases(texts: Iterable[tuple[str, str]], n: int, seed: int, kinds: Sequence[str] = ()) -> list[EditCase]:
    """`n` different cases of each kind, or as many as there are: one from each file, round by round."""
    files = [file for file in (file_of(name, text) for name, text in texts) if file is not None]
    names = sorted({name for file in files for name in names_of(file.text)})
    found: list[EditCase] = []
    for kind, make in makers(names).items():
        if not kinds or kind in kinds or kind.partition(":")[0] in kinds:
            found += _some(files, n, f"{seed} {kind}", make)
    return found


def makers(names: Sequence[str]) -> dict[str, _Maker]:
    """Kind -> what makes a case of it from a file; `names` are those that renamed ones had before."""

    def renamed(kind: str) -> _Maker:
        return lambda file, rng: rename(file, rng, names, kind)

    def fixed(file: File, rng: random.Random) -> EditCase | None:
        return condition(file, rng, fixed=True)

    wanted: dict[str, _Maker] = {kind: renamed(kind) for kind in RENAMES}
    wanted |= {"argument": argument, "field": field, "condition": condition}
    wanted["quiet: rename"] = lambda file, rng: finished(file, rng, names)
    return wanted | QUIET | {"quiet: condition": fixed}


def _some(files: Sequence[File], n: int, seed: str, make: _Maker) -> list[EditCase]:
    """Cases from files in random order, which depends on their names alone."""
    drawn = [(random.Random(f"{seed} {file.name}"), file) for file in files]
    ordered = sorted(((rng.random(), file.name, file, rng) for rng, file in drawn), key=lambda one: one[:2])
    found: dict[tuple[str, str], EditCase] = {}
    for _ in range(_MOST_ROUNDS):
        for _, _, file, rng in ordered:
            if len(found) >= n:
                return list(found.values())
            case = make(file, rng)
            if case is not None:
                found.setdefault((case.before, case.now), case)
    return list(found.values())
