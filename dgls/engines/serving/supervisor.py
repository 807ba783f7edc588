"""The process that owns one server: it starts it, warms it up, writes its log, and ends it when nobody needs it.

It holds the lock of its place for as long as it lives, so that there is never a second one. It is started detached from
the window that wanted it and outlives it; `python -m` is not used, as the current folder of a window is its user's
project and may hold a module of any name.
"""

import asyncio
import ctypes
import json
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cattrs

from dgls.engines.endpoint import Endpoint
from dgls.engines.serving import record as records
from dgls.engines.serving.http import client, is_healthy
from dgls.engines.serving.journal import Journal
from dgls.engines.serving.metrics import is_busy, read_totals
from dgls.engines.serving.place import Place, held, write_private
from dgls.engines.serving.plan import Plan
from dgls.engines.serving.process import Process, end, kill, kill_group, kill_left, process
from dgls.engines.serving.progress import last_lines, why
from dgls.engines.serving.record import Record
from dgls.engines.serving.warm import warm_up
from dgls.errors import LaunchError

STARTED, BROKEN, TAKEN = 0, 1, 3  # exit codes of `main`: a supervisor now runs, cannot run, is not needed

_LOCK_WITHIN_S = 2.0  # others may look at the lock in this very moment
_HEALTH_EVERY_S = 0.2
_LOOK_EVERY_S = 15.0
_ANSWER_WITHIN_S = 10.0
_N_LAST_LINES = 200
_READ_BYTES = 65536
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Leaves a supervisor behind for the plan on the command line, once it holds the lock; returns an exit code."""
    plan = cattrs.Converter().structure(json.loads(sys.argv[1]), Plan)
    reader, writer = os.pipe()
    if os.fork() != 0:
        os.close(writer)
        told = os.read(reader, 1)
        return told[0] if told else BROKEN
    os.setsid()
    os.chdir(plan.folder)
    os.close(reader)
    place = Place(Path(plan.folder))
    with held(place.lock, within_s=_LOCK_WITHIN_S) as got:
        if got:
            clean(place)
            records.write(place, _record(plan))
        os.write(writer, bytes([STARTED if got else TAKEN]))
        os.close(writer)
        if got:
            asyncio.run(_supervise(plan, place))
    return STARTED


def _mark(place: Place) -> str:
    """What stands in the environment of a server and of all its workers."""
    return f"DGLS_SERVER={place.folder}"


def clean(place: Place) -> None:
    """Removes what a server left behind whose supervisor is gone; what still runs of it is killed. Needs the lock."""
    left = records.read(place)
    if left is not None:
        kill(left.server)
        kill_left(left.server.pid, _mark(place))
    for path in (place.record, place.key, place.socket):
        if path is not None:
            path.unlink(missing_ok=True)


@dataclass
class _Owner:
    """The owner of one server process, and of what is said about it."""

    plan: Plan
    place: Place
    journal: Journal
    record: Record
    endpoint: Endpoint
    output: int = -1  # where what the server prints can be read

    def tell(self, **changes: object) -> None:
        """Replaces a part of what every window reads."""
        self.record = replace(self.record, **changes)  # type: ignore[arg-type] # names of Record's own fields
        records.write(self.place, self.record)


async def _supervise(plan: Plan, place: Place) -> None:
    """Runs a server from its start to its end, and leaves behind nothing but a log and, if it failed, why."""
    key = secrets.token_urlsafe(32)
    write_private(place.key, key)
    owner = _Owner(plan, place, Journal(Path(plan.log), plan.log_bytes), _record(plan), Endpoint(plan.url, key))
    owner.journal.begin(plan.command)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        server = await _spawned(owner, key)
    except OSError as error:
        hint = "run dgls engine install, or correct engine_command"
        problem = f"{plan.command[0]} cannot be run ({error.strerror})"
        owner.journal.say(problem)
        owner.tell(phase="failed", detail=problem, next_step=hint)
    else:
        await _look_after(owner, server, stop)
    finally:
        # It still runs where a record could not be written.
        await asyncio.to_thread(end, owner.record.server, grace_s=plan.grace_s)
        owner.journal.close()
        for path in (place.key, place.socket, None if owner.record.phase in ("failed", "idle") else place.record):
            if path is not None:
                path.unlink(missing_ok=True)


async def _spawned(owner: _Owner, key: str) -> asyncio.subprocess.Process:
    """The server's process, which leads a group of its own. Raises OSError."""
    name, _, value = _mark(owner.place).partition("=")
    environment = os.environ | owner.plan.extra_environment | {name: value, "VLLM_API_KEY": key}
    environment["PYTHONUNBUFFERED"] = "1"
    environment.setdefault("VLLM_NO_USAGE_STATS", "1")
    owner.output, writer = os.pipe()  # asyncio's own pipes are waited for, and workers hold on to them
    os.set_blocking(owner.output, False)
    try:
        server = await asyncio.create_subprocess_exec(
            *owner.plan.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            env=environment,
            cwd=owner.place.folder,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    finally:
        os.close(writer)
    asyncio.get_running_loop().add_reader(owner.output, _take_output, owner)
    owner.tell(server=process(server.pid))
    return server


def _die_with_parent() -> None:
    """Lets the kernel end this process when its parent is killed, where it can; elsewhere the next start does it."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _look_after(owner: _Owner, server: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    """Waits until the server ends, or is to be ended: told so, idle, or not fit for work."""
    ended, stopped = asyncio.create_task(server.wait()), asyncio.create_task(stop.wait())
    life = asyncio.create_task(_live(owner))
    await asyncio.wait([ended, stopped, life], return_when=asyncio.FIRST_COMPLETED)
    crashed, idle = ended.done(), life.done() and life.exception() is None and not stopped.done()
    await _cancelled(life)
    if not crashed:
        owner.tell(phase="idle" if idle else "stopping", detail=_idle(owner.plan) if idle else "stopping")
        await asyncio.to_thread(end, owner.record.server, grace_s=owner.plan.grace_s)
    await ended
    kill_group(server.pid)
    while _take_output(owner):
        pass
    await _cancelled(stopped)
    failure = None if life.cancelled() else life.exception()
    if crashed:
        lines = await asyncio.to_thread(last_lines, Path(owner.plan.log), _N_LAST_LINES)
        told = why(lines, code=server.returncode or 0, model=owner.plan.model, log=owner.plan.log)
        owner.tell(phase="failed", detail=told.problem, next_step=told.next_step)
    elif isinstance(failure, LaunchError):
        owner.tell(phase="failed", detail=failure.problem, next_step=failure.next_step)
    elif failure is not None:
        owner.journal.say(f"{type(failure).__name__}: {failure}")
        owner.tell(phase="failed", detail="the supervisor broke", next_step="see dgls engine logs")


async def _live(owner: _Owner) -> None:
    """Brings the server to readiness, and returns when it has been idle for long enough. Raises LaunchError."""
    async with client(owner.endpoint, timeout_s=_ANSWER_WITHIN_S) as http:
        while not await is_healthy(http):
            await asyncio.sleep(_HEALTH_EVERY_S)
        async for phrase in warm_up(owner.endpoint, owner.plan.widths, n_steps=owner.plan.n_steps):
            owner.journal.say(phrase)
            owner.tell(phase="warming", detail=phrase)
        owner.journal.say("ready")
        owner.tell(phase="ready", detail="ready")
        if owner.plan.idle_s == 0:
            await asyncio.Event().wait()
        before = await read_totals(http) or {}
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < owner.plan.idle_s:
            await asyncio.sleep(min(_LOOK_EVERY_S, owner.plan.idle_s / 4))
            found = await read_totals(http)  # a server that does not answer is of no use to anyone either
            if found is not None and is_busy(found, before):
                quiet_since, before = time.monotonic(), found
        owner.journal.say(_idle(owner.plan))


def _idle(plan: Plan) -> str:
    """Why an idle server ends."""
    return f"nobody asked for anything in {plan.idle_s} s"


def _take_output(owner: _Owner) -> bool:
    """Writes into the log what the server has printed by now; whether that was anything."""
    try:
        data = os.read(owner.output, _READ_BYTES)
    except BlockingIOError:
        return False
    if not data:  # nobody is left who could print
        asyncio.get_running_loop().remove_reader(owner.output)
    owner.journal.take(data)
    return data != b""


async def _cancelled(*tasks: "asyncio.Task[None] | asyncio.Task[Literal[True]]") -> None:
    """Ends tasks and waits for it; what they raise stays in them."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _record(plan: Plan) -> Record:
    """What is said before there is a server."""
    return Record(
        model=plan.model,
        revision=plan.revision,
        url=plan.url,
        log=plan.log,
        command=plan.command,
        supervisor=process(os.getpid()),
        server=Process(0, ""),
        started_at=time.time(),
    )
