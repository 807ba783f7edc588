"""A blocking iterator stepped from asyncio."""

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from dgls.engines.worker import stepped


class Counter:
    """Counts its steps; every step waits until it is allowed."""

    def __init__(self) -> None:
        self.n_begun = 0
        self.begun = threading.Semaphore(0)
        self.allowed = threading.Semaphore(0)
        self.closed = threading.Event()

    def steps(self) -> Generator[int, None, None]:
        """Numbers without end."""
        try:
            while True:
                self.n_begun += 1
                self.begun.release()
                self.allowed.acquire()
                yield self.n_begun
        finally:
            self.closed.set()


def test_a_cancel_stops_within_one_step() -> None:
    """The step that runs ends, no other begins, and the generator's `finally` runs."""
    counter = Counter()

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            task = asyncio.create_task(_consume(counter, thread))
            await asyncio.to_thread(counter.begun.acquire)
            counter.allowed.release()
            await asyncio.to_thread(counter.begun.acquire)  # the second step runs
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            counter.allowed.release()
            await asyncio.to_thread(counter.closed.wait, 10)

    asyncio.run(main())
    assert counter.closed.is_set()
    assert counter.n_begun == 2


def test_an_error_comes_through() -> None:
    """What the iterator raises reaches the task."""

    def broken() -> Generator[int, None, None]:
        yield 1
        raise OSError("gone")

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            items = stepped(broken, thread)
            assert await anext(items) == 1
            with pytest.raises(OSError, match="gone"):
                await anext(items)

    asyncio.run(main())


async def _consume(counter: Counter, thread: ThreadPoolExecutor) -> None:
    """Takes steps until cancelled."""
    async with aclosing(stepped(counter.steps, thread)) as items:
        async for _ in items:
            pass
