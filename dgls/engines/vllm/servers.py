"""Which of several servers is asked: the workspace's own first, the next one when that fails, and when to try again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import TypeVar

from dgls.engines.endpoint import Endpoint
from dgls.engines.vllm.served import Served, look
from dgls.engines.vllm.server import Server
from dgls.errors import ServerError

T = TypeVar("T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0


class _Health:
    """One server with what is known of it: what it serves, and since when it is left alone."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.served: Served | None = None
        self.problem: ServerError | None = None
        self.next_try = 0.0
        self._pause_s = _FIRST_PAUSE_S

    def failed(self, error: ServerError) -> None:
        """Leaves the server alone for twice as long as the last time."""
        self.problem = error
        self.served = None  # it may come back as another one
        self.next_try = time.monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    def works(self) -> None:
        """Forgets what went wrong."""
        self.problem = None
        self._pause_s = _FIRST_PAUSE_S


class Servers:
    """The servers in the order in which they are asked."""

    def __init__(self, servers: Sequence[Server], wanted: str = "") -> None:
        self._all = [_Health(server) for server in servers]
        self._wanted = wanted

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

        A server that failed is asked for its health before it is used again, and not before its pause is over.
        """
        for health in self._all:
            if not await _may_be_tried(health):
                continue
            try:
                health.served = health.served or await look(health.server, self._wanted)
                found = await work(health.server, health.served)
            except ServerError as error:
                health.failed(error)
            else:
                health.works()
                return found
        last = next(health.problem for health in reversed(self._all) if health.problem)
        raise ServerError(last.problem, last.next_step) from last

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
    """The addresses in a workspace's order: always the same, and one server more or less moves few workspaces.

    Rendezvous hashing: each address is ranked by a hash of it together with the workspace.
    """
    return sorted(urls, key=lambda url: sha256(f"{workspace}\0{url}".encode()).digest())
