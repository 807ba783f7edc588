"""A log of bounded size, written from whatever a process prints."""

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from dgls.engines.serving.place import private
from dgls.engines.serving.progress import BEGINNING, older

_ENDS = re.compile(rb"[\r\n]+")  # a progress bar ends its lines with \r
_LONGEST_LINE_BYTES = 8192


class Journal:
    """Takes bytes in whatever pieces and writes lines; a full file is put aside, and only one such is kept.

    What the disk has no room for is lost: a server that works is worth more than its log.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes // 2
        private(path.parent)
        self._file = self._opened()
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Writes the lines that are complete."""
        *lines, self._rest = _ENDS.split(self._rest + data)
        if len(self._rest) > _LONGEST_LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._write(line)

    def begin(self, command: Sequence[str]) -> None:
        """Writes the line that stands before each run."""
        self._write(f"{BEGINNING}{shlex.join(command)}".encode())

    def say(self, line: str) -> None:
        """Writes a line of our own."""
        self._write(f"dgls: {line}".encode())

    def close(self) -> None:
        """Writes what is left."""
        if self._rest:
            self._write(self._rest)
        self._file.close()

    def _write(self, line: bytes) -> None:
        if not line:
            return
        with suppress(OSError):
            if self._file.tell() + len(line) >= self._max_bytes:
                self._path.replace(older(self._path))
                self._file.close()
                self._file = self._opened()
            self._file.write(line + b"\n")

    def _opened(self) -> BinaryIO:
        file = self._path.open("ab", buffering=0)
        self._path.chmod(0o600)
        return file
