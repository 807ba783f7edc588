"""The rows of a fill: one canvas for each gap length, and what the server's answers make of them."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dgls.diffusion.layout import laid
from dgls.engines import Draft
from dgls.engines.candidates import Row, draft_of, width_of
from dgls.engines.checkpoint import Facts
from dgls.engines.framing import Framed
from dgls.engines.tokens import Tokens
from dgls.engines.vllm.wire import Asked, Read
from dgls.settings import Settings

# As many tokens as a server tells the log-probability of at each place (MAX_LOGPROB_TOKEN_IDS), and as many of the
# likeliest ones (its --max-logprobs, by default).
_MOST_TOLD, _MOST_TOP = 128, 20


@dataclass(frozen=True)
class Laid:
    """A gap of `n_gap` tokens on a canvas of `width`.

    The first ones are `written` already, as they are typed; `written_log_p` is how likely the model found each.
    """

    frame: Framed
    n_gap: int
    width: int
    written: Sequence[int] = ()
    written_log_p: Sequence[float] = ()
    read: Read | None = None  # of the first step

    @property
    def start(self) -> int:
        """Where the gap begins."""
        return len(self.frame.head)

    @property
    def open_from(self) -> int:
        """The first place that is not pinned."""
        return self.start + len(self.written)

    @property
    def end(self) -> int:
        """Where the gap ends."""
        return self.start + self.n_gap


def rows_for(frame: Framed, lengths: Sequence[int], settings: Settings, facts: Facts) -> list[Laid]:
    """One row for each gap length, all equally wide; without a pinned tail one, whose gap is all of the canvas."""
    width = width_of(frame, lengths[-1], settings.suffix_tokens, facts)
    if not frame.pinned:
        return [Laid(frame, width - len(frame.head), width)]
    return [Laid(frame, n, width) for n in lengths]


def first_look(row: Laid, tokens: Tokens, seed: int) -> Asked:
    """One step: how sure the model is of a gap of this length, and which tokens it would begin what is typed with."""
    typed = row.frame.typed
    agreeing = tokens.agreeing(typed) if typed else ()
    fits = 0 < len(agreeing) <= _MOST_TOLD
    asked = _asked(row, tokens, seed, n_steps=1)
    return replace(asked, told=agreeing) if fits else replace(asked, n_top=_MOST_TOP if typed else 1)


def whole(row: Laid, tokens: Tokens, seed: int, *, n_steps: int, n_scored: int) -> Asked:
    """All steps; the first suffix tokens' log-probabilities are told, as they say how well the gap joins them."""
    tail = _scored_tail(row, n_scored)
    return replace(_asked(row, tokens, seed, n_steps=n_steps), told=tuple(dict.fromkeys(tail)))


def surest(rows: Sequence[Laid], n_kept: int) -> list[Laid]:
    """The rows with the highest mean probability in the gap after their first step, in their order."""
    ranked = sorted(range(len(rows)), key=lambda index: mean_sureness(rows[index]), reverse=True)
    return [rows[index] for index in sorted(ranked[:n_kept])]


def mean_sureness(row: Laid) -> float:
    """The mean probability of the gap's tokens after the first step."""
    assert row.read is not None
    gap = row.read.log_p[row.start : row.end]
    return sum(map(math.exp, gap)) / len(gap)


def with_typed(row: Laid, tokens: Tokens) -> Laid | None:
    """The row with what is typed written at its start; None when the gap is too short for it.

    Place by place the likeliest of the tokens that agree; where none is known, the tokenizer's own.
    """
    typed = row.frame.typed
    assert row.read is not None
    written: dict[int, tuple[int, float]] = {}  # place -> token and its log-probability
    rest = typed
    for place in range(row.start, row.end):
        known = {row.read.ids[place]: row.read.log_p[place], **row.read.others[place]}
        fitting = [token for token in known if _agrees(tokens.bytes_of(token), rest)]
        if not rest or not fitting:
            break
        token = max(fitting, key=known.__getitem__)
        written[place] = token, known[token]
        rest = rest[len(tokens.bytes_of(token)) :]
    if rest:
        written = {place: (token, 0.0) for place, token in enumerate(tokens.encode(typed.decode()))}
    if len(written) > row.n_gap:
        return None
    ids, log_p = zip(*written.values(), strict=True) if written else ((), ())
    return replace(row, written=ids, written_log_p=log_p)


def draft_at_first(row: Laid, tokens: Tokens) -> Draft | None:
    """The row after its first step as a candidate; None when it does not begin with what is typed."""
    assert row.read is not None
    return _draft(row, row.read, tokens, settled=False, score=mean_sureness(row))


def draft_at_last(row: Laid, read: Read, tokens: Tokens, n_scored: int) -> Draft | None:
    """The finished row as a candidate; None when it does not begin with what is typed.

    Scored by the mean log-probability of the gap and that of the first suffix tokens at their pinned places: a gap of
    the wrong length makes the suffix improbable where it stands. One that holds a banned token is cut there and comes
    last.
    """
    gap, tail = read.log_p[row.open_from : row.end], _scored_tail(row, n_scored)
    places = range(row.end, row.end + len(tail))
    joined = [read.others[place].get(token, -math.inf) for place, token in zip(places, tail, strict=True)]
    is_whole = not any(
        token in tokens.banned and token not in row.frame.ends for token in read.ids[row.open_from : row.end]
    )
    score = _mean(gap) + _mean(joined) if is_whole else -math.inf
    return _draft(row, read, tokens, settled=True, score=score)


def _draft(row: Laid, read: Read, tokens: Tokens, *, settled: bool, score: float) -> Draft | None:
    """A row as text, up to the first banned token."""
    ids = [*row.written, *read.ids[row.open_from : row.end]]
    log_p = [*row.written_log_p, *read.log_p[row.open_from : row.end]]
    ends = row.frame.ends
    n_good = next((n for n, token in enumerate(ids) if token in tokens.banned and token not in ends), len(ids))
    shown = Row(ids[:n_good], [math.exp(value) for value in log_p[:n_good]], [settled] * n_good)
    draft = draft_of(shown, row.frame, tokens, score)
    return draft and replace(draft, gap_tokens=row.n_gap)


def _asked(row: Laid, tokens: Tokens, seed: int, *, n_steps: int) -> Asked:
    """The row's canvas behind its prompt, with noise from the seed in what is open."""
    rng = random.Random(seed * 4093 + row.n_gap)
    gap = [*row.written, *(rng.randrange(tokens.vocab_size) for _ in range(row.n_gap - len(row.written)))]
    frame = row.frame
    canvas = laid(frame.head, gap, frame.tail, end=frame.end, width=row.width)
    pinned = [*range(row.open_from), *range(row.end, row.width)]
    return Asked(frame.prefix, canvas, pinned, n_steps)


def _scored_tail(row: Laid, n_scored: int) -> list[int]:
    """The first tokens behind the gap, as far as they stand on the canvas."""
    tail = [*row.frame.tail, row.frame.end] if row.frame.pinned else []
    return [*tail[: min(n_scored, row.width - row.end)]]


def _agrees(token: bytes, rest: bytes) -> bool:
    """Whether a token begins with the rest of what is typed, or that with the token."""
    return bool(token) and (token.startswith(rest) or rest.startswith(token))


def _mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
