"""What is counted of a fill, and summaries with bootstrap intervals."""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.syntax import n_errors
from evaluation.cases import Case

_N_RESAMPLES = 1000


@dataclass(frozen=True)
class Outcome:
    """A case and what came out; `text` is empty for a silence, `passed` None without a test."""

    case: Case
    text: str
    sureness: float
    n_forwards: int
    n_steps: int
    gap_tokens: int
    true_tokens: int
    any_exact: bool
    passed: bool | None = None

    @property
    def exact(self) -> bool:
        """The fill is the truth, but for white space at the end."""
        return self.text.rstrip() == self.case.truth.rstrip()

    @property
    def similarity(self) -> float:
        """difflib's ratio of fill and truth, 0..1."""
        return SequenceMatcher(None, self.text, self.case.truth, autojunk=False).ratio()

    @property
    def first_word(self) -> bool:
        """The fill begins with the truth's first word or sign."""
        return bool(self.text) and _first(self.text) == _first(self.case.truth)

    @property
    def parses(self) -> bool:
        """The filled file has no syntax error around the gap that the true one has not."""
        return (n_errors(self.gap, self.text) or 0) <= (n_errors(self.gap, self.case.truth) or 0)

    @property
    def echoes(self) -> bool:
        """The fill's last line repeats the first one below the gap, and the truth does not."""
        below = next((line.strip() for line in self.case.suffix.split("\n") if line.strip()), "")
        last = self.text.strip().split("\n")[-1].strip()
        return len(below) > 3 and last == below and self.case.truth.strip().split("\n")[-1].strip() != below

    @property
    def gap(self) -> Gap:
        """The gap that was filled."""
        return gap_at(Document(self.case.prefix + self.case.suffix, language="python"), len(self.case.prefix))


MEASURES: dict[str, Callable[[Outcome], float]] = {
    "exact": lambda found: found.exact,
    "any exact": lambda found: found.any_exact,
    "first word": lambda found: found.first_word,
    "similarity": lambda found: found.similarity,
    "parses": lambda found: found.parses,
    "echoes": lambda found: found.echoes,
    "silent": lambda found: not found.text,
    "length error": lambda found: abs(found.gap_tokens - found.true_tokens),
    "forwards": lambda found: found.n_forwards,
}


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Mean and 95 % bootstrap interval of every measure; pass@1 where the cases have tests."""
    measures = dict(MEASURES)
    if all(found.passed is not None for found in outcomes):
        measures["pass@1"] = lambda found: bool(found.passed)
    return {name: interval([float(measure(found)) for found in outcomes]) for name, measure in measures.items()}


def interval(values: Sequence[float], seed: int = 0) -> dict[str, float]:
    """The mean, and the 2.5th and 97.5th percentile of the means of resamples."""
    rng = random.Random(seed)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(_N_RESAMPLES))
    return {
        "mean": round(statistics.fmean(values), 4),
        "low": round(means[round(0.025 * _N_RESAMPLES)], 4),
        "high": round(means[round(0.975 * _N_RESAMPLES) - 1], 4),
        "n": len(values),
    }


def calibration(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """Share of exact fills among the surest 10 %, 20 %, ... 100 %."""
    ordered = sorted(outcomes, key=lambda found: -found.sureness)
    table = []
    for tenths in range(1, 11):
        kept = ordered[: max(len(ordered) * tenths // 10, 1)]
        precision = statistics.fmean(found.exact for found in kept)
        table.append(
            {"coverage": tenths / 10, "precision": round(precision, 4), "sureness": round(kept[-1].sureness, 4)}
        )
    return table


def _first(text: str) -> str:
    """The first word, or the first sign."""
    stripped = text.lstrip()
    n = next((index for index, char in enumerate(stripped) if not (char.isalnum() or char == "_")), len(stripped))
    return stripped[: max(n, 1)]
