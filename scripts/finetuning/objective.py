"""The objective: the truth of noised canvases behind an encoded prefix, and the prefix's own next tokens.

All passes are those of the engine (`dgls.engines.gemma`), so what is trained is what fills. The gradient of the
canvases flows through the prefix's keys and values into the encoder.
"""

import torch
from torch import Tensor
from torch.nn import functional

from dgls.diffusion.model import KeyValues
from dgls.diffusion.prefix import Prefix, as_rows
from dgls.engines.gemma import Gemma
from finetuning.canvases import Example


def losses(model: Gemma, example: Example, banned: Tensor, *, conditioned: bool) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the asked canvas tokens, and of the prefix tokens that are read; nats.

    `conditioned`: a first pass without gradient gives the self-conditioning signal, as a step before would have.
    `banned [V]` takes no part in that signal.
    """
    prefix, clean, noised, asked = (
        part.to(model.device) for part in (example.prefix, example.clean, example.noised, example.asked)
    )
    past = model.empty()
    encoded = model.encode(prefix[None], past, 0)
    seen = as_rows(Prefix(prefix.tolist(), past).seen(), len(clean))
    soft = _signal(model, noised, asked, seen, len(prefix), banned) if conditioned else None
    decoded = model.decode(noised, soft, seen, len(prefix))
    gap = functional.cross_entropy(model.logits(decoded[asked]), clean[asked])
    read = example.read.to(model.device)
    if len(read) == 0:
        return gap, gap.new_zeros(())
    return gap, functional.cross_entropy(model.logits(encoded[0, read]), prefix[read + 1])


@torch.no_grad()
def _signal(model: Gemma, noised: Tensor, asked: Tensor, seen: KeyValues, n_past: int, banned: Tensor) -> Tensor:
    """The embedding of what is known, the mean embedding of what is asked, `[rows, L, H]`; temperature 1."""
    hidden = model.decode(noised, None, seen, n_past)
    expected = model.logits(hidden[asked]).masked_fill(banned, -torch.inf).softmax(-1)
    signal = model.embed(noised)
    signal[asked] = model.embed_soft(expected).to(signal.dtype)
    return signal
