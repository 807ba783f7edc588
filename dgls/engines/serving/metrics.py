"""What a server says of itself in numbers: the Prometheus text of /metrics, read for people and for the idle watch."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

_WORK = ("vllm:request_success", "vllm:prompt_tokens", "vllm:diffusion_num_denoising_steps")


@dataclass(frozen=True)
class Metrics:
    """Counts since the server began; `cache_hit` is the share of prompt tokens found in the prefix cache.

    `steps_per_canvas` is how often the average position was denoised before it was given out, as vLLM reckons it.
    None stands for what the server does not tell, or what has no value before the first request.
    """

    n_running: int
    n_waiting: int
    n_requests: int
    n_steps: int | None
    n_canvas_tokens: int | None
    n_committed_tokens: int | None
    cache_hit: float | None
    steps_per_canvas: float | None


def totals(text: str) -> dict[str, float]:
    """Name -> sum over all labels. Raises ValueError when the text is no such list."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removesuffix("_total")
            found[name] = found.get(name, 0.0) + sample.value
    return found


def metrics_of(found: Mapping[str, float]) -> Metrics:
    """The numbers that matter here."""
    positions = found.get("vllm:diffusion_num_canvas_positions")
    committed = found.get("vllm:diffusion_num_committed_tokens")
    return Metrics(
        n_running=int(found.get("vllm:num_requests_running", 0)),
        n_waiting=int(found.get("vllm:num_requests_waiting", 0)),
        n_requests=int(found.get("vllm:request_success", 0)),
        n_steps=_whole(found.get("vllm:diffusion_num_denoising_steps")),
        n_canvas_tokens=_whole(positions),
        n_committed_tokens=_whole(committed),
        cache_hit=_ratio(found.get("vllm:prefix_cache_hits"), found.get("vllm:prefix_cache_queries")),
        steps_per_canvas=_ratio(positions, committed),
    )


def counts(found: Mapping[str, float]) -> bool:
    """Whether a server counts its requests at all; with --disable-log-stats it does not."""
    return not found.keys().isdisjoint(_WORK)


def is_busy(found: Mapping[str, float], before: Mapping[str, float]) -> bool:
    """Whether requests are running or came since the last look; asking for metrics is no request.

    A server that counts none may be.
    """
    now = metrics_of(found)
    came = not counts(found) or any(found.get(name) != before.get(name) for name in _WORK)
    return came or now.n_running + now.n_waiting > 0


async def read_totals(http: httpx.AsyncClient) -> dict[str, float] | None:
    """The totals of a server; None when it does not answer, or not so."""
    try:
        return totals((await http.get("/metrics")).raise_for_status().text)
    except (httpx.HTTPError, ValueError):
        return None


def _whole(number: float | None) -> int | None:
    """A count."""
    return None if number is None else int(number)


def _ratio(part: float | None, whole: float | None) -> float | None:
    """A share of something."""
    return None if part is None or not whole else part / whole
