"""What the near lines of a gap are nested in: the long rest of a document, reduced to the lines that hold them."""

import re

from dgls.text.languages import CONTINUES

NEAR_CHARS, NEAR_AFTER_CHARS = 2200, 1400
_MAX_STRING_CHARS = 8000
_MAX_JOINED_LINES = 40
_CLOSER = re.compile(r"\s*(?:[)\]}]+[;,)\]}]*|end\b|fi\b|done\b|esac\b|</[\w.:-]*>)")
_LABEL = re.compile(r"\s*(?:public|private|protected|signals|default|\w+ slots)\s*:\s*$")
_NO_START = re.compile(r"\s*(?:[)\]}{.|&+*/]|#|--|</|@|(?:end|fi|done|esac)\b)")
_ASIDE = re.compile(r"\s*(?:#\s*(?:if|ifdef|ifndef|elif|else|endif|region|endregion|define|undef)\b|#\s|#$|//|--|/?\*)")
_ANNOTATION = re.compile(r"\s*(?:@\w|#?\[[^\]]*\]\s*$|template\b)")
_BRACE = re.compile(r"\s*\{")
_OPENER = re.compile(r"[({\[]\s*$")

# Begin and end of a string or comment of several lines, and the mark that it begins with.
Span = tuple[int, int, str]


def near_before(text: str, spans: list[Span]) -> str:
    """The near text, whole from a line on that begins a statement, below the lines that it is nested in."""
    if len(text) <= NEAR_CHARS:
        return text
    start = _statement_start(text)
    around = next((span for span in spans if span[0] < start < span[1]), None)
    mark = ""
    if around and around[0] > start - _MAX_STRING_CHARS:
        start = text.rfind("\n", 0, around[0]) + 1
    elif around:
        mark = around[2] + "\n"
    blank = _blanked(text[:start], [span for span in spans if span[1] <= start])
    near = mark + text[start:]
    return "".join(f"{line}\n" for line in _ancestors(blank.split("\n")[:-1], _first_indent(near))) + near


def _may_begin(line: str) -> bool:
    """Whether a statement can begin with a line."""
    return bool(line.strip()) and not any(rule.match(line) for rule in (_NO_START, CONTINUES, _LABEL))


def _blanked(text: str, spans: list[Span]) -> str:
    """The text without the lines that lie in strings and comments."""
    parts, done = [], 0
    for begin, end, _ in spans:
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
        # Directives and comments may stand in any column.
        if line.strip() and (here := indent_of(line)) < indent and not (_LABEL.match(line) or _ASIDE.match(line)):
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


def near_after(text: str, spans: list[Span]) -> tuple[str, str]:
    """The near text, and the closers of what it is nested in; `spans` are strings and comments in the near text."""
    if len(text) <= NEAR_AFTER_CHARS:
        return text, ""
    end = text.rfind("\n", 0, NEAR_AFTER_CHARS) + 1
    if end == 0:
        return text[:NEAR_AFTER_CHARS], ""
    end, indent = _statement_end(text, end, spans)
    closers = []
    for line in text[end:].split("\n"):
        if indent == 0:
            break
        if line.strip() and (here := indent_of(line)) < indent and not _ASIDE.match(line):
            indent = here
            if _CLOSER.match(line):
                closers.append(_closers_of(line))
    return text[:end], "".join(f"{line}\n" for line in closers)


def _statement_end(text: str, end: int, spans: list[Span]) -> tuple[int, int]:
    """Where the least indented line in the farther half of the near text begins, and its indentation."""
    at = text.find("\n", NEAR_AFTER_CHARS // 2) + 1
    best, least, above = end, 10**6, text[:at].rstrip().rsplit("\n", 1)[-1]
    for line in text[at:end].split("\n")[:-1]:
        joined = (
            any(rule.match(line) for rule in (_BRACE, _ASIDE, CONTINUES, _LABEL)) or _opens(above) or _reopens(line)
        )
        joined = joined or any(first < at < last for first, last, _ in spans)
        if line.strip() and not joined and indent_of(line) <= least:
            best, least = (at + len(line) + 1 if _CLOSER.match(line) else at), indent_of(line)
        at += len(line) + 1
        above = line if line.strip() else above
    return best, least


def _opens(line: str) -> bool:
    """Whether a line belongs to the one below it."""
    return bool(_ANNOTATION.match(line) or _OPENER.search(line))


def _reopens(line: str) -> bool:
    """Whether a line closes something and opens something else, such as the end of a header of several lines."""
    return bool(_CLOSER.match(line) and _OPENER.search(line))


def _closers_of(line: str) -> str:
    """A closing line with its comma left out, and with the end of what it goes on with or without what it opens."""
    if CONTINUES.match(line) and line.rstrip().endswith("{"):
        return line.rstrip() + "}"
    found = _CLOSER.match(line)
    whole = found is None or not (_OPENER.search(line) or CONTINUES.match(line))
    return line.rstrip().rstrip(",") if whole or found is None else found.group()


def indent_of(line: str) -> int:
    """The columns of white space that a line begins with; a tab counts as one."""
    return len(line) - len(line.lstrip(" \t"))
