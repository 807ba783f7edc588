"""The newest request of each kind about a document wins, and edits give way to fills.

Superseded requests are still answered, as cancelled tasks are.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

SUPERSEDED = "superseded"
CANCELLED = "cancelled"
GAVE_WAY = "gave way"
OUTDATED = "outdated"

Kind = Literal["ghost text", "popup", "edits on demand", "next edits"]

# What waits as long as something before it in this order runs, and is cancelled when that comes.
FILLS: tuple[Kind, ...] = ("ghost text", "popup")
EDITS: tuple[Kind, ...] = ("edits on demand", "next edits")
_ORDER = (FILLS, EDITS[:1], EDITS[1:])


class Latest:
    """The task of the newest request of each kind about each document."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, Kind], asyncio.Task[Any]] = {}
        self._waiting: set[asyncio.Task[Any]] = set()

    @contextmanager
    def newest(self, uri: str, kind: Kind = "ghost text") -> Iterator[None]:
        """Makes the running task the newest of its kind about a document; cancels the one before and what gives way."""
        task = _this_task()
        if older := self._tasks.get((uri, kind)):
            older.cancel(SUPERSEDED)
        self._tasks[uri, kind] = task
        for other in self._less_urgent(kind) - self._waiting:
            other.cancel(GAVE_WAY)
        try:
            yield
        finally:
            if self._tasks.get((uri, kind)) is task:
                del self._tasks[uri, kind]

    @asynccontextmanager
    async def turn(self, uri: str, kind: Kind) -> AsyncIterator[None]:
        """The same for a task that gives way: it begins once nothing more urgent runs."""
        task = _this_task()
        self._waiting.add(task)
        try:
            with self.newest(uri, kind):
                while urgent := self._more_urgent(kind):
                    await asyncio.wait(urgent)
                self._waiting.discard(task)
                yield
        finally:
            self._waiting.discard(task)

    def cancel(self, uri: str | None = None, kinds: Collection[Kind] = FILLS + EDITS, why: str = CANCELLED) -> None:
        """Cancels the newest requests about a document, or about all."""
        for (name, kind), task in list(self._tasks.items()):
            if uri in (None, name) and kind in kinds:
                task.cancel(why)

    def _more_urgent(self, kind: Kind) -> set[asyncio.Task[Any]]:
        return {task for (_, other), task in self._tasks.items() if _rank(other) < _rank(kind)}

    def _less_urgent(self, kind: Kind) -> set[asyncio.Task[Any]]:
        return {task for (_, other), task in self._tasks.items() if _rank(other) > _rank(kind)}


def reason(error: asyncio.CancelledError) -> str:
    """Why a task was cancelled: a newer request, a more urgent one, a change of the document, or else the editor."""
    return next((why for why in (SUPERSEDED, GAVE_WAY, OUTDATED) if why in error.args), CANCELLED)


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _rank(kind: Kind) -> int:
    """How long a kind waits: 0 is at once."""
    return next(rank for rank, kinds in enumerate(_ORDER) if kind in kinds)
