"""What each command imports, and how it says its version."""

import subprocess
import sys

import pytest

from dgls import __version__
from dgls.cli.main import run
from tests.cli.conftest import ROOT, Dgls

HEAVY = ("torch", "transformers", "rich", "vllm")


def test_version(dgls: Dgls) -> None:
    assert dgls("--version").stdout == f"dgls {__version__}\n"


def test_help_is_help(dgls: Dgls) -> None:
    done = dgls("fill", "--help")
    assert done.returncode == 0
    assert "FILE:LINE:COL" in done.stdout


def test_serving_imports_nothing_heavy() -> None:
    code = f"import sys, dgls.cli.main, dgls.lsp.server; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_serve_passes_its_settings_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgls.lsp.server.serve", lambda settings: settings.seed)
    monkeypatch.setattr("sys.stdin", None)
    assert run(["serve", "--stdio", "--set", "seed=7"]) == 7
