"""What the denoising loop asks of a model: three passes over one set of weights."""

from typing import Protocol

import torch
from torch import Tensor


class LayerCache:
    """Keys and values of one layer, `[rows, kv_heads, tokens, head_dim]`; `window` is None for full attention."""

    def __init__(self, keys: Tensor, values: Tensor, window: int | None) -> None:
        self.keys = keys
        self.values = values
        self.window = window


class KeyValues:
    """The keys and values of a prefix, in the shape that transformers' attention layers read and append to."""

    is_compileable = False  # read by the decoder's attention: append by concatenation

    def __init__(self, layers: list[LayerCache]) -> None:
        self.layers = layers

    def update(self, keys: Tensor, values: Tensor, layer_idx: int) -> tuple[Tensor, Tensor]:
        """Appends new tokens to a layer; returns what they may attend to, the new ones included."""
        layer = self.layers[layer_idx]
        layer.keys = torch.cat([layer.keys, keys], dim=-2)
        layer.values = torch.cat([layer.values, values], dim=-2)
        if layer.window is None:
            return layer.keys, layer.values
        n_visible = layer.window - 1 + keys.shape[-2]
        return layer.keys[..., -n_visible:, :], layer.values[..., -n_visible:, :]


class Model(Protocol):
    """A DiffusionGemma: a causal encoder and a bidirectional decoder that share their weights."""

    vocab_size: int
    device: torch.device
    self_conditioned: bool  # False when the self-conditioning signal has no effect

    def empty(self) -> KeyValues:
        """The keys and values of nothing: zero tokens, one row."""

    def encode(self, ids: Tensor, past: KeyValues, n_past: int) -> Tensor:
        """Reads `ids [rows, new]` causally behind `n_past` tokens and appends them to `past`; `[rows, new, H]`."""

    def decode(self, ids: Tensor, soft: Tensor | None, past: KeyValues, n_past: int) -> Tensor:
        """Reads a canvas `[rows, L]` in both directions behind the prefix, which stays as it is; `[rows, L, H]`."""

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of all tokens, `[n, H] -> [n, V]`, softcapped, float32."""

    def embed(self, ids: Tensor) -> Tensor:
        """Scaled embeddings, `[...] -> [..., H]`: the self-conditioning signal of a known token."""

    def embed_soft(self, probabilities: Tensor) -> Tensor:
        """The scaled mean embedding under each distribution, `[n, V] -> [n, H]`: the signal of an unknown token."""
