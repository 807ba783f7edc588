"""What the model is shown of a place: the code around it as it is now, and as it was before the change."""

from collections.abc import Sequence
from dataclasses import replace

from dgls.text.document import Document, with_lf
from dgls.text.edit import Change, Edit
from dgls.text.follow.place import Place
from dgls.text.gap import Gap
from dgls.text.prompt import Prompt, prompt

# A small model keeps some 300 characters before a gap: what changed and what is near must both fit.
_NEAR_CHARS, _CHANGED_CHARS = 280, 120


def prompt_now(change: Change, place: Place, done: Sequence[Edit], budget_chars: int) -> Prompt:
    """The place in the document as it will be once the edits above it are made."""
    edit = change.edit
    changed = change.now.text[edit.start : edit.start + len(edit.text)]
    start, text = place.start, change.now.text
    for made in reversed([made for made in done if made.end <= place.start]):
        text = text[: made.start] + made.text + text[made.end :]
        start += len(made.text) - (made.end - made.start)
    gap = Gap(replace(change.now, text=text), start, start + place.end - place.start)
    return _with_changed(gap, _lines(change.now, edit.start, len(changed)), _is_near(change, place), budget_chars)


def prompt_before(change: Change, place: Place, budget_chars: int) -> Prompt | None:
    """The same place before the change; None where the change lies in it."""
    edit = change.edit
    if place.start < edit.start + len(edit.text) and edit.start < place.end:
        return None
    shift = len(edit.before) - len(edit.text) if place.start >= edit.start + len(edit.text) else 0
    gap = Gap(change.before, place.start + shift, place.end + shift)
    changed = _lines(change.before, edit.start, len(edit.before))
    return _with_changed(gap, changed, _is_near(change, place), budget_chars)


def _with_changed(gap: Gap, changed: str, is_near: bool, budget_chars: int) -> Prompt:
    """The prompt of a gap; the lines that changed stand once more close above it where they are far away."""
    found = prompt(gap, budget_chars)
    if is_near:
        return found
    prefix = found.prefix
    first = prefix.find("\n", max(len(prefix) - _NEAR_CHARS + len(changed), 0)) + 1
    if not first:
        first = prefix.rfind("\n") + 1
    return replace(found, prefix=prefix[:first] + with_lf(changed) + prefix[first:])


def _lines(document: Document, start: int, length: int) -> str:
    """The lines of a range, as many as fit, with a line end."""
    first = document.line_start(start)
    last = document.text.find("\n", start + length)
    text = document.text[first : last + 1 if last >= 0 else len(document.text)]
    kept = text[:_CHANGED_CHARS]
    kept = kept if len(kept) == len(text) else kept[: kept.rfind("\n") + 1] or kept
    return kept if kept.endswith("\n") else kept + "\n"


def _is_near(change: Change, place: Place) -> bool:
    """Whether the change stands in what a small model sees before the place anyway."""
    return change.edit.start <= place.start and place.start - change.edit.start < _NEAR_CHARS
