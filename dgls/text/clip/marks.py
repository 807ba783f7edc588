"""What is not text at all: the marks of the model's own language, and the wrapping of a chat answer."""

import re
from itertools import islice

from dgls.text.clip.place import Place, Work
from dgls.text.fill import Silence
from dgls.text.nesting import indent_of
from dgls.text.scan import scan

_END = re.compile(
    r"<(?:eos|bos|pad|start_of_turn|end_of_turn)>|<\|[a-z0-9_]+\|?>|<[a-z0-9_]+\|>|<\|[a-z0-9▁_]+\|>|<[｜|][^<>\n]{1,40}[｜|]>"
)
_UNRESOLVED = re.compile("\ufffd|<mask>|\\[MASK\\]|<unk>|<unused\\d+>|<\\|mask\\|>")
_FENCE = re.compile(r"^[ \t]*(`{3,4}|~{3,4})[ \t]*([\w+#.-]*)[ \t]*$", re.MULTILINE)
_MAX_FENCES = 8
_PROSE = re.compile(r"\s*(?:[A-Z][^\n(){}=;]*[.:!]|(?:Sure|Here|Okay|Certainly)\b[^\n]*)\s*$", re.MULTILINE)


def special_tokens(work: Work, place: Place) -> Work:
    """N1: the text ends at the first mark of the model's own that leaked into it, such as the end of a turn."""
    for found in _END.finditer(work.text):
        quoted = work.text[max(found.start() - 1, 0) : found.start()] in ('"', "'", "`")
        if not quoted and not _known(found.group(), place) and not (place.language.tags and "|" not in found.group()):
            return work.cut(found.start())
    return work


def unresolved(work: Work, place: Place) -> Work:
    """D3: nothing is shown while marks stand for places that the model did not resolve."""
    for found in _UNRESOLVED.finditer(work.text):
        if not _known(found.group(), place) and not (place.language.tags and found.group().startswith("<")):
            return work.silent(Silence.UNRESOLVED)
    return work


def _known(mark: str, place: Place) -> bool:
    """Whether the document is about such marks."""
    return mark in place.prefix or mark in place.suffix


def fence(work: Work, place: Place) -> Work:
    """U1: of an answer in a Markdown fence, with prose around it, the code remains; in Markdown, a fence is text."""
    if place.language.name == "markdown" or ("```" not in work.text and "~~~" not in work.text):
        return work
    fences = list(islice(_FENCE.finditer(work.text), _MAX_FENCES))
    index = next((index for index, found in enumerate(fences) if _wraps(found, work, place)), None)
    if index is None:
        return work
    first, bare = (
        fences[index],
        [found for found in fences[index + 1 :] if not found[2] and found[1] == fences[index][1]],
    )
    # What the code itself opens must not hide the end of its wrapping.
    closing = next((found for found in bare if _wraps(found, work, place)), bare[-1] if bare else None)
    before = work.text[: first.start()]
    if before.strip() and not first[2] and not (closing and _PROSE.match(before.strip().rsplit("\n", 1)[-1])):
        return work.cut(len(before.rstrip("\n")) if before.strip() else 0)
    end = len(work.text) if closing is None else max(closing.start() - 1, first.end() + 1)
    return Work(work.text[first.end() + 1 : end], work.truncated)


def _wraps(fence: "re.Match[str]", work: Work, place: Place) -> bool:
    """Whether a fence is none of the document's own: those stand in strings and comments of several lines.

    Where the gap lies in one itself, only a fence that leaves the indentation is the model's.
    """
    if place.inside not in ("", "`", "//", '"', "'"):
        return indent_of(place.line) > 0 and not fence.group()[:1].isspace()
    return scan(work.text[: fence.start()], place.language).inside in ("", "`", "//")
