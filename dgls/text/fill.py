"""The fill: text for a gap that is worth showing, and what is left of it after typing."""

from dataclasses import dataclass, replace
from enum import StrEnum

from dgls.text.gap import Gap


class Silence(StrEnum):
    """Why there is nothing to show; a result, not an error."""

    LOADING = "loading"  # the engine is not ready yet
    FAILED = "failed"  # the engine could not be loaded, or broke
    EMPTY = "empty"  # nothing of what the model wrote is worth showing
    UNRESOLVED = "unresolved"  # the model left places open in what it wrote
    REPEATS = "repeats"  # it only wrote the next lines once more
    DEAD_END = "dead end"  # it leaves the block above code that would then never run
    BROKEN = "broken"  # no beginning of it fits without a syntax error
    UNSURE = "unsure"  # the model was not sure of the beginning
    LATE = "late"  # the deadline passed
    STALE = "stale"  # the document moved on to something that the fill does not continue
    OUTSIDE = "outside"  # the position lies outside the document
    UNKNOWN_DOCUMENT = "unknown document"  # the document was never opened
    TOO_LARGE = "too large"  # the document is larger than the setting allows
    FITS = "fits"  # nothing would stand there that is clearly likelier
    NO_PLACE = "no place"  # no code that the request is about
    NO_EDITS = "no edits"  # the engine cannot edit code
    OFF = "off"  # a setting turns it off


@dataclass(frozen=True, eq=False)
class Fill:
    """`text` for `gap`; `sureness` is the mean probability of its tokens, 0..1; behind `unsure_from` it is unsure."""

    gap: Gap
    text: str
    sureness: float = 1.0
    unsure_from: int | None = None

    def typed_into(self, gap: Gap) -> "Fill | None":
        """What is left of this fill at a later gap: None unless the user typed a beginning of it and nothing else."""
        # The cheap checks first: a document may be large, and many fills are looked through at each key.
        n_typed = gap.start - self.gap.start
        if gap.document.uri != self.gap.document.uri or not 0 <= n_typed < len(self.text):
            return None
        if gap.document.text[self.gap.start : gap.start] != self.text[:n_typed]:
            return None
        if gap.suffix != self.gap.suffix or not gap.document.text.startswith(self.gap.prefix):
            return None
        unsure_from = None if self.unsure_from is None else max(0, self.unsure_from - n_typed)
        return replace(self, gap=gap, text=self.text[n_typed:], unsure_from=unsure_from)
