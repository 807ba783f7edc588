"""Where the model went on to write what already stands behind the gap: the suffix rules."""

from collections.abc import Iterator
from dataclasses import replace

from dgls.text.clip.brackets import owed
from dgls.text.clip.place import Place, Work, n_word_chars
from dgls.text.clip.seams import goes_on_in_rest

_FEW, _MANY = 3, 10  # letters and digits that a repeat needs as evidence: at the very end, and followed by other text
_CLOSERS = " \t\n)]};,"  # whose they are, the brackets decide
_MAX_TRIES = 64
_AROUND_CHARS = 8000


def overlap(work: Work, place: Place) -> Work:
    """S0: the longest tail of the text that the suffix begins with is the suffix's."""
    raw, suffix = work.text, place.suffix
    for length in _tail_overlaps(raw, suffix):
        head, kept = suffix[:length], raw[: len(raw.rstrip()) - length]
        if not head.strip() or not _ends_well(work, head, suffix) or not _begins_well(head, kept, place):
            continue
        if not kept.strip() and not place.ide and "\n" not in head.strip():
            continue
        if n_word_chars(head) < _FEW and (not head.strip(_CLOSERS) or not place.breaks(raw, kept)):
            continue
        if not place.breaks(kept, raw):
            return _joined(work, _before_break(kept, place), guessed=n_word_chars(head) < _FEW)
    return work


def _tail_overlaps(raw: str, suffix: str) -> Iterator[int]:
    """The lengths of the tails of the text, but for white space at its end, that the suffix begins with."""
    raw = raw.rstrip()
    least = 8
    probe, at = suffix[:least], -1
    if len(probe) == least:
        for _ in range(_MAX_TRIES):
            at = raw.find(probe, at + 1)
            if at < 0:
                break
            if suffix.startswith(raw[at:]):
                yield len(raw) - at
    for length in range(min(least - 1, len(raw), len(suffix)), 0, -1):
        if raw.endswith(suffix[:length]):
            yield length


def _begins_well(head: str, kept: str, place: Place) -> bool:
    """Whether a repeat that begins in the indentation of a line begins that line, or is of more than one."""
    if not place.own_line or not place.rest[:1].isspace():
        return True
    line = kept.rpartition("\n")[2]
    return not line or ("\n" in head.strip() and not line.strip())


def _ends_well(work: Work, head: str, suffix: str) -> bool:
    """Whether a repeat ends where a model would end: at a line's end, or anywhere when it ran out of room."""
    at_line_end = suffix[len(head) :].lstrip(" \t")[:1] in ("", "\n")
    if work.text.endswith("\n") or not work.truncated:
        return at_line_end or (n_word_chars(head) >= _MANY and "\n" in head.strip() and not work.text.endswith("\n"))
    return True


def rest_of_line(work: Work, place: Place) -> Work:
    """S1, S3: the text ends where the rest of the cursor's line begins; behind it stands other text."""
    rest = place.rest.strip()
    in_front = place.own_line and n_word_chars(rest) > 0
    if not rest or (goes_on_in_rest(work, place) and not in_front):
        return work
    best, most = -1, -1
    at = work.text.find(rest)
    for _ in range(_MAX_TRIES):
        if at < 0:
            break
        evidence = _evidence_at(work.text, at, rest, place)
        if (
            evidence > (_FEW if in_front else most)
            and evidence > most
            and _in_line(at, work, place)
            and _may_join(work.text[:at], work.text, place)
        ):
            best, most = at, evidence
        at = work.text.find(rest, at + 1)
    if best >= 0:
        return _joined(work, _before_break(work.text[:best], place))
    first = work.text.split("\n", 1)[0]
    if place.ide and not in_front and n_word_chars(rest) and first != work.text and first.strip():
        return work if place.breaks(first, work.text) else _joined(work, first)
    return work


def _in_line(at: int, work: Work, place: Place) -> bool:
    """Whether the rest of the line stands in a line, as the cursor does, or leads one, as it does then."""
    return not place.own_line or bool(work.text[work.text.rfind("\n", 0, at) + 1 : at].strip())


def _evidence_at(raw: str, at: int, rest: str, place: Place) -> int:
    """How much of the suffix stands at an offset, in letters and digits; -1 when it is too little."""
    tail = raw[at + len(rest) :].split("\n")
    if tail[0].strip():
        return -1
    n_lines, n_chars, whole = _repeated(tail[1:], place.next_lines)
    n_chars += n_word_chars(rest)
    if whole or n_lines > 0 or n_chars >= _MANY or (not place.next_lines and n_chars >= _FEW):
        return n_chars
    return n_chars if place.ide or not any(line.strip() for line in tail[1:]) else -1


def _may_join(kept: str, raw: str, place: Place) -> bool:
    """Whether what is kept leaves open exactly the brackets and quotes that the suffix closes."""
    if place.breaks(kept, raw):
        return False
    found = place.scan(kept)
    closers, openers = found.unmatched()
    if found.inside != place.inside:
        return place.breaks(raw, kept)
    return len(closers) - len(openers) == owed(place) or place.breaks(raw, kept)


def _before_break(kept: str, place: Place) -> str:
    """What is kept without the line break and indentation that the model put before the rest of the line."""
    if not place.own_line and place.rest.strip():
        lines = kept.rsplit("\n", 1)
        if len(lines) == 2 and not lines[1].strip() and lines[0].strip():
            return kept if place.breaks(lines[0], kept) else lines[0]
    if place.rest.strip() and place.rest[:1].isspace() and kept.rsplit("\n", 1)[-1].strip():
        return kept.rstrip(" \t")
    return kept


def next_line(work: Work, place: Place) -> Work:
    """S2: the text ends before the first line that repeats, with its indentation, the next one of the suffix."""
    if not place.below or (place.rest.strip() and not place.own_line):
        return work
    lines = work.text.split("\n")
    wanted = place.below[0].rstrip()
    for index in range(1, len(lines)):
        if lines[index].rstrip() != wanted and not _is_cut(lines, index, wanted, work):
            continue
        n_lines, n_chars, whole = _repeated(lines[index:], place.below)
        unique = _is_unique(place, n_lines)
        whole = whole or n_lines == len(place.below)  # the text goes on behind the document's end
        enough = (unique and n_chars >= (_FEW if n_lines > 1 else _MANY)) or (whole and n_chars >= _FEW)
        kept = "\n".join(lines[:index]).rstrip()
        if enough and kept.strip() and not place.breaks(kept, work.text):
            return _joined(work, kept)
    return work


def _is_unique(place: Place, n_lines: int) -> bool:
    """Whether the lines around have the suffix's first lines only once: else a fill may have them, too."""
    first = place.below[:n_lines]
    around = [line for line in place.prefix[-_AROUND_CHARS:].split("\n") if line.strip()]
    later = [line for line in place.suffix[:_AROUND_CHARS].split("\n") if line.strip()]
    text, wanted = "\n".join(["", *around, "", *later, ""]), "\n".join(["", *first, ""])
    return text.count(wanted) <= 1


def _is_cut(lines: list[str], index: int, wanted: str, work: Work) -> bool:
    """Whether the last line is a beginning of the wanted one that ran out of room."""
    last = lines[index].rstrip()
    return work.truncated and index == len(lines) - 1 and bool(last.strip()) and wanted.startswith(last)


def _repeated(lines: list[str], wanted: list[str]) -> tuple[int, int, bool]:
    """How many lines repeat the wanted ones, their letters and digits, and whether that is all that is left."""
    n_lines = n_chars = 0
    left = [line.rstrip() for line in lines if line.strip()]
    for index, (line, other) in enumerate(zip(left, wanted, strict=False)):
        last = index == len(left) - 1
        if line != other.rstrip() and not (last and other.startswith(line)):
            break
        n_lines, n_chars = n_lines + 1, n_chars + n_word_chars(line)
    return n_lines, n_chars, n_lines == len(left)


def _joined(work: Work, kept: str, *, guessed: bool = False) -> Work:
    """The kept text; that the model ran out of room behind it no longer matters."""
    return replace(work, text=kept, guessed=guessed or work.guessed, truncated=False)
