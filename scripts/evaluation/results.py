"""Everything that is known of a measurement, as JSON has it."""

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from platform import python_version
from typing import Any

from dgls.settings import as_dict
from evaluation.compare import Run, comparisons
from evaluation.measures import by_length, calibration, summary
from evaluation.outcome import Outcome

_PACKAGES = ("dgls", "torch", "transformers", "tokenizers")


def result(given: argparse.Namespace, engine: str, runs: Sequence[Run], measured: Sequence[Any]) -> dict[str, Any]:
    """What was asked, with what, and all that came out: `measured` has `of_run` of each run."""
    return about(given, engine, len(runs[0].outcomes)) | {"results": list(measured), "comparisons": comparisons(runs)}


def about(given: argparse.Namespace, engine: str, n: int) -> dict[str, Any]:
    """What was asked, and with what."""
    return {
        "task": given.task,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["evaluate.py", *map(_without_folders, sys.argv[1:])]),
        "engine": engine,
        "model": _without_folders(given.model or "bundled"),
        "versions": {"python": python_version()} | {name: _version(name) for name in _PACKAGES},
        "seed": given.seed,
        "n": n,
    }


def of_run(run: Run) -> dict[str, Any]:
    """One way at one value."""
    return {
        "way": run.way.name,
        "sweep": run.variant.name,
        "axis": run.variant.axis,
        "settings": {name: _without_folders(value) for name, value in as_dict(run.variant.settings).items()},
        "sampling": dict(run.variant.sampling),
        "seconds": round(run.seconds, 1),
        "summary": summary(run.outcomes),
        "by_length": by_length(run.outcomes),
        "calibration": calibration(run.outcomes),
        "fills": [_of_fill(outcome) for outcome in run.outcomes],
    }


def _of_fill(found: Outcome) -> dict[str, Any]:
    """One fill."""
    return {
        "case": found.case.name,
        "kind": found.case.kind,
        "truth": found.case.truth,
        "text": found.text,
        "raw": found.raw,
        "sureness": round(found.sureness, 4),
        "true_tokens": found.true_tokens,
        "gap_tokens": found.gap_tokens,
        "forwards": found.n_forwards,
        "passed": found.passed,
    }


def _without_folders(value: Any) -> Any:
    """Text without the folders of absolute paths: results are published, and where files lie is nobody's business."""
    return re.sub(r"(?<![\w.])[/~]\S*/(?=\S)", "", value) if isinstance(value, str) else value


def _version(package: str) -> str | None:
    """The installed version; None without one."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
