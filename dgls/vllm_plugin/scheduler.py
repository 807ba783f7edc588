"""Schedulers for `--scheduler-cls`: a canvas that is only read never becomes part of the prefix cache.

Its keys and values are those of a denoising step, not of reading the text, and a later prompt with it would get them.
"""

from typing import Any

from vllm.v1.core.sched.diffusion_scheduler import DiffusionAsyncScheduler, DiffusionScheduler


class _CanvasesUncached:
    """Caches the prompt of a read-only request, and nothing behind it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        manager: Any = self.kv_cache_manager  # type: ignore[attr-defined]
        plain = manager.cache_blocks

        def cache_blocks(request: Any, n_tokens: int) -> None:
            extra = request.sampling_params and request.sampling_params.extra_args
            is_read = bool(extra and extra.get("diffusion_read_only"))
            plain(request, min(n_tokens, request.num_prompt_tokens) if is_read else n_tokens)

        manager.cache_blocks = cache_blocks


class CanvasesUncached(_CanvasesUncached, DiffusionAsyncScheduler):  # type: ignore[misc] # vLLM has no types here
    """For asynchronous scheduling, the default on GPUs."""


class CanvasesUncachedSync(_CanvasesUncached, DiffusionScheduler):  # type: ignore[misc] # as above
    """For synchronous scheduling."""
