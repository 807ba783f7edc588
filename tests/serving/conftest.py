"""A machine of its own for each test: its folders, and a `vllm` on its PATH that is the stand-in."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dgls.engines.serving.own import waiting
from dgls.engines.serving.place import Place, is_held, places
from dgls.engines.serving.process import Process, end, kill, process
from dgls.engines.serving.record import Record, current, read
from dgls.settings import Settings

FAKE = Path(__file__).parent / "fake_vllm.py"
PATIENCE_S = 60.0

MODEL = Settings(model="org/small")


class Machine:
    """What a test looks at: which servers were ever started, and what must be true some day."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.starts = folder / "starts"
        self.go = folder / "go"
        self._patch = monkeypatch

    def set(self, **variables: str) -> None:
        """Changes the environment of what is started from now on."""
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def holds_loading(self) -> None:
        """Lets servers load until `self.go` exists."""
        self.set(FAKE_VLLM_GO=str(self.go))

    def started(self) -> list[str]:
        """The models of all servers that were ever started."""
        return [line.split()[1] for line in self._lines()]

    def pids(self) -> list[int]:
        """The processes of all servers that were ever started."""
        return [int(line.split()[0]) for line in self._lines()]

    def _lines(self) -> list[str]:
        return self.starts.read_text().splitlines() if self.starts.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine with a vLLM and no graphics card; whatever runs on it ends with the test."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs / "vllm", f'exec "{sys.executable}" "{FAKE}" "$@"')
    found = Machine(tmp_path, monkeypatch)
    folders = {name: str(tmp_path / name.lower()) for name in ("XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    Path(folders["XDG_RUNTIME_DIR"]).mkdir(mode=0o700)
    found.set(**folders, FAKE_VLLM_LOG=str(found.starts), PATH=f"{programs}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    yield found
    left = [process(pid) for pid in found.pids()]
    for place in places():
        record = read(place)
        if record is not None:
            end(record.supervisor, grace_s=PATIENCE_S)
    for one in left:
        kill(one)
        for pid in workers(one.pid):
            os.kill(pid, signal.SIGKILL)


def program(path: Path, script: str) -> None:
    """Writes a program."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def until(is_so: Callable[[], object]) -> None:
    """Waits until something is so; patience is only for a test that fails."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


def running(place: Place) -> Record:
    """What is said about a server that must run."""
    record = current(place)
    assert record is not None
    return record


def started(settings: Settings = MODEL) -> list[str]:
    """Waits until the server is ready; what was told meanwhile."""

    async def collect() -> list[str]:
        return [phrase async for phrase in waiting(settings, start=True)]

    return asyncio.run(collect())


def gone(one: Process) -> Callable[[], bool]:
    """Whether a process has ended, to wait for."""
    return lambda: not one.is_alive


def free(place: Place) -> Callable[[], bool]:
    """Whether nobody looks after a place, to wait for."""
    return lambda: not is_held(place.lock)


def workers(group: int) -> list[int]:
    """The processes of a group that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, leader = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(leader) == group and state != "Z":
            found.append(int(path.parent.name))
    return found
