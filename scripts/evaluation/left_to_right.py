"""The baseline that sees no suffix: the encoder of the same weights writes on from the prefix, token by token."""

from collections.abc import AsyncGenerator, AsyncIterator

import torch

from dgls.diffusion.prefix import PrefixCache
from dgls.engines import Cost, Draft, Drafts, Token
from dgls.engines.filler import Filler
from dgls.engines.framing import framed
from dgls.engines.tokens import TypedText
from dgls.text.prompt import Prompt

_MOST_TOKENS = 64


class LeftToRight:
    """An engine that decodes greedily with the prefix cache until a line ends, or for a given number of tokens."""

    name = "left to right"

    def __init__(self, filler: Filler, n_tokens: int | None) -> None:
        self._filler = filler
        self._n_tokens = n_tokens

    async def start(self) -> AsyncIterator[str]:
        """It is started."""
        yield "ready"

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """One draft, with the probability of each token and one forward for each."""
        filler = self._filler
        frame = framed(prompt, filler.tokens, "auto", filler.facts.context_tokens)
        ids, sureness = self._written(list(frame.prefix), frame.typed)
        text = "".join(filler.tokens.pieces(ids))[len(frame.typed.decode()) :]
        tokens = tuple(Token(text if n == 0 else "", p, settled=True) for n, p in enumerate(sureness))
        draft = Draft(text, tokens, settled=True, gap_tokens=len(ids))
        yield Drafts((draft,), final=True, cost=Cost(n_steps=len(ids), n_forwards=len(ids)))

    async def close(self) -> None:
        """Nothing to free."""

    @torch.no_grad()
    def _written(self, prefix: list[int], typed: bytes) -> tuple[list[int], list[float]]:
        """The tokens written behind a prefix and their probabilities; they begin with what is typed."""
        model, tokens = self._filler.model, self._filler.tokens
        held = TypedText(tokens, typed, model.device)
        cache = PrefixCache(model)
        ids: list[int] = []
        sureness: list[float] = []
        while len(ids) < (self._n_tokens or _MOST_TOKENS):
            cache.sync([*prefix, *ids])
            last = torch.tensor([[cache.prefix.ids[-1]]], device=model.device)
            hidden = model.encode(last, cache.prefix.without_last(1), len(cache.prefix.ids) - 1)
            logits = model.logits(hidden[0, -1:])[0].masked_fill(tokens.banned.to(model.device), -torch.inf)
            allowed = held.allowed(ids)
            if allowed is not None:
                logits = logits.masked_fill(~allowed, -torch.inf)
            token = int(logits.argmax())
            if self._n_tokens is None and allowed is None and b"\n" in tokens.bytes_of(token) and ids:
                break
            ids.append(token)
            sureness.append(float(logits.softmax(-1)[token]))
        return ids, sureness
