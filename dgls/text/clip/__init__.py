"""The clip: what a model wrote becomes what is worth showing, rule by rule, in the order of `RULES`.

Nothing here looks at a model, a clock or the editor. A text that is clipped once more stays as it is.
"""

from dataclasses import dataclass

from dgls.text.clip import brackets, data, drops, echoes, elements, indents, joins, marks, repeats, scope, sure, tails
from dgls.text.clip.place import Place, Policy, Rule, Work
from dgls.text.document import Document, with_lf
from dgls.text.fill import Silence
from dgls.text.gap import Gap, gap_at

RULES = (
    Rule("P1", sure.sure_beginning),
    Rule("N1", marks.special_tokens),
    Rule("D3", marks.unresolved),
    Rule("U1", marks.fence),
    Rule("H1", echoes.echoed_lines),
    Rule("H2", echoes.echoed_head),
    Rule("H3", echoes.echoed_word),
    Rule("I1", indents.repeated_indent),
    Rule("I2", indents.missing_break),
    Rule("I3", indents.document_style),
    Rule("S0", joins.overlap),
    Rule("S1", joins.rest_of_line),
    Rule("S2", joins.next_line),
    Rule("J2", data.defined_key),
    Rule("K4", brackets.owned_brackets),
    Rule("K5", elements.owned_tags),
    Rule("K1", scope.scope, only_ide=True),
    Rule("K3", scope.one_definition, only_ide=True),
    Rule("R1", repeats.line_cycles),
    Rule("R2", repeats.stutter),
    Rule("T1", tails.partial_line),
    Rule("T2", tails.filler),
    Rule("J1", data.separators),
    Rule("X1", drops.parses, only_whole=True),
    Rule("E1", tails.line_end),
    Rule("D4", drops.dead_end),
    Rule("D1", drops.next_line_again),
    Rule("D2", drops.nothing),
)
_MAX_CHARS = 40_000
_MAX_ROUNDS = 60


@dataclass(frozen=True)
class Clipped:
    """What is worth showing, in the document's line ends; or why nothing is. `rules` are those that changed the text.

    `n_errors` counts the syntax errors around the filled gap; None without a grammar.
    """

    text: str
    silence: Silence | None = None
    rules: tuple[str, ...] = ()
    n_errors: int | None = None


@dataclass(frozen=True)
class Sureness:
    """The tokens of a text with the model's sureness of each, 0..1, and the least that is sure enough."""

    tokens: sure.Tokens = ()
    least: float = 0.0

    def doubt(self, raw: str) -> int | None:
        """The offset from which the model was not sure of a text; None if it was, or if the tokens are another's."""
        if "\r" in raw or "".join(text for text, _ in self.tokens) != raw:
            return None
        return sure.doubt(self.tokens, self.least)


def clip(
    raw: str, gap: Gap, *, policy: Policy = "ide", truncated: bool = False, sureness: Sureness | None = None
) -> Clipped:
    """What of `raw` is worth showing in `gap`; `truncated` says that the model ran out of room."""
    return clip_at(Place(gap, policy), raw, truncated=truncated, sureness=sureness)


def clip_at(
    place: Place, raw: str, *, truncated: bool = False, sureness: Sureness | None = None, whole: bool = True
) -> Clipped:
    """The same, for several texts in one gap: what is known of its surroundings is found out once.

    A text that is still being written is not `whole`: it need not parse yet.
    """
    doubt = sureness.doubt(raw) if sureness else None
    work = Work(with_lf(raw[:_MAX_CHARS]), truncated or len(raw) > _MAX_CHARS, doubt=doubt)
    acted: list[str] = []
    for _ in range(_MAX_ROUNDS):
        before = work.text
        work = _round(work, place, acted, whole=whole)
        if work.silence or work.text == before:
            break
        work = Work(work.text)
    else:  # it would never come to rest
        work = work.silent(Silence.EMPTY)
    if work.silence:
        return Clipped("", work.silence, tuple(acted))
    text = work.text.replace("\n", place.gap.document.line_end)
    return Clipped(text, None, tuple(acted), place.syntax.n_errors(work.text))


def prepare(document: Document) -> None:
    """The grammar and the patterns of a document's language are read: its first clip then costs what others do."""
    clip("(x)\n}", gap_at(document, document.text.find("\n", len(document.text) // 2) + 1))


def _round(work: Work, place: Place, acted: list[str], *, whole: bool) -> Work:
    """The text after every rule once; the names of those that changed it are added."""
    for rule in RULES:
        if work.silence or (rule.only_ide and not place.ide) or (rule.only_whole and not whole):
            continue
        after = rule.act(work, place)
        if after.text != work.text or after.silence:
            acted += [rule.name] if rule.name not in acted else []
        work = after
    return work
