"""Laying several gap lengths out as rows of one batch."""

import pytest

from dgls.diffusion.canvas import lay_out
from dgls.diffusion.layout import width_for, widths


def test_rows_are_filled_with_suffix() -> None:
    """Head and tail are pinned, the gap is not, and a tail that is used up is followed by the end token."""
    canvas = lay_out([7], [1, 3], [20, 21, 22, 23], end=1, width=6)

    assert canvas.ids.tolist() == [[7, 1, 20, 21, 22, 23], [7, 1, 1, 1, 20, 21]]
    assert canvas.gap.tolist() == [[False, True, False, False, False, False], [False, True, True, True, False, False]]


def test_an_empty_suffix_is_the_end_of_the_file() -> None:
    """What follows the gap at the end of a file is the end token, pinned."""
    canvas = lay_out([], [2], [], end=1, width=4)

    assert canvas.ids[0, 2:].tolist() == [1, 1]
    assert canvas.pinned[0].tolist() == [False, False, True, True]


def test_a_gap_that_does_not_fit_is_refused() -> None:
    """Nothing is cut silently."""
    with pytest.raises(ValueError, match="do not fit"):
        lay_out([1, 2], [4], [], end=1, width=5)


def test_widths_come_from_a_few_sizes() -> None:
    """The smallest size that holds the tokens, at most the model's own."""
    assert [width_for(n, 256) for n in (1, 16, 17, 100, 999)] == [16, 16, 32, 128, 256]
    assert width_for(100, 64) == 64


@pytest.mark.parametrize("most", [8, 16, 48, 64, 128, 256, 1000])
def test_all_widths_are_known_beforehand(most: int) -> None:
    """A server prepares just these."""
    assert widths(most) == tuple(sorted({width_for(n, most) for n in range(1, 1100)}))
