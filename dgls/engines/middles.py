"""What a middle may look like on a canvas: pinned and standing code, slots to be written, and which lengths to try."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from dgls.diffusion.layout import Run, least_likely
from dgls.diffusion.sampling import Kernel
from dgls.engines import Draft
from dgls.engines.candidates import rounds
from dgls.engines.checkpoint import Facts
from dgls.engines.framing import Framed, Part
from dgls.engines.tokens import Tokens
from dgls.errors import TooLongError

_NEAR = (-2, -1, 1, 2, 3)  # how far from its own length a run of standing code is tried
_MOST_ROWS = 8
_MOST_SLOTS = 4  # whose lengths are looked for


@dataclass(frozen=True)
class Slot:
    """A place that is written: `n` tokens of noise stand in it at first, None where the length is to be found."""

    n: int | None


Laid = Sequence[Run | Slot]


def laid_of(part: Part, likely: Sequence[float], kernel: Kernel) -> Laid:
    """A part of the middle on the canvas; `likely` says of standing code how likely each token is (0..1).

    What noise is an id for is kept for good where it is not noised. Elsewhere every token may change that the model
    reads, and each counts as noise or as warm.
    """
    if part.ids is None:
        return [Slot(part.n)]
    if part.strength is None:
        return [Run(part.ids, "pinned")]
    noised = least_likely(likely, part.strength) if likely else [False] * len(part.ids)
    found: list[Run | Slot] = []
    for is_noise, group in groupby(zip(part.ids, noised, strict=True), key=lambda pair: pair[1]):
        ids = [token for token, _ in group]
        if is_noise and kernel is Kernel.ABSORBING:
            found.append(Slot(len(ids)))
        else:
            found.append(Run(ids, "noise" if is_noise else "warm"))
    return found


def runs_of(middle: Laid, lengths: Sequence[int], end: int) -> list[Run]:
    """One row of a canvas: each slot has its length."""
    left = iter(lengths)
    return [Run([end] * next(left), "noise") if isinstance(piece, Slot) else piece for piece in middle]


def parts_of(draft: Draft, middle: Laid, lengths: Sequence[int]) -> tuple[str, ...]:
    """The texts of the slots whose length was looked for."""
    if len(middle) == 1:
        return (draft.text,)
    found, at = [], 0
    for piece, run in zip(middle, runs_of(middle, lengths, 0), strict=True):
        end = at + len(run.ids)
        if isinstance(piece, Slot) and piece.n is None:
            found.append("".join(token.text for token in draft.tokens[at:end]))
        at = end
    return tuple(found)


def begun_rows(frame: Framed, facts: Facts) -> tuple[list[Laid], list[tuple[int, ...]]]:
    """Fills that have begun and fit the canvas, as middles, and how many tokens are still to be written in each place
    of them.
    """
    most = facts.canvas_length - len(frame.head) - frame.pinned
    begun = [fill for fill in frame.begun if sum(part.n or len(part.ids or ()) for part in fill) <= most]
    laid = [[piece for part in fill for piece in laid_of(part, (), facts.sampling.kernel)] for fill in begun]
    return [*laid], [tuple(piece.n or 1 for piece in one if isinstance(piece, Slot)) for one in laid]


def plans(
    middle: Laid, frame: Framed, tokens: Tokens, facts: Facts, found: Sequence[Draft]
) -> Iterator[list[tuple[int, ...]]]:
    """The lengths of all slots to denoise side by side, a row each; then those around the best candidate `found`.

    A lone slot is looked for in rounds. Several are first tried at one length for all, then one after another with the
    others as in the best candidate. Raises TooLongError when the middle does not fit the canvas.
    """
    slots = [piece for piece in middle if isinstance(piece, Slot)]
    n_kept = sum(len(piece.ids) for piece in middle if isinstance(piece, Run))
    most = facts.canvas_length - len(frame.head) - frame.pinned - n_kept
    if most < sum(slot.n or 1 for slot in slots):
        raise TooLongError.of(facts.canvas_length)
    if len(slots) == 1 and n_kept == 0 and slots[0].n is None:
        for lengths in rounds(frame, tokens, facts, found):
            yield [(length,) for length in lengths]
        return
    first = sorted({tuple(slot.n or length for slot in slots) for length in facts.gap_lengths})
    tried = [some for some in first if sum(some) <= most] or [tuple(slot.n or 1 for slot in slots)]
    yield list(tried)
    for place, slot in list(enumerate(slots))[:_MOST_SLOTS]:
        if not found:
            return
        best = max(found, key=lambda draft: draft.score).lengths
        options = facts.gap_lengths if slot.n is None else [slot.n + off for off in _NEAR]
        rows = [(*best[:place], length, *best[place + 1 :]) for length in options if length > 0]
        rows = [some for some in rows if sum(some) <= most and some not in tried][:_MOST_ROWS]
        if rows:
            tried += rows
            yield rows
