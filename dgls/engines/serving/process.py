"""Processes by who they are, not by their number alone: numbers are used again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.05
_DEATH_WITHIN_S = 10.0  # a driver may hold on to a process for a while
_STATE, _GROUP, _START = 0, 2, 19  # of /proc/PID/stat, counted after the name


@dataclass(frozen=True)
class Process:
    """A process: its number, and when it was born in whatever unit the machine counts."""

    pid: int
    born: str

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs; another one with its number does not count."""
        return self.born != "" and born(self.pid) == self.born


def process(pid: int) -> Process:
    """The process with this number, as it is now."""
    return Process(pid, born(pid))


def born(pid: int) -> str:
    """When a process began; empty when there is none, or when it has ended and only waits for its parent."""
    if sys.platform.startswith("linux"):
        try:
            # The name may hold anything, brackets too; all other fields are numbers or letters.
            found = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if found[_STATE] in "ZX" else found[_START]
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    state, _, start = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else start.strip()


def end(ended: Process, *, grace_s: float) -> None:
    """Ends a process that leads a group; when it does not go within the grace, it is killed with its group."""
    if ended.is_alive:
        _signal(os.kill, ended.pid, signal.SIGTERM)
        wait_for(ended, within_s=grace_s)
        kill(ended)


def kill(killed: Process) -> None:
    """Ends a process that leads a group, and the group, at once."""
    if killed.is_alive:
        kill_group(killed.pid)
        wait_for(killed, within_s=_DEATH_WITHIN_S)


def wait_for(ended: Process, *, within_s: float) -> bool:
    """Whether a process, not necessarily a child, ends within the time."""
    deadline = time.monotonic() + within_s
    while ended.is_alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def kill_group(pid: int) -> None:
    """Kills what is left of a group whose leader is a child of ours: workers that hold a GPU outlive their server."""
    _signal(os.killpg, pid, signal.SIGKILL)


def kill_left(group: int, mark: str) -> None:
    """Kills what is left of a group whose leader is gone: those that have the mark in their environment (Linux only).

    The group's number alone would not do, as it may be another one's by now.
    """
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            marks = (path.parent / "environ").read_bytes().split(b"\0") if int(fields[_GROUP]) == group else []
        except (OSError, LookupError, ValueError):  # it ended meanwhile, or is not ours to look at
            continue
        if mark.encode() in marks:
            _signal(os.kill, int(path.parent.name), signal.SIGKILL)


def _signal(send: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    """Sends a signal; a process that is gone needs none."""
    with suppress(ProcessLookupError, PermissionError):
        send(pid, number)
