"""Known code on a canvas: one step says how likely each token of it is, and how well a text joins what is around it.

The server is sent the code as it stands, and reads it once. Its models are trained to doubt what they read, as their
noise may be any token: nothing needs to be hidden.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dgls.diffusion.layout import Run
from dgls.engines.checkpoint import Facts
from dgls.engines.framing import Framed
from dgls.engines.tokens import Tokens
from dgls.engines.vllm.rows import MOST_TOLD, Laid, alike, asked_of, joined, scored_tail
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


def _asking(row: Laid, wanted: Sequence[int], tokens: Tokens) -> list[Asked]:
    """The canvas as often as it takes to be told of all these tokens."""
    asked = asked_of(row, tokens, 0, n_steps=1)
    ids = list(dict.fromkeys(wanted))
    return [replace(asked, told=ids[first : first + MOST_TOLD]) for first in range(0, max(len(ids), 1), MOST_TOLD)]
