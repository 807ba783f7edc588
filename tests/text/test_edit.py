"""Edits: the smallest one that does it, what a user changed, and how far texts are alike."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.text.document import Document
from dgls.text.edit import Change, Edit, n_alike

TEXTS = st.text(alphabet="ab\r\n", max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_the_minimal_edit_has_the_same_result(before: str, old: str, new: str, after: str) -> None:
    document = Document(before + old + after)
    edit = Edit(document, len(before), len(before) + len(old), new)
    assert edit.minimal().result == edit.result
    assert len(edit.minimal().text) <= len(new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a = old + 1", "a = new + 1", ("old", "new")),
        ("same", "same", ("", "")),
        ("aa", "aaa", ("", "a")),
        ("a\r\nb", "a\nb", ("\r\n", "\n")),
        ("a\r\nb", "a\r\n\r\nb", ("", "\r\n")),
        ("a\r\n", "a\r\nb\r\n", ("", "b\r\n")),
    ],
)
def test_what_stays_at_the_ends_is_no_part_of_it(old: str, new: str, expected: tuple[str, str]) -> None:
    edit = Edit(Document(old), 0, len(old), new).minimal()
    assert (edit.before, edit.text) == expected


def typed(*texts: str) -> Change:
    """The change after a document had these texts one after another."""
    documents = [Document(text, version=n) for n, text in enumerate(texts)]
    change = Change(documents[0], documents[0])
    for document in documents[1:]:
        change = change.followed_by(document)
    return change


def test_keys_in_one_line_are_one_change() -> None:
    change = typed("a = 1\nb = 2\n", "ax = 1\nb = 2\n", "axy = 1\nb = 2\n", "axy = 13\nb = 2\n")
    assert change.before.text == "a = 1\nb = 2\n"
    assert (change.edit.before, change.edit.text) == (" = 1", "xy = 13")


def test_a_key_elsewhere_begins_another_change() -> None:
    change = typed("a = 1\nb = 2\nc = 3\n", "ax = 1\nb = 2\nc = 3\n", "ax = 1\nb = 2\nc = 34\n")
    assert change.before.text == "ax = 1\nb = 2\nc = 3\n"
    assert (change.edit.before, change.edit.text) == ("", "4")


def test_a_key_at_the_end_of_a_change_goes_on_with_it() -> None:
    change = typed("a\n", "ab\n", "ab\nc\n", "ab\nc\nd\n")
    assert change.before.text == "a\n"
    assert change.edit.text == "b\nc\nd"


def test_a_change_taken_back_is_none() -> None:
    change = typed("a = 1\n", "ab = 1\n", "a = 1\n")
    assert change.edit.before == change.edit.text == ""


@given(TEXTS, TEXTS, TEXTS)
def test_the_change_always_leads_from_what_was_to_what_is(one: str, two: str, three: str) -> None:
    change = typed(one, two, three)
    assert change.edit.result == change.now.text == three
    assert replace(change.edit, document=change.before).result == three


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
