"""Steps a blocking iterator from asyncio on the engine's one model thread."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")

_END = object()


async def stepped(make: Callable[[], Generator[T, None, None]], executor: Executor) -> AsyncGenerator[T, None]:
    """The items of a generator, each made on the executor; closing or cancelling this stops it before its next item.

    The executor must have one thread: then the generator's own `finally` has run before the next request starts.
    """
    loop = asyncio.get_running_loop()
    items: Generator[T, None, None] | None = None
    try:
        items = await loop.run_in_executor(executor, make)
        while (item := await loop.run_in_executor(executor, next, items, _END)) is not _END:
            yield item  # type: ignore[misc] # everything but _END is a T
    finally:
        if items is not None:
            with contextlib.suppress(RuntimeError):  # the executor is shut down: nothing runs any more
                executor.submit(items.close)
