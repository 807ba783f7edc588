"""Code actions: edits that are known already, and commands for those that are not. The model is not asked here."""

import re
from collections.abc import Iterator, Sequence

from lsprotocol import types as lsp

from dgls.engines import EditingEngine
from dgls.errors import PositionError
from dgls.lsp import convert, messages
from dgls.lsp.convert_edits import n_lines_from, workspace_edit
from dgls.lsp.session import Session
from dgls.text.document import Document
from dgls.text.edit import Edit
from dgls.text.gap import Gap
from dgls.text.placeholders import placeholders

REWRITE, FILL_GAPS, FILL_WITH = "dgls.rewrite", "dgls.fillGaps", "dgls.fillWith"
APPLY_NEXT_EDITS = "dgls.nextEdits.apply"

KINDS = (lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.RefactorRewrite)
_STRENGTHS = (("a little", 0.3), ("half", 0.6), ("anew", 1.0))

# An edit further away is no answer to what the user looks at.
_NEAR_LINES = 10
_MAX_TITLE_CHARS = 60


def code_actions(session: Session, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """What may be done in a range."""
    document = session.documents.get(params.text_document.uri)
    if document is None or not isinstance(session.host.engine, EditingEngine):
        return []
    if len(document.text) > session.settings.max_document_chars:
        return []
    try:
        place = Gap(document, *convert.offsets(document, params.range, session.encoding))
    except PositionError:
        return []
    every = [*_next_edits(session, place, params.range), *_commands(session, place, params.range)]
    return [action for action in every if _is_wanted(action, params.context.only)]


def _next_edits(session: Session, place: Gap, span: lsp.Range) -> Iterator[lsp.CodeAction]:
    """Each next edit near a range, and all of them; or, not known yet, whatever they will be."""
    found = session.documents.next_edits_of(place.document)
    edits = found.edits if found else ()
    for edit in edits:
        if n_lines_from(edit, span.start.line, span.end.line) <= _NEAR_LINES:
            yield _edit(session, f"Next edit: {_title(edit)}", (edit,))
    if len(edits) > 1:
        yield _edit(session, f"Apply all {len(edits)} next edits", edits)
    if found is None and session.documents.change_of(place.document) and session.settings.next_edits != "off":
        asked = messages.ApplyNextEditsParams(_named(place.document))
        yield _command("Apply what follows from the last change", APPLY_NEXT_EDITS, asked, lsp.CodeActionKind.QuickFix)


def _commands(session: Session, place: Gap, span: lsp.Range) -> Iterator[lsp.CodeAction]:
    """What the model is asked for once it is chosen."""
    document, named = place.document, _named(place.document)
    if document.text[place.start : place.end].strip():
        for how, strength in _STRENGTHS:
            yield _command(f"Rewrite: {how}", REWRITE, messages.RewriteParams(named, span, strength))
    lines = _whole_lines(place)
    words = session.settings.placeholders
    if not any(word in document.text for word in words):  # quick, as editors ask at each move of the cursor
        return
    if placeholders(document, lines.start, lines.end, words):
        asked = messages.FillGapsParams(named, convert.range_of(lines, session.encoding))
        yield _command("Fill the gaps here", FILL_GAPS, asked)
    elif placeholders(document, 0, len(document.text), words):
        yield _command("Fill all gaps of this file", FILL_GAPS, messages.FillGapsParams(named))


def _edit(session: Session, title: str, edits: tuple[Edit, ...]) -> lsp.CodeAction:
    """An action that is known already."""
    change = workspace_edit(edits, session.encoding, session.client_capabilities)
    return lsp.CodeAction(title, kind=lsp.CodeActionKind.QuickFix, edit=change)


def _command(
    title: str, command: str, asked: object, kind: lsp.CodeActionKind = lsp.CodeActionKind.RefactorRewrite
) -> lsp.CodeAction:
    """An action that the server carries out."""
    return lsp.CodeAction(title, kind=kind, command=lsp.Command(title, command, arguments=[asked]))


def _named(document: Document) -> lsp.OptionalVersionedTextDocumentIdentifier:
    return lsp.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)


def _whole_lines(place: Gap) -> Gap:
    """The lines that a place begins and ends in."""
    starts = place.document.line_starts
    after = place.document.position_at(place.end, "utf-32").line + 1
    end = starts[after] if after < len(starts) else len(place.document.text)
    return Gap(place.document, place.document.line_start(place.start), end)


def _title(edit: Edit) -> str:
    """The line where an edit is, and what becomes of it."""
    place = edit.minimal()
    line = edit.document.position_at(place.start, "utf-32").line + 1
    changed = edit.result[edit.document.line_start(place.start) : place.start + len(place.text)]
    rest = re.match(r"[^\r\n]*", edit.result[place.start + len(place.text) :])
    whole = changed + rest.group() if rest else changed
    text = next((part.strip() for part in whole.splitlines() if part.strip()), "delete this")
    return f"line {line}: {text if len(text) <= _MAX_TITLE_CHARS else text[:_MAX_TITLE_CHARS] + ' …'}"


def _is_wanted(action: lsp.CodeAction, only: Sequence[str] | None) -> bool:
    """Whether an action is of a kind that is asked for: `refactor` asks for `refactor.rewrite` too."""
    kind = action.kind or ""
    return only is None or any(one in ("", kind) or kind.startswith(one + ".") for one in only)
