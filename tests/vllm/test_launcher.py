"""The launcher with a real vLLM: installed with the plugin, started once for several windows, warmed up."""

import asyncio
import subprocess
import sys

import pytest

from dgls.engines.serving import plugin
from dgls.engines.serving.install import environment, has_plugin, installed, is_complete
from dgls.engines.serving.progress import phrase_of
from dgls.engines.serving.record import Record, current
from dgls.engines.serving.status import status_of
from tests.cli.conftest import ROOT
from tests.vllm.server import CANVAS, Real

pytestmark = pytest.mark.vllm


def record_of(server: Real) -> Record:
    """What its supervisor says."""
    found = current(server.place)
    assert found is not None
    return found


def test_four_windows_at_once_start_one_server(vllm: Real) -> None:
    """The first one begins it; each is told what it is at."""
    assert vllm.n_starts() == 1
    began = [told for told in vllm.told if "starting a vLLM server" in told]
    assert began
    said = {phrase_of(line) for line in vllm.log().splitlines()}
    assert said >= {"starting the engine", "loading the model", "reading the weights: 100 %", "beginning to listen"}
    for told in vllm.told:
        assert told[-1] == f"warming up for {CANVAS} tokens (3 of 3)"
        assert "starting the engine" in told


def test_the_plugin_and_its_scheduler_are_installed_and_used(vllm: Real) -> None:
    """By the program that `dgls engine install` made; the server's log says that it found what they bind by name."""
    assert is_complete()
    assert has_plugin()
    command = record_of(vllm).command
    assert command[:2] == (str(installed()), "serve")
    assert command[command.index("--scheduler-cls") + 1] == plugin.SCHEDULER
    assert "pinned places cost no entropy and are answered as they are pinned" in vllm.log()
    assert "canvases stay out of the prefix cache" in vllm.log()
    code = "import dgls.vllm_plugin; print(dgls.vllm_plugin.__file__)"
    python = environment() / "bin" / "python"
    seen = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True)
    assert seen.stdout.startswith(str(environment()))  # the copy, not this tree


def test_its_status_and_another_window(vllm: Real) -> None:
    """Only the warm-up has asked for canvases so far: three widths, one step and four, alone and four at once."""
    found = asyncio.run(status_of(vllm.place))
    assert found is not None
    assert (found.state, found.healthy, found.max_model_tokens) == ("ready", True, 4096)
    assert found.metrics is not None
    assert found.metrics.n_requests == 3 * 2 * 5
    assert found.metrics.steps_per_canvas is not None
    assert found.metrics.cache_hit is not None
    code = "import sys; from dgls.settings import Settings; from dgls.engines.serving.own import own_endpoint; "
    code += "print(own_endpoint(Settings(model=sys.argv[1])).url)"
    seen = subprocess.run([sys.executable, "-c", code, vllm.settings.model], cwd=ROOT, capture_output=True, text=True)
    assert seen.stdout.strip() == vllm.endpoint.url
