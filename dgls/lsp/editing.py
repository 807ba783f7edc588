"""What is asked about edits: requests that are answered with them, and commands that have the editor apply them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from dgls.edits import Suggestion
from dgls.errors import PositionError
from dgls.lsp import actions, convert, messages, wishes
from dgls.lsp.convert_edits import inline_edits, workspace_edit
from dgls.lsp.latest import GAVE_WAY, OUTDATED, reason
from dgls.lsp.session import Session
from dgls.lsp.suggest import suggested
from dgls.lsp.wishes import Wish
from dgls.text.document import Document
from dgls.text.fill import Silence

_ON_PURPOSE = 1


async def next_edits(session: Session, params: messages.NextEditsParams) -> messages.InlineEdits:
    """What follows from the user's last change, the nearest edit first."""
    document = wishes.frozen(session, params.text_document)
    on_purpose = params.context is not None and params.context.trigger_kind == _ON_PURPOSE
    if isinstance(document, Document) and not _is_inside(document, params.position, session):
        document = Silence.OUTSIDE
    wish = wishes.next_edits_wish(session, document, on_purpose=on_purpose)
    found = await suggested(session, "next edits", params.text_document, wish)
    return inline_edits(found, session.encoding, near_line=params.position.line)


async def rewrite(session: Session, params: messages.RewriteParams) -> messages.InlineEdits:
    """A range written anew."""
    return await _answered(session, actions.REWRITE, params)


async def fill_gaps(session: Session, params: messages.FillGapsParams) -> messages.InlineEdits:
    """The placeholders of a range or of the whole document, filled."""
    return await _answered(session, actions.FILL_GAPS, params)


async def fill_with(session: Session, params: messages.FillWithParams) -> messages.InlineEdits:
    """A gap filled with something that has a text in it."""
    return await _answered(session, actions.FILL_WITH, params)


async def execute_command(session: Session, params: lsp.ExecuteCommandParams) -> None:
    """Has the editor apply what a command comes to; if that is nothing, the user is told why."""
    command = COMMANDS.get(params.command)
    if command is None:
        raise JsonRpcInvalidParams
    asked = session.protocol.argument(params, command.params)
    try:
        found = await suggested(session, command.name, asked.text_document, command.wish(session, asked))
    except asyncio.CancelledError as error:
        if reason(error) in (GAVE_WAY, OUTDATED):
            session.editor.say(f"{command.name}: it {_WHY[reason(error)]}; try again")
        raise
    if found.edits:
        change = workspace_edit(
            found.edits, session.encoding, session.client_capabilities, confirm=f"dgls: {command.name}"
        )
        session.editor.apply(change, command.name)
    else:
        session.editor.say(f"{command.name}: nothing to show: {found.silence}")


async def _answered(session: Session, command: str, params: Any) -> messages.InlineEdits:
    """The edits that a command would have the editor apply."""
    wanted = COMMANDS[command]
    found = await suggested(session, wanted.name, params.text_document, wanted.wish(session, params))
    return inline_edits(found, session.encoding)


def _is_inside(document: Document, position: lsp.Position, session: Session) -> bool:
    """Whether a document has a position."""
    try:
        document.offset_at(convert.position(position), session.encoding)
    except PositionError:
        return False
    return True


def _apply_next_edits_wish(session: Session, params: messages.ApplyNextEditsParams) -> Wish | Suggestion | Silence:
    return wishes.next_edits_wish(session, wishes.frozen(session, params.text_document), on_purpose=True)


@dataclass(frozen=True)
class Command:
    """Its name for people, the argument that it takes, and what that asks for."""

    name: str
    params: type[Any]
    wish: Callable[[Session, Any], Wish | Suggestion | Silence]


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        actions.REWRITE: Command("rewrite", messages.RewriteParams, wishes.rewrite_wish),
        actions.FILL_GAPS: Command("fill gaps", messages.FillGapsParams, wishes.fill_gaps_wish),
        actions.FILL_WITH: Command("fill with", messages.FillWithParams, wishes.fill_with_wish),
        actions.APPLY_NEXT_EDITS: Command("next edits", messages.ApplyNextEditsParams, _apply_next_edits_wish),
    }
)
_WHY: Mapping[str, str] = MappingProxyType({GAVE_WAY: "gave way to a fill", OUTDATED: "was overtaken by a change"})

HANDLERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    (messages.NEXT_EDITS, next_edits),
    (messages.REWRITE, rewrite),
    (messages.FILL_GAPS, fill_gaps),
    (messages.FILL_WITH, fill_with),
    (lsp.WORKSPACE_EXECUTE_COMMAND, execute_command),
)
