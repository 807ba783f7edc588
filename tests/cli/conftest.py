"""The real command line in a process of its own, with the scripted engine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

Dgls = Callable[..., "subprocess.CompletedProcess[str]"]
Scripted = Callable[..., list[str]]


@pytest.fixture
def environment() -> dict[str, str]:
    """An environment that finds this working tree, whatever the current folder."""
    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}


@pytest.fixture
def dgls(tmp_path: Path, environment: dict[str, str]) -> Dgls:
    """Runs `dgls` in an empty folder; line ends stay as they are."""

    def run(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, "-m", "dgls", *arguments], capture_output=True, cwd=tmp_path, env=environment | more
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    """The options for an engine that writes these drafts."""

    def options(*drafts: str, **more: Any) -> list[str]:
        path = tmp_path / "script.json"
        path.write_text(json.dumps({"default": {"drafts": drafts, **more}}), encoding="utf-8")
        return ["--engine", "scripted", "--set", f"script={path}"]

    return options
