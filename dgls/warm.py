"""Warm starts: what of earlier drafts a new request about the same gap may go on with after some typing."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from dgls.engines import Draft, Token
from dgls.text.edit import n_alike
from dgls.text.prompt import Begun

_MOST_DRAFTS = 4
_NEW_TOKENS = (1, 2, 3, 4)  # what may stand in the place of a typed deviation, with what is typed of it
_LEAST_KEPT = 2


def begun(drafts: Sequence[Draft], typed: str, sure: float = 0.5) -> tuple[Begun, ...]:
    """The drafts, best first, as they are to be gone on with behind `typed`.

    One that goes on as typed is shifted: what has settled of it stays. If none does, the best one loses what stands in
    the place of what was typed, and what the model was less than `sure` of; empty where hardly anything would be left.
    """
    shifted = [found for draft in drafts[:_MOST_DRAFTS] if (found := _shifted(draft, typed))]
    if shifted:
        return tuple(dict.fromkeys(shifted))
    return tuple(_mended(drafts[0], typed, sure)) if drafts else ()


def _shifted(draft: Draft, typed: str) -> Begun | None:
    """A draft behind its typed beginning; None when it begins otherwise or nothing of the rest has settled."""
    if not draft.text.startswith(typed):
        return None
    left, is_cut = _behind(draft.tokens, len(typed))
    kept = [(token.text, token.settled) for token in left]
    if not any(stays for _, stays in kept):
        return None
    # Half a symbol is never fixed: what is typed has a place of its own, unless the first token is the rest of it.
    return Begun((*[("", False)] * (not kept[0][1] and not is_cut), *kept))


def _mended(draft: Draft, typed: str, sure: float) -> Iterator[Begun]:
    """A draft whose beginning is what was typed instead, with a few new tokens there."""
    rest = _behind(draft.tokens, n_alike(draft.text, typed))[0][1:]
    kept = [(token.text, token.settled and token.sureness >= sure) for token in rest]
    if sum(stays for _, stays in kept) >= _LEAST_KEPT:
        for n_new in _NEW_TOKENS:
            yield Begun((*[("", False)] * n_new, *kept))


def _behind(tokens: Sequence[Token], n_chars: int) -> tuple[list[Token], bool]:
    """The tokens behind so many characters, and whether the first one is cut."""
    ends = [0]
    for token in tokens:
        ends.append(ends[-1] + len(token.text))
    left = [
        Token(token.text[max(n_chars - start, 0) :], token.sureness, token.settled)
        for token, (start, end) in zip(tokens, pairwise(ends), strict=True)
        if end > n_chars
    ]
    return left, n_chars not in ends
