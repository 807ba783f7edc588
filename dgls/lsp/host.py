"""The owner of the engine: starts it in the background, replaces it, closes it."""

import asyncio
import logging
from contextlib import suppress

from dgls.engines import Engine, load
from dgls.lsp.editor import Editor, sentence
from dgls.settings import Settings
from dgls.text.fill import Silence

logger = logging.getLogger(__name__)


class EngineHost:
    """One engine at a time; `engine` is set while it is ready, otherwise `silence` says why it is not."""

    def __init__(self, editor: Editor) -> None:
        self.engine: Engine | None = None
        self.silence = Silence.LOADING
        self._editor = editor
        self._held: Engine | None = None  # what must be closed, ready or not
        self._starting: asyncio.Task[None] | None = None
        self._broken = False

    @property
    def is_wanted(self) -> bool:
        """Whether the engine was ever asked for."""
        return self._starting is not None

    @property
    def has_failed(self) -> bool:
        """Whether the engine could not be started."""
        return self.engine is None and self.silence is Silence.FAILED

    def start(self, settings: Settings) -> None:
        """Begins to start the engine that the settings name, in place of the one before."""
        self.engine, self.silence, self._broken = None, Silence.LOADING, False
        self._starting = asyncio.create_task(self._start(settings, self._starting))

    async def close(self, within_s: float) -> None:
        """Stops starting and frees the engine; gives up after a while."""
        self.engine = None
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._free(self._starting)

    def broke(self, error: Exception) -> None:
        """Takes note of a failure during a request; the editor is told once."""
        logger.error("a request failed", exc_info=error)
        if self.engine is not None and not self._broken:
            self._broken = True
            self._tell_failure(error)

    def worked(self) -> None:
        """Takes note of an answer: what broke before works again."""
        if self.engine is not None and self._broken:
            self._broken = False
            self._editor.status("ready", self.engine.name, "works again")

    async def _start(self, settings: Settings, before: asyncio.Task[None] | None) -> None:
        """Starts an engine once the one before is gone; a failure is told, never raised."""
        progress = self._editor.progress("Starting the engine")
        self._editor.status("loading", settings.engine, "begins")
        try:
            await self._free(before)
            self._held = engine = load(settings)
            async for phrase in engine.start():
                self._editor.status("loading", engine.name, phrase)
                progress.report(phrase)
        except Exception as error:  # a library's error must not end the server either
            logger.error("the engine cannot start", exc_info=error)
            self.silence = Silence.FAILED
            self._tell_failure(error)
            await self._free(None)
        else:
            self.engine = engine
            self._editor.status("ready", engine.name, "ready")
        finally:
            progress.end(self.silence if self.engine is None else "ready")

    async def _free(self, starting: asyncio.Task[None] | None) -> None:
        """Ends a start and closes the engine it was for."""
        if starting is not None:
            starting.cancel()
            await asyncio.wait([starting])
        held, self._held = self._held, None
        if held is not None:
            try:
                await held.close()
            except Exception:  # what cannot be closed must not keep the next one from starting
                logger.exception("the engine cannot be closed")

    def _tell_failure(self, error: Exception) -> None:
        name = self._held.name if self._held else "engine"
        self._editor.status("failed", name, sentence(error))
        self._editor.say_once(sentence(error))
