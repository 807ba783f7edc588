"""Text <-> tokens: bytes of each token, which tokens agree with what is typed, and decoding piece by piece.

Knows two kinds of vocabularies: byte-level BPE (the bundled model) and SentencePiece-like BPE (Gemma).
"""

import codecs
import json
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cachetools import LRUCache
from tokenizers import Tokenizer

from dgls.errors import ModelError


class Tokens:
    """A tokenizer with the bytes of every token."""

    def __init__(self, tokenizer: Any, vocab_size: int) -> None:
        self._tokenizer = tokenizer
        # Source code may contain the text of a special token: it is text there.
        self._tokenizer.encode_special_tokens = True
        self.vocab_size = vocab_size
        self._bytes = _vocabulary_bytes(tokenizer, vocab_size)
        self._sorted = sorted((raw, index) for index, raw in enumerate(self._bytes) if raw)
        # What must not stand in a gap: what stands for no text, which are specials and unused ids.
        self.banned = frozenset(index for index, raw in enumerate(self._bytes) if not raw)
        self._ids_of: dict[bytes, list[int]] = {}
        for raw, index in self._sorted:
            self._ids_of.setdefault(raw, []).append(index)
        self._allowed: LRUCache[tuple[bytes, int], tuple[int, ...]] = LRUCache(256)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without framing; half a surrogate pair becomes a question mark."""
        sound = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._tokenizer.encode(sound, add_special_tokens=False).ids
        return ids

    def id_of(self, token: str) -> int | None:
        """The id of a special token; None when the vocabulary has none of that name."""
        found: int | None = self._tokenizer.token_to_id(token)
        return found

    def bytes_of(self, token: int) -> bytes:
        """The UTF-8 bytes that a token stands for; none for specials."""
        return self._bytes[token]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The text that each token adds: a character of several tokens comes with its last one.

        Joined they are the text of all ids; bytes that are no UTF-8 become U+FFFD.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return [decoder.decode(self._bytes[token], final=n == len(ids)) for n, token in enumerate(ids, start=1)]

    def agreeing(self, rest: bytes, n_places: int | None = None) -> tuple[int, ...]:
        """The tokens that begin with `rest` or that `rest` begins with: of these, such that all of it can be written
        in so many places. If it cannot be, any.
        """
        n_places = len(rest) if n_places is None else n_places
        if (rest, n_places) not in self._allowed:
            fewest = self.fewest(rest)
            fits = fewest[0] <= n_places
            lengths = [length for length in range(1, len(rest)) if not fits or fewest[length] < n_places]
            found = [token for length in lengths for token in self._ids_of.get(rest[:length], ())]
            for index in range(self._first(rest), len(self._sorted)):
                if not self._sorted[index][0].startswith(rest):
                    break
                found.append(self._sorted[index][1])
            self._allowed[rest, n_places] = tuple(found)
        return self._allowed[rest, n_places]

    def fewest(self, text: bytes) -> list[int]:
        """How many tokens it takes at least to write a text from each of its bytes on; the last one may be longer."""
        fewest = [0] * (len(text) + 1)
        for start in reversed(range(len(text))):
            rest, first = text[start:], self._first(text[start:])
            is_one = first < len(self._sorted) and self._sorted[first][0].startswith(rest)
            lengths = (length for length in range(1, len(rest)) if rest[:length] in self._ids_of)
            fewest[start] = 1 + (
                0 if is_one else min((fewest[start + length] for length in lengths), default=len(text))
            )
        return fewest

    def _first(self, rest: bytes) -> int:
        """Where the tokens that begin with `rest` stand among the sorted ones, if there are any."""
        return bisect_left(self._sorted, (rest, -1))


def read_tokens(folder: Path, vocab_size: int) -> Tokens:
    """The tokenizer of a model folder. Raises ModelError."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"the model {folder.name} has no tokenizer.json", "copy it beside config.json")
    try:
        return Tokens(Tokenizer.from_file(str(path)), vocab_size)
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"the tokenizer of {folder.name} cannot be read ({error})", "copy the model anew") from error


def _vocabulary_bytes(tokenizer: Any, vocab_size: int) -> list[bytes]:
    """The bytes of every id; none for specials and for ids that the tokenizer does not know."""
    added = tokenizer.get_added_tokens_decoder()
    byte_level = '"ByteLevel"' in json.dumps(json.loads(tokenizer.to_str()).get("decoder"))
    to_byte = _byte_of_char()
    found = []
    for index in range(vocab_size):
        token = tokenizer.id_to_token(index)
        if token is None or (index in added and added[index].special):
            found.append(b"")
        elif index in added:
            found.append(added[index].content.encode())
        else:
            found.append(bytes(to_byte[char] for char in token) if byte_level else _sentencepiece_bytes(token))
    return found


def _sentencepiece_bytes(token: str) -> bytes:
    """The bytes of a token in which U+2581 is a space and `<0xE2>` a single byte."""
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes([int(token[3:5], 16)])
    return token.replace("\u2581", " ").encode()


def _byte_of_char() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for (GPT-2's `bytes_to_unicode`, reversed)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
