"""Edits are as small as can be; how far texts are alike is found quickly, and as if compared letter by letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.text.document import Document
from dgls.text.edit import Change, Edit, n_alike

# Long enough for several blocks, alike for the most part.
LONG = st.builds(lambda n, rest: "ab" * n + rest, st.integers(0, 1300), st.text("ab", max_size=3))


@given(LONG, LONG)
def test_how_far_texts_are_alike(one: str, other: str) -> None:
    n = n_alike(one, other)
    assert one[:n] == other[:n]
    assert one[n : n + 1] != other[n : n + 1] or n == min(len(one), len(other))


@pytest.mark.parametrize(
    ("before", "now", "old", "new"),
    [
        ("a b c", "a x c", "b", "x"),
        ("", "x", "", "x"),
        ("same", "same", "", ""),
        ("a\r\nb", "a\r\n\r\nb", "", "\r\n"),
        ("aa", "a", "a", ""),
    ],
)
def test_a_change_is_its_smallest_edit(before: str, now: str, old: str, new: str) -> None:
    edit = Change(Document(before), Document(now)).edit
    assert (edit.before, edit.text, edit.result) == (old, new, now)


def test_an_edit_that_is_small_stays_as_it_is() -> None:
    edit = Edit(Document("return a"), 7, 8, "b", margin=2.0)
    assert edit.minimal() is not edit
    assert (edit.minimal().start, edit.minimal().end, edit.minimal().margin) == (7, 8, 2.0)
