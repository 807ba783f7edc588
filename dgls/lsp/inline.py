"""One request for fills, from the frozen gap to fills that fit the document as it is by then."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

from lsprotocol import types as lsp

from dgls import infill
from dgls.engines import Engine
from dgls.errors import PositionError
from dgls.infill import Answer, Stopwatch
from dgls.lsp import convert, messages
from dgls.lsp.convert import Asked, Params
from dgls.lsp.session import Session
from dgls.lsp.workspace import left_of
from dgls.text.document import Document
from dgls.text.fill import Fill, Silence


async def answer_to(session: Session, params: Params, document: Document | None, watch: Stopwatch) -> Answer:
    """The fills to show, best first: one for an automatic request, else alternatives too."""
    asked = frozen(session, params, document)
    if isinstance(asked, Silence):
        return Answer(silence=asked)
    remembered = session.documents.recall(asked.gap)
    watch.lap("recall")
    answer = Answer(remembered) if remembered else await fresh(session, asked, watch)
    fills = fitting(asked, answer.fills, session.documents.get(asked.document.uri))
    if answer.fills and not fills:
        return replace(answer, fills=(), silence=Silence.STALE)
    return replace(answer, fills=fills[: 1 if asked.trigger == "automatic" else session.settings.n_alternatives])


def frozen(session: Session, params: Params, document: Document | None) -> Asked | Silence:
    """What is asked for, or why it cannot be answered."""
    if document is None:
        return Silence.UNKNOWN_DOCUMENT
    if len(document.text) > session.settings.max_document_chars:
        return Silence.TOO_LARGE
    try:
        return convert.asked(document, params, session.encoding)
    except PositionError:
        return Silence.OUTSIDE


async def fresh(session: Session, asked: Asked, watch: Stopwatch) -> Answer:
    """The engine's answer, after a pause in which a newer key cancels a request that was not made on purpose."""
    if asked.trigger != "invoked" and session.host.engine is not None:
        await asyncio.sleep(session.settings.pause_ms / 1000)
        watch.lap("pause")
    use = session.host.use()
    if use is None:
        await session.host.look_again()
        return Answer(silence=session.host.silence)
    try:
        answer = await answered(session, asked, use.engine)
    except Exception as error:  # whatever broke, the editor gets an empty list
        return Answer(silence=session.host.broke(error, use))
    if answer.silence is not Silence.LATE:  # that is no word from the engine
        session.host.worked(use)
    session.documents.remember(asked.document.uri, answer.fills)
    return answer


async def answered(session: Session, asked: Asked, engine: Engine) -> Answer:
    """The engine's answer; what settles before it is told, to an editor that wants to know."""
    shown, answer = "", Answer()
    begun = session.documents.begun(asked.gap)
    async with aclosing(infill.timely(asked.gap, engine, session.settings, begun)) as stream:
        async for item in stream:
            if isinstance(item, Answer):
                answer = item
                continue
            session.documents.note(asked.gap, item)
            if "draft" in session.editor.wanted and asked.trigger != "popup" and not item.final:
                text = infill.settled(asked.gap, item)
                if text not in ("", shown):
                    shown = text
                    session.editor.draft(messages.Draft(versioned(asked.document), asked.position, text))
    return answer


def versioned(document: Document) -> lsp.VersionedTextDocumentIdentifier:
    """What names a document at one version."""
    return lsp.VersionedTextDocumentIdentifier(document.version, document.uri)


def fitting(asked: Asked, fills: tuple[Fill, ...], now: Document | None) -> tuple[Fill, ...]:
    """What is left of the fills in the document as it is now: all, the rest of those typed into, or nothing."""
    if now is asked.document:
        return fills
    if now is None:
        return ()
    if asked.selected is not None:  # a popup item stands only as long as nothing is typed
        return fills if now.text == asked.document.text else ()
    gap = asked.gap.moved_to(now)
    return left_of(fills, gap) if gap else ()
