"""`dgls fill`: one gap of one file, printed as its fill, as JSON or step by step; or all gaps of a file."""

import asyncio
import json
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import Any

from dgls.cli.place import read_document, read_gap
from dgls.edits import Suggestion, filled
from dgls.engines import EditingEngine, Engine, load
from dgls.infill import Answer, Candidate, Stopwatch, answer
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.fill import Silence
from dgls.text.gap import Gap
from dgls.text.taken import with_all

_REACH_WITHIN_S = 5

# Fills a gap with an engine that is not started yet.
Filling = Callable[[Gap, Engine, Settings], Awaitable[Answer]]


class Shape(Enum):
    """How a fill is printed."""

    TEXT = auto()
    JSON = auto()
    WATCH = auto()


def fill_once(place: str, settings: Settings, shape: Shape) -> int:
    """Prints the fill at FILE:LINE:COL and returns the exit code. Raises DglsError."""
    stopwatch = Stopwatch()
    gap = read_gap(place, settings.max_document_chars)
    stopwatch.lap("read")
    found = asyncio.run(_filled(gap, settings, _watching() if shape is Shape.WATCH else _plainly))
    found = replace(found, ms=stopwatch.ms | found.ms)
    if shape is Shape.JSON:
        print(json.dumps(as_dict(gap, found), allow_nan=False))
    elif not found.fills:
        print(f"nothing to show: {found.silence}", file=sys.stderr)
    elif shape is Shape.TEXT:
        print(found.fills[0].text)
    return 0


def fill_all(path: str, settings: Settings) -> int:
    """Prints a file with all its placeholders filled, or as it is, and returns the exit code. Raises DglsError."""
    document = read_document(Path(path), settings.max_document_chars)
    found = asyncio.run(_all_filled(document, settings))
    print(with_all(document, found.edits), end="")
    if not found.edits:
        print(f"nothing to show: {found.silence}", file=sys.stderr)
    return 0


def as_dict(gap: Gap, found: Answer) -> dict[str, Any]:
    """Everything known about an answer; line and column start at 1."""
    place = gap.document.position_at(gap.start, "utf-32")
    texts = [fill.text for fill in found.fills]
    return {
        "name": gap.document.name,
        "line": place.line + 1,
        "column": place.character + 1,
        "fill": texts[0] if texts else None,
        "silence": found.silence,
        "alternatives": texts[1:],
        "steps": found.cost.n_steps,
        "forwards": found.cost.n_forwards,
        "encoded_tokens": found.cost.n_encoded_tokens,
        "reused_tokens": found.cost.n_reused_tokens,
        "candidates": [_candidate(candidate) for candidate in found.candidates],
        "tokens": _tokens(found.candidates[0]) if texts else [],
        "ms": {stage: round(ms, 1) for stage, ms in found.ms.items()},
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    """What the choice between candidates looked at."""
    return {
        "text": candidate.text,
        "raw": candidate.raw,
        "score": _number(candidate.score),
        "n_errors": candidate.n_errors,
        "rules": candidate.rules,
        "silence": candidate.silence,
        "gap_tokens": candidate.draft.gap_tokens,
    }


def _tokens(candidate: Candidate) -> list[dict[str, Any]]:
    """The tokens of a candidate before the clip."""
    return [{"text": token.text, "sureness": _number(token.sureness)} for token in candidate.draft.tokens]


def _number(value: float) -> float | None:
    """JSON has no infinity and no NaN."""
    return round(value, 4) if math.isfinite(value) else None


async def _filled(gap: Gap, settings: Settings, filling: Filling) -> Answer:
    """The answer of an engine that is started for it."""
    async with _loaded(settings) as engine:
        return await filling(gap, engine, settings)


async def _all_filled(document: Document, settings: Settings) -> Suggestion:
    """The fills of all placeholders within the deadline, which starts once the engine is ready."""
    async with _loaded(settings) as engine:
        if not isinstance(engine, EditingEngine):
            return Suggestion(silence=Silence.NO_EDITS)
        async for _ in engine.start():
            pass
        return await filled(document, 0, len(document.text), engine, settings)


@asynccontextmanager
async def _loaded(settings: Settings) -> AsyncIterator[Engine]:
    """An engine that is closed again; nobody waits long for a server at a prompt."""
    engine = load(replace(settings, reach_within_s=settings.reach_within_s or _REACH_WITHIN_S))
    try:
        yield engine
    finally:
        await engine.close()


async def _plainly(gap: Gap, engine: Engine, settings: Settings) -> Answer:
    """The answer within the deadline, which starts once the engine is ready."""
    stopwatch = Stopwatch()
    async for _ in engine.start():
        pass
    stopwatch.lap("load")
    found = await answer(gap, engine, settings)
    return replace(found, ms=stopwatch.ms | found.ms)


def _watching() -> Filling:
    """The same in view of the user; imported here as rich is only needed for this."""
    from dgls.cli.watch import watch

    return watch
