"""`dgls engine`: one vLLM server for every window - install, start, stop, status, logs."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from dgls.cli.terminal import Terminal
from dgls.engines.serving import install as installing
from dgls.engines.serving.checkpoints import Gpu
from dgls.engines.serving.metrics import Metrics
from dgls.engines.serving.own import find, has_ended, is_left_behind, own_endpoint, stop, waiting
from dgls.engines.serving.place import is_held, place_of, places
from dgls.engines.serving.progress import last_lines
from dgls.engines.serving.status import Status, status_of
from dgls.errors import LaunchError, UsageError
from dgls.settings import Settings

_NONE = ("no vLLM server runs", "start one with dgls engine start")
_STYLES = {"ready": "green", "failed": "bold red", "left behind": "bold red"}
_FOLLOW_EVERY_S = 0.2
_GB = 10**9


def engine(arguments: argparse.Namespace, settings: Settings) -> int:
    """Runs one of the commands; returns the exit code. Raises DglsError."""
    match arguments.action:
        case "install":
            return _install(sure=arguments.yes)
        case "start":
            return _start(settings)
        case "stop":
            return _stop(settings, everything=arguments.all)
        case "status":
            return _status(as_json=arguments.json)
        case _:
            return _logs(settings, n_lines=arguments.lines, follow=arguments.follow)


def _install(*, sure: bool) -> int:
    """Makes the environment with vLLM, after saying how large it will be."""
    if installing.is_complete():
        print(f"vLLM {installing.VERSION} is installed: {installing.installed()}")
        return 0
    if installing.installed() is None:
        _check_size(sure=sure)
    _show(installing.install())
    print(f"installed: {installing.installed()}")
    return 0


def _check_size(*, sure: bool) -> None:
    """Says how large it will be and asks. Raises DglsError when it does not fit, or nobody says yes."""
    folder, free = installing.environment(), installing.free_gb()
    if installing.is_half_made():
        print("an installation that was broken off, or works no more, is made anew")
    print(f"vLLM {installing.VERSION} takes about {installing.SIZE_GB} GB in {folder} ({free:.0f} GB are free)")
    if free < installing.SIZE_GB:
        raise LaunchError("the disk has too little room for vLLM", "free some space, or set XDG_DATA_HOME elsewhere")
    if not sure and not sys.stdin.isatty():
        raise UsageError("nobody is there to agree", "use dgls engine install --yes")
    if not sure and not Confirm.ask("install it?", default=False):
        raise LaunchError("nothing was installed", "run dgls engine install again, or set url to a server elsewhere")


def _show(phrases: Iterable[str]) -> None:
    """Shows each phrase: over the last one in a terminal, else below it."""
    terminal = Terminal()
    with terminal.status("") if terminal.is_live else nullcontext() as bar:
        for phrase in phrases:
            if bar is not None:
                bar.update(Text(phrase))
            else:
                print(phrase, flush=True)


def _start(settings: Settings) -> int:
    """Starts the server, or finds the one that runs, and waits until it is ready."""
    if own_endpoint(settings) is None:
        try:
            asyncio.run(_watch_start(settings))
        except KeyboardInterrupt:
            print("dgls: the server goes on loading: dgls engine stop ends it", file=sys.stderr)
            raise
        print("ready: ", end="")
    else:
        print("already running: ", end="")
    place = find(settings)
    found = asyncio.run(status_of(place)) if place else None
    print(f"{found.model} at {found.url}" if found else "and gone again")
    return 0


async def _watch_start(settings: Settings) -> None:
    """Shows what the server is at until it is ready."""
    terminal = Terminal()
    with terminal.status("") if terminal.is_live else nullcontext() as bar:
        async for phrase in waiting(settings, start=True):
            if bar is not None:
                bar.update(Text(phrase))
            else:
                print(phrase, flush=True)


def _stop(settings: Settings, *, everything: bool) -> int:
    """Ends the server that the settings mean, or all of them, and removes what others left behind.

    One that has ended by itself is forgotten, so that no window starts it again.
    """
    left = [place for place in places() if is_held(place.lock) or is_left_behind(place)]
    ended = [place for place in places() if has_ended(place)]
    if not everything and settings.model:
        meant = find(settings) or place_of(settings.model, settings.revision)
        left, ended = ([place for place in found if place == meant] for found in (left, ended))
    if not everything and len(left) > 1:
        names = ", ".join(place.name for place in left)
        raise LaunchError(f"several servers run ({names})", "name one with --model, or use --all")
    if not left and not ended:
        raise LaunchError(*_NONE)
    for place in left:
        stop(place)
        print(f"stopped: {place.name}")
    for place in ended:
        stop(place)
        print(f"had ended already: {place.name}")
    return 0


def _status(*, as_json: bool) -> int:
    """Prints how every server is; the exit code is 1 when none is ready."""
    found = [status for place in places() if (status := asyncio.run(status_of(place)))]
    if as_json:
        print(json.dumps([asdict(status) for status in found]))
    elif not found:
        raise LaunchError(*_NONE)
    else:
        for status in found:
            Terminal().print(_table(status))
    return int(not any(status.state == "ready" and status.healthy for status in found))


def _table(status: Status) -> Table:
    """One server for people."""
    table = Table.grid(padding=(0, 2))
    rows: dict[str, str | Text] = {
        "server": status.name,
        "state": _state(status),
        "detail": status.detail if status.detail != status.state else "",
        "next step": status.next_step,
        "model": f"{status.model} {status.revision[:12]}".strip(),
        "listens at": status.url,
        "processes": f"{status.server_pid}, looked after by {status.pid}",
        "up for": f"{status.uptime_s:.0f} s",
        "log": status.log,
        "tokens": f"{status.max_model_tokens} at most in a prompt" if status.max_model_tokens else "",
        **(_numbers(status.metrics) if status.metrics else {}),
        **{f"gpu {gpu.index}": _card(gpu) for gpu in status.gpus},
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    return table


def _state(status: Status) -> Text:
    """What a server's supervisor says, unless the server says otherwise by saying nothing."""
    if status.state == "ready" and not status.healthy:
        return Text("ready, but it does not answer", "bold red")
    return Text(status.state, _STYLES.get(status.state, "yellow"))


def _numbers(metrics: Metrics) -> dict[str, str]:
    """The counts for people."""
    return {
        "canvases": f"{metrics.n_requests} done, {metrics.n_running} running, {metrics.n_waiting} waiting",
        "steps": "" if metrics.steps_per_canvas is None else f"{metrics.steps_per_canvas:.1f} per canvas",
        "cache": "" if metrics.cache_hit is None else f"{metrics.cache_hit:.0%} of the prompt tokens were cached",
    }


def _card(gpu: Gpu) -> str:
    """A graphics card for people."""
    used = (gpu.total_bytes - gpu.free_bytes) / _GB
    return f"{gpu.name}, {used:.1f} of {gpu.total_bytes / _GB:.1f} GB in use"


def _logs(settings: Settings, *, n_lines: int, follow: bool) -> int:
    """Prints the end of a server's log and, if wanted, what is added to it until Ctrl-C."""
    place = find(settings)
    log = place.log if place else _last_written(settings)
    if log is None or not log.exists():
        raise LaunchError("there is no log of a vLLM server", "start one with dgls engine start")
    for line in last_lines(log, n_lines):
        print(line)
    sys.stdout.flush()
    if follow:
        _follow(log)
    return 0


def _last_written(settings: Settings) -> Path | None:
    """The log that is meant when no server runs: without a model, the one that was written last.

    Logs outlive their places, which a restart of the machine removes.
    """
    log = place_of(settings.model, settings.revision).log
    return (
        log if settings.model else max(log.parent.glob("vllm-*.log"), key=lambda log: log.stat().st_mtime, default=None)
    )


def _follow(path: Path) -> None:
    """Prints what is added to a log, also when the full one is put aside meanwhile."""
    file = path.open("rb")
    file.seek(0, 2)
    while True:
        added = file.read()
        if added:
            print(added.decode("utf-8", "replace"), end="", flush=True)
        elif path.exists() and path.stat().st_ino != os.fstat(file.fileno()).st_ino:
            file.close()
            file = path.open("rb")
        else:
            time.sleep(_FOLLOW_EVERY_S)
