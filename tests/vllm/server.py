"""A real vLLM on the CPU with a tiny random checkpoint, installed and started as `dgls engine` does it."""

import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import torch
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, DiffusionGemmaTextConfig
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    EntropyBoundSamplerConfig,
)

from dgls.engines.endpoint import Endpoint
from dgls.engines.serving.install import VERSION, install
from dgls.engines.serving.own import own_endpoint
from dgls.engines.serving.place import Place, place_of
from dgls.engines.serving.progress import BEGINNING
from dgls.settings import Settings
from tests.tiny import SPECIALS, TURNS, byte_tokenizer

CANVAS = 64
WINDOW = 1024  # longer than any prompt here with its canvas: beyond it, vLLM and transformers mask differently

# On a CPU Triton's kernels are interpreted, and nothing is compiled.
ENVIRONMENT = {
    "TRITON_INTERPRET": "1",
    "TORCHDYNAMO_DISABLE": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_SERVER_DEV_MODE": "1",  # for Real.call_worker
}
ARGUMENTS = (
    "--dtype float32 --max-model-len 4096 --max-num-seqs 8 --max-num-batched-tokens 4096 --block-size 32"
    " --kv-cache-memory-bytes 268435456 --prefix-cache-retention-interval 64 --enforce-eager"
    " --distributed-executor-backend uni --worker-extension-cls dgls.vllm_plugin.peek.Peek"
)


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


def install_beside(python: str, wheels: Path) -> None:
    """Makes dgls's own environment for vLLM, as `dgls engine install` does; its vLLM is that of another environment.

    pip finds one wheel, whose only content is the way there: the real one's 3.5 GB are neither loaded nor copied.
    """
    site = Path(python).parents[1] / "lib" / f"python{_version(python)}" / "site-packages"
    info = f"vllm-{VERSION}+cpu.dist-info"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / f"vllm-{VERSION}+cpu-py3-none-any.whl", "w") as wheel:
        wheel.writestr("vllm-elsewhere.pth", f"import site; site.addsitedir({str(site)!r})\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nvllm = vllm.entrypoints.cli.main:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        patch.setattr(sys, "executable", python)  # whose packages those are
        list(install())


def _version(python: str) -> str:
    """Such as 3.11."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Real:
    """The machine's own server of one model, as a test looks at it; `told` is what each of the first windows was."""

    settings: Settings
    told: list[list[str]]

    @property
    def place(self) -> Place:
        """Its files."""
        return place_of(self.settings.model)

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens; it must be ready."""
        found = own_endpoint(self.settings)
        assert found is not None, self.log()[-3000:]
        return found

    def log(self) -> str:
        """What it has said so far."""
        return self.place.log.read_text(encoding="utf-8", errors="replace")

    def n_starts(self) -> int:
        """How often a server was started."""
        return self.log().count(BEGINNING)

    def metric(self, name: str) -> float:
        """The sum of a Prometheus metric."""
        with self._client() as http:
            told = http.get("/metrics").text
        return sum(map(float, re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", told, re.MULTILINE)))

    def call_worker(self, method: str, *arguments: str) -> Any:
        """What a method of the worker's extension returns; only in vLLM's development mode."""
        with self._client() as http:
            return http.post("/collective_rpc", json={"method": method, "args": arguments}).json()["results"][0]

    def _client(self) -> httpx.Client:
        """A connection, with the key."""
        found = self.endpoint
        transport = httpx.HTTPTransport(uds=urlsplit(found.url).path)
        headers = {"Authorization": f"Bearer {found.key}"}
        return httpx.Client(transport=transport, base_url="http://vllm", headers=headers, timeout=60)
