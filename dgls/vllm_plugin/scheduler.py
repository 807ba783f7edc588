"""A scheduler for `--scheduler-cls`: a canvas that is only read never becomes part of the prefix cache.

Its keys and values are those of a denoising step, not of reading the text, and a later prompt with it would get them.
"""

import logging
from typing import Any

logger = logging.getLogger("vllm.dgls")  # as in the plugin


class CanvasesUncached:
    """vLLM's own scheduler of canvases, synchronous or not, which then caches prompts and nothing behind them."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        config = kwargs["vllm_config"] if "vllm_config" in kwargs else args[0]
        scheduler = _usual(is_async=config.scheduler_config.async_scheduling)(*args, **kwargs)
        manager: Any = getattr(scheduler, "kv_cache_manager", None)
        plain = getattr(manager, "cache_blocks", None)
        if plain is None:
            logger.warning("canvases are cached as vLLM does it: its cache is not where it was")
            return scheduler

        def cache_blocks(request: Any, n_tokens: int, *more: Any) -> Any:
            extra = request.sampling_params and request.sampling_params.extra_args
            is_read = bool(extra and extra.get("diffusion_read_only"))
            return plain(request, min(n_tokens, request.num_prompt_tokens) if is_read else n_tokens, *more)

        manager.cache_blocks = cache_blocks
        logger.info("canvases stay out of the prefix cache")
        return scheduler


def _usual(*, is_async: bool) -> Any:
    """The class that vLLM takes where nothing is said; 0.31 has none for canvases."""
    try:
        from vllm.v1.core.sched.diffusion_scheduler import DiffusionAsyncScheduler, DiffusionScheduler
    except ImportError:
        from vllm.v1.core.sched.async_scheduler import AsyncScheduler as DiffusionAsyncScheduler
        from vllm.v1.core.sched.scheduler import Scheduler as DiffusionScheduler
    return DiffusionAsyncScheduler if is_async else DiffusionScheduler
