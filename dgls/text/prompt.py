"""The prompt: what an engine is told about a gap, cut to a budget."""

from dataclasses import dataclass

from dgls.text.document import with_lf
from dgls.text.gap import Gap


@dataclass(frozen=True)
class Open:
    """A place for the model to write in."""


@dataclass(frozen=True)
class Pinned:
    """Text that stands in every fill."""

    text: str


@dataclass(frozen=True)
class Standing:
    """Code that stands there: `strength` of its tokens (0..1), the least likely ones, are written anew; 0 changes
    nothing, 1 writes all of it anew.
    """

    text: str
    strength: float = 1.0


Piece = Open | Pinned | Standing


@dataclass(frozen=True)
class Begun:
    """A fill of the gap that was under way or is wanted no more as a whole: its tokens, and whether each one stays."""

    tokens: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Prompt:
    """Text before and after the gap with LF line ends, and the file's name and language; no offsets, no URI.

    `middle` is what the gap consists of, from left to right; a draft's text is all of it. Fills that have `begun` are
    gone on with, in place of new ones. An instruction is for models that can be told something.
    """

    prefix: str
    suffix: str
    name: str = ""
    language: str = "python"
    middle: tuple[Piece, ...] = (Open(),)
    begun: tuple[Begun, ...] = ()
    instruction: str = ""


def prompt(gap: Gap, budget_chars: int) -> Prompt:
    """The prompt of a gap: at most about `budget_chars` before it and a quarter of that after it, in whole lines."""
    document = gap.document
    start = kept_from(document.text[: gap.start], budget_chars)
    end = _line_end_before(document.text, gap.end, budget_chars // 4)
    return Prompt(
        prefix=with_lf(document.text[start : gap.start]),
        suffix=with_lf(document.text[gap.end : end]),
        name=document.name,
        language=document.language,
    )


def kept_from(prefix: str, budget_chars: int) -> int:
    """The offset of the line start from which a prefix is kept: between about half the budget and all of it remains.

    The offset moves only every half budget, so that the kept text begins alike from one keystroke to the next
    and an engine's prefix cache stays warm. A line longer than a quarter of the budget may be cut.
    """
    step = max(budget_chars // 2, 1)
    n_steps = max(len(prefix) - step, 0) // step
    if n_steps == 0:
        return 0
    line_end = prefix.find("\n", n_steps * step - 1, n_steps * step + step // 2)
    return line_end + 1 if line_end >= 0 else n_steps * step


def _line_end_before(text: str, start: int, budget_chars: int) -> int:
    """The end of the last whole line within `budget_chars` behind `start`; the budget itself in one long line."""
    end = start + budget_chars
    if end >= len(text):
        return len(text)
    line_end = text.rfind("\n", start, end)
    return line_end + 1 if line_end >= 0 else end
