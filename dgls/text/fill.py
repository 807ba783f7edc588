"""The fill: text for a gap that is worth showing, and what is left of it after typing."""

from dataclasses import dataclass, replace
from enum import StrEnum

from dgls.text.gap import Gap


class Silence(StrEnum):
    """Why there is nothing to show; a result, not an error."""

    LOADING = "loading"  # the engine is not ready yet
    FAILED = "failed"  # the engine could not be loaded, or broke
    EMPTY = "empty"  # nothing of what the model wrote is worth showing
    LATE = "late"  # the deadline passed
    STALE = "stale"  # the document moved on to something that the fill does not continue
    OUTSIDE = "outside"  # the position lies outside the document
    UNKNOWN_DOCUMENT = "unknown document"  # the document was never opened
    TOO_LARGE = "too large"  # the document is larger than the setting allows


@dataclass(frozen=True, eq=False)
class Fill:
    """`text` for `gap`; `sureness` is the mean probability of its tokens, 0..1."""

    gap: Gap
    text: str
    sureness: float = 1.0

    def typed_into(self, gap: Gap) -> "Fill | None":
        """What is left of this fill at a later gap: None unless the user typed a beginning of it and nothing else."""
        if gap.document.uri != self.gap.document.uri or gap.suffix != self.gap.suffix:
            return None
        if not gap.prefix.startswith(self.gap.prefix):
            return None
        typed = gap.prefix[len(self.gap.prefix) :]
        if len(typed) >= len(self.text) or not self.text.startswith(typed):
            return None
        return replace(self, gap=gap, text=self.text[len(typed) :])
