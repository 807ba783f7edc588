"""Edits -> what editors apply."""

from collections.abc import Sequence

from lsprotocol import types as lsp

from dgls.edits import Suggestion
from dgls.lsp import convert, messages
from dgls.text.document import Encoding
from dgls.text.edit import Edit

_ANNOTATION = "dgls"


def inline_edits(found: Suggestion, encoding: Encoding, *, near_line: int = 0) -> messages.InlineEdits:
    """The edits with the version that they are for, those nearest to a line first."""
    nearest = sorted(found.edits, key=lambda edit: n_lines_from(edit, near_line, near_line))
    silence = None if found.edits else str(found.silence)
    return messages.InlineEdits(tuple(_inline(edit, encoding) for edit in nearest), silence)


def n_lines_from(edit: Edit, first_line: int, last_line: int) -> int:
    """How many lines lie between an edit and some lines; 0 when it touches them."""
    start, end = (edit.document.position_at(offset, "utf-32").line for offset in (edit.start, edit.end))
    return max(0, start - last_line, first_line - end)


def workspace_edit(
    edits: Sequence[Edit], encoding: Encoding, editor: lsp.ClientCapabilities, *, confirm: str = ""
) -> lsp.WorkspaceEdit:
    """Edits of one document at its version; with `confirm`, an editor that can shows them before it applies them."""
    document = edits[0].document
    changed = [edit.minimal() for edit in edits]
    able = editor.workspace.workspace_edit if editor.workspace else None
    if not able or not able.document_changes:
        plain = [lsp.TextEdit(convert.range_of(edit, encoding), edit.text) for edit in changed]
        return lsp.WorkspaceEdit(changes={document.uri: plain})
    is_shown = bool(confirm and able.change_annotation_support)
    named = lsp.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return lsp.WorkspaceEdit(
        document_changes=[lsp.TextDocumentEdit(named, [_text_edit(edit, encoding, is_shown) for edit in changed])],
        change_annotations={_ANNOTATION: lsp.ChangeAnnotation(confirm, needs_confirmation=True)} if is_shown else None,
    )


def _inline(edit: Edit, encoding: Encoding) -> messages.InlineEdit:
    """One edit as clients of such edits have it."""
    document = lsp.VersionedTextDocumentIdentifier(edit.document.version, edit.document.uri)
    return messages.InlineEdit(edit.text, convert.range_of(edit, encoding), document)


def _text_edit(edit: Edit, encoding: Encoding, is_shown: bool) -> lsp.TextEdit | lsp.AnnotatedTextEdit:
    """One edit of a versioned document."""
    range_ = convert.range_of(edit, encoding)
    return lsp.AnnotatedTextEdit(_ANNOTATION, range_, edit.text) if is_shown else lsp.TextEdit(range_, edit.text)
