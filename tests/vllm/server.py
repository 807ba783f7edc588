"""A real vLLM on the CPU with a tiny random checkpoint."""

import os
import re
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import torch
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, DiffusionGemmaTextConfig
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    EntropyBoundSamplerConfig,
)

from tests.tiny import SPECIALS, TURNS, byte_tokenizer

KEY = "a-key-for-tests"
CANVAS = 64
WINDOW = 1024  # longer than any prompt here with its canvas: beyond it, vLLM and transformers mask differently


def save_checkpoint(folder: Path) -> Path:
    """A model folder that vLLM's CPU kernels can run: heads of 32, and no picture tower worth the name."""
    tokenizer = byte_tokenizer(SPECIALS + TURNS)
    text = DiffusionGemmaTextConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        global_head_dim=64,
        num_global_key_value_heads=1,
        max_position_embeddings=8192,
        sliding_window=WINDOW,
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
    config = DiffusionGemmaConfig(
        text_config=text, vision_config=vision, canvas_length=CANVAS, boi_token_id=9, eoi_token_id=10, image_token_id=11
    )
    torch.manual_seed(0)
    model = DiffusionGemmaForBlockDiffusion(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name and "scal" not in name:
                weight.normal_(0, 0.08)
    model.generation_config = DiffusionGemmaGenerationConfig(
        max_new_tokens=CANVAS,
        max_denoising_steps=16,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=0.1),
        t_min=0.4,
        t_max=0.8,
        stability_threshold=1,
        confidence_threshold=0.005,
        eos_token_id=[1],
        bos_token_id=2,
        pad_token_id=0,
    )
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


class RealServer:
    """One vLLM process; it can be killed and started again at the same address."""

    def __init__(self, python: str, folder: Path, log: Path, *options: str) -> None:
        self._python = python
        self._folder = folder
        self._log = log
        self._options = options
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it without waiting for it."""
        more = {
            "TRITON_INTERPRET": "1",
            "TORCHDYNAMO_DISABLE": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "VLLM_NO_USAGE_STATS": "1",
        }
        more["VLLM_SERVER_DEV_MODE"] = "1"  # for call_worker
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
        command = [self._python, "-m", "vllm.entrypoints.openai.api_server", *self._arguments(), *self._options]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, cwd=self._folder, start_new_session=True
            )

    def wait(self, within_s: float = 600) -> None:
        """Waits until it is ready."""
        begun = time.monotonic()
        while not self._is_healthy():
            assert self.process is not None
            assert self.process.poll() is None, self.log()[-3000:]
            assert time.monotonic() - begun < within_s, self.log()[-3000:]
            time.sleep(0.2)

    def kill(self) -> None:
        """Ends all of its processes as kill -9 does."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, 9)
            self.process.wait()

    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def metric(self, name: str) -> float:
        """The sum of a Prometheus metric."""
        told = httpx.get(f"{self.url}/metrics").text
        return sum(map(float, re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", told, re.MULTILINE)))

    def call_worker(self, method: str, *arguments: str) -> Any:
        """What a method of the worker's extension returns; only in vLLM's development mode."""
        return httpx.post(f"{self.url}/collective_rpc", json={"method": method, "args": arguments}).json()["results"][0]

    def _is_healthy(self) -> bool:
        """Whether it says so."""
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def _arguments(self) -> list[str]:
        """The launch line."""
        given = {
            "--model": str(self._folder),
            "--served-model-name": "dg",
            "--host": "127.0.0.1",
            "--port": str(self._port),
            "--api-key": KEY,
            "--dtype": "float32",
            "--max-model-len": "4096",
            "--max-num-seqs": "8",
            "--max-num-batched-tokens": "4096",
            "--kv-cache-memory-bytes": "268435456",
            "--block-size": "32",
            "--limit-mm-per-prompt": '{"image":0,"video":0}',
            "--prefix-cache-retention-interval": "64",
            "--max-logprobs": "20",
            "--distributed-executor-backend": "uni",  # one process less to start
            "--scheduler-cls": "dgls.vllm_plugin.scheduler.CanvasesUncachedSync",
            "--worker-extension-cls": "dgls.vllm_plugin.peek.Peek",
        }
        flags = ["--enforce-eager", "--enable-prefix-caching"]
        flags += ["--enable-prompt-tokens-details", "--enable-per-request-metrics"]
        return [*(part for pair in given.items() for part in pair), *flags]
