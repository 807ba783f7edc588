"""Which of several servers is asked: the workspace's own first, the next one when that fails, and when to try again."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import TypeVar

from dgls.engines.endpoint import Endpoint
from dgls.engines.vllm.served import Served, look
from dgls.engines.vllm.server import Server
from dgls.errors import EndedError, EngineError, RefusedError, ServerError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0


class _Health:
    """One server with what is known of it: what it serves, and since when it is left alone."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.served: Served | None = None
        self.problem: EngineError | None = None
        self.next_try = 0.0
        self._pause_s = _FIRST_PAUSE_S

    def failed(self, error: EngineError) -> None:
        """Leaves the server alone for twice as long as the last time."""
        if self.problem is None:
            logger.info("left alone for a while: %s", error)
        self.problem = error
        self.served = None  # it may come back as another one
        self.next_try = time.monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    def works(self) -> None:
        """Forgets what went wrong."""
        self.problem = None
        self._pause_s = _FIRST_PAUSE_S


class Servers:
    """The servers in the order in which they are asked; one of several may keep a request waiting for `patience_s`."""

    def __init__(self, servers: Sequence[Server], wanted: str = "", patience_s: float = float("inf")) -> None:
        self._all = [_Health(server) for server in servers]
        self._wanted = wanted
        self._patience_s = patience_s

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where they listen."""
        return [health.server.endpoint for health in self._all]

    @property
    def retry_in_s(self) -> float:
        """How long until one of the servers may be tried again; 0 when one may be now."""
        return max(min(health.next_try for health in self._all) - time.monotonic(), 0.0)

    async def first(self, work: Callable[[Server, Served], Awaitable[T]]) -> T:
        """What `work` returns with the first server that does it. Raises EngineError of the last one when none does.

        A server that failed is asked for its health before it is used again, and not before its pause is over. What is
        wrong with the request itself is raised at once.
        """
        for health in self._all:
            if not await _may_be_tried(health):
                continue
            try:
                found = await self._worked(health, work)
            except RefusedError:
                raise
            except EngineError as error:
                health.failed(error)
            else:
                health.works()
                return found
        problems = [health.problem for health in self._all if health.problem]
        told = next((problem for problem in problems if isinstance(problem, EndedError)), problems[-1])
        raise type(told)(told.problem, told.next_step) from told

    async def _worked(self, health: _Health, work: Callable[[Server, Served], Awaitable[T]]) -> T:
        """What `work` returns with one server. Raises EngineError.

        One that kept a request waiting until nobody wanted it any more has failed, too, if there are others.
        """
        health.served = health.served or await look(health.server, self._wanted)
        begun = time.monotonic()
        try:
            return await work(health.server, health.served)
        except asyncio.CancelledError:
            waited_s = time.monotonic() - begun
            if len(self._all) > 1 and waited_s >= self._patience_s:
                health.failed(
                    ServerError(f"{health.server.shown} did not answer within {waited_s:.1f} s", "see its log")
                )
            raise

    async def close(self) -> None:
        """Closes all connections."""
        await asyncio.gather(*(health.server.close() for health in self._all))


async def _may_be_tried(health: _Health) -> bool:
    """Whether a server works as far as is known, or says that it does again once its pause is over."""
    if health.problem is None:
        return True
    if time.monotonic() < health.next_try:
        return False
    if not await health.server.is_healthy():
        health.failed(health.problem)
        return False
    return True


def in_order(urls: Sequence[str], workspace: str) -> list[str]:
    """The addresses in a workspace's order, each once: always the same; one server more or less moves few workspaces.

    Rendezvous hashing: each address is ranked by a hash of it together with the workspace.
    """
    return sorted(set(urls), key=lambda url: sha256(f"{workspace}\0{url}".encode()).digest())
