"""vLLM's wire format: one canvas behind a prompt as the body of a request, and what the answer says of each place.

The names are those of `SamplingParams.extra_args` in vLLM 0.31 and later (its example "structured diffusion").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dgls.errors import ServerError

_ID_MARK = "token_id:"


@dataclass(frozen=True)
class Asked:
    """One canvas: its ids, the places that are pinned, and what is to be told of each place.

    `told` are tokens whose log-probability is wanted at every place; without any, the `n_top` likeliest.
    """

    prompt: Sequence[int]
    canvas: Sequence[int]
    pinned: Sequence[int]
    n_steps: int
    told: Sequence[int] = ()
    n_top: int = 1


@dataclass(frozen=True)
class Read:
    """The likeliest token of each place with its log-probability at temperature 1, and those of others.

    At pinned places the token is what the model would write there, not what is pinned. `n_cached` of the prompt's
    tokens came out of the server's cache, `queue_ms` is how long the request waited there, `served_ms` how long it was
    read and denoised; None when the server does not say so.
    """

    ids: list[int]
    log_p: list[float]
    others: Sequence[Mapping[int, float]] = field(repr=False)
    n_prompt: int = 0
    n_cached: int | None = None
    queue_ms: float | None = None
    served_ms: float | None = None


def body_of(asked: Asked, model: str) -> dict[str, Any]:
    """The request to /v1/completions."""
    told: dict[str, Any] = {"logprobs": asked.n_top}
    if asked.told:
        told = {"logprobs": len(asked.told), "logprob_token_ids": list(asked.told)}
    pins = {"diffusion_pinned": list(asked.pinned)} if asked.pinned else {}
    return {
        "model": model,
        "prompt": list(asked.prompt),
        "max_tokens": len(asked.canvas),  # without it, 16
        "return_token_ids": True,
        "return_tokens_as_token_ids": True,
        **told,
        "vllm_xargs": {
            "diffusion_canvas_length": len(asked.canvas),
            "diffusion_seed_canvas": list(asked.canvas),
            **pins,
            "diffusion_max_steps": asked.n_steps,
            "diffusion_read_only": 1,
        },
    }


def read_of(answer: Any, width: int) -> Read:
    """What an answer says of a canvas. Raises ServerError when it is no answer to that."""
    try:
        choice = answer["choices"][0]
        ids = [int(token) for token in choice["token_ids"]]
        log_p = [float(value) for value in choice["logprobs"]["token_logprobs"]]
        others = [_by_id(place) for place in choice["logprobs"]["top_logprobs"]]
        usage, metrics = answer.get("usage") or {}, answer.get("metrics") or {}
        details = usage.get("prompt_tokens_details") or {}
        found = Read(
            ids,
            log_p,
            others,
            n_prompt=int(usage.get("prompt_tokens", 0)),
            n_cached=details.get("cached_tokens"),
            queue_ms=_ms(metrics, "queue_time_ms"),
            served_ms=_ms(metrics, "time_to_first_token_ms"),  # all tokens of a canvas come at once
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ServerError(
            "the server's answer is no answer to a canvas", "use a vLLM server, 0.31 or later, of a DiffusionGemma"
        ) from error
    if not all(value < 1 for value in found.log_p):  # rounding aside, none is above 0; NaN is not below 1
        raise ServerError("the server's probabilities are no numbers", "see its log, and start it anew")
    if not len(found.ids) == len(found.log_p) == len(found.others) == width:
        raise ServerError(
            f"the server answered {len(found.ids)} tokens for a canvas of {width}", "update vLLM to 0.31 or later"
        )
    return found


def _by_id(place: Mapping[str, float] | None) -> dict[int, float]:
    """Token -> log-probability of one place; tokens come as `token_id:7`, as their texts are not unique."""
    return {int(name.removeprefix(_ID_MARK)): float(value) for name, value in (place or {}).items()}


def _ms(metrics: Mapping[str, Any], name: str) -> float | None:
    """A duration; only servers with --enable-per-request-metrics tell them."""
    value = metrics.get(name)
    return None if value is None else float(value)
