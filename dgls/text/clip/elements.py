"""Whose end tags are these: what the suffix closes, a fill must not."""

from dgls.text.clip.brackets import cut_before
from dgls.text.clip.place import Place, Work
from dgls.text.nesting import NEAR_CHARS
from dgls.text.tags import Tag, close, tags_of, unmatched


def owned_tags(work: Work, place: Place) -> Work:
    """K5: the text ends before an end tag that closes an element which the suffix closes."""
    if not place.language.tags or _is_balanced(work.text):
        return work
    owed = _owed(place)
    if owed is None:
        return work
    opened: list[Tag] = []
    begun = _begun(place.around.before)
    for tag in tags_of(begun + work.text):
        if not tag.closing:
            opened.append(tag)
        elif not close(opened, tag.name) and not close(owed, tag.name):
            return cut_before(work, max(tag.at - len(begun), 0), place, sure=False)
    return work


def _begun(before: str) -> str:
    """The tag that the gap lies in, as far as it stands before the gap."""
    at = before.rfind("<")
    return before[at:] if at >= 0 and ">" not in before[at:] else ""


def _is_balanced(text: str) -> bool:
    """Whether a text opens as many elements of each name as it closes, in whatever order."""
    counts: dict[str, int] = {}
    for tag in tags_of(text):
        counts[tag.name] = counts.get(tag.name, 0) + (-1 if tag.closing else 1)
    return not any(counts.values())


def _owed(place: Place) -> list[Tag] | None:
    """The elements that are open inside of the one that the suffix closes first; None when that cannot be known."""
    opened = unmatched(tags_of(place.around.before))[1]
    near = place.suffix[:NEAR_CHARS]
    first = next(iter(unmatched(tags_of(near))[0]), None)
    if first is None:
        return opened if len(place.suffix) < NEAR_CHARS else None
    same = [index for index, tag in enumerate(opened) if tag.name == first.name]
    in_column = [index for index in same if opened[index].indent == first.indent]
    best = (in_column or same)[-1:]
    return opened[best[0] + 1 :] if best else None
