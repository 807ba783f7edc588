"""The window: as much of a document around a gap as decides about its syntax, at a cost that is flat in file length.

What is near stands whole. Of what is far, only the lines stand that the near lines are nested in: upwards the lines
that are indented less and less, downwards the closers that are.
"""

import re
from dataclasses import dataclass

from dgls.text.document import with_lf
from dgls.text.gap import Gap
from dgls.text.languages import Language
from dgls.text.literals import literals
from dgls.text.nesting import NEAR_AFTER_CHARS, NEAR_CHARS, near_after, near_before
from dgls.text.scan import PAIRS, scan

FAR_CHARS, _FAR_BEFORE_CHARS = 60_000, 30_000
_MAX_OUTER = 3
_UNFINISHED = re.compile(r"(?:^[^\n]*,[ \t]*\n?)+\Z", re.MULTILINE)
_LINE_BRACE = re.compile(r"\{(?=[ \t]*$)|(?<=\n)[ \t]*\}", re.MULTILINE)


@dataclass(frozen=True)
class Window:
    """LF text around a gap.

    `complete` says whether all closers down to the document's end are in `after`, `cut` whether lines are missing.
    """

    before: str
    after: str
    complete: bool = True
    cut: bool = False


def window(gap: Gap, language: Language) -> Window:
    """The window around a gap."""
    text = gap.document.text
    # One character more than is used: a line end may be cut in two.
    first = max(gap.start - _FAR_BEFORE_CHARS, 0)
    far_before = with_lf(text[text.find("\n", first, gap.start) + 1 if first else 0 : gap.start])
    far_after = with_lf(text[gap.end : gap.end + FAR_CHARS])
    complete = gap.end + FAR_CHARS >= len(text)
    if language.shape in ("prose", "plain"):
        return Window(far_before[-NEAR_CHARS:], far_after[:NEAR_AFTER_CHARS], complete, cut=True)
    if language.name == "sql":
        return Window(*_statements(far_before, far_after), complete, cut=True)
    spans, inside = literals(far_before, language)
    before, after = near_before(far_before, spans), _near_after(far_after, inside, language)
    if language.shape == "braces" and complete:
        # Blocks that do not indent what is in them, such as namespaces.
        before, after = _with_outer_blocks(before, after, (far_before, far_after), language)
    if language.name == "php" and "<?" not in before and "<?" in far_before:
        before = "<?php\n" + before
    return Window(before, after, complete, cut=len(far_after) > NEAR_AFTER_CHARS)


def _near_after(text: str, inside: str, language: Language) -> str:
    """The near text behind the gap with the closers of what it opens and of what it is nested in."""
    near, closers = near_after(text, literals(text[:NEAR_AFTER_CHARS], language, inside)[0])
    if len(near) == len(text) or language.shape not in ("braces", "data"):
        return near + closers
    if language.name == "json":
        near = near.rstrip(" \t\n,") + "\n"
    # Only where the near text ends within brackets for sure: a quote in a pattern upsets the count.
    goes_on = near.rstrip()[-1:] in (",", "(", "[", "{")
    openers = scan(near + closers, language, inside).unmatched()[1] if goes_on else []
    if goes_on and not openers:  # a list of selectors, or of what a class implements
        near = _UNFINISHED.sub("", near)
    return near + "".join(PAIRS[opener.mark] for opener in reversed(openers)) + closers


def _statements(before: str, after: str) -> tuple[str, str]:
    """The near text from behind a semicolon at a line's end to behind another one."""
    start = before.rfind(";\n", 0, max(len(before) - NEAR_CHARS // 2, 0))
    end = after.find(";\n", NEAR_AFTER_CHARS // 2)
    first = max(start + 2 if start >= 0 else 0, len(before) - 2 * NEAR_CHARS)
    return before[first:], after[: min(end + 2 if end >= 0 else len(after), 2 * NEAR_AFTER_CHARS)]


def _with_outer_blocks(before: str, after: str, far: tuple[str, str], language: Language) -> tuple[str, str]:
    """The window with the braces of such blocks as far as only one of the two is in it."""
    n_missing = _n_closed(far[1], after) - _n_closed(before, far[0])
    if language.name == "cpp":
        return "namespace {\n" * min(-n_missing, _MAX_OUTER) + before, after + "}\n" * min(n_missing, _MAX_OUTER)
    if n_missing <= 0:
        return before, after
    # Braces in strings were counted, too; so no more than lines begin or end with, or the window itself leaves open.
    n_missing = min(n_missing, _n_closed(*_at_line_ends(far[1], after)) - _n_closed(*_at_line_ends(before, far[0])))
    start = scan(before, language)
    n_open = len(start.unmatched()[1]) - len(scan(after, language, start.inside).unmatched()[0])
    return before, after + "}\n" * min(n_open, n_missing)


def _at_line_ends(*texts: str) -> list[str]:
    """The braces that end or begin a line in each text."""
    return ["".join(_LINE_BRACE.findall(text)) for text in texts]


def _n_closed(more: str, less: str) -> int:
    """How many more braces `more` closes than `less`, on balance."""
    return more.count("}") - more.count("{") - less.count("}") + less.count("{")
