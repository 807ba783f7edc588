"""What the rules know: the place that a text is clipped for, and the text on its way through them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from dgls.text.document import with_lf
from dgls.text.fill import Silence
from dgls.text.gap import Gap
from dgls.text.languages import Language, language_of
from dgls.text.nesting import indent_of
from dgls.text.scan import Bracket, Scan, scan
from dgls.text.syntax import Syntax
from dgls.text.window import FAR_CHARS, window

Policy = Literal["ide", "infill"]

INDENT = re.compile(r"^([ \t]+)(?=[^ \t\n])", re.MULTILINE)
_TAIL_CHARS, _STYLE_CHARS = 20_000, 4000


@dataclass(frozen=True)
class Work:
    """A model's text so far, with LF.

    `truncated` says that the model ran out of room, `guessed` that the text was cut where the suffix seemed to begin,
    with no word as evidence, and `doubt` is the offset from which the model was not sure.
    """

    text: str
    truncated: bool = False
    guessed: bool = False
    silence: Silence | None = None
    doubt: int | None = None

    def changed(self, text: str) -> "Work":
        """Another text with the same history; where the model was not sure is not known of it."""
        return Work(text, self.truncated, self.guessed)

    def cut(self, end: int) -> "Work":
        """The text up to an offset."""
        return replace(self, text=self.text[:end], doubt=None)

    def silent(self, why: Silence) -> "Work":
        """Nothing is shown."""
        return replace(self, text="", silence=why)


class Place:
    """The surroundings of a gap as the rules read them: LF text near it, computed when asked for."""

    def __init__(self, gap: Gap, policy: Policy) -> None:
        self.gap = gap
        self.policy = policy
        self.language: Language = language_of(gap.document.language, gap.document.name)
        text = gap.document.text
        self.prefix = with_lf(text[max(gap.start - _TAIL_CHARS, 0) : gap.start])
        self.suffix = with_lf(text[gap.end : gap.end + FAR_CHARS])
        self.around = window(gap, self.language)
        self.syntax = Syntax(self.around, self.language)
        self._scans: dict[str, Scan] = {}
        self.line = self.prefix[self.prefix.rfind("\n") + 1 :]
        self.rest = self.suffix.split("\n", 1)[0]

    @property
    def ide(self) -> bool:
        """Whether the text is ghost text at a cursor, rather than the fill of a whole region."""
        return self.policy == "ide"

    def scan(self, text: str) -> Scan:
        """The brackets of a text in the gap; each text is read once."""
        if text not in self._scans:
            self._scans[text] = scan(text, self.language, self.inside)
        return self._scans[text]

    def n_errors(self, text: str) -> int | None:
        """How many syntax errors the window has with a text in the gap, on lines of its own if that is better."""
        here = self.syntax.n_errors(text)
        if here and self.own_line and n_word_chars(self.rest) and text.strip():
            below = text.rstrip() + "\n" + ("" if self.rest[:1].isspace() else self.line)
            return min(here, self.syntax.n_errors(below) or 0)
        return here

    def breaks(self, text: str, other: str) -> bool:
        """Whether a text leaves more errors than another one; never without a grammar."""
        mine, others = self.n_errors(text), self.n_errors(other)
        return mine is not None and others is not None and mine > others

    @property
    def own_line(self) -> bool:
        """Whether only white space stands before the gap in its line."""
        return not self.line.strip()

    @cached_property
    def next_lines(self) -> list[str]:
        """The lines below the gap's own that are not blank."""
        return [line for line in self.suffix.split("\n")[1:200] if line.strip()]

    @cached_property
    def below(self) -> list[str]:
        """The lines that are not blank below the gap; the first one is the gap's own if it stands at its beginning."""
        if self.own_line and self.rest.strip():
            return [self.line + self.rest, *self.next_lines]
        return self.next_lines

    @cached_property
    def scanned(self) -> Scan:
        """The brackets before the gap."""
        return scan(self.around.before, self.language)

    @property
    def inside(self) -> str:
        """The quote or comment mark that the gap lies in; empty in code."""
        return self.scanned.inside

    @cached_property
    def openers(self) -> list[Bracket]:
        """The brackets that are open at the gap, outermost first."""
        return self.scanned.unmatched()[1]

    @cached_property
    def without_rest(self) -> Syntax:
        """What counts the errors without the rest of the gap's line."""
        after = self.around.after
        return Syntax(
            replace(self.around, after=after[after.find("\n") if "\n" in after else len(after) :]), self.language
        )

    @cached_property
    def closers(self) -> list[Bracket]:
        """The brackets that the suffix closes without having opened them."""
        return scan(self.around.after, self.language, self.inside).unmatched()[0]

    @cached_property
    def style(self) -> tuple[int, int]:
        """1 and 0 for a document that is indented with tabs, 0 and the width of a step for one with spaces.

        0 and 0 for one with both, or with neither.
        """
        text = self.prefix[-_STYLE_CHARS:] + "|\n" + self.suffix[:_STYLE_CHARS]
        leads = INDENT.findall(text)
        with_tabs = sum(lead.startswith("\t") for lead in leads)
        if leads and with_tabs == len(leads):
            return 1, 0
        wide = [len(lead) for lead in leads if len(lead) > 1]
        return (0, min(wide)) if wide and not with_tabs else (0, 0)

    @cached_property
    def scope(self) -> int:
        """The indentation of the block that the gap lies in, or of its statement's first line.

        Of a gap in a comment or string it is that of the line in which this begins: lines in there may stand anywhere.
        """
        if self.inside and self.scanned.long and self.scanned.long[-1][1] == len(self.around.before):
            begun = self.around.before[: self.scanned.long[-1][0]]
            return indent_of(begun[begun.rfind("\n") + 1 :])
        if self.own_line:
            return len(self.line)
        lines = self.around.before.split("\n")
        indent = indent_of(self.line)
        for bracket in reversed(self.openers):
            if bracket.mark != "{" and bracket.indent < indent:
                indent = bracket.indent
        return indent if not lines[-1].lstrip().startswith((".", "?.", "&&", "||")) else min(indent, _chain(lines))


def _chain(lines: list[str]) -> int:
    """The indentation of the line that a chain of calls or conditions starts in."""
    for line in reversed(lines):
        if line.strip() and not line.lstrip().startswith((".", "?.", "&&", "||", "//", "#")):
            return indent_of(line)
    return 0


Act = Callable[[Work, Place], Work]


@dataclass(frozen=True)
class Rule:
    """A rule: its short name and what it does to a text.

    `only_ide` says that it is only for ghost text at a cursor, `only_whole` that a text on its way breaks it.
    """

    name: str
    act: Act
    only_ide: bool = False
    only_whole: bool = False


def n_word_chars(text: str) -> int:
    """How many letters and digits a text has: what evidence is counted in."""
    return sum(char.isalnum() for char in text)
