"""The corpus as arrays of token ids, built once and kept in the working folder."""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from small import corpus
from small.corpus import Package, Source
from small.tokens import encode_all, is_line_start, load_tokenizer, train_tokenizer

SPLITS = ("train", "dev", "test", "packages")
BPE_SAMPLE_CHARS = 25_000_000


@dataclass(frozen=True)
class Files:
    """All files of one split."""

    ids: NDArray[np.uint16]  # the files one after the other
    offsets: NDArray[np.int64]  # [n_files + 1], where each begins in `ids`
    names: tuple[str, ...]  # "package/path"

    def __iter__(self) -> Iterator[NDArray[np.uint16]]:
        for begin, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.ids[begin:end]


@dataclass(frozen=True)
class Data:
    """Everything training reads: the splits, the tokenizer, and which ids begin a line."""

    splits: dict[str, Files]
    tokenizer: Tokenizer
    line_starts: NDArray[np.bool_]  # [vocab_size]
    manifest: list[dict[str, object]]  # one row per package


@dataclass(frozen=True)
class Wanted:
    """Which corpus: everything the machine has, or a few files of each package and split, or `files` alone.

    These are then every split at once: something to learn by heart. A tokenizer is trained unless one is given.
    """

    vocab_size: int
    n_files: int | None = None
    files: tuple[Path, ...] = ()
    tokenizer: Path | None = None


def load_data(folder: Path, wanted: Wanted) -> Data:
    """The corpus of `folder`; collected and tokenized first if it is not there."""
    if not (folder / "manifest.json").is_file():
        build(folder, wanted)
    own = load_tokenizer(folder / "tokenizer.json")
    splits = {split: _load(folder / f"{split}.npz") for split in SPLITS}
    manifest: list[dict[str, object]] = json.loads((folder / "manifest.json").read_text())
    return Data(splits, own, np.array(is_line_start(own)), manifest)


def build(folder: Path, wanted: Wanted) -> None:
    """Writes tokenizer.json, one .npz per split and, last, manifest.json."""
    packages, splits = _by_heart(wanted.files) if wanted.files else corpus.collect(wanted.n_files)
    splits = {split: members[: wanted.n_files] for split, members in splits.items()}
    folder.mkdir(parents=True, exist_ok=True)
    if wanted.tokenizer:
        tokenizer = load_tokenizer(wanted.tokenizer)
    else:
        tokenizer = train_tokenizer(_sample(splits["train"]), wanted.vocab_size)
    tokenizer.save(str(folder / "tokenizer.json"))
    n_files_of, n_tokens_of = Counter[str](), Counter[str]()
    for split, members in splits.items():
        files = _encode(tokenizer, members)
        for source, length in zip(members, np.diff(files.offsets), strict=True):
            n_files_of[source.package] += 1
            n_tokens_of[source.package] += int(length)
        np.savez(folder / f"{split}.npz", ids=files.ids, offsets=files.offsets, names=np.array(files.names))
    rows = corpus.table(packages, n_files_of, n_tokens_of)
    (folder / "manifest.json").write_text(json.dumps(rows, indent=1))


def _by_heart(files: Sequence[Path]) -> tuple[list[Package], dict[str, list[Source]]]:
    """The same files in every split."""
    sources = [Source("files", path.name, path.read_text(encoding="utf-8")) for path in files]
    return [], dict.fromkeys(SPLITS, sources)


def _sample(sources: list[Source]) -> Iterator[str]:
    """A random part of the texts, enough to learn the merges from."""
    n_chars = 0
    for source in random.Random(0).sample(sources, len(sources)):
        yield source.text
        n_chars += len(source.text)
        if n_chars > BPE_SAMPLE_CHARS:
            return


def _encode(tokenizer: Tokenizer, sources: list[Source]) -> Files:
    arrays = [np.array(ids, np.uint16) for ids in encode_all(tokenizer, (source.text for source in sources))]
    offsets = np.cumsum([0, *(len(array) for array in arrays)], dtype=np.int64)
    ids = np.concatenate(arrays) if arrays else np.zeros(0, np.uint16)
    return Files(ids, offsets, tuple(f"{source.package}/{source.path}" for source in sources))


def _load(path: Path) -> Files:
    with np.load(path) as arrays:
        return Files(arrays["ids"], arrays["offsets"], tuple(str(name) for name in arrays["names"]))
