"""Positions and offsets: every offset round-trips in every encoding, whatever the text is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgls.errors import PositionError
from dgls.text.document import Document, Encoding, Position, n_units
from tests.marked import ODD_PIECES

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")

PIECES = ["a", " ", "\udd1e", *ODD_PIECES]
TEXTS = st.lists(st.sampled_from(PIECES)).map("".join)


def inside_crlf(text: str, offset: int) -> bool:
    """Whether an offset lies between CR and LF, where no position is."""
    return offset > 0 and text[offset - 1 : offset + 1] == "\r\n"


@given(TEXTS, st.sampled_from(ENCODINGS))
def test_every_offset_round_trips(text: str, encoding: Encoding) -> None:
    document = Document(text)
    for offset in range(len(text) + 1):
        if not inside_crlf(text, offset):
            assert document.offset_at(document.position_at(offset, encoding), encoding) == offset


@given(TEXTS)
def test_lines_end_at_lf_crlf_and_cr_only(text: str) -> None:
    document = Document(text)
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert document.n_lines == len(expected)
    assert [document._line(line) for line in range(document.n_lines)] == expected
    for offset in range(len(text) + 1):
        start = document.line_start(offset)
        assert start in document.line_starts
        assert start <= offset


@given(TEXTS, st.sampled_from(ENCODINGS), st.integers(0, 40), st.integers(0, 40))
def test_any_position_is_an_offset_of_its_line_or_an_error(
    text: str, encoding: Encoding, line: int, character: int
) -> None:
    document = Document(text)
    if line >= document.n_lines:
        with pytest.raises(PositionError):
            document.offset_at(Position(line, character), encoding)
        return
    found = document.position_at(document.offset_at(Position(line, character), encoding), encoding)
    assert found.line == line
    assert found.character <= character


@given(TEXTS, st.sampled_from(ENCODINGS))
def test_units_are_those_of_the_encoded_text(text: str, encoding: Encoding) -> None:
    codec, n_bytes = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    # One by one: encoded together, two halves of a pair would become one character.
    assert n_units(text, encoding) == sum(len(char.encode(codec, "surrogatepass")) for char in text) // n_bytes


@pytest.mark.parametrize(
    ("text", "position", "encoding", "offset"),
    [
        ("", Position(0, 0), "utf-16", 0),
        ("", Position(0, 9), "utf-16", 0),
        ("ab", Position(0, 99), "utf-16", 2),  # past the end of the last line
        ("ab\r\ncd", Position(0, 99), "utf-16", 2),  # before the line end
        ("ab\n", Position(1, 0), "utf-16", 3),  # the empty last line, where most typing happens
        ("\f\nx", Position(1, 0), "utf-16", 2),
        ("𝄞b", Position(0, 1), "utf-16", 0),  # inside a surrogate pair
        ("𝄞b", Position(0, 2), "utf-16", 1),
        ("𝄞b", Position(0, 3), "utf-8", 0),  # inside a UTF-8 sequence
        ("𝄞b", Position(0, 4), "utf-8", 1),
        ("𝄞b", Position(0, 1), "utf-32", 1),
    ],
)
def test_offset_at(text: str, position: Position, encoding: Encoding, offset: int) -> None:
    assert Document(text).offset_at(position, encoding) == offset


@pytest.mark.parametrize("position", [Position(1, 0), Position(-1, 0), Position(0, -1)])
def test_outside_says_where(position: Position) -> None:
    with pytest.raises(PositionError, match="is outside the document: it has 1 lines"):
        Document("ab").offset_at(position, "utf-16")


@pytest.mark.parametrize(("text", "line_end"), [("a", "\n"), ("a\nb\r\n", "\n"), ("a\r\nb\n", "\r\n"), ("a\rb", "\r")])
def test_line_end_is_that_of_the_first_line(text: str, line_end: str) -> None:
    assert Document(text).line_end == line_end
