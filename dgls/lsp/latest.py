"""The newest request of each kind about a document wins; superseded ones are still answered, as cancelled tasks are."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SUPERSEDED = "superseded"
CANCELLED = "cancelled"


class Latest:
    """The task of the newest request of each kind about each document."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}

    @contextmanager
    def newest(self, uri: str, kind: str = "ghost text") -> Iterator[None]:
        """Makes the running task the newest of its kind about a document and cancels the one before it."""
        task = asyncio.current_task()
        assert task is not None
        if older := self._tasks.get((uri, kind)):
            older.cancel(SUPERSEDED)
        self._tasks[uri, kind] = task
        try:
            yield
        finally:
            if self._tasks.get((uri, kind)) is task:
                del self._tasks[uri, kind]

    def cancel(self, uri: str | None = None) -> None:
        """Cancels the newest requests about a document, or about all."""
        for (name, _), task in list(self._tasks.items()):
            if uri in (None, name):
                task.cancel(CANCELLED)


def reason(error: asyncio.CancelledError) -> str:
    """Why a task was cancelled: superseded by a newer request, or cancelled by the editor."""
    return SUPERSEDED if SUPERSEDED in error.args else CANCELLED
