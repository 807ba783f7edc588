"""Edits as sidekick.nvim draws and applies them, where $DGLS_NEOVIM_PLUGINS names a folder with a clone of it."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.editors.neovim.conftest import NEWEST, ROOT, Start
from tests.editors.neovim.driver import Neovim
from tests.editors.neovim.test_others import clones

pytestmark = pytest.mark.editor

SCRIPT = {
    "default": {"drafts": [""]},
    "rules": [{"prefix_ends": "def a", "drafts": ["dd(a, b):"]}],
    "standing": {
        "print(width)": "print(breadth)",
        "area = width * 2  # 🎉 é": "area = breadth * 2  # 🎉 é",
        "first(1)": "first(1, 2)\nsecond(1)",
    },
}
TEXT = "width = 3\n\n\n\nprint(width)\n\n\n\narea = width * 2  # 🎉 é\n"
CHANGED = TEXT.replace("width = 3", "breadth = 3")
COLOURS = """
vim.o.messagesopt = 'wait:0,history:500'
vim.lsp.log.set_level('warn')
vim.api.nvim_set_hl(0, 'ComplHint', { fg = '#8899aa' })
vim.api.nvim_set_hl(0, 'SidekickDiffDelete', { fg = '#aa8888' })
"""
JUMP_OR_APPLY = "return require('sidekick').nes_jump_or_apply()"

Bare = Callable[..., Neovim]


def recipe(page: str, before: str) -> str:
    """The first Lua behind some words of a page."""
    text = (ROOT / "editors" / page).read_text(encoding="utf-8")
    return text.split(before)[1].split("```lua\n")[1].split("```")[0]


def served(name: str, folder: Path, *, delay_ms: float = 0) -> str:
    """Lua that lets a client's server answer from the script, log into a file of its own, and tell its state."""
    (folder / "edits.json").write_text(json.dumps(SCRIPT | {"delay_ms": delay_ms}), encoding="utf-8")
    settings = {"script": folder / "edits.json", "log_file": folder / "edits.log", "pause_ms": 0}
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    command = json.dumps(json.dumps([sys.executable, "-m", "dgls", "serve", "--engine", "scripted", *options]))
    told = "function(_, told) _G.state = told.state end"
    asked = "{ experimental = { dgls = { status = true } } }"
    return (
        f"vim.lsp.config('{name}', {{ cmd = vim.json.decode({command}), capabilities = {asked},\n"
        f"  handlers = {{ ['dgls/status'] = {told} }} }})\n"
    )


@pytest.fixture
def alone(neovims: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bare]:
    """Starts Neovims with sidekick.nvim, and with dgls as editors/README.md has it without the plugin."""
    before = clones("sidekick.nvim") + COLOURS
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    opened: list[Neovim] = []

    def begin(text: str = TEXT, *, name: str = "my_copilot", delay_ms: float = 0) -> Neovim:
        (tmp_path / "x.py").write_text(text, encoding="utf-8", newline="")
        server = recipe("README.md", "## Neovim without the plugin").replace("'dgls'", f"'{name}'", 1)
        server = server.replace("enable('dgls')", f"enable('{name}')") + served(name, tmp_path, delay_ms=delay_ms)
        (tmp_path / "init.lua").write_text(f"{before}require('sidekick').setup()\n{server}", encoding="utf-8")
        opened.append(Neovim(NEWEST, tmp_path / "init.lua", tmp_path / "x.py"))
        opened[-1].wait(lambda: opened[-1].lua("return _G.state") == "ready", "the engine")
        return opened[-1]

    yield begin
    for neovim in opened:
        neovim.close()


def removed(neovim: Neovim) -> list[str]:
    """What the edits on the screen take away."""
    neovim.draw()
    return [line.strip() for line in neovim.screen.drawn_as("SidekickDiffDelete").splitlines()]


def wait_drawn(neovim: Neovim, gone: list[str], *shown: str) -> None:
    """Waits until edits on the screen take exactly this away, and until it begins with these lines."""

    def found() -> bool:
        is_gone = removed(neovim) == gone
        lines = neovim.screen.text().splitlines()[: len(shown)]
        return is_gone and [line[2:] for line in lines] == list(shown)  # behind the column of signs

    neovim.wait(found, f"the edits of {gone!r}")


def wait_suggested(neovim: Neovim) -> None:
    """Waits until what follows from the change of the first line is drawn."""
    lines = ["breadth = 3", "", "", "", "print(width)", "print(breadth)", "", "", ""]
    wait_drawn(neovim, ["print(width)", "width"], *lines, "area = widthbreadth * 2  # 🎉 é")


def jump_and_apply(neovim: Neovim) -> None:
    """Changes the first line; the one key goes to what follows and then applies it."""
    neovim.type("cwbreadth<Esc>")
    wait_suggested(neovim)
    assert neovim.lua(JUMP_OR_APPLY)
    neovim.wait(lambda: neovim.cursor() == (5, 0), "the jump")
    assert neovim.lines() == CHANGED.splitlines()
    assert neovim.lua(JUMP_OR_APPLY)
    neovim.wait_lines(*CHANGED.replace("width", "breadth").splitlines())


def nothing_went_wrong(folder: Path) -> None:
    """Neither side has anything to complain about."""
    assert not [
        line for line in (folder / "edits.log").read_text(encoding="utf-8").splitlines() if " INFO " not in line
    ]
    (said,) = (folder / "state").glob("*/lsp.log")
    assert not [line for line in said.read_text(encoding="utf-8").splitlines() if not line.startswith("[START]")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_jump_then_apply(alone: Bare, line_end: str, tmp_path: Path) -> None:
    neovim = alone(TEXT.replace("\n", line_end))
    jump_and_apply(neovim)
    neovim.wait(lambda: "fits" in (tmp_path / "edits.log").read_text(encoding="utf-8"), "the question after it")
    wait_drawn(neovim, [])
    assert not neovim.lua(JUMP_OR_APPLY)
    neovim.command("write")
    assert (tmp_path / "x.py").read_bytes().decode() == CHANGED.replace("width", "breadth").replace("\n", line_end)
    nothing_went_wrong(tmp_path)


def test_an_edit_of_several_lines(alone: Bare, tmp_path: Path) -> None:
    neovim = alone("n = 3\nfirst(1)\n")
    neovim.type("A + 1<Esc>")
    wait_drawn(neovim, [], "n = 3 + 1", "first(1, 2)", "second(1)")
    neovim.lua(JUMP_OR_APPLY)
    neovim.wait(lambda: neovim.cursor()[0] == 2, "the jump")
    neovim.lua(JUMP_OR_APPLY)
    neovim.wait_lines("n = 3 + 1", "first(1, 2)", "second(1)")
    nothing_went_wrong(tmp_path)


def test_a_change_while_it_is_asked(alone: Bare, tmp_path: Path) -> None:
    neovim = alone(delay_ms=500)
    log = tmp_path / "edits.log"
    neovim.type("cwbre<Esc>")
    neovim.wait(lambda: neovim.lua("return next(require('sidekick.nes')._requests) ~= nil"), "the question")
    neovim.type("aadth<Esc>")
    wait_suggested(neovim)
    assert log.read_text(encoding="utf-8").count("next edits: 2 edits") == 1
    nothing_went_wrong(tmp_path)


def test_only_a_client_of_such_a_name_is_asked(alone: Bare, tmp_path: Path) -> None:
    neovim = alone(name="dgls")
    neovim.type("cwbreadth<Esc>")
    neovim.wait_lines(*CHANGED.splitlines())
    neovim.lua("vim.wait(500)")  # it would ask after 100 ms
    assert "next edits" not in (tmp_path / "edits.log").read_text(encoding="utf-8")
    assert removed(neovim) == []


def test_beside_the_plugin(start: Start, tmp_path: Path, log: Path) -> None:
    before = clones("sidekick.nvim") + COLOURS + recipe("neovim/README.md", "### With sidekick.nvim")
    neovim = start(SCRIPT, TEXT, before=before + served("my_copilot", tmp_path), edits=False)
    neovim.wait_ready()
    neovim.wait(lambda: neovim.lua("return _G.state") == "ready", "the other engine")
    jump_and_apply(neovim)
    neovim.wait(lambda: "fits" in (tmp_path / "edits.log").read_text(encoding="utf-8"), "the question after it")
    assert "next edits" not in log.read_text(encoding="utf-8")
    neovim.type("Godef a")
    neovim.wait_ghost("dd(a, b):")
    assert "automatic" not in (tmp_path / "edits.log").read_text(encoding="utf-8")
    neovim.type("<Tab>")
    neovim.wait_lines(*CHANGED.replace("width", "breadth").splitlines(), "def add(a, b):")
    nothing_went_wrong(tmp_path)
