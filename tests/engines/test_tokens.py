"""Bytes of tokens, healing, and the framings."""

import time
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models

from dgls.engines.framing import divided, framed, healed, shown_suffix
from dgls.engines.masks import TypedText
from dgls.engines.tokens import Tokens
from dgls.errors import EngineError
from dgls.text.prompt import Prompt
from tests.tiny import SPECIALS, TURNS, byte_tokenizer


def gemma_like() -> Any:
    """A SentencePiece-like vocabulary: U+2581 for spaces, single bytes as `<0xE2>`."""
    words = ["re", "ret", "return", "\u2581return", "\u2581", "<0xE2>", "<0x82>", "<0xAC>", "x", "n"]
    vocabulary = {word: index for index, word in enumerate([*SPECIALS, *words])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in SPECIALS])
    return tokenizer


def ids(tokenizer: Any, *names: str) -> list[int]:
    """The ids of tokens by name."""
    return [tokenizer.token_to_id(name) for name in names]


def test_bytes_of_both_kinds_of_vocabularies() -> None:
    """A euro sign in three tokens, a space, and specials without text."""
    tokenizer = gemma_like()
    tokens = Tokens(tokenizer, 20)
    euro = ids(tokenizer, "<0xE2>", "<0x82>", "<0xAC>")
    assert b"".join(map(tokens.bytes_of, euro)) == "€".encode()
    assert [tokens.bytes_of(index) for index in ids(tokenizer, "\u2581return", "<eos>")] == [b" return", b""]
    assert tokens.bytes_of(19) == b""

    level = Tokens(byte_tokenizer(), 260)
    text = "a\u2028é🎉\t\r\n\x00"
    assert b"".join(map(level.bytes_of, level.encode(text))) == text.encode()


def test_pieces_come_with_the_last_byte_of_a_character() -> None:
    """They join to the text; a character that is cut off becomes U+FFFD."""
    tokens = Tokens(byte_tokenizer(), 260)
    assert tokens.pieces(tokens.encode("a🎉b")) == ["a", "", "", "", "🎉", "b"]
    assert "".join(tokens.pieces(tokens.encode("a🎉")[:-1])) == "a\ufffd"
    assert tokens.pieces([]) == []


def test_specials_in_source_code_are_text() -> None:
    """`<eos>` in a file is five letters, not the end."""
    tokens = Tokens(byte_tokenizer(), 260)
    encoded = tokens.encode("<eos>")
    assert len(encoded) == 5
    assert tokens.id_of("<eos>") not in encoded


@pytest.mark.parametrize(
    ("prefix", "typed"),
    [
        ("    return x", " x"),
        ("    ret", "ret"),
        ("x.app", ".app"),
        ("x.", "."),
        ("foo(", "("),
        ("x = ", " "),
        ("x = (", " ("),
        ("a\n    ", ""),
        ("a\n", "\n"),
        ("a\n\n", "\n"),
        ("\n", "\n"),
        ("", ""),
        ("naïve_π", "naïve_π"),
        ("f(a, b", " b"),
        ("'abc", "'abc"),
        ("a  ", "  "),
        ("a  = b", " b"),
    ],
)
def test_half_a_symbol_is_taken_off_the_prefix(prefix: str, typed: str) -> None:
    """With the one sign before it that a token may join to; indentation stays."""
    assert healed(prefix) == (prefix[: len(prefix) - len(typed)], typed)


@pytest.mark.parametrize("line", ["x = '" + "A" * 60_000 + "'", "x" * 60_000, " " * 60_000, "x" + " " * 60_000])
def test_a_symbol_is_found_in_a_line_of_any_length(line: str) -> None:
    """Data in a string is not searched from each of its letters."""
    begun = time.perf_counter()
    assert "".join(healed(line)) == line
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("prefix", "typed"),
    [("# 漢字" + "長" * 40, "長" * 6), ("s = '" + "A" * 90, "A" * 16), ("# 漢字", " 漢字"), ("", "")],
)
def test_of_a_symbol_longer_than_any_name_the_end_is_typed(prefix: str, typed: str) -> None:
    """A gap must have room for more than the words of a script without blanks."""
    tokens = Tokens(byte_tokenizer(), 260)
    assert divided(prefix, tokens) == (prefix[: len(prefix) - len(typed)], typed)
    assert framed(Prompt(prefix, ""), tokens, "auto", 1000).typed == typed.encode()


def test_only_tokens_that_agree_with_what_is_typed_may_stand() -> None:
    """Longer tokens that begin with it, shorter ones that it begins with, and nothing once it is written."""
    tokenizer = gemma_like()
    tokens = Tokens(tokenizer, tokenizer.get_vocab_size())
    typed = TypedText(tokens, b"ret", torch.device("cpu"))

    def allowed(*path: str) -> list[str] | None:
        found = typed.allowed(ids(tokenizer, *path), 3)
        return None if found is None else [tokenizer.id_to_token(int(index)) for index in torch.nonzero(found)]

    assert allowed() == ["ret", "return"]  # behind "re", no token goes on
    assert allowed("re") == []
    assert allowed("ret") is None
    assert allowed("return") is None


def test_every_typed_beginning_can_be_written() -> None:
    """In a vocabulary with all bytes, some token agrees at every place of any text."""
    tokens = Tokens(byte_tokenizer(), 260)
    typed = TypedText(tokens, "é🎉x".encode(), torch.device("cpu"))
    path: list[int] = []
    while (found := typed.allowed(path, 99)) is not None:
        path.append(int(torch.nonzero(found)[0]))
    assert "".join(tokens.pieces(path)) == "é🎉x"


@pytest.mark.parametrize(
    ("rest", "n_places", "agreeing"),
    [
        (b"return", 3, ["r", "re", "return", "returns"]),
        (b"return", 2, ["re", "return", "returns"]),
        (b"returnx", 2, ["return"]),
        (b"returnx", 3, ["re", "return"]),
        (b"return", 1, ["return", "returns"]),
        (b"returnx", 1, ["r", "re", "return"]),
        (b"returnx", None, ["r", "re", "return"]),
    ],
)
def test_what_is_typed_must_fit_the_places_that_are_left(
    rest: bytes, n_places: int | None, agreeing: list[str]
) -> None:
    """No token is taken behind which the rest has no room any more, unless it never had."""
    words = ["r", "e", "t", "u", "n", "x", "re", "turn", "return", "returns"]
    tokenizer = Tokenizer(models.BPE(vocab={word: index for index, word in enumerate(words)}, merges=[]))
    found = Tokens(tokenizer, len(words)).agreeing(rest, n_places)
    assert sorted(words[token] for token in found) == agreeing


def test_base_framing() -> None:
    """Code behind <bos>, suffix on the canvas, <eos> behind it."""
    tokens = Tokens(byte_tokenizer(), 260)
    frame = framed(Prompt("x = ab", "\ny"), tokens, "auto", 100)
    assert frame.prefix == [tokens.id_of("<bos>"), *tokens.encode("x =")]
    assert (frame.typed, frame.tail, frame.end) == (b" ab", tokens.encode("\ny"), tokens.id_of("<eos>"))
    assert frame.pinned


def test_chat_framing() -> None:
    """Turns, an empty thought, an open fence; the suffix, the closing fence and the end of the turn on the canvas."""
    tokenizer = byte_tokenizer(SPECIALS + TURNS)
    tokens = Tokens(tokenizer, tokenizer.get_vocab_size())
    frame = framed(Prompt("x = 1\n", "y = 2\n", "a.py"), tokens, "auto", 100)
    assert frame.typed == b"\n"
    told = tokenizer.decode(list(frame.prefix), skip_special_tokens=False)
    assert told.startswith("<bos><|turn>user\nWrite the file a.py")
    assert told.endswith("<turn|>\n<|turn>model\n<|channel>thought\n<channel|>```python\nx = 1")
    tail = tokenizer.decode(list(frame.tail), skip_special_tokens=False)
    assert tail == "\ny = 2\n```<turn|>"


def test_a_model_with_turns_can_be_given_plain_code() -> None:
    """`base` is plain code, whatever the model could be told."""
    tokenizer = byte_tokenizer(SPECIALS + TURNS)
    tokens = Tokens(tokenizer, tokenizer.get_vocab_size())
    frame = framed(Prompt("x = 1\n", "y = 2\n", "a.py"), tokens, "base", 100)
    assert tokenizer.decode(list(frame.prefix), skip_special_tokens=False) == "<bos>x = 1"
    assert (frame.tail, frame.end) == (tokens.encode("\ny = 2\n"), tokens.id_of("<eos>"))


def test_prompted_framing_pins_nothing() -> None:
    """The suffix stands in the prompt, and the model may end the gap itself."""
    tokenizer = byte_tokenizer(SPECIALS + TURNS)
    tokens = Tokens(tokenizer, tokenizer.get_vocab_size())
    frame = framed(Prompt("x = 1\n", "SUFFIX\n"), tokens, "prompted", 100)
    assert "SUFFIX" in tokenizer.decode(list(frame.prefix), skip_special_tokens=False)
    assert not frame.pinned
    assert not frame.tail
    assert frame.ends == {tokens.id_of("<turn|>")}


def test_chat_needs_turns() -> None:
    """A base model cannot be asked in turns."""
    with pytest.raises(EngineError, match="strategy=base"):
        framed(Prompt("", ""), Tokens(byte_tokenizer(), 260), "chat", 100)


@pytest.mark.parametrize(
    ("prefix", "suffix", "shown"),
    [
        ("def f():\n", "    return x\n", "\n    return x\n"),
        ("", "import os\n", "\nimport os\n"),
        ("x = 1\n", "\ny = 2\n", "\ny = 2\n"),
        ("x = ", "\ny = 2\n", "\ny = 2\n"),
        ("f(", ")\n", ")\n"),
        ("x = 1\n", "", ""),
    ],
)
def test_a_gap_of_whole_lines_ends_before_its_last_line_end(prefix: str, suffix: str, shown: str) -> None:
    """The suffix on the canvas begins with it."""
    assert shown_suffix(Prompt(prefix, suffix)) == shown
