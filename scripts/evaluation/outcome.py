"""A case and what came out of it."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.syntax import n_errors
from evaluation.cases import Case

# What is shorter than this repeats by chance.
_MIN_ECHO_CHARS = 4


@dataclass(frozen=True)
class Outcome:
    """A fill of a gap whose text is known.

    `text` is what is shown, empty for a silence; `raw` is the draft it was clipped from. `gap_tokens` and
    `true_tokens` count what lies on the canvas between prefix and suffix, `shown_tokens` those of `text`.
    `n_pins_changed` is None where pins cannot be watched, `passed` without a test.
    """

    case: Case
    text: str
    raw: str
    sureness: float
    n_forwards: int
    n_steps: int
    gap_tokens: int
    true_tokens: int
    shown_tokens: int
    first_token: bool
    any_exact: bool
    n_pins_changed: int | None = None
    passed: bool | None = None

    @property
    def exact(self) -> bool:
        """The fill is the truth, but for white space at the end."""
        return self.text.rstrip() == self.case.truth.rstrip()

    @cached_property
    def similarity(self) -> float:
        """difflib's ratio of fill and truth, 0..1."""
        return SequenceMatcher(None, self.text, self.case.truth.rstrip(), autojunk=False).ratio()

    @cached_property
    def parses(self) -> bool:
        """The filled file has no syntax error around the gap that the true one has not."""
        return (n_errors(self.gap, self.text) or 0) <= (n_errors(self.gap, self.case.truth) or 0)

    @property
    def echoes(self) -> bool:
        """What is shown repeats the start of the suffix, see `repeats`."""
        return repeats(self.text, self.case.suffix) and not repeats(self.case.truth, self.case.suffix)

    @property
    def echoes_raw(self) -> bool:
        """The draft repeats the start of the suffix, before the clip."""
        return repeats(self.raw, self.case.suffix) and not repeats(self.case.truth, self.case.suffix)

    @property
    def gap(self) -> Gap:
        """The gap that was filled."""
        return gap_at(Document(self.case.prefix + self.case.suffix, language="python"), len(self.case.prefix))


def repeats(text: str, suffix: str) -> bool:
    """Whether a text in the gap says again what follows it.

    One of its lines is the suffix's first line that is not blank, or its end is the beginning of the suffix; white
    space around both does not count, and less than 4 characters are no evidence. Where the suffix begins with a line
    end, what repeats it begins a line, too: a name that ends one line and begins the next is no echo.
    """
    first = next((line.strip() for line in suffix.split("\n") if line.strip()), "")
    if len(first) >= _MIN_ECHO_CHARS and any(line.strip() == first for line in text.split("\n")):
        return True
    end, head = text.rstrip(), suffix.lstrip()
    is_below = "\n" in suffix[: len(suffix) - len(head)]
    overlaps = (n for n in range(_MIN_ECHO_CHARS, min(len(end), len(head)) + 1) if head.startswith(end[-n:]))
    return any(not is_below or _begins_line(end, len(end) - n) for n in overlaps if not end[-n].isspace())


def _begins_line(text: str, at: int) -> bool:
    """Whether only white space stands before an offset in its line."""
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()
