"""The engine in this process: transformers' DiffusionGemma classes, torch, and our own denoising loop.

Importing this module imports no model library; `start` does, on the model thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TYPE_CHECKING

from dgls.engines import Drafts, Reading
from dgls.engines.worker import stepped
from dgls.errors import EngineError
from dgls.settings import Settings
from dgls.text.prompt import Prompt

if TYPE_CHECKING:
    from dgls.engines.filler import Filler


class LocalEngine:
    """A DiffusionGemma checkpoint in this process; all of its work happens on one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dgls-model")
        self._filler: Filler | None = None

    @property
    def name(self) -> str:
        """What fills: the model and, once it is loaded, where."""
        model = self._settings.model.rstrip("/").rpartition("/")[2] or "small"
        return f"local ({model})" if self._filler is None else f"local ({model}, {self._filler.place})"

    async def start(self) -> AsyncIterator[str]:
        """Loads the model. Raises EngineError."""
        yield "importing torch and transformers"
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, _import_filler)
        yield f"loading {self._settings.model or 'the bundled model'}"
        self._filler = await loop.run_in_executor(self._thread, _load_filler, self._settings)

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The candidates after each denoising step. Raises EngineError."""
        filler = self._loaded()

        def make() -> Generator[Drafts, None, None]:
            return filler.drafts(prompt)

        async with aclosing(stepped(make, self._thread)) as steps:
            async for step in steps:
                yield step

    async def read(self, prompt: Prompt) -> tuple[Reading, ...]:
        """Every token of the code that stands there, a few at a time. Raises EngineError."""
        filler = self._loaded()

        def make() -> Generator[tuple[Reading, ...], None, None]:
            return filler.read(prompt)

        async with aclosing(stepped(make, self._thread)) as parts:
            return tuple([reading async for part in parts for reading in part])

    async def weigh(self, prompt: Prompt, texts: Sequence[str]) -> tuple[float, ...]:
        """The score of each text, a few at a time. Raises EngineError."""
        filler = self._loaded()

        def make() -> Generator[tuple[float, ...], None, None]:
            return filler.weigh(prompt, texts)

        async with aclosing(stepped(make, self._thread)) as parts:
            return tuple([score async for part in parts for score in part])

    def _loaded(self) -> Filler:
        """The model. Raises EngineError when it is not loaded."""
        if self._filler is None:
            raise EngineError("the model is not loaded", "wait until it is")
        return self._filler

    async def close(self) -> None:
        """Frees the model; a step that is running ends first. A model that is still being loaded is not waited for."""
        is_loaded, self._filler = self._filler is not None, None
        if is_loaded:
            await asyncio.get_running_loop().run_in_executor(self._thread, _nothing)
        self._thread.shutdown(wait=False, cancel_futures=True)


def _nothing() -> None:
    """What comes after the step that is running."""


def _import_filler() -> None:
    """Imports torch and transformers. Raises EngineError when they are not installed."""
    # torch's threads wait for each other busily; once another program wants a core too, that wait takes whole time
    # slices, and a fill of 0.3 s took 5 s. The library reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import dgls.engines.filler  # noqa: F401
    except ImportError as error:
        raise EngineError(f"{error.name or 'torch'} is not installed", "pip install 'dgls[local]'") from error


def _load_filler(settings: Settings) -> Filler:
    """The loaded model. Raises ModelError."""
    from dgls.engines.filler import load_filler

    return load_filler(settings)
