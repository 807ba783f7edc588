"""`dgls clip`: JSON lines on stdin, each a model's text and its place; on stdout what of it is worth showing."""

import json
import sys
from collections.abc import Iterable
from typing import Any, BinaryIO, TextIO, get_args

from dgls.text.clip import clip
from dgls.text.clip.place import Policy
from dgls.text.document import Document
from dgls.text.gap import gap_at

_TEXTS = ("language", "prefix", "suffix", "raw")


def clip_lines(source: BinaryIO | None = None, out: TextIO | None = None) -> int:
    """Answers every line with one line, a bad one with its error; returns the exit code."""
    out = out or sys.stdout
    lines: Iterable[bytes] = source or sys.stdin.buffer
    for line in lines:
        print(json.dumps(answer(line)), file=out, flush=True)
    return 0


def answer(line: bytes) -> dict[str, Any]:
    """The answer to one line: `text` or `silence`, and `rules`; only `error` for a line that cannot be understood."""
    try:
        given = _checked(json.loads(line))
    except (ValueError, RecursionError) as error:
        return {"error": str(error) or type(error).__name__}
    document = Document(given["prefix"] + given["suffix"], language=given["language"], name=given["name"])
    gap = gap_at(document, len(given["prefix"]))
    found = clip(given["raw"], gap, policy=given["policy"], truncated=given["truncated"])
    return {"text": None if found.silence else found.text, "silence": found.silence, "rules": found.rules}


def _checked(given: Any) -> dict[str, Any]:
    """The fields of a line with their defaults. Raises ValueError."""
    if not isinstance(given, dict):
        raise ValueError("the line is not a JSON object")
    found = {"truncated": False, "policy": "ide", "name": "", **given}
    for name in (*_TEXTS, "name"):
        if not isinstance(found.get(name), str):
            raise ValueError(f"{name!r} is missing" if name not in found else f"{name!r} is not a text")
    if not isinstance(found["truncated"], bool):
        raise ValueError("'truncated' is not true or false")
    if found["policy"] not in get_args(Policy):
        raise ValueError(f"'policy' is none of {', '.join(get_args(Policy))}")
    return found
