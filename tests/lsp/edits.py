"""Random edits, and positions counted in the slowest and plainest way."""

import random
from typing import Any

from dgls.text.document import Encoding
from tests.marked import ODD_PIECES

# Of the lone surrogates only one half: in JSON two halves that meet become one character.
PIECES = ["a", "x = 1", "\t", "", *ODD_PIECES]
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
_UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
_MAX_CHARS = 1500


def place(text: str, offset: int, encoding: Encoding) -> dict[str, int]:
    """The position of an offset on the wire, by walking from the start."""
    line, start = 0, 0
    for index in range(offset):
        char, following = text[index], text[index + 1 : index + 2]
        if char == "\n" or (char == "\r" and following != "\n"):
            line, start = line + 1, index + 1
    codec = encoding if encoding == "utf-8" else f"{encoding}-le"
    units = len(text[start:offset].encode(codec, "surrogatepass")) // _UNIT_BYTES[encoding]
    return {"line": line, "character": units}


def offset(text: str, position: dict[str, int], encoding: Encoding) -> int:
    """The offset of a position on the wire, by trying all."""
    return next(at for at in range(len(text) + 1) if place(text, at, encoding) == position)


def with_edits(text: str, edits: list[dict[str, Any]], encoding: Encoding = "utf-16") -> str:
    """The text after edits of it, `text` or `newText` in place of their `range`."""

    def start(edit: dict[str, Any]) -> int:
        return offset(text, edit["range"]["start"], encoding)

    changed = text
    for edit in sorted(edits, key=start, reverse=True):
        end = offset(text, edit["range"]["end"], encoding)
        changed = changed[: start(edit)] + edit.get("newText", edit.get("text", "")) + changed[end:]
    return changed


def edited(text: str, chance: random.Random, encoding: Encoding) -> tuple[str, dict[str, Any]]:
    """The text after a random edit, and the edit as a change of a range."""
    start, end = sorted(_offset(text, chance) for _ in range(2))
    if len(text) < _MAX_CHARS or chance.random() < 0.5:
        end = _outside_crlf(text, min(end, start + 3))
    new = "".join(chance.choices(PIECES, k=chance.randint(0, 4)))
    change = {"range": {"start": place(text, start, encoding), "end": place(text, end, encoding)}, "text": new}
    return text[:start] + new + text[end:], change


def _offset(text: str, chance: random.Random) -> int:
    return _outside_crlf(text, chance.randint(0, len(text)))


def _outside_crlf(text: str, offset: int) -> int:
    """The offset, or the next one where it has no position of its own."""
    return offset + 1 if text[offset - 1 : offset + 1] == "\r\n" and offset else offset
