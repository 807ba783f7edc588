"""The server: short handlers in reading order - translate in, fill, translate out."""

import asyncio
import logging
import os
import threading
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from lsprotocol import types as lsp

from dgls.engines import Cost
from dgls.errors import PositionError
from dgls.infill import Answer, Stopwatch
from dgls.lsp import actions, convert, editing, inline, logs, messages, options
from dgls.lsp.latest import EDITS, OUTDATED, Kind, reason
from dgls.lsp.session import Session
from dgls.lsp.stdio import bodies, streams
from dgls.lsp.workspace import hash_of
from dgls.settings import Settings
from dgls.text.clip import prepare
from dgls.text.document import Document

logger = logging.getLogger(__name__)

_CLOSE_WITHIN_S = 1.0


def serve(settings: Settings) -> int:
    """Serves one editor over stdin and stdout; returns the exit code. Raises SettingError when it cannot log."""
    logs.configure(settings)
    source, output = streams()
    session = with_handlers(Session(settings))
    session.protocol.set_writer(output)
    return asyncio.run(converse(session, source))


async def converse(session: Session, source: BinaryIO) -> int:
    """Handles messages until the editor says exit or hangs up; 0 if it asked for a shutdown before, else 1."""
    async with aclosing(bodies(source)) as stream:
        async for body in stream:
            try:
                session.protocol.receive(body)
            except Exception:  # whatever a message does, the next one is read
                logger.exception("a message could not be handled")
            if session.is_over:
                break
            # The first step of a handler runs before the next message: a request is frozen before the next change.
            await asyncio.sleep(0)
    session.latest.cancel()
    await session.host.close(_CLOSE_WITHIN_S)
    return _leave(0 if session.protocol.shut_down else 1)


def with_handlers(session: Session) -> Session:
    """The session with all handlers below."""
    for method, handler in (
        (lsp.INITIALIZE, initialize),
        (lsp.INITIALIZED, initialized),
        (lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, did_change_configuration),
        (lsp.TEXT_DOCUMENT_DID_OPEN, did_open),
        (lsp.TEXT_DOCUMENT_DID_CHANGE, did_change),
        (lsp.TEXT_DOCUMENT_DID_CLOSE, did_close),
        (messages.DOCUMENT_HASH, document_hash),
        (lsp.SHUTDOWN, shutdown),
        (lsp.EXIT, leave),
    ):
        session.feature(method)(handler)
    for method, answers in editing.HANDLERS:
        session.feature(method)(answers)
    # Without options pygls would not advertise it, and editors would stay silent.
    session.feature(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, lsp.InlineCompletionOptions())(inline_completion)
    session.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(actions.KINDS))(actions.code_actions)
    for command in editing.COMMANDS:  # for what the server says that it can; `execute_command` carries them out
        session.command(command)(editing.execute_command)
    return session


def initialize(session: Session, params: lsp.InitializeParams) -> None:
    """Takes the editor's first settings; its folder decides which of several servers keeps it in its cache.

    What is registered here still counts among what the server says that it can.
    """
    session.editor.wanted = options.wants(params.capabilities)
    session.take({"workspace": options.workspace_of(params)})
    session.take(options.section(params.initialization_options))
    if options.wants_popup(session.settings, params.capabilities):
        session.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions())(completion)


def initialized(session: Session, params: lsp.InitializedParams) -> None:
    """Tells that the engine is not started before it is needed."""
    session.editor.status("idle", session.settings.engine, "starts with the first document")


def did_change_configuration(session: Session, params: lsp.DidChangeConfigurationParams) -> None:
    """Takes the editor's new settings, if they concern dgls."""
    if isinstance(params.settings, dict) and options.SECTION in params.settings:
        session.take(options.section(params.settings))


def did_open(session: Session, params: lsp.DidOpenTextDocumentParams) -> None:
    """Takes over a document; the first one starts the engine, and the clip reads its language's grammar."""
    document = session.documents.open(params.text_document)
    session.wake()
    prepare(document)


def did_change(session: Session, params: lsp.DidChangeTextDocumentParams) -> None:
    """Follows a document; one that cannot be followed is forgotten, as a wrong text is worse than none."""
    session.latest.cancel(params.text_document.uri, EDITS, OUTDATED)
    try:
        session.documents.change(params, session.encoding)
    except PositionError as error:
        logger.warning("a change does not fit: %s", error)
        session.documents.close(params.text_document.uri)


def did_close(session: Session, params: lsp.DidCloseTextDocumentParams) -> None:
    """Forgets a document and ends the request about it."""
    session.latest.cancel(params.text_document.uri)
    session.documents.close(params.text_document.uri)


async def inline_completion(session: Session, params: lsp.InlineCompletionParams) -> lsp.InlineCompletionList:
    """The items for a cursor; an empty list when there is nothing to show, never null."""
    document = session.documents.get(params.text_document.uri)
    answer = await _answer(session, params, document)
    selected = params.context.selected_completion_info
    if document is not None and "outcome" in session.editor.wanted:
        tails = convert.unsure_from(answer.fills, selected, session.encoding)
        silence = None if answer.fills else str(answer.silence)
        place = inline.versioned(document), params.position
        session.editor.outcome(messages.Outcome(*place, tails, silence, sum(answer.ms.values())))
    return convert.completion_list(answer.fills, selected, session.encoding)


async def completion(session: Session, params: lsp.CompletionParams) -> lsp.CompletionList:
    """The same for a popup."""
    answer = await _answer(session, params, session.documents.get(params.text_document.uri))
    return convert.popup_list(answer.fills, session.encoding)


async def _answer(session: Session, params: convert.Params, document: Document | None) -> Answer:
    """The fills for a request about a document as it is now, and one line in the log, however it ends."""
    watch = Stopwatch()
    version = document.version if document else None
    named = lsp.OptionalVersionedTextDocumentIdentifier(params.text_document.uri, version)
    tell = partial(logs.request_line, convert.trigger_of(params), named)
    try:
        kind: Kind = "popup" if convert.trigger_of(params) == "popup" else "ghost text"
        with session.latest.newest(params.text_document.uri, kind):
            answer = await inline.answer_to(session, params, document, watch)
    except asyncio.CancelledError as error:
        logger.info(tell(reason(error), watch.ms, Cost()))
        raise
    except Exception as error:  # whatever broke, the editor gets an empty list
        answer = Answer(silence=session.host.broke(error))
    answer = replace(answer, ms=watch.ms | answer.ms)
    logger.info(tell(logs.outcome_of(answer), answer.ms, answer.cost))
    return answer


def document_hash(session: Session, params: messages.DocumentHashParams) -> messages.DocumentHash | None:
    """What the server believes a document to be; null if it is not open."""
    document = session.documents.get(params.text_document.uri)
    return hash_of(document) if document else None


def shutdown(session: Session, params: None) -> None:
    """Ends all requests; the engine is closed with the process."""
    session.latest.cancel()


def leave(session: Session, params: None) -> None:
    """Ends the session."""
    session.is_over = True


def _leave(code: int) -> int:
    """The exit code; a thread that still computes is not waited for, as that could take minutes."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    if others:
        logging.shutdown()
        os._exit(code)
    return code
