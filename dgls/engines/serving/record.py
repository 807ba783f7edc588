"""What a supervisor says about its server, in a file that every window reads."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

import cattrs

from dgls.engines.endpoint import Endpoint
from dgls.engines.serving.place import Place, is_held, write_private
from dgls.engines.serving.process import Process

# What a supervisor leaves behind ends with `failed` or `idle`; a server that was told to stop leaves nothing.
Phase = Literal["loading", "warming", "ready", "stopping", "failed", "idle"]


@dataclass(frozen=True)
class Record:
    """One server: what it serves, who runs it, and how far it is.

    `detail` is a phrase about the phase, for `failed` what is wrong; `next_step` is what to do then. `idle` is a server
    that ended, or is about to, because nobody asked it for anything.
    """

    model: str
    revision: str
    url: str
    log: str
    command: tuple[str, ...]
    supervisor: Process
    server: Process
    started_at: float
    phase: Phase = "loading"
    detail: str = ""
    next_step: str = ""


def write(place: Place, record: Record) -> None:
    """Replaces what is said about a server."""
    write_private(place.record, json.dumps(asdict(record), indent=1))


def read(place: Place) -> Record | None:
    """What was said last, whether or not it still holds; None when nothing was, or nothing that can be read."""
    try:
        return cattrs.Converter().structure(json.loads(place.record.read_text(encoding="utf-8")), Record)
    except (OSError, ValueError, cattrs.BaseValidationError):
        return None


def current(place: Place) -> Record | None:
    """What is said about a server that a supervisor looks after right now.

    The lock alone does not tell: a killed supervisor's threads hold it some milliseconds longer than it lives, and a
    new one holds it before it has said anything.
    """
    record = read(place) if is_held(place.lock) else None
    return record if record is not None and record.supervisor.is_alive else None


def endpoint(place: Place, record: Record) -> Endpoint | None:
    """Where a server listens, with its key; None when it is being stopped in this moment."""
    try:
        return Endpoint(record.url, place.key.read_text(encoding="utf-8"))
    except OSError:
        return None
