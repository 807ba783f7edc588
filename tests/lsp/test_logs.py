"""The line that each request leaves in the log."""

from dgls.engines import Draft
from dgls.infill import Answer, Candidate
from dgls.lsp.logs import outcome_of
from dgls.text.document import Document
from dgls.text.fill import Fill, Silence
from dgls.text.gap import gap_at


def test_the_outcome_names_what_is_shown_and_the_rules_that_cut_it() -> None:
    """Counts, a reason for silence, and the clip's rules; no text."""
    gap = gap_at(Document("x = "), 4)
    cut = Candidate("12))", "12", 0.0, 0, Draft("12))"), rules=("K4", "E1"))
    assert outcome_of(Answer((Fill(gap, "12"),), candidates=(cut,))) == "1 items 2 chars clipped by K4 E1"
    assert outcome_of(Answer((Fill(gap, "12"),))) == "1 items 2 chars"
    assert outcome_of(Answer(silence=Silence.LATE)) == "late"
