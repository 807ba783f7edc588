"""The rows of a fill: one canvas for each way to lay the gap out, and what the server's answers make of them.

Noise and warm places begin alike, as ids on the canvas that the server is sent: it may change both at every step.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dgls.diffusion.layout import Run, laid
from dgls.engines import Draft
from dgls.engines.candidates import Row, draft_of, width_of
from dgls.engines.checkpoint import Facts
from dgls.engines.framing import Framed, Part
from dgls.engines.middles import Laid as Middle
from dgls.engines.middles import Slot, parts_of, runs_of
from dgls.engines.tokens import Tokens
from dgls.engines.vllm.wire import Asked, Read
from dgls.settings import Settings

# As many tokens as a server tells the log-probability of at each place (MAX_LOGPROB_TOKEN_IDS), and as many of the
# likeliest ones (its --max-logprobs, by default).
MOST_TOLD, MOST_TOP = 128, 20


@dataclass(frozen=True)
class Laid:
    """A gap of these runs on a canvas of `width`; `lengths` are those of the middle's slots.

    The first ones are `written` already, as they are typed; `written_log_p` is how likely the model found each.
    """

    frame: Framed
    runs: Sequence[Run]
    width: int
    lengths: tuple[int, ...] = ()
    written: Sequence[int] = ()
    written_log_p: Sequence[float] = ()
    read: Read | None = None  # of the first step

    @property
    def n_gap(self) -> int:
        """How many tokens the gap has."""
        return n_tokens(self.runs)

    @property
    def start(self) -> int:
        """Where the gap begins."""
        return len(self.frame.head)

    @property
    def end(self) -> int:
        """Where the gap ends."""
        return self.start + self.n_gap

    @property
    def typed(self) -> bytes:
        """What is still to be found tokens for: nothing where code is given in the first place, which has it."""
        return self.frame.typed if self.frame.middle[0].ids is None else b""

    @property
    def kinds(self) -> list[str]:
        """What each place of the gap is."""
        kinds = [kind for run in self.runs for kind in [run.kind] * len(run.ids)]
        return ["pinned"] * len(self.written) + kinds[len(self.written) :]

    @property
    def ids(self) -> list[int]:
        """What the gap begins with; any id where there is noise."""
        ids = [token for run in self.runs for token in run.ids]
        return [*self.written, *ids[len(self.written) :]]

    @property
    def share_of_noise(self) -> float:
        """How much of what may change in the gap is noise (0..1)."""
        n_noise = self.kinds.count("noise")
        return n_noise / max(n_noise + self.kinds.count("warm"), 1)

    @property
    def open(self) -> list[int]:
        """The places of the canvas that are not pinned."""
        return [self.start + place for place, kind in enumerate(self.kinds) if kind != "pinned"]


def rows_for(
    frame: Framed, middle: Middle, *, plan: Sequence[tuple[int, ...]], settings: Settings, facts: Facts
) -> list[Laid]:
    """One row for each line of the plan, which has the slots' lengths, all equally wide; without a pinned tail one row,
    whose gap is all of the canvas. Raises TooLongError.
    """
    if not frame.pinned:
        width = width_of(frame, plan[-1][0], settings.suffix_tokens, facts)
        return [Laid(frame, [Run([frame.end] * (width - len(frame.head)), "noise")], width, plan[0])]
    rows = alike([runs_of(middle, lengths, frame.end) for lengths in plan], frame, settings, facts)
    return [replace(row, lengths=lengths) for row, lengths in zip(rows, plan, strict=True)]


def alike(runs: Sequence[Sequence[Run]], frame: Framed, settings: Settings, facts: Facts) -> list[Laid]:
    """Rows of these runs, all equally wide. Raises TooLongError when the longest does not fit."""
    longest = max(map(n_tokens, runs))
    width = width_of(frame, longest, settings.suffix_tokens, facts)
    return [Laid(frame, row, width) for row in runs]


def with_held(middle: Middle, frame: Framed, tokens: Tokens) -> list[Run | Slot]:
    """The middle with what no server may change pinned: tokens of standing code that have what is typed in them, and
    all of it where nothing is to be written.
    """
    if not any(isinstance(piece, Slot) or piece.kind == "noise" for piece in middle):
        return [Run(piece.ids, "pinned") for piece in middle if isinstance(piece, Run)]
    found, n_left = [], len(frame.typed)
    for piece in middle:
        n_held = 0
        while isinstance(piece, Run) and n_left > 0 and n_held < len(piece.ids):
            n_left -= len(tokens.bytes_of(piece.ids[n_held]))
            n_held += 1
        if isinstance(piece, Slot) or not n_held:
            n_left = 0 if isinstance(piece, Slot) else n_left
            found.append(piece)
            continue
        found += [Run(piece.ids[:n_held], "pinned"), Run(piece.ids[n_held:], piece.kind)]
    return found


def steps_of(rows: Sequence[Laid], most: int) -> int:
    """How many of the steps are left to do, at least one: what is warm is that much of the way.

    A server takes them from the start of its schedule, where the local engine takes the last ones: it cannot be told.
    """
    shares = (row.share_of_noise for row in rows)
    return max(math.ceil(max(shares, default=1.0) * most), 1)


def first_look(row: Laid, tokens: Tokens, seed: int) -> Asked:
    """One step: how sure the model is of a gap of this length, and which tokens it would begin what is typed with."""
    typed = row.typed
    agreeing = tokens.agreeing(typed) if typed else ()
    fits = 0 < len(agreeing) <= MOST_TOLD
    asked = asked_of(row, tokens, seed, n_steps=1)
    return replace(asked, told=agreeing) if fits else replace(asked, n_top=MOST_TOP if typed else 1)


def whole(row: Laid, tokens: Tokens, seed: int, *, n_steps: int, n_scored: int) -> Asked:
    """All steps; the first suffix tokens' log-probabilities are told, as they say how well the gap joins them."""
    tail = scored_tail(row, n_scored)
    return replace(asked_of(row, tokens, seed, n_steps=n_steps), told=tuple(dict.fromkeys(tail)))


def surest(rows: Sequence[Laid], n_kept: int) -> list[Laid]:
    """The rows with the highest mean probability in the gap after their first step, in their order."""
    ranked = sorted(range(len(rows)), key=lambda index: mean_sureness(rows[index]), reverse=True)
    return [rows[index] for index in sorted(ranked[:n_kept])]


def mean_sureness(row: Laid) -> float:
    """The mean probability of the gap's tokens after the first step."""
    assert row.read is not None
    return _mean([math.exp(row.read.log_p[place]) for place in replace(row, written=()).open])


def with_typed(row: Laid, tokens: Tokens) -> Laid | None:
    """The row with what is typed written at its start; None when the gap is too short for it.

    Place by place the likeliest of the tokens that agree; where none is known, the tokenizer's own.
    """
    typed = row.typed
    assert row.read is not None
    n_slot = len(row.runs[0].ids)
    written: dict[int, tuple[int, float]] = {}  # place -> token and its log-probability
    rest = typed
    for place in range(row.start, row.start + n_slot):
        known = {row.read.ids[place]: row.read.log_p[place], **row.read.others[place]}
        fitting = [token for token in known if _agrees(tokens.bytes_of(token), rest)]
        if not rest or not fitting:
            break
        token = max(fitting, key=known.__getitem__)
        written[place] = token, known[token]
        rest = rest[len(tokens.bytes_of(token)) :]
    if rest:
        written = {place: (token, 0.0) for place, token in enumerate(tokens.encode(typed.decode()))}
    if len(written) > n_slot:
        return None
    ids, log_p = zip(*written.values(), strict=True) if written else ((), ())
    return replace(row, written=ids, written_log_p=log_p)


def draft_at_first(row: Laid, tokens: Tokens) -> Draft | None:
    """The row after its first step as a candidate; None when it does not begin with what is typed."""
    assert row.read is not None
    return _draft(row, row.read, tokens, settled=False, score=mean_sureness(row))


def draft_at_last(row: Laid, read: Read, middle: Middle, tokens: Tokens, n_scored: int) -> Draft | None:
    """The finished row as a candidate; None when it does not begin with what is typed.

    Scored by the mean log-probability of the gap and that of the first suffix tokens at their pinned places: a gap of
    the wrong length makes the suffix improbable where it stands. One that holds a banned token is cut there and comes
    last.
    """
    is_whole = not any(
        token in tokens.banned and token not in row.frame.ends for token in (read.ids[place] for place in row.open)
    )
    score = joined(row, [read.log_p[place] for place in row.open], read.others, n_scored) if is_whole else -math.inf
    draft = _draft(row, read, tokens, settled=True, score=score)
    return draft and replace(draft, lengths=row.lengths, parts=parts_of(draft, middle, row.lengths))


def joined(row: Laid, gap: Sequence[float], known: Sequence[Mapping[int, float]], n_scored: int) -> float:
    """The mean of a gap's log-probabilities and that of the first suffix tokens, of which all places' are `known`."""
    places = enumerate(scored_tail(row, n_scored), start=row.end)
    return _mean(gap) + _mean([known[place].get(token, -math.inf) for place, token in places])


def _draft(row: Laid, read: Read, tokens: Tokens, *, settled: bool, score: float) -> Draft | None:
    """A row as text, up to the first banned token; none with one where more than a gap's text would be lost by that."""
    ids, log_p = row.ids, [*row.written_log_p, *[0.0] * (row.n_gap - len(row.written))]
    for place in row.open:
        ids[place - row.start], log_p[place - row.start] = read.ids[place], read.log_p[place]
    ends = row.frame.ends
    n_good = next((n for n, token in enumerate(ids) if token in tokens.banned and token not in ends), len(ids))
    if n_good < len(ids) and row.frame.middle != (Part(),):
        return None
    shown = Row(ids[:n_good], [math.exp(value) for value in log_p[:n_good]], [settled] * n_good)
    draft = draft_of(shown, row.frame, tokens, score)
    return draft and replace(draft, gap_tokens=row.n_gap)


def asked_of(row: Laid, tokens: Tokens, seed: int, *, n_steps: int) -> Asked:
    """The row's canvas behind its prompt, with noise from the seed where there is to be some."""
    rng = random.Random(seed * 4093 + row.n_gap)
    known = zip(row.ids, row.kinds, strict=True)
    gap = [rng.randrange(tokens.vocab_size) if kind == "noise" else token for token, kind in known]
    frame, is_open = row.frame, set(row.open)
    canvas = laid(frame.head, gap, frame.tail, end=frame.end, width=row.width)
    return Asked(frame.prefix, canvas, [place for place in range(row.width) if place not in is_open], n_steps)


def scored_tail(row: Laid, n_scored: int) -> list[int]:
    """The first tokens behind the gap, as far as they stand on the canvas."""
    tail = [*row.frame.tail, row.frame.end] if row.frame.pinned else []
    return [*tail[: min(n_scored, row.width - row.end)]]


def n_tokens(runs: Sequence[Run]) -> int:
    """How many tokens runs have."""
    return sum(len(run.ids) for run in runs)


def _agrees(token: bytes, rest: bytes) -> bool:
    """Whether a token begins with the rest of what is typed, or that with the token."""
    return bool(token) and (token.startswith(rest) or rest.startswith(token))


def _mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
