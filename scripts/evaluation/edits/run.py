"""`evaluate.py edits`: cases, ways, tables."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dgls.engines import EditingEngine, load
from dgls.engines.filler import load_filler
from dgls.errors import UsageError
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.edit import Change
from evaluation.edits.case import EditCase
from evaluation.edits.cases import edit_cases
from evaluation.edits.engine import CountedFiller, Counting
from evaluation.edits.outcome import Followed, by_kind
from evaluation.edits.ways import WAYS
from evaluation.results import about
from evaluation.sources import own, projects
from evaluation.tables import Table, aligned, cell, grid

_PASSES = "passes"
_COLUMNS = ("precision", "recall", "quiet", _PASSES)


async def followed(given: argparse.Namespace, settings: Settings) -> None:
    """Prints what follows the changes, and writes it. Raises DglsError."""
    unknown = [way for way in given.ways if way not in WAYS]
    if unknown:
        raise UsageError(f"there is no way {unknown[0]!r} to follow a change", f"there are {', '.join(WAYS)}")
    engine = await _engine(settings)
    cases = edit_cases(own(given.files) if given.files else projects(given.split), given.n, given.seed, given.kinds)
    if not cases:
        raise UsageError("there is no such change in these files", "give others, or other --kinds")
    results = []
    try:
        for way in given.ways:
            begun = time.perf_counter()
            found = [await _one(way, case, engine, settings) for case in cases]
            results.append(_of_way(way, found, time.perf_counter() - begun))
            print(f"{way}: {results[-1]['seconds']} s", file=sys.stderr, flush=True)
    finally:
        await engine.close()
    whole = about(given, engine.name, len(cases)) | {"split": given.split, "results": results}
    _write(given, whole)
    print(f"edits: {len(cases)} changes, {engine.name}; 95 % bootstrap intervals over changes\n")
    print(aligned(_table(results)))


async def _engine(settings: Settings) -> EditingEngine:
    """A started engine; the local one counts its passes. Raises DglsError."""
    if settings.engine == "local":
        return Counting(CountedFiller(load_filler(settings), settings))
    engine = load(settings)
    if not isinstance(engine, EditingEngine):
        raise UsageError(f"the {settings.engine} engine cannot edit code", "use --engine local")
    async for _ in engine.start():
        pass
    return engine


async def _one(way: str, case: EditCase, engine: EditingEngine, settings: Settings) -> Followed:
    """What a way suggests after one change."""
    name = case.name.rpartition("/")[2]
    change = Change(Document(case.before, name=name), Document(case.now, name=name, version=1))
    edits = await WAYS[way](change, engine, settings)
    n_forwards = engine.n_forwards() if isinstance(engine, Counting) else 0
    return Followed(case, tuple(edit.result for edit in edits), n_forwards)


def _of_way(way: str, found: Sequence[Followed], seconds: float) -> dict[str, Any]:
    """One way, as JSON has it."""
    cases = [
        {
            "case": one.case.name,
            "kind": one.case.kind,
            "wanted": len(one.case.expected),
            "suggested": len(one.suggested),
            "right": one.n_right,
            "forwards": one.n_forwards,
        }
        for one in found
    ]
    return {"way": way, "seconds": round(seconds, 1), "kinds": list(by_kind(found)), "cases": cases}


def _table(results: Sequence[dict[str, Any]]) -> Table:
    """One row for each way and kind."""
    rows = [
        [
            found["way"],
            row["kind"],
            str(row["cases"]),
            *(cell(row.get(name), is_share=name != _PASSES) for name in _COLUMNS),
        ]
        for found in results
        for row in found["kinds"]
    ]
    head = [f"{name}, %" if name != _PASSES else name for name in _COLUMNS]
    return "Next edits", [["way", "kind", "changes", *head], *rows]


def _write(given: argparse.Namespace, whole: dict[str, Any]) -> None:
    """The files. Raises UsageError."""
    text = f"`{whole['command']}`, {whole['n']} changes:\n\n{grid(_table(whole['results'])[1])}\n"
    try:
        for path, content in ((given.out, json.dumps(whole, indent=1)), (given.card, text), (given.markdown, text)):
            if path is not None:
                Path(path).write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}", error.strerror or "choose another place") from error
