"""Known code on a canvas: one step says how likely each token of it is, and how well a text joins what is around it.

The server is sent the code as it stands, and reads it once. Its models are trained to doubt what they read, as their
noise may be any token: nothing needs to be hidden.

A text is weighed as a finished row is scored: means of log-probabilities on the canvas. The local engine's score is the
sum of a causal pass, for which vLLM has no request: one with `prompt_logprobs` would tell it, but ends vLLM 0.32's
engine, which expects no word about the prompt from a step that writes nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dgls.diffusion.layout import Run
from dgls.engines import Reading
from dgls.engines.checkpoint import Facts
from dgls.engines.framing import Framed
from dgls.engines.tokens import Tokens
from dgls.engines.vllm.rows import MOST_TOLD, MOST_TOP, Laid, alike, asked_of, joined, scored_tail
from dgls.engines.vllm.wire import Asked, Read
from dgls.settings import Settings


@dataclass(frozen=True)
class Known:
    """A row whose gap is known, and what its canvases are asked; `told` of one place says of several tokens how likely
    they are.
    """

    row: Laid
    asked: Sequence[Asked]

    def told(self, reads: Sequence[Read]) -> list[Mapping[int, float]]:
        """What the answers to all canvases say of each place: token -> log-probability."""
        return [
            {token: p for read in reads for token, p in read.others[place].items()} for place in range(self.row.width)
        ]


@dataclass(frozen=True)
class Likely:
    """How likely a token is at its place (0..1), and the likeliest one there."""

    p: float
    instead: int


def texts_known(
    frame: Framed, texts: Sequence[str], tokens: Tokens, settings: Settings, facts: Facts
) -> tuple[list[Known], int]:
    """Each text in the gap of a row, all equally wide, and how many suffix tokens all of them have behind it.

    Raises TooLongError.
    """
    typed = frame.typed.decode()
    runs = [Run(tokens.encode(typed + text), "warm") for text in texts]
    rows = alike([[run] for run in runs], frame, settings, facts)
    n_scored = min(len(scored_tail(row, facts.score_tail_tokens)) for row in rows)
    found = [Known(row, _asking(row, [*row.ids, *scored_tail(row, n_scored)], tokens)) for row in rows]
    return found, n_scored


def score_of(known: Known, reads: Sequence[Read], n_scored: int) -> float:
    """How well a text joins what is around it, as a finished row is scored."""
    told = known.told(reads)
    gap = [told[place].get(token, -math.inf) for place, token in enumerate(known.row.ids, start=known.row.start)]
    return joined(known.row, gap, told, n_scored)


def standing_known(frame: Framed, at: int, tokens: Tokens, settings: Settings, facts: Facts) -> Known:
    """The standing code that is the middle's piece `at`, with what else is given in the gap. Raises TooLongError."""
    before = [token for part in frame.middle[:at] for token in part.ids or ()]
    behind = [token for part in frame.middle[at + 1 :] for token in part.ids or ()]
    ids = frame.middle[at].ids or ()
    runs = [Run(before, "pinned"), Run(ids, "warm"), Run(behind, "pinned")]
    (row,) = alike([runs], frame, settings, facts)
    wanted = list(dict.fromkeys(ids))
    banned = sorted(tokens.banned - {*wanted})[: -len(wanted) % MOST_TOLD]  # as many as are told for nothing
    asked = _asking(row, [*wanted, *banned], tokens)
    return Known(row, [*asked, replace(asked[0], told=(), n_top=MOST_TOP)])


def likely_of(known: Known, reads: Sequence[Read], tokens: Tokens) -> list[Likely]:
    """How likely each token of standing code is, among those that may stand in a gap.

    Ids that stand for no text are left out as far as the server tells of them: those that it was asked about and
    those among the likeliest. A trained model gives the rest next to nothing.
    """
    found, told = [], known.told(reads)
    for place in known.row.open:
        token = known.row.ids[place - known.row.start]
        lost = sum(math.exp(p) for other, p in told[place].items() if other in tokens.banned)
        p = math.exp(told[place].get(token, -math.inf)) / max(1 - lost, 1e-9)
        others = told[place].keys() - tokens.banned
        found.append(Likely(min(p, 1.0), max(others, key=told[place].__getitem__, default=token)))
    return found


def readings(ids: Sequence[int], likely: Sequence[Likely], typed: str, tokens: Tokens) -> tuple[Reading, ...]:
    """Standing code as it is read, without what is typed before it."""
    texts, instead = tokens.pieces(ids), [tokens.pieces([one.instead])[0] for one in likely]
    texts[0], instead[0] = texts[0].removeprefix(typed), instead[0].removeprefix(typed)
    return tuple(Reading(here, one.p, other) for here, one, other in zip(texts, likely, instead, strict=True))


def _asking(row: Laid, wanted: Sequence[int], tokens: Tokens) -> list[Asked]:
    """The canvas as often as it takes to be told of all these tokens."""
    asked = asked_of(row, tokens, 0, n_steps=1)
    ids = list(dict.fromkeys(wanted))
    return [replace(asked, told=ids[first : first + MOST_TOLD]) for first in range(0, max(len(ids), 1), MOST_TOLD)]
