"""Which gap lengths are tried."""

from pathlib import Path

from dgls.engines import Draft
from dgls.engines.candidates import rounds
from dgls.engines.checkpoint import read_facts
from dgls.engines.framing import framed
from dgls.engines.tokens import read_tokens
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt


def test_a_later_round_has_no_lengths_that_what_is_typed_does_not_fit(base_folder: Path) -> None:
    """Rows of them would be computed to the end for nothing."""
    tokens = read_tokens(base_folder, 260)
    facts = read_facts(base_folder, with_settings(Settings(), {"gap_lengths": [3, 5], "effort": "high"}))
    found: list[Draft] = []

    def tried(prefix: str) -> list[list[int]]:
        frame = framed(Prompt(prefix, "\n"), tokens, "base", 100)
        lengths = []
        for some in rounds(frame, tokens, facts, found):
            lengths.append(some)
            found[:] = [Draft("", gap_tokens=some[0])]
        return lengths

    assert min(map(min, tried(""))) == 1
    found.clear()
    assert min(map(min, tried("abcdef"))) == 6
