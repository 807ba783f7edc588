"""A server whose model cannot be loaded stays up, says so once, and answers everything empty."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lsp.client import Editor
from tests.tiny import save_tiny, write_huge_weights


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete model."""
    return save_tiny(tmp_path_factory.mktemp("models") / "good")


def missing(good: Path, folder: Path) -> str:
    """No folder at all."""
    return "there is no model folder 'model'"


def broken(good: Path, folder: Path) -> str:
    """Weights that end early."""
    shutil.copytree(good, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    return "the weights model/model.safetensors are broken"


def huge(good: Path, folder: Path) -> str:
    """More weights than any memory holds."""
    shutil.copytree(good, folder)
    write_huge_weights(folder)
    return "the model model needs 8192.0 GiB"


@pytest.mark.parametrize("damage", [missing, broken, huge])
def test_the_server_stays_up(damage: Callable[[Path, Path], str], good: Path, tmp_path: Path) -> None:
    """One message with the next step; then a good model by a change of settings, without a restart."""
    folder = tmp_path / "model"
    problem = damage(good, folder)
    log = tmp_path / "log"
    command = [sys.executable, "-m", "dgls", "serve", "--model", str(folder), "--set", f"log_file={log}"]
    editor = Editor([*command, "--set", "threads=1", "--set", "max_steps=2"], tmp_path / "stderr")
    try:
        editor.initialize()
        editor.open("x = \n")
        told = editor.note("window/showMessage")["message"]
        assert problem in told
        assert str(tmp_path) not in told
        for version in range(3):
            editor.change(f"x = {version}\n")
            assert editor.texts(0, 5) == []
        assert editor.count("window/showMessage") == 1

        editor.notify("workspace/didChangeConfiguration", {"settings": {"dgls": {"model": str(good)}}})
        editor.ready()
        editor.texts(0, 5)
        assert editor.leave() == 0
    finally:
        editor.close()
