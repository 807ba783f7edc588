"""What a clip costs."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dgls.text.clip import clip
from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.languages import language_of
from figures import summary

ROOT = Path(__file__).parent.parent.parent


def clip_times(n_gaps: int = 150) -> dict[str, Any]:
    """Milliseconds of processor time by language and lines of the file; the first one of each imports its grammar."""
    found = {}
    for path in sorted((ROOT / "fixtures" / "clip").iterdir()):
        text, language = path.read_text(encoding="utf-8"), language_of("", path.name).name
        for n_lines in (100, 1_000, 10_000):
            milliseconds = []
            for gap, raw in _overruns(
                "\n".join((text * (n_lines // text.count("\n") + 1)).split("\n")[:n_lines]), n_gaps
            ):
                begun = time.process_time()
                clip(raw, _gap(gap, language))
                milliseconds.append((time.process_time() - begun) * 1000)
            found[f"{language} {n_lines}"] = summary(milliseconds)
    return found


def _overruns(text: str, n: int) -> Iterator[tuple[tuple[str, int], str]]:
    """Text and offset of gaps of a few lines spread over a file, and what a model might write: the middle and more."""
    lines = text.split("\n")
    for number in range(n):
        first = number * (len(lines) - 12) // n
        middle, below = "\n".join(lines[first : first + 4]), "\n".join(lines[first + 4 :])
        above = "".join(f"{line}\n" for line in lines[:first])
        raw = (middle, f"{middle}\n{below[:300]}", f"{middle}\n}})", f"{middle}\nother code (")[number % 4]
        yield (f"{above}\n{below}", len(above)), raw


def _gap(given: tuple[str, int], language: str) -> Gap:
    """The gap at an offset of a text."""
    return gap_at(Document(given[0], language=language), given[1])
