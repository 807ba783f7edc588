"""The flow: gap -> prompt -> drafts -> fill. Read this second."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import takewhile

from dgls.engines import Cost, Draft, Drafts, Engine
from dgls.settings import Settings
from dgls.text.clip import Sureness, clip_at
from dgls.text.clip.place import Place
from dgls.text.document import with_lf
from dgls.text.fill import Fill, Silence
from dgls.text.gap import Gap
from dgls.text.prompt import Begun, Prompt, prompt

# Four characters of code are about one token; twice that, so that the engine's own budget in tokens decides.
_CHARS_PER_TOKEN = 8
_DEFAULT_CONTEXT_TOKENS = 4096


@dataclass(frozen=True)
class Candidate:
    """A draft after the clip: what the choice between rows looked at."""

    raw: str
    text: str
    score: float
    n_errors: int | None
    draft: Draft
    silence: Silence | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The fills of a gap, best first, or the reason why there is none; and what it took."""

    fills: tuple[Fill, ...] = ()
    silence: Silence | None = None
    candidates: tuple[Candidate, ...] = ()
    cost: Cost = field(default_factory=Cost)
    ms: dict[str, float] = field(default_factory=dict)


async def infill(
    gap: Gap, engine: Engine, settings: Settings, begun: tuple[Begun, ...] = ()
) -> AsyncGenerator[Drafts | Answer, None]:
    """The drafts of a gap as they come into focus, and last the answer; fills that have `begun` are gone on with.

    Raises EngineError.
    """
    watch = Stopwatch()
    about = replace(asked(gap, settings), begun=begun)
    watch.lap("prompt")
    last = Drafts((), final=True)
    async with aclosing(engine.drafts(about)) as stream:
        async for last in stream:
            watch.lap("engine")
            yield last
    candidates = chosen(gap, last.candidates, settings.least_sureness_percent / 100)
    fills = tuple(fills_of(gap, candidates, settings.unsure_percent / 100))
    watch.lap("clip")
    yield Answer(fills, None if fills else silence_of(candidates), candidates, last.cost, watch.ms)


def asked(gap: Gap, settings: Settings) -> Prompt:
    """What the engine is told about a gap."""
    return prompt(gap, budget_chars(settings))


def budget_chars(settings: Settings) -> int:
    """About how many characters before a gap the engine is told."""
    return (settings.context_tokens or _DEFAULT_CONTEXT_TOKENS) * _CHARS_PER_TOKEN


async def timely(
    gap: Gap, engine: Engine, settings: Settings, begun: tuple[Begun, ...] = ()
) -> AsyncGenerator[Drafts | Answer, None]:
    """The same within the deadline: a late answer still says what it took so far. Raises EngineError."""
    watch = Stopwatch()
    cost = Cost()
    deadline = asyncio.get_running_loop().time() + settings.deadline_ms / 1000
    async with aclosing(infill(gap, engine, settings, begun)) as stream:
        item: Drafts | Answer | None = None
        while not isinstance(item, Answer):
            try:
                async with asyncio.timeout_at(deadline):
                    item = await anext(stream)
            except TimeoutError:
                watch.lap("engine")
                item = Answer(silence=Silence.LATE, cost=cost, ms=watch.ms)
            cost = item.cost
            yield item


async def answer(gap: Gap, engine: Engine, settings: Settings) -> Answer:
    """The answer alone, within the deadline. Raises EngineError."""
    async with aclosing(timely(gap, engine, settings)) as stream:
        return [item async for item in stream if isinstance(item, Answer)][-1]


def settled(gap: Gap, drafts: Drafts) -> str:
    """The beginning of the best candidate that has settled, as far as it is worth showing."""
    tokens = drafts.candidates[0].tokens if drafts.candidates else ()
    text = "".join(token.text for token in takewhile(lambda token: token.settled, tokens))
    return clip_at(Place(gap, "ide"), text, whole=False).text if text else ""


def chosen(gap: Gap, drafts: tuple[Draft, ...], least_sureness: float = 0.0) -> tuple[Candidate, ...]:
    """The candidates, best first: fewest syntax errors around the gap, then the engine's score; empty texts last."""
    candidates = []
    place = Place(gap, "ide")
    for draft in drafts:
        sureness = Sureness([(token.text, token.sureness) for token in draft.tokens], least_sureness)
        kept = clip_at(place, draft.text, truncated=draft.truncated, sureness=sureness)
        found = Candidate(draft.text, kept.text, draft.score, kept.n_errors, draft, kept.silence, kept.rules)
        candidates.append(found)
    return tuple(sorted(candidates, key=lambda found: (not found.text, found.n_errors or 0, -found.score)))


def fills_of(gap: Gap, candidates: tuple[Candidate, ...], sure: float = 0.0) -> list[Fill]:
    """One fill for each different text, in the candidates' order; a token less sure than `sure` begins its tail."""
    by_text: dict[str, Fill] = {}
    for found in candidates:
        if found.text and found.text not in by_text:
            by_text[found.text] = Fill(gap, found.text, _mean_sureness(found.draft), _unsure_from(found, sure))
    return list(by_text.values())


def silence_of(candidates: tuple[Candidate, ...]) -> Silence:
    """Why none of the candidates is worth showing: the best one's reason."""
    return next((found.silence for found in candidates if found.silence), Silence.EMPTY)


def _unsure_from(found: Candidate, sure: float) -> int | None:
    """Where in a candidate's text its unsure tail begins; None without one, or when the clip changed more than ends."""
    doubt = Sureness([(token.text, token.sureness) for token in found.draft.tokens], sure).doubt(found.raw)
    begin = found.raw.find(with_lf(found.text))
    if doubt is None or begin < 0 or doubt - begin >= len(with_lf(found.text)):
        return None
    kept = with_lf(found.text)[: max(0, doubt - begin)]
    return len(kept) + (kept.count("\n") if "\r\n" in found.text else 0)


def _mean_sureness(draft: Draft) -> float:
    """The mean probability of a draft's tokens, 0..1."""
    return sum(token.sureness for token in draft.tokens) / len(draft.tokens) if draft.tokens else 0.0


class Stopwatch:
    """Milliseconds by stage: each lap is added to its stage."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Adds the time since the last lap to a stage."""
        now = time.perf_counter()
        self.ms[stage] = self.ms.get(stage, 0.0) + (now - self._last) * 1000
        self._last = now
