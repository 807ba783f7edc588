"""The owner of the engine: starts it in the background, replaces it, closes it."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from lsprotocol import types as lsp

from dgls.engines import Engine, load, may_start_now
from dgls.errors import DglsError, EndedError, LaunchError
from dgls.lsp.editor import Editor, sentence
from dgls.settings import Settings
from dgls.text.fill import Silence

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Use:
    """An engine as a request found it; `n_failures` is how often it had broken before."""

    engine: Engine
    n_failures: int


class EngineHost:
    """One engine at a time; `engine` is set while it is ready, otherwise `silence` says why it is not."""

    def __init__(self, editor: Editor) -> None:
        self.engine: Engine | None = None
        self.silence = Silence.LOADING
        self._editor = editor
        self._held: Engine | None = None  # what must be closed, ready or not
        self._starting: asyncio.Task[None] | None = None
        self._settings = Settings()
        self._broken = False
        self._n_failures = 0
        self._lacks_server = False  # why the engine could not start

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
        self._settings, self._lacks_server = settings, False
        self._starting = asyncio.create_task(self._start(settings, self._starting))

    async def close(self, within_s: float) -> None:
        """Stops starting and frees the engine; gives up after a while."""
        self.engine = None
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._free(self._starting)

    async def look_again(self) -> None:
        """Starts an engine that found no server once there is one."""
        if self._lacks_server and await asyncio.to_thread(may_start_now, self._settings) and self._lacks_server:
            self.start(self._settings)

    def use(self) -> Use | None:
        """The engine for a request, which says later how it went; None while none is ready."""
        return Use(self.engine, self._n_failures) if self.engine is not None else None

    def broke(self, error: Exception, use: Use | None = None) -> Silence:
        """What a request is answered with that failed; an outage is told once, in the editor and in the log.

        An engine whose server has ended is started anew; that is told if it is a surprise.
        """
        if use is not None and use.engine is not self.engine:
            logger.debug("a request failed with the engine before: %s", error)
            return self.silence if self.engine is None else Silence.FAILED
        if isinstance(error, EndedError):
            if error.is_surprise and not self._broken:
                self._editor.say_once(sentence(error), lsp.MessageType.Warning)
            self.start(self._settings)
            return self.silence
        self._n_failures += 1
        self._log(error)
        if self.engine is not None and not self._broken:
            self._broken = True
            self._tell_failure(error)
        return Silence.FAILED

    def worked(self, use: Use) -> None:
        """Takes note of an answer: what broke before works again, if the request came after it broke."""
        if self._broken and use == self.use():
            self._broken = False
            self._editor.status("ready", use.engine.name, "works again")

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
            self._log(error)
            self.silence, self._lacks_server = Silence.FAILED, isinstance(error, LaunchError)
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

    def _log(self, error: Exception) -> None:
        """Logs where an error comes from: a surprise once in an outage; ours say enough in the line of the status."""
        is_new = not self._broken and not isinstance(error, DglsError)
        logger.log(logging.ERROR if is_new else logging.DEBUG, "this failed:", exc_info=error)

    def _tell_failure(self, error: Exception) -> None:
        name = self._held.name if self._held else "engine"
        self._editor.status("failed", name, sentence(error))
        self._editor.say_once(sentence(error))
