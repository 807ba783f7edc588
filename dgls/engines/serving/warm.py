"""The first use of each width makes the server compile for seconds; it happens here, before a person waits for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx

from dgls.engines.endpoint import Endpoint
from dgls.engines.serving.http import client
from dgls.errors import LaunchError

_N_AT_ONCE = 4
_PATIENCE_S = 600.0
# Ids that every vocabulary has, and which are no special tokens in DiffusionGemma's.
_FIRST_ID, _N_IDS = 100, 100


async def warm_up(endpoint: Endpoint, widths: Sequence[int], *, n_steps: int = 4) -> AsyncIterator[str]:
    """Uses each width as a client would: one step and several, one request and several at once; yields what is next.

    Raises LaunchError when the server refuses.
    """
    async with client(endpoint, timeout_s=_PATIENCE_S) as http:
        model = await served_model(http)
        for number, width in enumerate(widths, start=1):
            yield f"warming up for {width} tokens ({number} of {len(widths)})"
            for steps in sorted({1, n_steps}):
                for n_at_once in (1, _N_AT_ONCE):
                    bodies = [body(model, width, n_steps=steps, salt=salt) for salt in range(n_at_once)]
                    await asyncio.gather(*(_send(http, one) for one in bodies))


async def served_model(http: httpx.AsyncClient) -> str:
    """The name that requests have to give. Raises LaunchError."""
    try:
        answer = await http.get("/v1/models")
        return str(answer.raise_for_status().json()["data"][0]["id"])
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise LaunchError(f"the server does not say what it serves ({error})", "see dgls engine logs") from error


def body(model: str, width: int, *, n_steps: int, salt: int = 0) -> dict[str, object]:
    """A request with half of its canvas pinned, as in /v1/completions; the prompt differs with the salt."""
    ids = [_FIRST_ID + (salt + place) % _N_IDS for place in range(width)]
    return {
        "model": model,
        "prompt": ids[:16],
        "max_tokens": width,  # without it the server would write 16
        "logprobs": 5,
        "return_token_ids": True,
        "vllm_xargs": {
            "diffusion_canvas_length": width,
            "diffusion_seed_canvas": ids,
            "diffusion_pinned": list(range(width // 2, width)),
            "diffusion_max_steps": n_steps,
            "diffusion_read_only": 1,
        },
    }


async def _send(http: httpx.AsyncClient, one: dict[str, object]) -> None:
    """Sends one request. Raises LaunchError."""
    try:
        answer = await http.post("/v1/completions", json=one)
    except httpx.HTTPError as error:
        raise LaunchError(f"the server broke off during its warm-up ({error})", "see dgls engine logs") from error
    if answer.status_code != httpx.codes.OK:
        said = " ".join(answer.text.split())[:200]
        hint = "it must be vLLM 0.32 or newer with a DiffusionGemma model; see dgls engine logs"
        raise LaunchError(f"the server refuses to fill a canvas ({answer.status_code}: {said})", hint)
