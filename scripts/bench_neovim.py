"""Measures how long it takes from a key to ghost text in a real Neovim, without the 200 ms that Neovim itself waits.

    python scripts/bench_neovim.py [--keys 100] [--neovim PROGRAM]

The server's engine answers at once from a script, so this is what Neovim, the plugin and the server add to a model:
from the key to the moment when Neovim's own inline completion has put the text among the buffer's decorations.
scripts/neovim_env gets a Neovim.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pynvim

from figures import summary

ROOT = Path(__file__).parent.parent
WAIT_MS = 200  # between the last key and the request: not ours, and not to be set
PATIENCE_S = 120

WATCH = """
    local namespace = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')
    local set, pressed = vim.api.nvim_buf_set_extmark, nil
    _G.took = {}
    vim.on_key(function() pressed = vim.uv.hrtime() end)
    vim.api.nvim_buf_set_extmark = function(buf, space, ...)
        if space == namespace and pressed then
            table.insert(_G.took, (vim.uv.hrtime() - pressed) / 1e6)
            pressed = nil
        end
        return set(buf, space, ...)
    end"""
READY = "local c = require('dgls.client').of(); return c and (require('dgls.status').of(c) or {}).state == 'ready'"


def milliseconds(program: str, n_keys: int, folder: Path) -> list[float]:
    """The time of each key, the first one left out."""
    (folder / "script.json").write_text(json.dumps({"default": {"drafts": [" + total"]}}), encoding="utf-8")
    settings = {"engine": "scripted", "script": str(folder / "script.json"), "log_file": str(folder / "log")}
    setup = {"command": [sys.executable, "-m", "dgls"], "settings": settings | {"pause_ms": 0}}
    plugin = json.dumps(str(ROOT / "editors" / "neovim"))
    lines = [
        f"vim.opt.runtimepath:append({plugin})",
        f"require('dgls').setup(vim.json.decode({json.dumps(json.dumps(setup))}))",
    ]
    (folder / "init.lua").write_text("\n".join(lines), encoding="utf-8")
    names = ("CONFIG", "DATA", "STATE", "CACHE")
    os.environ.update({f"XDG_{name}_HOME": str(folder) for name in names} | {"PYTHONPATH": str(ROOT)})
    arguments = ["--embed", "-i", "NONE", "-n", "-u", str(folder / "init.lua"), str(folder / "x.py")]
    neovim = pynvim.attach("child", argv=[program, *arguments])
    neovim.ui_attach(80, 24, rgb=True)

    def wait(code: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not neovim.exec_lua(code):
            if time.monotonic() > deadline:
                sys.exit(f"never came: {code}")
            time.sleep(0.02)

    wait(READY)
    neovim.exec_lua(WATCH)
    neovim.input("ix = ")
    wait("return #_G.took == 1")
    for number in range(n_keys):
        neovim.input("a")
        wait(f"return #_G.took == {number + 2}")
    took: list[float] = neovim.exec_lua("return _G.took")
    with suppress(OSError, EOFError):  # it is gone before it can answer
        neovim.command("qa!")
    neovim.close()
    return took[1:]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--neovim", default=str(ROOT / "build" / "neovim" / "usr" / "bin" / "nvim"), metavar="PROGRAM")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = milliseconds(chosen.neovim, chosen.keys, Path(folder))
    figures = summary([one - WAIT_MS for one in found])
    shown = " ".join(f"{name} {value:.1f}" for name, value in figures.items())
    print(f"key to ghost text, ms: {shown}, {len(found)} keys")


if __name__ == "__main__":
    main()
