"""How `vllm serve` is called for us. The sampler's numbers reach the server in a generation config, and only there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dgls.diffusion.sampling import Sampling

# A module is called differently from the program: it takes the model as an option.
API_SERVER = "vllm.entrypoints.openai.api_server"

SERVED_NAME = "dg"
_MAX_MODEL_TOKENS = 16384
_N_REQUESTS = 16
_N_TOP_LOGPROBS = 20
# A multiple of the scheduler's block. At 0, vLLM's default, a change in the middle of a prompt finds nothing cached.
_RETENTION_TOKENS = 1024


@dataclass(frozen=True)
class Serving:
    """What is served and how: `listen` are the options for it, `more` those that a user adds.

    An empty revision, scheduler or share of the GPU's memory leaves that to vLLM.
    """

    model: str
    listen: Mapping[str, str]
    config_folder: str
    sampling: Sampling
    canvas_tokens: int
    revision: str = ""
    scheduler: str = ""
    gpu_share: float = 0.0
    more: tuple[str, ...] = ()


def command_line(program: Sequence[str], serving: Serving) -> list[str]:
    """The whole command that starts a server; what a user adds stands in place of ours of the same name.

    The key is not in it: every user of a machine can read command lines.
    """
    given = {word.partition("=")[0] for word in serving.more if word.startswith("--")}
    ours = [
        [name] if value is None else [name, value] for name, value in _options(serving).items() if name not in given
    ]
    called = ["--model", serving.model] if program[-1] == API_SERVER else [serving.model]
    return [*program, *called, *(word for words in ours for word in words), *serving.more]


def _options(serving: Serving) -> dict[str, str | None]:
    """Our options; None for those without a value."""
    diffusion = {
        "canvas_length": serving.canvas_tokens,
        "max_denoising_steps": serving.sampling.max_denoising_steps,
    }
    return {
        **({"--revision": serving.revision, "--tokenizer-revision": serving.revision} if serving.revision else {}),
        "--served-model-name": SERVED_NAME,
        **serving.listen,
        "--limit-mm-per-prompt": json.dumps({"image": 0, "video": 0}),
        "--max-model-len": str(_MAX_MODEL_TOKENS),
        "--max-num-seqs": str(_N_REQUESTS),
        "--diffusion-config": json.dumps(diffusion),
        "--max-logprobs": str(_N_TOP_LOGPROBS),
        "--enable-prefix-caching": None,
        "--prefix-cache-retention-interval": str(_RETENTION_TOKENS),
        "--enable-prompt-tokens-details": None,
        "--enable-per-request-metrics": None,
        "--disable-uvicorn-access-log": None,
        "--generation-config": serving.config_folder,
        **({"--scheduler-cls": serving.scheduler} if serving.scheduler else {}),
        **({"--gpu-memory-utilization": str(serving.gpu_share)} if serving.gpu_share else {}),
    }


def generation_config(sampling: Sampling, own: Mapping[str, Any]) -> dict[str, Any]:
    """What the server reads as generation_config.json: the checkpoint's own, as far as it is known, with our numbers.

    A limit of new tokens is left out: the server would cut every answer there.
    """
    kept = {name: value for name, value in own.items() if name not in ("max_new_tokens", "max_length")}
    return kept | {
        "max_denoising_steps": sampling.max_denoising_steps,
        "t_min": sampling.t_min,
        "t_max": sampling.t_max,
        "stability_threshold": sampling.stability_threshold,
        "confidence_threshold": sampling.confidence_threshold,
        "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": sampling.entropy_bound},
    }
