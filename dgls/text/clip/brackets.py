"""Whose brackets are these: what the suffix closes, a fill must not."""

from dataclasses import replace

from dgls.text.clip.place import Place, Work
from dgls.text.scan import PAIRS, Bracket


def owed(place: Place) -> int:
    """How many more brackets a fill must close than open; negative when it must leave some open for the suffix.

    The first closer of the suffix that leads its line belongs to the opener of its column: what is open inside of that
    one is owed. Without such a closer the numbers decide.
    """
    closer, n_before = anchor(place)
    if closer:
        counted = len(place.openers) - len(place.closers)
        by_column = [len(place.openers) - 1 - index - n_before for index in _openers_in_column(place.openers, closer)]
        return min(by_column, key=lambda n_owed: abs(n_owed - counted)) if place.around.complete else by_column[-1]
    if not place.around.complete:
        here = [bracket for bracket in place.openers if bracket.at >= len(place.around.before) - len(place.line)]
        return len(here) - sum(closer.at < len(place.rest) for closer in place.closers)
    return len(place.openers) - len(place.closers)


def anchor(place: Place) -> tuple[Bracket | None, int]:
    """The first closer of the suffix that leads a line, if an opener stands in its column; how many are before it."""
    for n_before, closer in enumerate(place.closers):
        if closer.leading and (place.own_line or closer.at > len(place.rest)):
            return (closer if _openers_in_column(place.openers, closer) else None), n_before
    return None, 0


def _openers_in_column(openers: list[Bracket], closer: Bracket) -> list[int]:
    """The indexes of the openers whose line is indented like the closer, outermost first."""
    return [
        index
        for index, opener in enumerate(openers)
        if PAIRS[opener.mark] == closer.mark and opener.indent == closer.indent
    ]


def owned_brackets(work: Work, place: Place) -> Work:
    """K4: the text ends before the first bracket that closes more than is owed and is not opened again."""
    if place.language.shape in ("prose", "markup"):
        return work
    work = _without_last_closers(work, place)
    needed, depth = -owed(place), 0
    brackets = place.scan(work.text).brackets
    depths = []
    for bracket in brackets:
        depth += 1 if bracket.opens else -1
        depths.append(depth)
    if place.n_errors(work.text) == 0 and (depth == needed or not place.ide):
        return work
    floor = min(needed, 0)
    for index, bracket in enumerate(brackets):
        # What the suffix closes is opened first, and then stays open.
        floor = needed if depths[index] >= needed else floor
        if depths[index] < floor and not bracket.opens and not _comes_back(index, brackets, depths, work, floor):
            closer, _ = anchor(place)
            same = closer is not None and bracket.leading and bracket.indent == closer.indent
            kept = cut_before(work, bracket.at, place, sure=same and depths[-1] != needed)
            # What is balanced in the end is cut only for a better text.
            return kept if depths[-1] != needed or place.breaks(work.text, kept.text) else work
    return work


def _without_last_closers(work: Work, place: Place) -> Work:
    """The text without closers at its end that close too much and of which each is a syntax error less."""
    while (kept := work.text.rstrip())[-1:] in (")", "]", "}"):
        closers, openers = place.scan(work.text).unmatched()
        less = kept[:-1].rstrip() + work.text[len(kept) :]
        too_many = closers and closers[-1].at == len(kept) - 1 and len(closers) - len(openers) > owed(place)
        if not too_many or not place.breaks(work.text, less):
            break
        work = replace(work, text=less)
    return work


def _comes_back(index: int, brackets: tuple[Bracket, ...], depths: list[int], work: Work, floor: int) -> bool:
    """Whether what is closed too often is opened again in the same line."""
    line_end = work.text.find("\n", brackets[index].at)
    back = next((i for i in range(index + 1, len(brackets)) if depths[i] >= floor), None)
    return back is not None and (line_end < 0 or brackets[back].at < line_end)


def cut_before(work: Work, at: int, place: Place, *, sure: bool) -> Work:
    """The text before a bracket or tag that is not its own; if not sure, unless that is more broken than the whole.

    It ends where the suffix begins, so that the model had room for all of it.
    """
    kept = work.cut(at)
    head = kept.text[kept.text.rfind("\n") + 1 :]
    if not head.strip(" \t") and "\n" in kept.text:
        kept = kept.cut(len(kept.text) - len(head) - 1)
    return work if not sure and place.breaks(kept.text, work.text) else replace(kept, truncated=False)
