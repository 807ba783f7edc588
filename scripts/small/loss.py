"""Cross-entropy over the vocabulary without ever holding all logits: chunks that stay in the cache."""

from typing import Any

import torch
from torch.nn import functional

CHUNK = 512  # rows; 512 x 4096 fp32 logits are 8 MB


def chunk_gradients(
    hidden: torch.Tensor, embedding: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Losses `[R]` of one chunk, and the gradients of their weighted sum by hidden states and embedding."""
    logits = functional.linear(hidden, embedding).float()
    top = logits.amax(-1, keepdim=True)
    exp = (logits - top).exp()
    total = exp.sum(-1, keepdim=True)
    losses = (total.log() + top - logits.gather(1, targets[:, None])).squeeze(1)
    hit = torch.arange(embedding.shape[0], device=targets.device) == targets[:, None]
    delta = ((exp / total - hit.float()) * weights[:, None]).to(hidden.dtype)
    return losses, delta @ embedding, (delta.T @ hidden).float()


_compiled = torch.compile(chunk_gradients, dynamic=False)


def head_loss(
    hidden: torch.Tensor, embedding: torch.Tensor, asked: tuple[torch.Tensor, torch.Tensor], *, compiled: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted sum of the losses of `hidden` `[R, H]`, and the losses `[R]` without gradient.

    `asked` are targets and weights, each `[R]`; R is a multiple of `CHUNK`.
    """
    found: tuple[torch.Tensor, torch.Tensor] = _HeadLoss.apply(hidden, embedding, *asked, compiled)  # type: ignore[no-untyped-call]
    return found


class _HeadLoss(torch.autograd.Function):
    """`head_loss`; its gradient is built in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        embedding: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
        compiled: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        small = embedding.to(hidden.dtype)
        by_hidden, by_embedding, losses = torch.empty_like(hidden), torch.zeros_like(embedding), []
        for begin in range(0, len(hidden), CHUNK):
            part = slice(begin, begin + CHUNK)
            run = _compiled if compiled else chunk_gradients
            loss, by_hidden[part], gradient = run(hidden[part], small, targets[part], weights[part])
            by_embedding += gradient
            losses.append(loss)
        ctx.save_for_backward(by_hidden, by_embedding)
        every = torch.cat(losses)
        ctx.mark_non_differentiable(every)
        return (every * weights).sum(), every

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        by_hidden, by_embedding = ctx.saved_tensors
        return by_hidden * gradients[0], by_embedding * gradients[0], None, None, None
