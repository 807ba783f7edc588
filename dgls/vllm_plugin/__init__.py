"""A plugin for the vLLM server (entry point group `vllm.general_plugins`): pinned places cost nothing and stay pinned.

vLLM lets pinned places use up the entropy that a step may accept, so that little is left for the gap, and answers them
with the model's own guess. Needs nothing of dgls: `pip install --no-deps` is enough where the server runs.
"""

import functools
import inspect
import logging
from typing import Any

logger = logging.getLogger("vllm.dgls")  # shown by the server, which configures the log of vllm alone

NEEDED = frozenset({"argmax_tokens", "token_entropy", "decode_slots", "pin_mask", "seed_canvas"})


def register() -> None:
    """Mends the sampler of this process, once; one that is other than expected stays as it is, and the log says so."""
    try:
        import vllm.model_executor.models.diffusion_gemma as model

        step, scores = model._compiled_sample_step, model.compute_topk_scores
        signature = inspect.signature(getattr(step, "_torchdynamo_orig_callable", None) or inspect.unwrap(step))
        missing = NEEDED - signature.parameters.keys()
    except (ImportError, AttributeError, ValueError) as error:
        logger.warning("pinned places are left to vLLM: its sampler is not where it was (%s)", error)
        return
    if missing:
        logger.warning("pinned places are left to vLLM: its sampler has no %s", ", ".join(sorted(missing)))
    elif not hasattr(step, "is_mended"):
        model._compiled_sample_step, model.compute_topk_scores = _mended(step, scores, signature)
        logger.info("pinned places cost no entropy and are answered as they are pinned")


def _mended(step: Any, scores: Any, signature: inspect.Signature) -> tuple[Any, Any]:
    """The sampler's step with pins taken into account, and the scores of the tokens that it then emits."""
    emitted: dict[str, Any] = {}  # of the step before the scores: rows of one width

    @functools.wraps(step)
    def mended_step(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        pinned, seed = given["pin_mask"][given["decode_slots"]], given["seed_canvas"][given["decode_slots"]]
        given["token_entropy"] = given["token_entropy"].masked_fill(pinned, 0.0)
        emitted["ids"] = given["argmax_tokens"] = given["argmax_tokens"].where(~pinned, seed)
        return step(**given)

    @functools.wraps(scores)
    def mended_scores(logits: Any, n_top: int, ids: Any, *args: Any, **kwargs: Any) -> Any:
        # `ids` is one row of the likeliest tokens of all; an emitted token without a score would be an error 500.
        row = ids.storage_offset() // emitted["ids"].shape[1]
        return scores(logits, n_top, emitted["ids"][row, : len(ids)].to(ids.dtype), *args, **kwargs)

    mended_step.is_mended = True  # type: ignore[attr-defined]
    return mended_step, mended_scores
