"""The baseline of its own training: a network of the same size that was taught to fill in the middle."""

from collections.abc import AsyncGenerator

import numpy as np

from dgls.engines import Drafts
from dgls.engines.filler import Filler
from dgls.engines.framing import framed
from dgls.text.prompt import Prompt
from evaluation.left_to_right import Writer, drafts_of
from small.fim import DEV_SUFFIX, MOST_PREFIX, asked_for
from small.tokens import EOS


class Twin(Writer):
    """An engine that decodes the middle greedily with the prefix cache until the model ends it, or its line ends."""

    def __init__(self, filler: Filler, *, one_line: bool) -> None:
        self._filler = filler
        self._one_line = one_line

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """One draft, with the probability of each token and one forward for each, the end included."""
        frame = framed(prompt, self._filler.tokens, "base", MOST_PREFIX)
        ids = asked_for(np.array(frame.prefix[1:], np.int64), np.array(frame.tail[:DEV_SUFFIX], np.int64))
        yield drafts_of(self._filler, ids.tolist(), frame.typed, end=EOS, one_line=self._one_line)
