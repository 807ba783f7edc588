"""How long gaps and canvases are, and what stands where on a row: numbers alone, for engines with and without torch."""

from collections.abc import Sequence

WIDTHS = (16, 32, 64, 128, 256)  # a few fixed sizes, so that a compiled engine needs a few graphs


def width_for(n_tokens: int, most: int) -> int:
    """The smallest canvas width that holds `n_tokens`, but at most `most`."""
    return min(next((width for width in WIDTHS if width >= n_tokens), WIDTHS[-1]), most)


def laid(head: Sequence[int], gap: Sequence[int], tail: Sequence[int], *, end: int, width: int) -> list[int]:
    """`head | gap | tail`, filled up to `width` with as much of the tail as fits, and with `end` once that is used up.

    Raises ValueError when head and gap do not fit.
    """
    n_left = width - len(head) - len(gap)
    if n_left < 0:
        raise ValueError(f"head of {len(head)} and gap of {len(gap)} do not fit on a canvas of {width}")
    shown = tail[:n_left]
    return [*head, *gap, *shown, *[end] * (n_left - len(shown))]


def further_lengths(tried: Sequence[int], best: int, most: int) -> list[int]:
    """The gap lengths to try next: beyond the best one where it is the longest or shortest so far, up to `most`.

    Four, each about 1.4 times the one before; none when the best one lies between others, or is the only one.
    """
    if len(tried) < 2:
        return []
    longer = {min(round(best * 2 ** (n / 2)), most) for n in range(1, 5)} if best == max(tried) else set()
    shorter = {round(best / 2 ** (n / 2)) for n in range(1, 5)} if best == min(tried) else set()
    return sorted((longer | shorter) - {0, *tried})
