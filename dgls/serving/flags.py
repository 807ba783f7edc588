"""How `vllm serve` is called for us. The sampler's numbers reach the server in a generation config, and only there."""

import json
from collections.abc import Mapping, Sequence
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


def command_line(
    program: Sequence[str],
    *,
    model: str,
    revision: str,
    listen: Sequence[str],
    config_folder: str,
    sampling: Sampling,
    canvas_tokens: int,
    scheduler: str = "",
    more: Sequence[str] = (),
) -> list[str]:
    """The whole command that starts a server; `more` is what a user adds, and wins over what stands before it.

    The key is not in it: every user of a machine can read command lines.
    """
    pinned = ["--revision", revision, "--tokenizer-revision", revision] if revision else []
    diffusion = {"canvas_length": canvas_tokens, "max_denoising_steps": sampling.max_denoising_steps}
    return [
        *program,
        *(["--model", model] if program[-1] == API_SERVER else [model]),
        *pinned,
        *("--served-model-name", SERVED_NAME),
        *listen,
        *("--limit-mm-per-prompt", json.dumps({"image": 0, "video": 0})),
        *("--max-model-len", str(_MAX_MODEL_TOKENS)),
        *("--max-num-seqs", str(_N_REQUESTS)),
        *("--diffusion-config", json.dumps(diffusion)),
        *("--max-logprobs", str(_N_TOP_LOGPROBS)),
        "--enable-prefix-caching",
        *("--prefix-cache-retention-interval", str(_RETENTION_TOKENS)),
        "--enable-prompt-tokens-details",
        "--disable-uvicorn-access-log",
        *("--generation-config", config_folder),
        *(["--scheduler-cls", scheduler] if scheduler else []),
        *more,
    ]


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
