"""The machine's own server: where it is, how to wait for it, how to start and stop it. What the other rooms call."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import dgls
from dgls.engines.endpoint import Endpoint
from dgls.engines.serving import supervisor
from dgls.engines.serving.checkpoints import listed
from dgls.engines.serving.place import Place, held, is_held, place_of, places, private, spelled
from dgls.engines.serving.plan import plan_of, supported
from dgls.engines.serving.process import kill, wait_for
from dgls.engines.serving.progress import last_phrase
from dgls.engines.serving.record import Record, current, endpoint, read
from dgls.errors import LaunchError
from dgls.settings import Settings

_LOOK_EVERY_S = 0.1
_STOP_WITHIN_S = 60.0

# -P keeps the current folder, somebody's project, off the path.
_BOOT = (
    "import sys; sys.path.append(sys.argv.pop(1)); from dgls.engines.serving.supervisor import main; sys.exit(main())"
)


def own_endpoint(settings: Settings) -> Endpoint | None:
    """Where the server for these settings listens; None when none is ready. Reads a few small files, asks nobody."""
    if os.name != "posix":
        return None  # vLLM does not run there
    place = find(settings)
    record = current(place) if place else None
    return endpoint(place, record) if place and record and record.phase == "ready" else None


def find(settings: Settings) -> Place | None:
    """The place of the server that these settings mean and that a supervisor looks after, ready or not.

    Settings without a model mean whichever server of this table there is; those with one also mean the server that was
    started without one and turned out to serve just that.
    """
    supported()
    wanted = place_of(settings.model, settings.revision)
    if is_held(wanted.lock):
        return wanted
    for place in places():
        record = current(place)
        if record is not None and _means(settings, place, record):
            return place
    return None


async def waiting(settings: Settings, *, start: bool | None = None) -> AsyncIterator[str]:
    """Waits until the own server is ready, yielding what it is at; starts it if need be and allowed.

    `start` None leaves that to the setting `engine_start`. Raises LaunchError when there is none and none may be
    started, when it fails, and when it is stopped meanwhile.
    """
    is_told = False
    # Asked as one question, again and again: a place that was found may be nobody's by the time it is looked at.
    while (place := await asyncio.to_thread(find, settings)) is not None and not _stays(place):
        if not is_told:
            yield "waiting until the last server has ended"
        is_told = True
        await asyncio.sleep(_LOOK_EVERY_S)
    if place is None:
        if not (settings.engine_start == "auto" if start is None else start):
            hint = "run dgls engine start, or set engine_start=auto"
            raise LaunchError(f"no vLLM server runs for {settings.model or 'this machine'}", hint)
        yield "starting a vLLM server"
        place = await asyncio.to_thread(launch, settings)
    async for phrase in _until_ready(place):
        yield phrase


def launch(settings: Settings) -> Place:
    """Leaves a supervisor behind that starts the server, unless one is there; returns its place. Raises LaunchError."""
    supported()
    place = place_of(settings.model, settings.revision)
    try:
        plan = plan_of(settings, place)
        log = private(place.log.parent).joinpath(place.log.name).open("ab")
    except LaunchError:
        if is_held(place.lock):
            return place  # another window's server was quicker, and has the memory that is missing now
        raise
    except OSError as error:
        problem = f"the server's files cannot be written in {place.folder} or {place.log.parent} ({error.strerror})"
        raise LaunchError(problem, "free some space there, or see to the permissions") from error
    package = str(Path(dgls.__file__).parents[1])
    with log:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _BOOT, package, json.dumps(asdict(plan))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    if done.returncode not in (supervisor.STARTED, supervisor.TAKEN):
        raise LaunchError("the supervisor cannot start", f"see the end of {place.log}")
    return place


def stop(place: Place) -> None:
    """Ends a server and its supervisor, or what is left of them. Raises LaunchError when it does not end."""
    record = read(place)
    if is_held(place.lock) and record is not None and record.supervisor.is_alive:
        _ask_to_end(record)
    with held(place.lock, within_s=1) as got:
        if not got:
            raise LaunchError("the server begins or ends in this moment", "try again in a few seconds")
        supervisor.clean(place)


def _ask_to_end(record: Record) -> None:
    """Asks a supervisor to end and waits for it; one that does not listen is killed with its server."""
    with suppress(ProcessLookupError):
        os.kill(record.supervisor.pid, signal.SIGTERM)
    if not wait_for(record.supervisor, within_s=_STOP_WITHIN_S):
        kill(record.server)
        kill(record.supervisor)


def is_left_behind(place: Place) -> bool:
    """Whether there are remains of a server that nobody looks after, other than word of why it failed."""
    record = read(place)
    return not is_held(place.lock) and record is not None and record.phase not in ("failed", "idle")


def has_ended(place: Place) -> bool:
    """Whether there is word of a server that ended by itself, which lets a window start it again."""
    record = read(place)
    return not is_held(place.lock) and record is not None and record.phase in ("failed", "idle")


def has_begun(settings: Settings) -> bool:
    """Whether somebody has started the server that these settings mean: it is ready, or will be."""
    place = find(settings) if os.name == "posix" else None
    now = current(place) if place else None
    return now is not None and now.phase in ("loading", "warming", "ready")


def comes_back(settings: Settings, url: str, *, after_crash: bool) -> Literal["begun", "idle", "broken"] | None:
    """How the own server ended that listened at `url` and does not answer now, if `waiting` brings it back.

    `begun` when somebody starts it already. Otherwise the setting must let a window start it, and it must have ended
    without being told to: idle, or, if `after_crash`, in any way. One that was stopped on purpose stays so until it is
    started on purpose.
    """
    place = find(settings)
    now = current(place) if place else None
    if now is not None and now.phase in ("loading", "warming"):
        return "begun"
    left = next((place for place in places() if (record := read(place)) is not None and record.url == url), None)
    record = read(left) if left else None
    if settings.engine_start != "auto" or left is None or record is None or record.phase == "stopping":
        return None
    if record.phase == "idle":
        return "idle"
    # A supervisor needs a moment to notice that its server was killed.
    broke = record.phase == "failed" or current(left) is None or not record.server.is_alive
    return "broken" if broke and after_crash else None


def _stays(place: Place) -> bool:
    """Whether somebody looks after a place and means to: not gone, nor killed with the lock not free yet, nor ending.

    One that has just begun has said nothing yet.
    """
    record = read(place)
    if not is_held(place.lock):
        return False
    return record is None or (record.phase not in ("stopping", "failed", "idle") and record.supervisor.is_alive)


def _means(settings: Settings, place: Place, record: Record) -> bool:
    """Whether these settings mean a server although its place has another name."""
    if not settings.model:
        return not settings.revision and listed(record.model) is not None
    same_revision = settings.revision in ("", record.revision)
    return place.name == place_of("").name and record.model == spelled(settings.model) and same_revision


async def _until_ready(place: Place) -> AsyncIterator[str]:
    """The phrases of one server until it is ready, none twice in a row. Raises LaunchError."""
    last = ""
    while (record := current(place)) is None or record.phase != "ready":
        if record is None:
            _raise_end(place)
        elif record.phase in ("failed", "stopping", "idle"):
            await asyncio.sleep(_LOOK_EVERY_S)  # its supervisor is about to end, and says why before it does
            continue
        else:
            phrase = record.detail if record.phase == "warming" else _phrase(place, record)
            if phrase != last:
                yield phrase
            last = phrase
        await asyncio.sleep(_LOOK_EVERY_S)


def _phrase(place: Place, record: Record) -> str:
    """What a server is at while it loads; before it has begun, its log is that of the one before."""
    found = last_phrase(place.log) if record.server.pid else ""
    return found or f"vLLM begins to load {Path(record.model).name}"


def _raise_end(place: Place) -> None:
    """Raises LaunchError when no supervisor is there any more: why, as far as it is known."""
    if is_held(place.lock):
        return  # it has begun, and has said nothing yet
    record = read(place)
    if record is None:
        raise LaunchError("the server was stopped while it was loading", "run dgls engine start")
    if record.phase == "failed":
        raise LaunchError(record.detail, record.next_step)
    if record.phase == "idle":
        raise LaunchError(f"the server ended: {record.detail}", "set engine_idle_s to more")
    raise LaunchError(
        "the server's supervisor was killed, or broke", "see dgls engine logs, then run dgls engine start"
    )
