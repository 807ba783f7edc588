"""One real vLLM for all tests of this folder, where there is an environment for it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from dgls.engines.serving.own import stop
from dgls.engines.serving.place import is_held, places
from dgls.settings import Settings
from tests.cli.conftest import ROOT
from tests.vllm.server import ARGUMENTS, ENVIRONMENT, Real, install_beside, save_checkpoint

_WINDOW = """
import asyncio, json, sys
from dgls.engines.serving.own import waiting
from dgls.settings import Settings

async def main():
    async for phrase in waiting(Settings(**json.loads(sys.argv[1]))):
        print(phrase)

asyncio.run(main())
"""


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder that the server loads."""
    return save_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a machine on which dgls has installed vLLM with the plugin; what runs on it ends with the tests."""
    python = os.environ.get("DGLS_VLLM_PYTHON", "")
    if not Path(python).is_file():
        pytest.skip("DGLS_VLLM_PYTHON names no Python with vLLM: run scripts/vllm_env and do as it says")
    folder = tmp_path_factory.mktemp("machine")
    (folder / "run").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for name in ("RUNTIME_DIR", "DATA_HOME", "STATE_HOME"):
            patch.setenv(f"XDG_{name}", str(folder / ("run" if name == "RUNTIME_DIR" else name)))
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        patch.delenv("PYTHONPATH", raising=False)
        install_beside(python, folder / "wheels")
        try:
            yield folder
        finally:
            for place in places():
                if is_held(place.lock):
                    stop(place)


@pytest.fixture(scope="session")
def vllm(checkpoint: Path, machine: Path) -> Real:
    """The machine's own server, ready; four windows wanted it at once."""
    settings = Settings(engine="vllm", model=str(checkpoint), engine_start="auto", engine_arguments=ARGUMENTS)
    command = [sys.executable, "-c", _WINDOW, json.dumps(asdict(settings))]
    windows = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = [window.communicate()[0].splitlines() for window in windows]
    found = Real(settings, told)
    assert [window.returncode for window in windows] == [0] * 4, found.log()[-3000:]
    return found
