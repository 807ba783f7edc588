"""The tokenizer: byte-level BPE in which every line end, with the indentation after it, begins a new token."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PAD, EOS, BOS, MASK = 0, 1, 2, 3
PREFIX_MARK, SUFFIX_MARK, MIDDLE_MARK = 4, 5, 6  # the bundled model never sees them, its autoregressive twin does
SPECIAL_TOKENS = (
    *("<pad>", "<eos>", "<bos>", "<mask>", "<|prefix|>", "<|suffix|>", "<|middle|>", "<|file|>"),
    *(f"<|reserved_{i}|>" for i in range(8)),
)
N_SPECIAL = len(SPECIAL_TOKENS)

# Nothing but the second rule takes a line end, and no rule looks past one: cutting a text just before any "\n" leaves
# its tokens unchanged. (The "\r" of a CRLF stands alone for the same reason.)
PRETOKENS = "|".join(
    (
        r"\r",
        r"\n[ \t]*",
        r"[^\r\n\p{L}\p{N}_]?[\p{L}_][\p{L}\p{N}_]*",  # a word with one space or sign before it: " return", ".append"
        r" ?\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}_]+",
        r"[^\S\r\n]+(?!\S)",  # a run of spaces leaves the last one to the word after it
        r"[^\S\r\n]+",
    )
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A tokenizer of `vocab_size` ids: the special ones, the 256 bytes, and merges learned from `texts`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a file, set to read "<mask>" and its like in source code as plain text."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return tokenizer


def encode_all(tokenizer: Tokenizer, texts: Iterable[str], batch: int = 64) -> Iterator[list[int]]:
    """The ids of each text, in order; special tokens are never produced."""
    tokenizer.encode_special_tokens = True
    group: list[str] = []
    for text in texts:
        group.append(text)
        if len(group) == batch:
            yield from (encoding.ids for encoding in tokenizer.encode_batch_fast(group, add_special_tokens=False))
            group = []
    yield from (encoding.ids for encoding in tokenizer.encode_batch_fast(group, add_special_tokens=False))


def is_line_start(tokenizer: Tokenizer) -> list[bool]:
    """For each id whether its text begins with a line end; `[vocab_size]`."""
    texts = (tokenizer.decode([i], skip_special_tokens=False) for i in range(tokenizer.get_vocab_size()))
    return [text.startswith("\n") for text in texts]
