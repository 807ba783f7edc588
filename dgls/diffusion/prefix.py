"""The rewindable prefix cache: what two prompts have in common is encoded once.

All keys and values are kept, also those that a sliding layer cannot see any more, so that the cache can be cut back
anywhere and still be exact; transformers' own sliding cache forgets them (see its `DynamicSlidingWindowLayer.crop`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.diffusion.model import KeyValues, LayerCache, Model


@dataclass(frozen=True, eq=False)
class Prefix:
    """An encoded token sequence; it stays as it is when the cache that it comes from moves on."""

    ids: Sequence[int]
    past: KeyValues

    def seen(self) -> KeyValues:
        """The prefix as the decoder sees it, in one row: in sliding layers the last `window - 1` tokens."""
        return KeyValues([_visible(layer) for layer in self.past.layers])

    def without_last(self, n_rows: int) -> KeyValues:
        """All tokens but the last, in `n_rows` rows, to be appended to."""
        return as_rows(cut(self.past, len(self.ids) - 1), n_rows)


class PrefixCache:
    """The prefix that was encoded last, to be cut back and encoded further."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.prefix = Prefix([], model.empty())

    @torch.no_grad()
    def sync(self, ids: Sequence[int]) -> int:
        """Makes `prefix` that of `ids` (at least one); returns how many tokens had to be encoded."""
        n_common = n_shared(self.prefix.ids, ids)
        past = cut(self.prefix.past, n_common)  # new layers: earlier prefixes keep theirs
        new = list(ids[n_common:])
        if new:
            self._model.encode(torch.tensor([new], device=self._model.device), past, n_common)
        self.prefix = Prefix(list(ids), past)
        return len(new)


def n_shared(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))


def cut(past: KeyValues, n_tokens: int) -> KeyValues:
    """The first `n_tokens` of every layer; views, no copy."""
    return KeyValues(
        [
            LayerCache(layer.keys[..., :n_tokens, :], layer.values[..., :n_tokens, :], layer.window)
            for layer in past.layers
        ]
    )


def as_rows(past: KeyValues, n_rows: int) -> KeyValues:
    """A one-row prefix as `n_rows` equal rows; views, no copy."""
    return KeyValues(
        [
            LayerCache(layer.keys.expand(n_rows, -1, -1, -1), layer.values.expand(n_rows, -1, -1, -1), layer.window)
            for layer in past.layers
        ]
    )


def causal_mask(n_past: int, n_new: int, window: int | None, device: torch.device) -> Tensor:
    """Which keys each new token may attend to, `[1, 1, new, keys]` bool; keys start where `KeyValues.update` does."""
    start = 0 if window is None else max(n_past - (window - 1), 0)
    keys = torch.arange(start, n_past + n_new, device=device)
    queries = torch.arange(n_past, n_past + n_new, device=device)[:, None]
    visible = keys <= queries
    if window is not None:
        visible &= queries - keys < window
    return visible[None, None]


def _visible(layer: LayerCache) -> LayerCache:
    """The part of a layer that a canvas behind the prefix attends to."""
    if layer.window is None:
        return layer
    n_seen = layer.window - 1
    return LayerCache(layer.keys[..., -n_seen:, :], layer.values[..., -n_seen:, :], layer.window)
