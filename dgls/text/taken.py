"""Edits that the user took: the text after them, and what they make of other edits and of the user's own change."""

from collections.abc import Sequence
from dataclasses import replace

from dgls.text.document import Document
from dgls.text.edit import Change, Edit


def with_all(document: Document, edits: Sequence[Edit]) -> str:
    """The text of a document after edits of it, of which none overlaps another."""
    text = document.text
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def moved(edit: Edit, taken: Sequence[Edit], now: Document) -> Edit | None:
    """The edit in the document as it is after other edits were taken; None if one of them touches it."""
    if any(other.start <= edit.end and edit.start <= other.end for other in taken):
        return None
    by = sum(len(other.text) - len(other.before) for other in taken if other.end < edit.start)
    return replace(edit, document=now, start=edit.start + by, end=edit.end + by)


def as_if_before(change: Change, taken: Sequence[Edit], now: Document) -> Change:
    """The user's change as if the edits that were taken later had stood there before it; so none suggests undoing them.

    Where one touches what the user changed, it counts as the user's own.
    """
    mine = change.edit
    undo = Edit(change.now, mine.start, mine.start + len(mine.text), mine.before)
    earlier = [moved(edit, [undo], change.before) for edit in taken]
    if None in earlier:
        return change.followed_by(now)
    before = replace(change.before, text=with_all(change.before, [edit for edit in earlier if edit]))
    return Change(before, now)
