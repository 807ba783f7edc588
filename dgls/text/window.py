"""The window: as much of a document around a gap as decides about its syntax, at a cost that is flat in file length.

What is near stands whole. Of what is far, only the lines stand that the near lines are nested in: upwards the lines
that are indented less and less, downwards the closers that are.
"""

import re
from dataclasses import dataclass

from dgls.text.gap import Gap
from dgls.text.languages import CONTINUES, Language
from dgls.text.literals import literals
from dgls.text.scan import scan

NEAR_CHARS, FAR_CHARS = 3000, 120_000
_NEAR_AFTER_CHARS = 2000
_MAX_JOINED_LINES = 40
_CLOSER = re.compile(r"\s*(?:[)\]}]+[;,)\]}]*|end\b|fi\b|done\b|esac\b|</[\w.:-]*>)")
_LABEL = re.compile(r"\s*(?:public|private|protected|signals|default|\w+ slots)\s*:\s*$")
_NO_START = re.compile(r"\s*(?:[)\]}{.|&+*/]|#|--|</|@)")
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|else|endif)\b.*$", re.MULTILINE)
_ANNOTATION = re.compile(r"\s*(?:@\w|#?\[[^\]]*\]\s*$|template\b)")
_BRACE = re.compile(r"\s*\{")
_OPENER = re.compile(r"[({\[]\s*$")
_MAX_STRING_CHARS = 8000
_ANNOTATION = re.compile(r"\s*(?:@\w|#?\[[^\]]*\]\s*$|template\b)")
_OPENER = re.compile(r"[({\[]\s*$")
_MAX_STRING_CHARS = 8000
_MULTI_LINE_QUOTES = {
    **dict.fromkeys(("python", "toml"), ('"""', "'''")),
    **dict.fromkeys(("kotlin", "scala", "java", "swift"), ('"""',)),
    **dict.fromkeys(("go", "javascript", "typescript", "tsx"), ("`",)),
}


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
    far_before = with_lf(text[max(gap.start - FAR_CHARS, 0) : gap.start])
    far_after = with_lf(text[gap.end : gap.end + FAR_CHARS])
    complete = gap.end + FAR_CHARS >= len(text)
    if language.shape in ("prose", "plain"):
        return Window(far_before[-NEAR_CHARS:], far_after[:_NEAR_AFTER_CHARS], complete, cut=True)
    spans, inside = literals(far_before, language)
    before, after = _before(far_before, spans, inside), _after(far_after)
    if language.shape == "braces" and complete:
        # Blocks that do not indent what is in them, such as namespaces.
        n_open = len(scan(before, language).unmatched()[1]) - len(scan(after, language, inside).unmatched()[0])
        n_opened = _n_closed(before, far_before)
        after += "}\n" * max(min(n_open, _n_closed(far_after, after) - n_opened), 0)
        if language.name == "cpp":
            before = "namespace {\n" * max(min(-n_open, n_opened), 0) + before
    if language.name in ("c", "cpp"):
        before, after = _without_conditions(before, after)
    if language.name == "php" and "<?" not in before and "<?" in far_before:
        before = "<?php\n" + before
    return Window(before, after, complete, cut=len(far_after) > _NEAR_AFTER_CHARS)


def _without_conditions(before: str, after: str) -> tuple[str, str]:
    """The lines around the gap's own without #if and #endif, of which the window may have but one."""
    head, line = before[: before.rfind("\n") + 1], before[before.rfind("\n") + 1 :]
    rest, below = after[: after.find("\n") + 1], after[after.find("\n") + 1 :]
    return _CONDITION.sub("", head) + line, rest + _CONDITION.sub("", below)


def _n_closed(more: str, less: str) -> int:
    """How many more braces `more` closes than `less`, on balance."""
    return more.count("}") - more.count("{") - less.count("}") + less.count("{")


def with_lf(text: str) -> str:
    """The text with LF line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def indent_of(line: str) -> int:
    """The columns of white space that a line begins with; a tab counts as one."""
    return len(line) - len(line.lstrip(" \t"))


def _before(text: str, spans: list[tuple[int, int]], inside: str) -> str:
    """The near text, whole from a line on that begins a statement, below the lines that it is nested in."""
    if len(text) <= NEAR_CHARS:
        return text
    start = _statement_start(text)
    around = next((begin for begin, end in spans if begin < start < end), None)
    mark = ""
    if around is not None and around > start - _MAX_STRING_CHARS:
        start = text.rfind("\n", 0, around) + 1
    elif around is not None:
        mark = inside + "\n"
    blank = _blanked(text[:start], [span for span in spans if span[1] <= start])
    near = mark + text[start:]
    return "".join(f"{line}\n" for line in _ancestors(blank.split("\n")[:-1], _first_indent(near))) + near


def _may_begin(line: str) -> bool:
    """Whether a statement can begin with a line."""
    return bool(line.strip()) and not any(rule.match(line) for rule in (_NO_START, CONTINUES, _LABEL))


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """The text without the lines that lie in strings and comments."""
    parts, done = [], 0
    for begin, end in spans:
        first, last = text.find("\n", begin, end), text.rfind("\n", begin, end)
        if first < last:
            parts += [text[done:first], "\n" * text.count("\n", first, last)]
            done = last
    return "".join([*parts, text[done:]])


def _statement_start(text: str) -> int:
    """The offset of the least indented line in the farther half of the near text that can begin a statement."""
    begin = text.find("\n", len(text) - NEAR_CHARS) + 1
    stop = len(text) - NEAR_CHARS // 2
    if begin == 0 or begin >= stop:
        return len(text) - NEAR_CHARS
    best, least, at = begin, 10**6, begin
    for line in text[begin:stop].split("\n")[:-1]:
        if _may_begin(line) and indent_of(line) <= least:
            best, least = at, indent_of(line)
        at += len(line) + 1
    return best


def _first_indent(text: str) -> int:
    """The indentation of the first line that is not blank."""
    return next((indent_of(line) for line in text.split("\n") if line.strip()), 0)


def _ancestors(lines: list[str], indent: int) -> list[str]:
    """The lines above, nearest last, of which each is indented less than all below it."""
    found: list[str] = []
    index = len(lines) - 1
    while index >= 0 and indent > 0:
        line = lines[index]
        if line.strip() and not _LABEL.match(line) and (here := indent_of(line)) < indent:
            first = _header_start(lines, index, here)
            found = lines[first : index + 1] + found
            indent, index = here, first
        index -= 1
    return found


def _header_start(lines: list[str], index: int, indent: int) -> int:
    """The first line of a header of several lines, such as one that ends in `) {`; the line itself if it is far."""
    first = index
    while _CLOSER.match(lines[first]) or CONTINUES.match(lines[first]) or lines[first].lstrip().startswith("{"):
        above = next((i for i in range(first - 1, -1, -1) if lines[i].strip() and indent_of(lines[i]) <= indent), -1)
        if above < 0 or index - above > _MAX_JOINED_LINES or indent_of(lines[above]) < indent:
            return index
        first = above
    return first


def _after(text: str) -> str:
    """The near text, and below it the closers of what it is nested in."""
    if len(text) <= _NEAR_AFTER_CHARS:
        return text
    end = text.rfind("\n", 0, _NEAR_AFTER_CHARS) + 1
    if end == 0:
        return text[:_NEAR_AFTER_CHARS]
    end, indent = _statement_end(text, end)
    closers = []
    for line in text[end:].split("\n"):
        if indent == 0:
            break
        if line.strip() and (here := indent_of(line)) < indent:
            indent = here
            if _CLOSER.match(line):
                closers.append(_closers_of(line))
    return text[:end] + "".join(f"{line}\n" for line in closers)


def _statement_end(text: str, end: int) -> tuple[int, int]:
    """Where the least indented line in the farther half of the near text begins, and its indentation."""
    at = text.find("\n", _NEAR_AFTER_CHARS // 2) + 1
    best, least, above = end, 10**6, ""
    for line in text[at:end].split("\n")[:-1]:
        joined = any(rule.match(line) for rule in (_BRACE, CONTINUES, _LABEL)) or _opens(above)
        if line.strip() and not joined and indent_of(line) <= least:
            best, least = (at + len(line) + 1 if _CLOSER.match(line) else at), indent_of(line)
        at += len(line) + 1
        above = line if line.strip() else above
    return best, least


def _opens(line: str) -> bool:
    """Whether a line belongs to the one below it."""
    return bool(_ANNOTATION.match(line) or _OPENER.search(line))


def _closers_of(line: str) -> str:
    """A closing line without what it opens anew."""
    found = _CLOSER.match(line)
    whole = found is None or not (_OPENER.search(line) or CONTINUES.match(line))
    return line.rstrip().rstrip(",") if whole or found is None else found.group()
