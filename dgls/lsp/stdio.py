"""Messages over stdin and stdout: finding their bodies, and reading without holding up the event loop."""

import asyncio
import io
import logging
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from threading import Thread
from typing import BinaryIO

logger = logging.getLogger(__name__)

# Searched for, not matched: after garbage without a line end the next header is still found.
_LENGTH = re.compile(rb"content-length:\s*(\d{1,9})\s*$", re.IGNORECASE)
_MAX_LINE_BYTES = 1 << 20


def next_body(stream: BinaryIO) -> bytes | None:
    """The body of the next message; None at the end of the stream. Lines that are no header are passed over."""
    n_bytes = 0
    while line := stream.readline(_MAX_LINE_BYTES):
        if found := _LENGTH.search(line):
            n_bytes = int(found.group(1))
        elif n_bytes and not line.strip():
            body = stream.read(n_bytes)
            return body if len(body) == n_bytes else None
    return None


async def bodies(stream: BinaryIO) -> AsyncGenerator[bytes, None]:
    """The bodies of all messages, read in a daemon thread: a blocked read must not keep the process alive."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            try:
                while (body := next_body(stream)) is not None:
                    loop.call_soon_threadsafe(queue.put_nowait, body)
            except OSError as error:
                logger.warning("stdin cannot be read: %s", error)
            finally:
                loop.call_soon_threadsafe(queue.put_nowait, None)

    Thread(target=read, name="stdin", daemon=True).start()
    while (body := await queue.get()) is not None:
        yield body


class Output:
    """Where pygls writes its messages; an editor that is gone is no error, as stdin ends too."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        """Writes one message."""
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError) as error:
            logger.debug("the editor no longer listens: %s", error)

    def close(self) -> None:
        """Nothing: the process ends soon."""


def streams() -> tuple[BinaryIO, Output]:
    """stdin and stdout for messages alone: what libraries and children print goes to stderr, and they read nothing.

    Both are streams of their own: Python aborts when it closes `sys.stdin` while a thread reads from it.
    """
    source = io.BufferedReader(io.FileIO(os.dup(0)))
    output = Output(os.fdopen(os.dup(1), "wb"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, output
