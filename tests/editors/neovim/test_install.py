"""The plugin is a folder of a larger repository: ways to install it, as its README has them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.editors.neovim.conftest import NEWEST, ROOT, Start
from tests.editors.neovim.driver import Neovim

FOLDER = ROOT / "editors" / "neovim"


def recipes(text: str) -> list[str]:
    """The pieces of Lua in a document."""
    return re.findall(r"(?:```lua|>lua)\n(.*?)(?:```|\n<)", text, re.DOTALL)


@pytest.mark.editor
def test_vim_pack(neovims: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a repository with the plugin in its folder, which is what a user's Neovim clones."""
    repository = tmp_path / "repository"
    shutil.copytree(FOLDER, repository / "editors" / "neovim")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        identity = ["-c", "user.name=dgls", "-c", "user.email=dgls@localhost"]
        subprocess.run(["git", *identity, *command], cwd=repository, check=True)
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (recipe,) = [one for one in recipes((FOLDER / "README.md").read_text(encoding="utf-8")) if "vim.pack" in one]
    init = tmp_path / "init.lua"
    recipe = recipe.replace("}, { load", "}, { confirm = false, load").replace(
        "'URL'", json.dumps(f"file://{repository}")
    )
    init.write_text(recipe, encoding="utf-8")
    neovim = Neovim(NEWEST, init, tmp_path / "x.py")
    neovim.wait(lambda: neovim.lua("return vim.fn.exists(':Dgls')") == 2, "the plugin")
    neovim.close()


def test_the_recipes_are_those_of_the_help() -> None:
    """Word for word, but for the indentation."""
    said = (FOLDER / "doc" / "dgls.txt").read_text(encoding="utf-8")
    helped = ["".join(one.split()) for one in recipes(said)]
    for recipe in recipes((FOLDER / "README.md").read_text(encoding="utf-8")):
        assert "".join(recipe.replace("PATH/TO", "/path/to").split()) in helped


@pytest.mark.editor
def test_the_defaults_are_those_of_the_help(start: Start) -> None:
    said = recipes((FOLDER / "doc" / "dgls.txt").read_text(encoding="utf-8"))
    (setup,) = [one for one in said if "accept_word" in one]
    neovim = start({"default": {"drafts": [" "]}})
    assert neovim.lua(f"""
        local config = require('dgls.config')
        require('dgls').setup()
        local plain = vim.deepcopy(config.now)
        {setup}
        return vim.deep_equal(plain, config.now)""")


@pytest.mark.editor
def test_the_server_of_the_repository_is_found(neovims: None, tmp_path: Path) -> None:
    """Where no `dgls` is on the PATH; one that is comes first."""
    shutil.copytree(FOLDER, tmp_path / "editors" / "neovim")
    program = tmp_path / ".venv" / "bin" / "dgls"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    code = "lua io.write(require('dgls.config').command('serve')[1])"
    options = ["--clean", "--headless", "--cmd", f"set rtp+={tmp_path}/editors/neovim", "-c", code, "-c", "qa"]
    for path, found in (("/usr/bin:/bin", str(program)), (f"{program.parent}:/usr/bin", "dgls")):
        done = subprocess.run(
            [NEWEST, *options], env={"PATH": path, "HOME": str(tmp_path)}, capture_output=True, text=True
        )
        assert done.stdout + done.stderr == found
