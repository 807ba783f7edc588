"""Servers that tests start."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.lsp.client import Editor, server_command


class Start(Protocol):
    """Starts a server whose engine answers from a script."""

    def __call__(self, script: Any, *settings: str, agrees: bool = True) -> Editor: ...


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of the servers that the test starts."""
    return tmp_path / "dgls.log"


@pytest.fixture
def start(tmp_path: Path, log: Path) -> Iterator[Start]:
    """Starts servers; they end with the test."""
    editors: list[Editor] = []

    def begin(script: Any, *settings: str, agrees: bool = True) -> Editor:
        path = tmp_path / "script.json"
        path.write_text(script if isinstance(script, str) else json.dumps(script), encoding="utf-8")
        command = server_command(f"script={path}", f"log_file={log}", "pause_ms=0", *settings)
        editors.append(Editor(command, tmp_path / "stderr", agrees=agrees))
        return editors[-1]

    yield begin
    for editor in editors:
        editor.close()
