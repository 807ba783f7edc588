"""How long gaps and canvases are, and what stands where on a row: numbers alone, for engines with and without torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WIDTHS = (16, 32, 64, 128, 256)  # a few fixed sizes, so that a compiled engine needs a few graphs


@dataclass(frozen=True)
class Run:
    """Tokens side by side: `noise` to be written (`ids` say only how many), `warm` ones that stand there until the
    model changes them, or `pinned` ones inside the middle.
    """

    ids: Sequence[int]
    kind: Literal["noise", "warm", "pinned"]


def width_for(n_tokens: int, most: int) -> int:
    """The smallest canvas width that holds `n_tokens`, but at most `most`."""
    return min(next((width for width in WIDTHS if width >= n_tokens), WIDTHS[-1]), most)


def widths(most: int) -> tuple[int, ...]:
    """Every width that `width_for` gives where the widest canvas is `most`, the narrowest first."""
    most = min(most, WIDTHS[-1])
    return (*(width for width in WIDTHS if width < most), most)


def laid(head: Sequence[int], gap: Sequence[int], tail: Sequence[int], *, end: int, width: int) -> list[int]:
    """`head | gap | tail`, filled up to `width` with as much of the tail as fits, and with `end` once that is used up.

    Raises ValueError when head and gap do not fit.
    """
    n_left = width - len(head) - len(gap)
    if n_left < 0:
        raise ValueError(f"head of {len(head)} and gap of {len(gap)} do not fit on a canvas of {width}")
    shown = tail[:n_left]
    return [*head, *gap, *shown, *[end] * (n_left - len(shown))]


def further_lengths(tried: Sequence[int], best: int, most: int, *, fine: bool = False) -> list[int]:
    """The gap lengths to try next, up to `most`: four below the shortest so far, until that is 1; four beyond the best
    one where it is the longest; `fine`, up to four between the best one's neighbours. None for a single length.

    Below always: the causal score of a gap that is too long says little about a short one. On the bundled model, first
    lengths of 4 to 16 lost two thirds of the exact fills when only those below the best one were tried.
    """
    if len(tried) < 2:
        return []
    shorter = {round(min(tried) / 2 ** (n / 2)) for n in range(1, 5)}
    longer = {min(round(best * 2 ** (n / 2)), most) for n in range(1, 5)} if best == max(tried) else set()
    return sorted((shorter | longer | (_between(tried, best) if fine else set())) - {0, *tried})


def least_likely(p: Sequence[float], strength: float) -> list[bool]:
    """Which tokens become noise: the `ceil(strength * n)` least likely ones, so that a stronger one takes them all too.

    Raises ValueError unless the strength is 0..1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"a strength is 0..1, not {strength}")
    order = sorted(range(len(p)), key=lambda place: p[place])
    chosen = set(order[: math.ceil(strength * len(p))])
    return [place in chosen for place in range(len(p))]


def _between(tried: Sequence[int], best: int) -> set[int]:
    """At most four lengths, evenly spread, that lie between the best one's neighbours and were not tried."""
    below = max((length for length in tried if length < best), default=0)
    above = min((length for length in tried if length > best), default=best)
    left = [length for length in range(below + 1, above) if length != best]
    n = min(len(left), 4)
    return {left[(2 * place + 1) * len(left) // (2 * n)] for place in range(n)}
