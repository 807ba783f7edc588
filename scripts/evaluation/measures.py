"""What is measured of fills: a number of each one, and its mean or median with an interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.bootstrap import Interval, Statistic, interval, mean, median
from evaluation.outcome import Outcome


@dataclass(frozen=True)
class Measure:
    """A number of an outcome; None where it is not known. `is_share` numbers are shown in percent."""

    of: Callable[[Outcome], float | None]
    is_share: bool = True
    statistic: Statistic = mean


MEASURES = {
    "exact": Measure(lambda found: found.exact),
    "any exact": Measure(lambda found: found.any_exact),
    "pass@1": Measure(lambda found: found.passed),
    "first token": Measure(lambda found: found.first_token),
    "similarity": Measure(lambda found: found.similarity),
    "parses": Measure(lambda found: found.parses),
    "echo": Measure(lambda found: found.echoes),
    "raw echo": Measure(lambda found: found.echoes_raw),
    "silent": Measure(lambda found: not found.text),
    "length within 2": Measure(lambda found: abs(found.gap_tokens - found.true_tokens) <= 2),
    "length off": Measure(lambda found: abs(found.gap_tokens - found.true_tokens), is_share=False),
    "length bias": Measure(lambda found: found.gap_tokens - found.true_tokens, is_share=False),
    "forwards": Measure(lambda found: found.n_forwards, is_share=False),
    "forwards median": Measure(lambda found: found.n_forwards, is_share=False, statistic=median),
    "steps": Measure(lambda found: found.n_steps, is_share=False),
    "steps median": Measure(lambda found: found.n_steps, is_share=False, statistic=median),
    "tokens/forward": Measure(lambda found: found.shown_tokens / max(found.n_forwards, 1), is_share=False),
    "pins changed": Measure(lambda found: found.n_pins_changed, is_share=False),
}

_BUCKETS = ((1, 1), (2, 4), (5, 8), (9, 16), (17, None))


def values(outcomes: Sequence[Outcome], name: str) -> list[float] | None:
    """A measure of every outcome; None where one of them is not known."""
    found = [MEASURES[name].of(outcome) for outcome in outcomes]
    return [float(number) for number in found if number is not None] if None not in found else None


def summary(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """Every measure that is known of all outcomes."""
    known = ((name, values(outcomes, name)) for name in MEASURES)
    return {name: interval(numbers, MEASURES[name].statistic) for name, numbers in known if numbers is not None}


def by_length(outcomes: Sequence[Outcome]) -> dict[str, Interval]:
    """Exact match by the true length in tokens; lengths without a case are left out."""
    table = {}
    for least, most in _BUCKETS:
        name = f"{least}-{most}" if most and most > least else str(least) if most else f">{least - 1}"
        exact = [found.exact for found in outcomes if least <= found.true_tokens <= (most or found.true_tokens)]
        if exact:
            table[name] = interval(exact)
    return table


def calibration(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """Share of exact fills, with its interval, among the surest 5 %, 10 %, ... 100 %."""
    ordered = sorted(outcomes, key=lambda found: -found.sureness)
    table = []
    for twentieths in range(1, 21):
        kept = ordered[: max(len(ordered) * twentieths // 20, 1)]
        precision = interval([found.exact for found in kept])
        table.append({"coverage": twentieths / 20, "sureness": round(kept[-1].sureness, 4), **precision})
    return table
