"""Writing from left to right, token by token: the baseline that sees no suffix, by the encoder of the same weights."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from itertools import islice

import torch

from dgls.diffusion.prefix import PrefixCache
from dgls.engines import Cost, Draft, Drafts, Token
from dgls.engines.filler import Filler
from dgls.engines.framing import framed
from dgls.engines.masks import TypedText, banned_mask
from dgls.text.prompt import Prompt

_MOST_TOKENS = 64


class Writer:
    """What engines around a loaded filler that write from left to right have in common."""

    name = "left to right"

    async def start(self) -> AsyncIterator[str]:
        """It is started."""
        yield "ready"

    async def close(self) -> None:
        """Nothing to free."""


class LeftToRight(Writer):
    """An engine that writes until a line ends, or for a given number of tokens."""

    def __init__(self, filler: Filler, n_tokens: int | None) -> None:
        self._filler = filler
        self._n_tokens = n_tokens

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """One draft, with the probability of each token and one forward for each."""
        frame = framed(prompt, self._filler.tokens, "auto", self._filler.facts.context_tokens)
        one_line = self._n_tokens is None
        yield drafts_of(self._filler, list(frame.prefix), frame.typed, most=self._n_tokens, one_line=one_line)


def drafts_of(
    filler: Filler,
    prefix: list[int],
    typed: bytes,
    *,
    most: int | None = None,
    end: int | None = None,
    one_line: bool = False,
) -> Drafts:
    """What is written greedily behind a prefix, as the only candidate.

    It begins with what is typed, and ends after `most` tokens, at the token `end`, or, if asked for, with its line.
    """
    written = list(islice(_written(filler, prefix, typed, end, one_line), most or _MOST_TOKENS))
    ids, sureness = [token for token, _ in written], [p for _, p in written]
    text = "".join(filler.tokens.pieces(ids))[len(typed.decode()) :]
    tokens = tuple(Token(text if n == 0 else "", p, settled=True) for n, p in enumerate(sureness))
    n_forwards = len(ids) + (end is not None)
    draft = Draft(text, tokens, settled=True, gap_tokens=len(ids))
    return Drafts((draft,), final=True, cost=Cost(n_steps=n_forwards, n_forwards=n_forwards))


@torch.no_grad()
def _written(
    filler: Filler, prefix: list[int], typed: bytes, end: int | None, one_line: bool
) -> Iterator[tuple[int, float]]:
    """Tokens and their probabilities, without end unless there is one."""
    model, tokens = filler.model, filler.tokens
    held = TypedText(tokens, typed, model.device)
    banned = banned_mask(tokens).to(model.device)
    if end is not None:
        banned[end] = False
    cache = PrefixCache(model)
    ids: list[int] = []
    while True:
        cache.sync([*prefix, *ids])
        last = torch.tensor([[cache.prefix.ids[-1]]], device=model.device)
        hidden = model.encode(last, cache.prefix.without_last(1), len(cache.prefix.ids) - 1)
        logits = model.logits(hidden[0, -1:])[0].masked_fill(banned, -torch.inf)
        allowed = held.allowed(ids, len(typed))
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -torch.inf)
        token = int(logits.argmax())
        if token == end or (one_line and ids and allowed is None and b"\n" in tokens.bytes_of(token)):
            return
        yield token, float(logits.softmax(-1)[token])
        ids.append(token)
