"""A DiffusionGemma checkpoint as the denoising loop sees it: transformers' own modules, called pass by pass.

`decode` is the body of `DiffusionGemmaDecoderModel.forward` with the self-conditioning signal given as embeddings
instead of logits over the whole vocabulary; `tests/engines/test_gemma.py` holds both equal.
"""

from typing import Any

import torch
from torch import Tensor

from dgls.diffusion.model import KeyValues, LayerCache
from dgls.diffusion.prefix import causal_mask


class Gemma:
    """The three passes over a loaded `DiffusionGemmaForBlockDiffusion`; counts them in `n_forwards`."""

    def __init__(self, loaded: Any) -> None:
        text = loaded.config.get_text_config()
        self._loaded = loaded
        self._decoder = loaded.model.decoder
        self._layer_types: list[str] = text.layer_types
        self._window: int = text.sliding_window
        self._softcap: float = loaded.final_logit_softcapping
        self.vocab_size: int = text.vocab_size
        self.device: torch.device = loaded.device
        self.self_conditioned = bool(self._decoder.self_conditioning.down_proj.weight.any())
        self.n_forwards = 0

    def empty(self) -> KeyValues:
        """The keys and values of nothing."""
        return KeyValues([self._empty_layer(index) for index in range(len(self._layer_types))])

    def encode(self, ids: Tensor, past: KeyValues, n_past: int) -> Tensor:
        """Reads `ids [rows, new]` causally behind `n_past` tokens and appends them to `past`; `[rows, new, H]`."""
        self.n_forwards += 1
        n_new = ids.shape[1]
        masks = {
            "full_attention": causal_mask(n_past, n_new, None, self.device),
            "sliding_attention": causal_mask(n_past, n_new, self._window, self.device),
        }
        output = self._loaded.model.encoder.language_model(
            input_ids=ids,
            attention_mask=masks,
            position_ids=torch.arange(n_past, n_past + n_new, device=self.device)[None],
            past_key_values=past,
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def decode(self, ids: Tensor, soft: Tensor | None, past: KeyValues, n_past: int) -> Tensor:
        """Reads a canvas `[rows, L]` in both directions behind the prefix; `[rows, L, H]`."""
        self.n_forwards += 1
        decoder = self._decoder
        embedded = decoder.embed_tokens(ids)
        # Without a signal the projection adds exactly nothing, and only its norm is left.
        conditioning = decoder.self_conditioning
        x: Tensor = conditioning.post_norm(embedded) if soft is None else conditioning(embedded, soft)
        positions = torch.arange(n_past, n_past + ids.shape[1], device=self.device)[None]
        rotations = {kind: decoder.rotary_emb(x, positions, kind) for kind in decoder.unique_layer_types}
        for layer, kind in zip(decoder.layers, self._layer_types, strict=True):
            x = layer(
                x,
                position_embeddings=rotations[kind],
                attention_mask=None,
                position_ids=positions,
                past_key_values=past,
            )
        normed: Tensor = decoder.norm(x)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of all tokens, `[n, H] -> [n, V]`, softcapped, float32."""
        raw: Tensor = self._loaded.lm_head(hidden).float()
        return torch.tanh(raw / self._softcap) * self._softcap

    def embed(self, ids: Tensor) -> Tensor:
        """Scaled embeddings, `[...] -> [..., H]`."""
        embedded: Tensor = self._decoder.embed_tokens(ids)
        return embedded

    def embed_soft(self, probabilities: Tensor) -> Tensor:
        """The scaled mean embedding under each distribution, `[n, V] -> [n, H]`."""
        table = self._decoder.embed_tokens
        mean: Tensor = probabilities.to(table.weight.dtype) @ table.weight
        scale: Tensor = table.embed_scale.to(mean.dtype)
        return mean * scale

    def _empty_layer(self, index: int) -> LayerCache:
        """No tokens in the shape of a layer's keys."""
        attention = self._decoder.layers[index].self_attn
        n_heads = attention.k_proj.out_features // attention.head_dim
        nothing = torch.empty((1, n_heads, 0, attention.head_dim), dtype=self._loaded.dtype, device=self.device)
        return LayerCache(nothing, nothing, self._window if attention.is_sliding else None)
