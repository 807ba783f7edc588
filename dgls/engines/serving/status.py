"""How a server is: what its supervisor says, what it says itself, and what its card says."""

import time
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from dgls.engines.serving.checkpoints import Gpu, gpus
from dgls.engines.serving.http import client, is_healthy
from dgls.engines.serving.metrics import Metrics, counts, metrics_of, read_totals
from dgls.engines.serving.own import is_left_behind
from dgls.engines.serving.place import Place, is_held
from dgls.engines.serving.record import Phase, Record, endpoint, read
from dgls.errors import LaunchError

_ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True)
class Status:
    """One server at one moment; None stands for what it does not tell (yet).

    `left behind` is a server, or what is left of one, whose supervisor was killed.
    """

    name: str
    state: Phase | Literal["left behind"]
    detail: str
    next_step: str
    model: str
    revision: str
    url: str
    pid: int
    server_pid: int
    uptime_s: float
    log: str
    healthy: bool
    max_model_tokens: int | None
    metrics: Metrics | None
    gpus: tuple[Gpu, ...]


async def status_of(place: Place) -> Status | None:
    """How the server of a place is; None when there is none, and none that failed."""
    record = read(place)
    if record is None:
        return None
    healthy, served, found = await _asked(place, record)
    return Status(
        name=place.name,
        state="left behind" if is_left_behind(place) else record.phase,
        detail=record.detail,
        next_step="run dgls engine stop" if is_left_behind(place) else record.next_step,
        model=record.model,
        revision=record.revision,
        url=record.url,
        pid=record.supervisor.pid,
        server_pid=record.server.pid,
        uptime_s=round(time.time() - record.started_at, 1),
        log=record.log,
        healthy=healthy,
        max_model_tokens=served.get("max_model_len"),
        metrics=found,
        gpus=_cards() if healthy else (),
    )


async def _asked(place: Place, record: Record) -> tuple[bool, dict[str, Any], Metrics | None]:
    """What the server says: whether it is well, its model, its numbers."""
    where = endpoint(place, record)
    if where is None or not is_held(place.lock):
        return False, {}, None
    async with client(where, timeout_s=_ANSWER_WITHIN_S) as http:
        if not await is_healthy(http):
            return False, {}, None
        found = await read_totals(http)
        try:
            served = (await http.get("/v1/models")).raise_for_status().json()["data"][0]
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            served = {}
        return True, served, metrics_of(found) if found is not None and counts(found) else None


def _cards() -> tuple[Gpu, ...]:
    """The cards of this machine that have memory of their own."""
    try:
        return tuple(gpu for gpu in gpus(0) if gpu.total_bytes)
    except LaunchError:
        return ()
