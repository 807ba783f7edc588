"""From a frozen request for edits to edits that fit the document as it still is, once the engine has time for them."""

import asyncio
import logging
from dataclasses import replace

from lsprotocol import types as lsp

from dgls.edits import Suggestion
from dgls.engines import Cost, EditingEngine
from dgls.infill import Stopwatch
from dgls.lsp import logs
from dgls.lsp.host import Use
from dgls.lsp.latest import reason
from dgls.lsp.session import Session
from dgls.lsp.wishes import Wish
from dgls.text.fill import Silence

logger = logging.getLogger(__name__)

Named = lsp.OptionalVersionedTextDocumentIdentifier


async def suggested(session: Session, name: str, about: Named, wish: Wish | Suggestion | Silence) -> Suggestion:
    """The edits that were wished for, or why there are none; and one line in the log, however it ends."""
    watch = Stopwatch()
    try:
        found = await _found(session, wish, watch)
    except asyncio.CancelledError as error:
        logger.info(logs.request_line(name, about, reason(error), watch.ms, Cost()))
        raise
    except Exception as error:  # whatever broke, the editor gets an empty list
        found = Suggestion(silence=session.host.broke(error))
    logger.info(logs.request_line(name, about, logs.outcome_of_edits(found), watch.ms, found.cost))
    return found


async def _found(session: Session, wish: Wish | Suggestion | Silence, watch: Stopwatch) -> Suggestion:
    """What is known already, or what the engine makes of it when nothing more urgent runs."""
    if isinstance(wish, Silence):
        return Suggestion(silence=wish)
    if isinstance(wish, Suggestion):
        return replace(wish, cost=Cost())
    async with session.latest.turn(wish.document.uri, wish.kind):
        watch.lap("wait")
        if wish.pauses and session.host.engine is not None:
            await asyncio.sleep(session.settings.pause_ms / 1000)
            watch.lap("pause")
        return await _fresh(session, wish, watch)


async def _fresh(session: Session, wish: Wish, watch: Stopwatch) -> Suggestion:
    """The engine's answer; it is kept as long as the document stays as it is."""
    use = session.host.use()
    if use is None:
        await session.host.look_again()
        return Suggestion(silence=session.host.silence)
    found = await _asked(session, wish, use)
    watch.lap("engine")
    if session.documents.get(wish.document.uri) is not wish.document:
        return Suggestion(silence=Silence.STALE, cost=found.cost)
    if found.silence not in (Silence.LATE, Silence.FAILED, Silence.NO_EDITS):  # these are no words about the document
        session.documents.suggest(wish.document, found, on_demand=wish.kind == "edits on demand")
    return found


async def _asked(session: Session, wish: Wish, use: Use) -> Suggestion:
    """What the flow says."""
    if not isinstance(use.engine, EditingEngine):
        return Suggestion(silence=Silence.NO_EDITS)
    try:
        found = await wish.flow(use.engine, session.settings)
    except Exception as error:  # whatever broke, the editor gets an empty list
        return Suggestion(silence=session.host.broke(error, use))
    session.host.worked(use)
    return found
