"""One real vLLM for all tests of this folder, where there is an environment for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vllm.server import KEY, RealServer, save_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder that the server loads."""
    return save_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def vllm(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """The server, ready; with the plugin, as dgls is installed beside it."""
    python = os.environ.get("DGLS_VLLM_PYTHON", "")
    if not Path(python).is_file():
        pytest.skip("DGLS_VLLM_PYTHON names no Python with vLLM: run scripts/vllm_env and do as it says")
    server = RealServer(python, checkpoint, tmp_path_factory.mktemp("logs") / "vllm.log")
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that the server wants."""
    monkeypatch.setenv("DGLS_KEY", KEY)
