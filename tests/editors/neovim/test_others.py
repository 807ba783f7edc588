"""Completion and package plugins of others, where $DGLS_NEOVIM_PLUGINS names a folder with clones of them.

It holds nvim-cmp, cmp-nvim-lsp, blink.cmp (1.9) and lazy.nvim, or some of these.
"""

import json
import os
from pathlib import Path

import pytest

from tests.editors.neovim.conftest import NEWEST, ROOT, Start
from tests.editors.neovim.driver import Neovim

pytestmark = pytest.mark.editor

PLUGINS = os.environ.get("DGLS_NEOVIM_PLUGINS", "")
SCRIPT = {
    "default": {"drafts": [" "]},
    "rules": [{"prefix_ends": "def a", "drafts": ["dd(a, b):\n    return a + b"]}],
}
CMP = """
local cmp = require('cmp')
cmp.setup({ sources = { { name = 'nvim_lsp' } }, mapping = { ['<C-y>'] = cmp.mapping.confirm({ select = true }) } })
require('cmp_nvim_lsp').setup()
"""
BLINK = """
local keys = { ['<C-y>'] = { 'select_and_accept' } }
require('blink.cmp').setup({ fuzzy = { implementation = 'lua' }, keymap = keys })
"""


def clones(*names: str) -> str:
    """Lua that puts these on the runtime path; skips the test where one is missing."""
    folders = [Path(PLUGINS) / name for name in names]
    if not PLUGINS or not all(folder.exists() for folder in folders):
        pytest.skip(f"DGLS_NEOVIM_PLUGINS names no folder with {' and '.join(names)}")
    return "\n".join(f"vim.opt.runtimepath:append({json.dumps(str(folder.resolve()))})" for folder in folders) + "\n"


@pytest.mark.parametrize(
    ("names", "setup", "visible"),
    [
        (("nvim-cmp", "cmp-nvim-lsp"), CMP, "return require('cmp').visible()"),
        (("blink.cmp",), BLINK, "return require('blink.cmp').is_visible()"),
    ],
    ids=["nvim-cmp", "blink.cmp"],
)
def test_an_item_is_taken_whole(start: Start, names: tuple[str, ...], setup: str, visible: str) -> None:
    neovim = start(SCRIPT, before=clones(*names) + setup, settings={"popup": "on"}, keymaps=False)
    neovim.wait_ready()
    for key in "idef a":  # not in one piece: these look at each key
        neovim.type(key)
        neovim.draw()
    neovim.wait(lambda: neovim.lua(visible), "the popup")
    neovim.type("<C-y>")
    neovim.wait_lines("def add(a, b):", "    return a + b")


def test_lazy(neovims: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = clones("lazy.nvim")
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    text = (ROOT / "editors" / "neovim" / "README.md").read_text(encoding="utf-8")
    recipe = (
        text.split("lazy.nvim:\n\n```lua\n")[1].split("```")[0].replace("url = 'URL'", f"dir = {json.dumps(str(ROOT))}")
    )
    (tmp_path / "init.lua").write_text(f"{before}require('lazy').setup({{\n{recipe}\n}})\n", encoding="utf-8")
    neovim = Neovim(NEWEST, tmp_path / "init.lua", tmp_path / "x.py")
    neovim.wait(lambda: neovim.lua("return vim.fn.exists(':Dgls')") == 2, "the plugin")
    neovim.close()
