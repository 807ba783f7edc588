"""LSP types <-> text types; nothing else knows both."""

from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types as lsp

from dgls.errors import PositionError
from dgls.text.document import Document, Encoding, Position, n_units
from dgls.text.fill import Fill
from dgls.text.gap import Gap, gap_at


@dataclass(frozen=True, eq=False)
class Asked:
    """A request frozen at its first line.

    With a popup item selected, `gap` lies behind its text in a document that already has it; `document` has not.
    """

    document: Document
    gap: Gap
    position: lsp.Position
    invoked: bool
    selected: lsp.SelectedCompletionInfo | None = None


def asked(document: Document, params: lsp.InlineCompletionParams, encoding: Encoding) -> Asked:
    """The frozen form of a request. Raises PositionError."""
    invoked = is_invoked(params)
    selected = params.context.selected_completion_info
    if selected is None:
        gap = gap_at(document, document.offset_at(position(params.position), encoding))
        return Asked(document, gap, params.position, invoked)
    gap = Gap(document, *offsets(document, selected.range, encoding))
    return Asked(document, gap.with_selected(selected.text), params.position, invoked, selected)


def is_invoked(params: lsp.InlineCompletionParams) -> bool:
    """Whether the user asked on purpose, not by typing."""
    return params.context.trigger_kind is lsp.InlineCompletionTriggerKind.Invoked


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


def range_of(gap: Gap, encoding: Encoding) -> lsp.Range:
    """The range that a gap is in its document; at a cursor an empty one."""
    start, end = (gap.document.position_at(offset, encoding) for offset in (gap.start, gap.end))
    return lsp.Range(lsp.Position(start.line, start.character), lsp.Position(end.line, end.character))


def completion_list(
    fills: Sequence[Fill], selected: lsp.SelectedCompletionInfo | None, encoding: Encoding
) -> lsp.InlineCompletionList:
    """One item for each fill, always with a range: VS Code shows nothing without one."""
    return lsp.InlineCompletionList([_item(fill, selected, encoding) for fill in fills])


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
