"""LSP types <-> text types; nothing else knows both."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lsprotocol import types as lsp

from dgls.errors import PositionError
from dgls.text.document import Document, Encoding, Position, n_units
from dgls.text.edit import Edit
from dgls.text.fill import Fill
from dgls.text.gap import Gap, gap_at

# Longer ones are no names.
_MAX_WORD_CHARS = 200

Params = lsp.InlineCompletionParams | lsp.CompletionParams
Trigger = Literal["automatic", "invoked", "popup"]


@dataclass(frozen=True, eq=False)
class Asked:
    """A request frozen at its first line.

    With a popup item selected, `gap` lies behind its text in a document that already has it; `document` has not.
    """

    document: Document
    gap: Gap
    position: lsp.Position
    trigger: Trigger
    selected: lsp.SelectedCompletionInfo | None = None


def asked(document: Document, params: Params, encoding: Encoding) -> Asked:
    """The frozen form of a request. Raises PositionError."""
    trigger = trigger_of(params)
    selected = None if isinstance(params, lsp.CompletionParams) else params.context.selected_completion_info
    if selected is None:
        gap = gap_at(document, document.offset_at(position(params.position), encoding))
        return Asked(document, gap, params.position, trigger)
    gap = Gap(document, *offsets(document, selected.range, encoding))
    return Asked(document, gap.with_selected(selected.text), params.position, trigger, selected)


def trigger_of(params: Params) -> Trigger:
    """Who wants ghost text, the editor by itself or the user on purpose; or else that it is for a popup."""
    if isinstance(params, lsp.CompletionParams):
        return "popup"
    return "invoked" if params.context.trigger_kind is lsp.InlineCompletionTriggerKind.Invoked else "automatic"


def position(place: lsp.Position) -> Position:
    """A place in our own type."""
    return Position(place.line, place.character)


def offsets(document: Document, span: lsp.Range, encoding: Encoding) -> tuple[int, int]:
    """Start and end of a range. Raises PositionError, also when the end comes first."""
    start = document.offset_at(position(span.start), encoding)
    end = document.offset_at(position(span.end), encoding)
    if end < start:
        raise PositionError("a range ends before it starts", "report it to the editor's makers")
    return start, end


def range_of(place: Gap | Edit, encoding: Encoding) -> lsp.Range:
    """The range that a gap or an edit has in its document; at a cursor an empty one."""
    start, end = (place.document.position_at(offset, encoding) for offset in (place.start, place.end))
    return lsp.Range(lsp.Position(start.line, start.character), lsp.Position(end.line, end.character))


def completion_list(
    fills: Sequence[Fill], selected: lsp.SelectedCompletionInfo | None, encoding: Encoding
) -> lsp.InlineCompletionList:
    """One item for each fill, always with a range: VS Code shows nothing without one."""
    return lsp.InlineCompletionList([_item(fill, selected, encoding) for fill in fills])


def popup_list(fills: Sequence[Fill], encoding: Encoding) -> lsp.CompletionList:
    """One item for each fill, behind those of other servers; incomplete, as the next key may change everything.

    Blanks, all that is left of a fill that was typed into, are no item.
    """
    seen = [fill for fill in fills if fill.text.strip()]
    return lsp.CompletionList(True, [_popup_item(fill, n, encoding) for n, fill in enumerate(seen)])


def unsure_from(
    fills: Sequence[Fill], selected: lsp.SelectedCompletionInfo | None, encoding: Encoding
) -> tuple[int | None, ...]:
    """Where in the text of each item its unsure tail begins, in units of the encoding."""
    before = selected.text if selected else ""
    return tuple(
        None if fill.unsure_from is None else n_units(before + fill.text[: fill.unsure_from], encoding)
        for fill in fills
    )


def _item(fill: Fill, selected: lsp.SelectedCompletionInfo | None, encoding: Encoding) -> lsp.InlineCompletionItem:
    """The missing text at the cursor, or behind the selected popup item in place of what that replaces."""
    if selected is None:
        return lsp.InlineCompletionItem(insert_text=fill.text, range=range_of(fill.gap, encoding))
    return lsp.InlineCompletionItem(insert_text=selected.text + fill.text, range=selected.range)


def _popup_item(fill: Fill, rank: int, encoding: Encoding) -> lsp.CompletionItem:
    """The word before the cursor and the missing text, in place of that word: editors filter and sort by it."""
    word = re.findall(r"\w*\Z", fill.gap.prefix[-_MAX_WORD_CHARS:])[0]
    text = word + fill.text
    range_ = range_of(replace(fill.gap, start=fill.gap.start - len(word)), encoding)
    label = next(line.strip() for line in text.splitlines() if line.strip())
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    shown = f"{fence}{fill.gap.document.language}\n{text}\n{fence}"
    return lsp.CompletionItem(
        label=label,
        kind=lsp.CompletionItemKind.Text,
        detail="dgls",
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, shown),
        sort_text=f"~~~~{rank:02}",
        filter_text=text.splitlines()[0] or label,
        insert_text_mode=lsp.InsertTextMode.AsIs,
        text_edit=lsp.TextEdit(range_, text),
    )
