"""The loaded model as an engine that edits, in this thread, and how many passes it took."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from dgls.diffusion.prefix import Prefix
from dgls.engines import Drafts, Reading
from dgls.engines.filler import Filler
from dgls.engines.framing import Framed
from dgls.engines.gemma import Gemma
from dgls.settings import Settings
from dgls.text.prompt import Prompt


class CountedFiller(Filler):
    """A filler that keeps what counts the passes of each request."""

    def __init__(self, filler: Filler, settings: Settings) -> None:
        super().__init__(filler.model, filler.tokens, filler.facts, settings)
        self.begun: list[Gemma] = []

    def _begun(self, frame: Framed) -> tuple[Gemma, Prefix, int]:
        """A model of its own for each request."""
        found = super()._begun(frame)
        self.begun.append(found[0])
        return found


class Counting:
    """A filler as an engine."""

    name = "local"

    def __init__(self, filler: CountedFiller) -> None:
        self._filler = filler

    def n_forwards(self) -> int:
        """The passes since this was asked last."""
        n_found = sum(model.n_forwards for model in self._filler.begun)
        self._filler.begun.clear()
        return n_found

    async def start(self) -> AsyncIterator[str]:
        """It is started."""
        yield "ready"

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The filler's drafts."""
        for item in self._filler.drafts(prompt):
            yield item

    async def read(self, prompt: Prompt) -> tuple[Reading, ...]:
        """The filler's readings."""
        return tuple(reading for part in self._filler.read(prompt) for reading in part)

    async def weigh(self, prompt: Prompt, texts: Sequence[str]) -> tuple[float, ...]:
        """The filler's scores."""
        return tuple(score for part in self._filler.weigh(prompt, texts) for score in part)

    async def close(self) -> None:
        """The model lives on."""
