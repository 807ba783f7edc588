"""Gaps and fills while the user goes on typing. `‹typed›` stands in the later text only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.text.document import Document
from dgls.text.fill import Fill
from dgls.text.gap import Gap, gap_at
from tests.marked import marked


def typed(text: str) -> tuple[Gap, Gap]:
    """The gap before and behind what is typed between ‹ and ›."""
    before, rest = text.split("‹")
    new, after = rest.split("›")
    return gap_at(Document(before + after), len(before)), gap_at(Document(before + new + after), len(before + new))


@pytest.mark.parametrize(
    ("text", "fill", "left"),
    [
        ("return ‹›\n", "a + b", "a + b"),
        ("return ‹a›\n", "a + b", " + b"),
        ("return ‹a + ›\n", "a + b", "b"),
        ("return ‹a + b›\n", "a + b", None),  # nothing is left
        ("return ‹a + b!›\n", "a + b", None),
        ("return ‹x›\n", "a + b", None),
        ("return ‹a\r\n›\n", "a\r\nb", "b"),
        ("‹é𝄞›", "é𝄞\ud83d", "\ud83d"),
        ("‹›", "x", "x"),
    ],
)
def test_typed_into(text: str, fill: str, left: str | None) -> None:
    before, after = typed(text)
    found = Fill(before, fill, 0.5).typed_into(after)
    assert (found.text if found else None) == left
    if found:
        assert found.gap is after
        assert found.sureness == 0.5


@pytest.mark.parametrize(
    "later",
    [
        "# before\nreturn «»\n",  # the text before the gap changed
        "return «»\n# after\n",  # the text after it
        "return «»)\n",  # a bracket closed by the editor
        "retur«»\n",  # deleted
        "x«»\n",
        "«»",
    ],
)
def test_typed_into_another_text(later: str) -> None:
    gap, _ = marked("return «»\n")
    assert Fill(gap, "a + b").typed_into(marked(later)[0]) is None


def test_typed_into_another_document() -> None:
    gap, _ = marked("«»", uri="file:///a")
    assert Fill(gap, "x").typed_into(marked("«»", uri="file:///b")[0]) is None


@given(st.text(), st.text(min_size=1), st.text())
def test_every_key_of_a_fill_leaves_the_rest(before: str, fill: str, after: str) -> None:
    kept = Fill(gap_at(Document(before + after), len(before)), fill)
    for n_keys in range(len(fill)):
        now = Document(before + fill[:n_keys] + after)
        moved = kept.gap.moved_to(now)
        assert moved is not None
        assert (moved.start, moved.end) == (len(before) + n_keys,) * 2
        left = kept.typed_into(moved)
        assert left is not None
        assert left.text == fill[n_keys:]


@pytest.mark.parametrize(
    ("gap", "now", "moved"),
    [
        ("a«»b", "ab", 1),
        ("a«»b", "axyb", 3),
        ("a«»", "axy", 3),
        ("«»a", "aa", 1),
        ("a«»b", "a", None),
        ("a«»b", "", None),
        ("a«»b", "xab", None),
        ("a«»b", "abx", None),
        ("a«»b", "xb", None),
        ("aa«»", "a", None),
        ("a«»ab", "ab", None),  # deleted before the gap, though both sides still look the same
    ],
)
def test_moved_to(gap: str, now: str, moved: int | None) -> None:
    found = marked(gap)[0].moved_to(Document(now))
    assert (found.start if found else None) == moved


def test_moved_to_keeps_what_is_to_be_replaced() -> None:
    found = Gap(Document("abcd"), 1, 3).moved_to(Document("aXbcd"))
    assert found is not None
    assert (found.start, found.end, found.prefix, found.suffix) == (2, 4, "aX", "d")


def test_with_selected_is_the_gap_behind_the_popup_item() -> None:
    gap = Gap(Document("os.pa(x)", uri="file:///a", name="a", version=3), 3, 5).with_selected("path")
    assert (gap.prefix, gap.suffix, gap.start, gap.end) == ("os.path", "(x)", 7, 7)
    assert (gap.document.uri, gap.document.name, gap.document.version) == ("file:///a", "a", 3)


def test_a_fill_behind_a_popup_item_survives_its_acceptance() -> None:
    fill = Fill(Gap(Document("os.pa(x)"), 3, 5).with_selected("path"), ".join")
    left = fill.typed_into(gap_at(Document("os.path(x)"), 7))
    assert left is not None
    assert left.text == ".join"


@pytest.mark.parametrize(("start", "end"), [(2, 1), (-1, 0), (0, 9)])
def test_a_gap_outside_its_document_cannot_be(start: int, end: int) -> None:
    with pytest.raises(AssertionError):
        Gap(Document("abc"), start, end)
