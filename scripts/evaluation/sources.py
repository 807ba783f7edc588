"""Where gaps come from: files held out by the small model's training, anybody's own, or a benchmark."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from dgls.engines.tokens import Tokens
from dgls.errors import SourceError, UsageError
from evaluation.benches import gap_tokens
from evaluation.cases import Case, human_eval, lines, spans


def cases_of(given: argparse.Namespace, tokens: Tokens) -> list[Case]:
    """The gaps that the command line asks for. Raises DglsError."""
    least, most = given.min_truth_tokens, given.max_truth_tokens or sys.maxsize

    def fits(case: Case) -> bool:
        return bool(least <= gap_tokens(tokens, case.prefix, case.truth)[0] <= most)

    if given.task == "human-eval-infilling":
        cases = human_eval(given.data, given.n, given.seed, fits)
    else:
        cut = lines if given.task == "lines" else spans
        cases = cut(own(given.files) if given.files else held_out(), given.n, given.seed, fits)
    if not cases:
        raise UsageError("there is no such gap in these files", "give others, or other lengths")
    return cases


def held_out() -> Iterator[tuple[str, str]]:
    """Name and text of every file that the small model's training holds out for tests."""
    from small.corpus import collect

    for source in collect()[1]["test"]:
        yield f"{source.package}/{source.path}", source.text


def projects(split: str) -> Iterator[tuple[str, str]]:
    """Name and text of files that training holds out: a project has all of them in `test`, or all in `dev`.

    For what has rules that were found on `dev`: they saw nothing of the projects that it is measured on.
    """
    from small.corpus import HELD_OUT_PACKAGES, collect

    parts = collect()[1]
    for source in [*parts["dev"], *parts["test"], *parts["packages"]]:
        is_even = int.from_bytes(sha256(source.package.encode()).digest()[:8], "big") % 2 == 0
        if (source.package in HELD_OUT_PACKAGES or is_even) == (split == "test"):
            yield f"{source.package}/{source.path}", source.text


def own(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Name and text, with LF line ends, of Python files and of those in folders. Raises SourceError."""
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        if not files:
            raise SourceError(f"there is no Python file in {path}", "name another folder")
        for file in files:
            yield file.relative_to(path.parent).as_posix(), _read(file)


def _read(path: Path) -> str:
    """The text of a file. Raises SourceError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read {path}", getattr(error, "strerror", None) or "it is not UTF-8") from error
