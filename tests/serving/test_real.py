"""The launcher with a real vLLM, on a CPU and with a tiny checkpoint: `pytest -m vllm`.

DGLS_VLLM_PYTHON names the Python of an environment with vLLM.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, DiffusionGemmaTextConfig

from dgls.engines.endpoint import Endpoint
from dgls.engines.serving.flags import API_SERVER
from dgls.engines.serving.http import client
from dgls.engines.serving.own import own_endpoint, stop, waiting
from dgls.engines.serving.place import place_of
from dgls.engines.serving.progress import phrase_of
from dgls.engines.serving.status import status_of
from dgls.engines.serving.warm import body
from dgls.errors import LaunchError
from dgls.settings import Settings
from tests.cli.conftest import ROOT
from tests.serving.conftest import Machine, free, gone, machine, running, until, workers
from tests.tiny import TURNS, byte_tokenizer

__all__ = ["machine"]

PYTHON = os.environ.get("DGLS_VLLM_PYTHON", "")
SMALL = "--max-model-len 2048 --max-num-seqs 8 --max-num-batched-tokens 2048 --kv-cache-memory-bytes 268435456"
SMALL += " --block-size 32 --prefix-cache-retention-interval 64 --enforce-eager"

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not PYTHON, reason="DGLS_VLLM_PYTHON names no Python with vLLM"),
]


@pytest.fixture
def settings(machine: Machine) -> Settings:
    """A vLLM that interprets its kernels, and a model of its smallest sizes."""
    machine.set(TRITON_INTERPRET="1", TORCHDYNAMO_DISABLE="1", HF_HUB_OFFLINE="1")
    return Settings(
        model=str(checkpoint(machine.folder / "model")),
        engine_command=f"{PYTHON} -m {API_SERVER}",
        engine_arguments=SMALL,
    )


def checkpoint(folder: Path) -> Path:
    """A random model with heads as large as vLLM's CPU kernels want them."""
    tokenizer = byte_tokenizer(("<pad>", "<eos>", "<bos>", "<mask>", *TURNS))
    torch.manual_seed(0)
    model = DiffusionGemmaForBlockDiffusion(config_of(tokenizer.get_vocab_size()))
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>"}
    said = {"tokenizer_class": "PreTrainedTokenizerFast", **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


def config_of(vocab_size: int) -> Any:
    """Three layers and four experts."""
    text = DiffusionGemmaTextConfig(
        vocab_size=vocab_size,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        global_head_dim=64,
        num_global_key_value_heads=1,
        max_position_embeddings=4096,
        sliding_window=64,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        num_experts=4,
        top_k_experts=2,
        moe_intermediate_size=64,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    vision: dict[str, Any] = {
        "model_type": "gemma4_vision",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "position_embedding_size": 64,
    }
    return DiffusionGemmaConfig(text_config=text, vision_config=vision, canvas_length=64)


async def answered(endpoint: Endpoint) -> list[int]:
    """The tokens of one canvas."""
    async with client(endpoint, timeout_s=120) as http:
        answer = await http.post("/v1/completions", json=body("dg", 32, n_steps=1))
        found: list[int] = answer.raise_for_status().json()["choices"][0]["token_ids"]
        return found


def test_a_real_server_is_shared_and_ends(machine: Machine, settings: Settings) -> None:
    told = []

    async def wait() -> None:
        told.extend([phrase async for phrase in waiting(settings, start=True)])

    try:
        asyncio.run(wait())
    except LaunchError as error:
        pytest.fail(f"{error}\n{place_of(settings.model).log.read_text()}")
    place = place_of(settings.model)
    record = running(place)
    said = {phrase_of(text) for text in place.log.read_text().splitlines()}
    assert said >= {"starting the engine", "loading the model", "reading the weights: 100 %", "beginning to listen"}
    assert {"starting a vLLM server", "starting the engine", "warming up for 128 tokens (4 of 4)"} <= set(told)
    endpoint = own_endpoint(settings)
    assert endpoint is not None
    assert len(asyncio.run(answered(endpoint))) == 32
    found = asyncio.run(status_of(place))
    assert found is not None
    assert found.healthy
    assert found.max_model_tokens == 2048
    assert found.metrics is not None
    assert found.metrics.n_requests == 4 * 2 * 5 + 1
    assert found.metrics.cache_hit is not None
    assert found.metrics.steps_per_canvas is not None
    # Another window, in a process of its own, finds the same one.
    code = "import sys, json; from dgls.settings import Settings; from dgls.engines.serving.own import own_endpoint; "
    code += "print(own_endpoint(Settings(model=sys.argv[1])).url)"
    seen = subprocess.run([sys.executable, "-c", code, settings.model], cwd=ROOT, capture_output=True, text=True)
    assert seen.stdout.strip() == endpoint.url
    stop(place)
    assert not record.server.is_alive
    assert own_endpoint(settings) is None


def test_a_real_server_that_is_killed_takes_its_workers_along(machine: Machine, settings: Settings) -> None:
    async def wait() -> None:
        async for phrase in waiting(settings, start=True):
            if phrase == "starting the engine":
                return

    asyncio.run(wait())
    place = place_of(settings.model)
    record = running(place)
    until(lambda: len(workers(record.server.pid)) > 1)
    os.kill(record.server.pid, 9)
    until(free(place))
    until(gone(record.server))
    found = asyncio.run(status_of(place))
    assert found is not None
    assert found.detail == "the server was killed by signal 9"
    until(lambda: not workers(record.server.pid))
