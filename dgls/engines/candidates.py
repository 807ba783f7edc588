"""What every engine that denoises does with gap lengths and rows: which to try, and a row as a candidate."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dgls.diffusion.layout import further_lengths, width_for
from dgls.engines import Draft, Token
from dgls.engines.checkpoint import Facts
from dgls.engines.framing import Framed
from dgls.engines.tokens import Tokens
from dgls.errors import TooLongError


@dataclass(frozen=True)
class Row:
    """The gap of one row: its tokens, the probability of each, and which of them are settled."""

    ids: Sequence[int]
    sureness: Sequence[float]
    settled: Sequence[bool]


def rounds(frame: Framed, tokens: Tokens, facts: Facts, found: Sequence[Draft]) -> Iterator[list[int]]:
    """The gap lengths to denoise side by side; then those that the best candidate `found` so far calls for."""
    most = facts.canvas_length - len(frame.head) - frame.pinned
    n_typed, least = max(len(tokens.encode(frame.typed.decode())) - 1, 0), tokens.fewest(frame.typed)[0]
    lengths = sorted({length + n_typed for length in facts.gap_lengths if length + n_typed <= most} or {most})
    tried = list(lengths)
    for _ in range(facts.effort.n_rounds if frame.pinned else 1):
        yield lengths
        if not found:
            return
        further = further_lengths(tried, max(found, key=_score).gap_tokens, most, fine=facts.effort.fine)
        lengths = [length for length in further if length >= least]
        if not lengths:
            return
        tried += lengths


def width_of(frame: Framed, longest: int, suffix_tokens: int, facts: Facts) -> int:
    """How wide a canvas is that holds the longest gap and `suffix_tokens` of the tail behind it, or what fits.

    Raises TooLongError when the gap itself does not.
    """
    n_tail = min(len(frame.tail) + 1, suffix_tokens) if frame.pinned else 0
    width = width_for(len(frame.head) + longest + n_tail, facts.canvas_length)
    if len(frame.head) + longest > width:
        raise TooLongError.of(width)
    return width


def draft_of(row: Row, frame: Framed, tokens: Tokens, score: float) -> Draft | None:
    """A row as text behind what is typed; None when it does not begin with that (too short for it)."""
    end = next((n for n, token in enumerate(row.ids) if token in frame.ends), len(row.ids))
    pieces = tokens.pieces(row.ids[:end])
    text = "".join(pieces)
    typed = frame.typed.decode()
    if not text.startswith(typed):
        return None
    shown = []
    n_skip = len(typed)
    for piece, sureness, settled in zip(pieces, row.sureness, row.settled, strict=False):
        shown.append(Token(piece[n_skip:], sureness, settled))
        n_skip = max(n_skip - len(piece), 0)
    truncated = bool(frame.ends) and end == len(row.ids)
    return Draft(text[len(typed) :], tuple(shown), all(row.settled), score, len(row.ids), truncated)


def best_first(drafts: Iterable[Draft | None]) -> tuple[Draft, ...]:
    """The candidates in their order, without the rows that gave none."""
    return tuple(sorted((draft for draft in drafts if draft is not None), key=_score, reverse=True))


def _score(draft: Draft) -> float:
    """What candidates are ordered by."""
    return draft.score
