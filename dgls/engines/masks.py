"""What a vocabulary allows, as masks over all tokens."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgls.engines.tokens import Tokens


class TypedText:
    """What the gap must begin with, as UTF-8: the beginning of a symbol that the user has typed."""

    def __init__(self, tokens: Tokens, typed: bytes, device: torch.device) -> None:
        self._tokens = tokens
        self._typed = typed
        self._device = device
        self._fewest = tokens.fewest(typed)
        self._banned = banned_mask(tokens)
        self._allowed: dict[tuple[bytes, int], Tensor] = {}  # each step asks for the same few beginnings

    def allowed(self, path: Sequence[int], n_left: int) -> Tensor | None:
        """The tokens that may follow `path` with so many places left; None once everything typed is written."""
        n_written = sum(len(self._tokens.bytes_of(token)) for token in path)
        rest = self._typed[n_written:]
        if not rest:
            return None
        key = rest, min(n_left, 1 + max(self._fewest[n_written + 1 :]))  # with more places left, any token fits
        if key not in self._allowed:
            mask = _mask(self._tokens.agreeing(*key), self._tokens.vocab_size)
            self._allowed[key] = (mask & ~self._banned).to(self._device)
        return self._allowed[key]


def banned_mask(tokens: Tokens) -> Tensor:
    """What must not stand in a gap, `[V]`."""
    return _mask(tuple(tokens.banned), tokens.vocab_size)


def _mask(ids: Sequence[int], vocab_size: int) -> Tensor:
    """True at these ids, `[V]`."""
    mask = torch.zeros(vocab_size, dtype=torch.bool)
    mask[torch.tensor(ids, dtype=torch.long)] = True
    return mask
