"""The engine that asks a vLLM server: prompt in, drafts out; no model library in this process.

For each round of gap lengths: all rows do one step, which says which lengths are worth going on with and how what is
typed may begin; then those are denoised to the end. The rows of a round are requests side by side behind one prompt,
which the server reads once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import replace

from dgls.diffusion.layout import Run
from dgls.diffusion.sampling import Kernel
from dgls.engines import Draft, Drafts, Reading
from dgls.engines.candidates import best_first
from dgls.engines.checkpoint import Facts
from dgls.engines.endpoint import Endpoint, checked
from dgls.engines.framing import Framed, framed
from dgls.engines.middles import Slot, laid_of, plans
from dgls.engines.serving.own import comes_back, own_endpoint, waiting
from dgls.engines.tokens import Tokens
from dgls.engines.vllm.keys import key_for
from dgls.engines.vllm.known import Known, Likely, likely_of, readings, score_of, standing_known, texts_known
from dgls.engines.vllm.rows import (
    Laid,
    draft_at_first,
    draft_at_last,
    first_look,
    rows_for,
    steps_of,
    surest,
    whole,
    with_held,
    with_typed,
)
from dgls.engines.vllm.served import Served, check_alike
from dgls.engines.vllm.server import Server
from dgls.engines.vllm.servers import Servers, in_order
from dgls.engines.vllm.tally import Tally
from dgls.engines.vllm.vocabulary import read_vocabulary
from dgls.engines.vllm.wire import Asked, Read, body_of, read_of
from dgls.errors import EndedError, EngineError, ServerError
from dgls.settings import Settings
from dgls.text.prompt import Prompt

logger = logging.getLogger(__name__)


class VllmEngine:
    """A client of the servers that the settings name, or of this machine's own."""

    def __init__(self, settings: Settings, own: Callable[[Settings], Endpoint | None] = own_endpoint) -> None:
        self._settings = settings
        self._own = own
        self._urls = in_order([checked(url) for url in settings.url], settings.workspace)
        self._servers: Servers | None = None
        self._served: Served | None = None
        self._known: tuple[Tokens, Facts] | None = None
        self._has_answered = False
        self._name = f"vllm ({', '.join(Endpoint(url).shown for url in self._urls) or 'this machine'})"

    @property
    def name(self) -> str:
        """What fills: the model and the server, once they are known."""
        return self._name

    async def start(self) -> AsyncIterator[str]:
        """Waits for a server and reads its model's vocabulary. Raises EngineError."""
        yield "looking for the server"
        async for phrase in self._until_there():
            yield phrase
        endpoints = await asyncio.to_thread(self._endpoints)
        self._servers = servers = self._asking(endpoints)
        begun = time.monotonic()
        served: Served | None = None
        while served is None:
            try:
                served = await servers.first(_what_it_serves)
            except ServerError as error:
                within_s = self._settings.reach_within_s
                if within_s and time.monotonic() - begun >= within_s:
                    raise
                yield f"waiting: {error}"
                await asyncio.sleep(max(servers.retry_in_s, 0.1))
                async for phrase in self._until_there():  # it may have ended just now
                    yield phrase
                if not self._urls and await self._moved():
                    servers = self._servers
        yield f"reading the vocabulary of {served.model}"
        self._served = served
        self._known = await asyncio.to_thread(read_vocabulary, served, self._settings)
        self._name = f"vllm ({served.model}, {endpoints[0].shown})"

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The candidates after the first step and after the last one. Raises EngineError.

        What has `begun` is begun anew: a server keeps no canvas, and one of few steps is soon done again.
        """
        tokens, facts = self._ready()
        frame = _framed(prompt, tokens, facts, self._settings.strategy)
        tally = Tally(len(frame.prefix))
        found: list[Draft] = []
        middle = await self._middle(frame, tally)
        if tally.cost.n_steps:
            yield Drafts((), final=False, cost=tally.cost)
        for plan in plans(middle, frame, tokens, facts, found):
            rows = rows_for(frame, middle, plan=plan, settings=self._settings, facts=facts)
            if rows[0].typed or len(rows) > facts.effort.n_kept_lengths:
                looks = [first_look(row, tokens, self._settings.seed) for row in rows]
                reads = await self._read(looks, tally, 1)
                rows = [replace(row, read=read) for row, read in zip(rows, reads, strict=True)]
                yield Drafts(best_first(draft_at_first(row, tokens) for row in rows), final=False, cost=tally.cost)
                rows = _worth_going_on(rows, tokens, facts.effort.n_kept_lengths)
            found += await self._finished(rows, middle, tally)
        logger.info("%s", tally)
        yield Drafts(best_first(found), final=True, cost=tally.cost)

    async def read(self, prompt: Prompt) -> tuple[Reading, ...]:
        """Every token of the code that stands there, after one step. Raises EngineError."""
        tokens, facts = self._ready()
        frame = _framed(prompt, tokens, facts, self._settings.strategy)
        (part,) = frame.middle
        if not part.ids or not part.strength:
            return ()
        tally = Tally(len(frame.prefix))
        found = readings(part.ids, await self._likely(frame, 0, tally), frame.typed.decode(), tokens)
        logger.info("%s", tally)
        return found

    async def weigh(self, prompt: Prompt, texts: Sequence[str]) -> tuple[float, ...]:
        """The score of each text where it stands, after one step. Raises EngineError."""
        tokens, facts = self._ready()
        if not texts:
            return ()
        frame = _framed(prompt, tokens, facts, self._settings.strategy)
        known, n_scored = texts_known(frame, texts, tokens, self._settings, facts)
        tally = Tally(len(frame.prefix))
        reads = await self._read_known(known, tally)
        logger.info("%s", tally)
        return tuple(score_of(one, read, n_scored) for one, read in zip(known, reads, strict=True))

    async def close(self) -> None:
        """Closes the connections; what a server still computes for them ends."""
        self._known = None
        if self._servers is not None:
            await self._servers.close()

    def _ready(self) -> tuple[Tokens, Facts]:
        """What is served. Raises EngineError before that is known."""
        if self._known is None:
            raise EngineError("the server is not known yet", "wait until it is")
        return self._known

    async def _middle(self, frame: Framed, tally: Tally) -> list[Run | Slot]:
        """What the gap consists of, with noise where standing code is least likely. Raises EngineError."""
        found: list[Run | Slot] = []
        for at, part in enumerate(frame.middle):
            likely = await self._likely(frame, at, tally) if part.ids and part.strength else []
            found += laid_of(part, [one.p for one in likely], Kernel.UNIFORM)
        return with_held(found, frame, self._ready()[0])

    async def _likely(self, frame: Framed, at: int, tally: Tally) -> list[Likely]:
        """How likely the code is that is the middle's piece `at`. Raises EngineError."""
        tokens, facts = self._ready()
        known = standing_known(frame, at, tokens, self._settings, facts)
        (reads,) = await self._read_known([known], tally)
        return likely_of(known, reads, tokens)

    async def _finished(self, rows: Sequence[Laid], middle: Sequence[Run | Slot], tally: Tally) -> list[Draft]:
        """The candidates of rows that are denoised to the end. Raises EngineError."""
        tokens, facts = self._ready()
        n_steps, n_scored = steps_of(rows, facts.sampling.max_denoising_steps), facts.score_tail_tokens
        asked = [whole(row, tokens, self._settings.seed, n_steps=n_steps, n_scored=n_scored) for row in rows]
        reads = await self._read(asked, tally, n_steps)
        drafts = (draft_at_last(row, read, middle, tokens, n_scored) for row, read in zip(rows, reads, strict=True))
        return [draft for draft in drafts if draft is not None]

    async def _read_known(self, known: Sequence[Known], tally: Tally) -> list[list[Read]]:
        """The answers about known code, all of them side by side. Raises EngineError."""
        reads = iter(await self._read([asked for one in known for asked in one.asked], tally, 1))
        return [[next(reads) for _ in one.asked] for one in known]

    async def _read(self, asked: Sequence[Asked], tally: Tally, n_steps: int) -> list[Read]:
        """The answers to canvases, all of one server. Raises EngineError; cancelling ends every request."""
        assert self._servers is not None
        assert self._served is not None
        first = self._served

        async def work(server: Server, served: Served) -> list[Read]:
            check_alike(server, served, first)
            return await _side_by_side(server, served.model, asked)

        begun, servers = time.perf_counter(), self._servers
        try:
            reads = await servers.first(work)
        except EngineError as error:  # a new server at the old address refuses the old key
            if self._urls:
                raise
            if not await self._moved() and servers is self._servers:  # another request may have found it first
                raise await self._end(error) from error
            reads = await self._servers.first(work)
        self._has_answered = True
        tally.add(reads, n_steps, (time.perf_counter() - begun) * 1000)
        return reads

    async def _until_there(self) -> AsyncIterator[str]:
        """Waits for this machine's own server, if it is that one which is asked. Raises LaunchError."""
        if not self._urls and await asyncio.to_thread(self._own, self._settings) is None:
            async for phrase in waiting(self._settings):
                yield phrase

    async def _end(self, error: EngineError) -> EngineError:
        """The error, or the end of this machine's own server if that is what is behind it.

        A server that breaks before it has answered anything is not to be started again: it would break again.
        """
        assert self._servers is not None
        url = self._servers.endpoints[0].url
        how = await asyncio.to_thread(comes_back, self._settings, url, after_crash=self._has_answered)
        if how is not None:
            problem, hint = "this machine's vLLM server has ended", "it is started again; dgls engine logs says why"
            return EndedError(problem, hint, is_surprise=how == "broken")
        if await asyncio.to_thread(self._own, self._settings) is None:
            return ServerError("this machine's vLLM server has ended", "run dgls engine start")
        return error

    async def _moved(self) -> bool:
        """Whether this machine's own server now listens elsewhere or wants another key; it is asked from now on."""
        assert self._servers is not None
        endpoint = await asyncio.to_thread(self._own, self._settings)
        if endpoint is None or endpoint in self._servers.endpoints:
            return False
        before, self._servers = self._servers, self._asking([endpoint])
        await before.close()
        return True

    def _asking(self, endpoints: Sequence[Endpoint]) -> Servers:
        """The connections to servers; one that takes more than half of a request's time fails if there are others."""
        servers = [Server(endpoint) for endpoint in endpoints]
        return Servers(servers, self._settings.model, self._settings.deadline_ms / 2000)

    def _endpoints(self) -> list[Endpoint]:
        """Where the servers listen, in the order in which they are asked. Raises EngineError."""
        if self._urls:
            found = [Endpoint(url, key_for(url, self._settings)) for url in self._urls]
            for endpoint in found:
                if endpoint.is_overheard:
                    logger.warning("the key goes to %s in clear: use https", endpoint.shown)
            return found
        own = self._own(self._settings)
        if own is None:
            raise EngineError("no vLLM server runs on this machine", "start one: dgls engine start; or set url")
        return [own]


async def _side_by_side(server: Server, model: str, asked: Sequence[Asked]) -> list[Read]:
    """The answers to several canvases; the first failure ends the others. Raises EngineError."""

    async def one(canvas: Asked) -> Read:
        return read_of(await server.complete(body_of(canvas, model)), len(canvas.canvas))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(canvas)) for canvas in asked]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _what_it_serves(server: Server, served: Served) -> Served:
    """What the first server that answers serves."""
    return served


def _framed(prompt: Prompt, tokens: Tokens, facts: Facts, strategy: str) -> Framed:
    """The prompt in tokens, cut until prompt and canvas fit the server's context. Raises EngineError."""
    budget = facts.context_tokens
    while budget > 0:
        frame = framed(prompt, tokens, strategy, budget)
        if len(frame.prefix) + facts.canvas_length <= facts.context_limit:
            return frame
        budget //= 2
    raise EngineError("the server's context is too short for a canvas", "serve it with a larger --max-model-len")


def _worth_going_on(rows: Sequence[Laid], tokens: Tokens, n_kept: int) -> list[Laid]:
    """The surest rows, of those that what is typed fits into, with that written."""
    written = [with_typed(row, tokens) for row in rows]
    return surest([row for row in written if row is not None], n_kept)
