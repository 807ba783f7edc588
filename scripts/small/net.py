"""The network: a dense DiffusionGemma, written with few operations so that it trains quickly on a CPU.

One set of weights reads a window of code causally (the encoder) and canvases on it bidirectionally (the decoder). What
transformers' classes have beyond this - experts, self-conditioning, logit cap, vision - is exported as an exact
nothing, see `export.py`; a test compares the two.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

EPS = 1e-6
ROPE_THETA = 10_000.0


@dataclass(frozen=True)
class Size:
    """The dimensions of the network."""

    vocab: int = 4096
    hidden: int = 256
    layers: int = 5
    mlp: int = 640
    heads: int = 8
    kv_heads: int = 2
    head_dim: int = 32


class Layer(nn.Module):
    """The weights of one layer. The last layer has no value projection: its values are its keys before rotation."""

    def __init__(self, size: Size, *, last: bool) -> None:
        super().__init__()
        q, kv = size.heads * size.head_dim, size.kv_heads * size.head_dim
        self.q_proj = _linear(q, size.hidden)
        self.k_proj = _linear(kv, size.hidden)
        self.v_proj = None if last else _linear(kv, size.hidden)
        self.o_proj = _linear(size.hidden, q)
        self.gate_proj = _linear(size.mlp, size.hidden)
        self.up_proj = _linear(size.mlp, size.hidden)
        self.down_proj = _linear(size.hidden, size.mlp)
        # Attention is not divided by sqrt(head_dim) in this architecture, so the norms of q and k have to do it.
        self.q_norm = _scale(size.head_dim, size.head_dim**-0.25)
        self.k_norm = _scale(size.head_dim, size.head_dim**-0.25)
        self.input_norm = _scale(size.hidden, 1.0)
        self.post_attention_norm = _scale(size.hidden, 0.5)
        self.pre_mlp_norm = _scale(size.hidden, 1.0)
        self.post_mlp_norm = _scale(size.hidden, 0.5)


class Net(nn.Module):
    """Encoder and decoder in one; `forward` gives hidden states, `logits` turns them into scores."""

    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, size: Size, *, max_positions: int = 1024) -> None:
        super().__init__()
        self.size = size
        self.embedding = nn.Parameter(torch.randn(size.vocab, size.hidden) / math.sqrt(size.hidden))
        self.layers = nn.ModuleList(Layer(size, last=i == size.layers - 1) for i in range(size.layers))
        self.norm = _scale(size.hidden, 1.0)
        cos, sin = rope_table(max_positions, size.head_dim)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.compute = torch.float32  # dtype of the matrix products

    def forward(
        self, windows: torch.Tensor, canvases: torch.Tensor, starts: torch.Tensor, reach: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Final hidden states of windows `[B, W]` and of canvases `[B, K, C]`; K may be 0.

        Canvas (b, k) stands at the positions from `starts[b, k]` on and sees all of itself and the window's tokens
        before that; `reach` is the largest start.
        """
        n = windows.numel()
        ids = torch.cat([windows.flatten(), canvases.flatten()])
        x = functional.embedding(ids, self.embedding) * math.sqrt(self.size.hidden)
        x = torch.cat([x[:n], rms_norm(x[n:])])  # the decoder's input is normalised (self-conditioning without signal)
        width, length = windows.shape[1], canvases.shape[2]
        own = torch.arange(width, device=windows.device)
        places = torch.cat([own.expand_as(windows).flatten(), (starts[:, :, None] + own[:length]).flatten()])
        cos, sin = self.cos[places, None], self.sin[places, None]
        masks = (
            _additive(own[:, None] >= own),
            _additive(own[:reach] < starts[:, :, None])[:, None, :, None, :],  # [B, 1, K, 1, reach]
        )
        for layer in self.layers:
            assert isinstance(layer, Layer)
            x = self._block(x, layer, (cos, sin), (windows.shape, canvases.shape), masks)
        x = rms_norm(x) * self.norm
        return x[:n].view(*windows.shape, self.size.hidden), x[n:].view(*canvases.shape, self.size.hidden)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of the next token (encoder) or of this position's token (decoder); fp32 `[..., vocab]`."""
        return self._mul(hidden, self.embedding).float()

    def _block(
        self,
        x: torch.Tensor,
        layer: Layer,
        rope: tuple[torch.Tensor, torch.Tensor],
        shapes: tuple[torch.Size, torch.Size],
        masks: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        h = rms_norm(x) * layer.input_norm
        q, k, v = self._qkv(h, layer, rope)
        mixed = self._attend(q, k, v, shapes, masks)
        x = x + rms_norm(self._mul(mixed, layer.o_proj).float()) * layer.post_attention_norm
        h = rms_norm(x) * layer.pre_mlp_norm
        gate, up = self._mul(h, torch.cat([layer.gate_proj, layer.up_proj])).chunk(2, dim=-1)
        h = self._mul(functional.gelu(gate, approximate="tanh") * up, layer.down_proj).float()
        return x + rms_norm(h) * layer.post_mlp_norm

    def _qkv(
        self, h: torch.Tensor, layer: Layer, rope: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries `[N, heads, d]`, keys and values `[N, kv_heads, d]`, normalised, q and k rotated."""
        s = self.size
        weights: list[torch.Tensor] = [w for w in (layer.q_proj, layer.k_proj, layer.v_proj) if w is not None]
        q, *kv = torch.split(self._mul(h, torch.cat(weights)).float(), [len(w) for w in weights], dim=-1)
        q = q.view(-1, s.heads, s.head_dim)
        k, v = (t.view(-1, s.kv_heads, s.head_dim) for t in (kv[0], kv[-1]))
        q, k = rotate(rms_norm(q) * layer.q_norm, *rope), rotate(rms_norm(k) * layer.k_norm, *rope)
        return q.to(self.compute), k.to(self.compute), rms_norm(v).to(self.compute)

    def _attend(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        shapes: tuple[torch.Size, torch.Size],
        masks: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        """Attention by plain matrix products, query heads of a group folded into rows (on a CPU faster than SDPA)."""
        (b, w), (_, n, c) = shapes
        g, d = self.size.kv_heads, self.size.head_dim
        r = self.size.heads // g
        m = b * w
        ke, ve = (t[:m].view(b, w, g, d).transpose(1, 2) for t in (k, v))  # [b, g, w, d]
        qe = q[:m].view(b, w, g, r, d).permute(0, 2, 3, 1, 4).reshape(b, g, r * w, d)
        scores = (qe @ ke.transpose(2, 3)).float().view(b, g, r, w, w) + masks[0]
        mixed = torch.softmax(scores, -1).to(self.compute).view(b, g, r * w, w) @ ve
        mixed = mixed.view(b, g, r, w, d).permute(0, 3, 1, 2, 4).reshape(m, -1)
        if n == 0:
            return mixed
        reach = masks[1].shape[-1]
        ke, ve = ke[:, :, :reach], ve[:, :, :reach]
        kc, vc = (t[m:].view(b, n, c, g, d).permute(0, 3, 1, 2, 4) for t in (k, v))  # [b, g, n, c, d]
        qc = q[m:].view(b, n, c, g, r, d).permute(0, 3, 1, 4, 2, 5).reshape(b, g, n, r * c, d)
        far = (qc.reshape(b, g, n * r * c, d) @ ke.transpose(2, 3)).float().view(b, g, n, r * c, reach) + masks[1]
        near = (qc @ kc.transpose(3, 4)).float()
        weights = torch.softmax(torch.cat([far, near], -1), -1).to(self.compute)
        far = (weights[..., :reach].reshape(b, g, n * r * c, reach) @ ve).view(b, g, n, r * c, d)
        out = (far + weights[..., reach:] @ vc).view(b, g, n, r, c, d)
        return torch.cat([mixed, out.permute(0, 2, 4, 1, 3, 5).reshape(b * n * c, -1)])

    def _mul(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.linear(x.to(self.compute), weight.to(self.compute))


def rms_norm(x: torch.Tensor) -> torch.Tensor:
    """The vectors scaled to a root mean square of 1."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding in the half-split layout of transformers."""
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], dim=-1) * sin


def rope_table(n: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of positions 0..n-1, each `[n, dim]`."""
    frequencies = ROPE_THETA ** -(torch.arange(0, dim, 2).float() / dim)
    angles = torch.arange(n).float()[:, None] * torch.cat([frequencies, frequencies])
    return angles.cos(), angles.sin()


def _additive(visible: torch.Tensor) -> torch.Tensor:
    """0 where a key is visible, a very negative number where not."""
    return torch.where(visible, 0.0, -1e9)


def _linear(n_out: int, n_in: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(n_out, n_in) / math.sqrt(n_in))


def _scale(n: int, value: float) -> nn.Parameter:
    return nn.Parameter(torch.full((n,), value))
