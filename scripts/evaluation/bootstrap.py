"""Means and medians with 95 % bootstrap intervals, alone and paired."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 1000

Numbers = NDArray[np.float64]
# Many samples `[..., n]` -> their statistic `[...]`.
Statistic = Callable[[Numbers], Any]
Interval = dict[str, float]


def mean(samples: Numbers) -> Any:
    """The mean of the last axis."""
    return samples.mean(-1)


def median(samples: Numbers) -> Any:
    """The median of the last axis."""
    return np.median(samples, axis=-1)


def interval(values: Sequence[float], statistic: Statistic = mean, seed: int = 0) -> Interval:
    """A statistic, and the 2.5th and 97.5th percentile of it over resamples."""
    numbers = np.asarray(values, dtype=np.float64)
    return _bounded(float(statistic(numbers)), statistic(numbers[_drawn(len(numbers), seed)]), len(numbers))


def difference(values: Sequence[float], others: Sequence[float], seed: int = 0) -> Interval:
    """The mean difference on the same cases; a resample draws a case with both of its values."""
    return interval((np.asarray(values, dtype=np.float64) - np.asarray(others)).tolist(), seed=seed)


def closed(chosen: Sequence[float], fixed: Sequence[float], oracle: Sequence[float], seed: int = 0) -> Interval | None:
    """`(chosen - fixed) / (oracle - fixed)` of the means on the same cases; None where oracle is not above fixed."""
    a, low, high = (np.asarray(values, dtype=np.float64) for values in (chosen, fixed, oracle))
    if mean(high) <= mean(low):
        return None
    drawn = _drawn(len(a), seed)
    gained, possible = mean((a - low)[drawn]), mean((high - low)[drawn])
    shares = gained[possible > 0] / possible[possible > 0]
    return _bounded(float(mean(a - low) / mean(high - low)), shares, len(a))


def ratio(parts: Sequence[float], wholes: Sequence[float], seed: int = 0) -> Interval | None:
    """The sum of the one by the sum of the other; a resample draws cases. None where there is nothing to divide by."""
    part, whole = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    if not whole.sum():
        return None
    drawn = _drawn(len(part), seed)
    sums = whole[drawn].sum(-1)
    found = _bounded(float(part.sum() / whole.sum()), part[drawn].sum(-1)[sums > 0] / sums[sums > 0], len(part))
    return found | {"n": float(whole.sum())}


def _drawn(n: int, seed: int) -> NDArray[np.int64]:
    """Which cases each resample has, `[N_RESAMPLES, n]`."""
    return np.random.default_rng(seed).integers(0, n, (N_RESAMPLES, n))


def _bounded(value: float, resampled: Numbers, n: int) -> Interval:
    """A value with its interval, in the form of all results."""
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4), "n": n}
