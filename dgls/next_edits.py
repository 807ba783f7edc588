"""The flow of next edits: a change by the user -> places that no longer fit -> what should stand there."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dgls.edits import Suggestion
from dgls.engines import Cost, Draft, EditingEngine, final_drafts
from dgls.errors import TooLongError
from dgls.infill import Stopwatch, budget_chars
from dgls.settings import Settings
from dgls.text.document import with_lf
from dgls.text.edit import Change, Edit
from dgls.text.fill import Silence
from dgls.text.follow import places
from dgls.text.follow.arguments import is_one_argument
from dgls.text.follow.place import Kind, Place
from dgls.text.follow.seen import prompt_before, prompt_now
from dgls.text.gap import Gap
from dgls.text.prompt import Prompt, Standing
from dgls.text.syntax import syntax_of

_MOST_DRAFTS = 3
_MOST_CHARS = 120  # of standing code that is read: a small canvas has 64 tokens
_DOUBT = 0.012  # the model writes anew only what has a token less likely than this
_STRENGTH = 0.15


@dataclass(frozen=True)
class Weighed:
    """A text for a place.

    `gain` is by how many nats it is likelier there than what stands there; `moved`, how many of them the change made.
    """

    text: str
    gain: float
    moved: float
    sureness: float | None = None  # of the model's own texts: of the token that it is least sure of, 0..1


@dataclass(frozen=True)
class Bar:
    """What a text must reach to take the place of what stands there: a gain, what of it the change made, a sureness."""

    gain: float = -math.inf
    moved: float = -math.inf
    sureness: float = 0.0


# Found with the bundled model on some 400 changes of `evaluate.py edits --split dev`. Every rename that the plan found
# was wanted, and the change moved 19 of 20 by 1.7 nats or more: the bar is low. A field to keep was moved by 2.5. An
# argument by its parameter's name was right above a gain of -4.4 (it makes the line longer), and wrong below. Branches
# gain 0.7 in the middle where they are to be swapped, -1.0 where they are not, of which 5 % reach 4.8. Near lines are
# right as they are: where nothing follows, no draft that was likelier had all of its tokens surer than 0.7.
BARS = {
    Kind.RENAME: Bar(moved=0.5),
    Kind.ARGUMENT: Bar(gain=-4.4, moved=0.2, sureness=0.8),
    Kind.REMOVED: Bar(moved=0.5),
    Kind.FIELD: Bar(moved=1.5),
    Kind.BRANCHES: Bar(gain=5.0),
    Kind.NEAR: Bar(gain=6.0, sureness=0.8),
}
_OUTRIGHT = 9.0  # a gain that needs no change to explain it


async def next_edits(change: Change, engine: EditingEngine, settings: Settings) -> Suggestion:
    """What no longer fits after a change, each place as an edit of its own; at the deadline, as far as it got.

    Raises EngineError.
    """
    watch = Stopwatch()
    found = places(change)
    watch.lap("plan")
    edits: list[Edit] = []
    cost = Cost()
    silence = Silence.FITS if found else Silence.NO_PLACE
    try:
        async with asyncio.timeout(settings.deadline_ms / 1000):
            for place in sorted(found, key=lambda place: place.start):
                weighed, spent = await weigh(change, place, edits, engine, settings)
                cost = cost + spent
                best = chosen(change, place, weighed)
                if best is not None:
                    edits.append(edit_of(change, place, best))
    except TimeoutError:
        silence = Silence.LATE
    watch.lap("engine")
    return Suggestion(tuple(edits), None if edits else silence, cost, watch.ms)


async def weigh(
    change: Change, place: Place, done: Sequence[Edit], engine: EditingEngine, settings: Settings
) -> tuple[tuple[Weighed, ...], Cost]:
    """What may stand in a place, and what its drafts took; `done` are the edits above it. Raises EngineError."""
    budget = budget_chars(settings)
    now, past = prompt_now(change, place, done, budget), prompt_before(change, place, budget)
    standing = with_lf(change.now.text[place.start : place.end])
    try:
        own, cost = await _drafts(now, place, standing, engine)
    except TooLongError:  # letters of some scripts are several tokens each
        own, cost = {}, Cost()
    surenesses = own | dict.fromkeys(place.proposals)
    texts = [text for text in surenesses if text != standing]
    if not texts:
        return (), cost
    try:
        gains = await _gains(now, standing, texts, engine)
        # Names and lengths are likely or unlikely by themselves: that was so before the change, and does not count.
        were = await _gains(past, standing, texts, engine) if past else [0.0] * len(texts)
    except TooLongError:  # a server weighs on a canvas
        return (), cost
    weighed = zip(texts, gains, were, strict=True)
    return tuple(Weighed(text, gain, gain - was, surenesses[text]) for text, gain, was in weighed), cost


async def _gains(prompt: Prompt, standing: str, texts: Sequence[str], engine: EditingEngine) -> list[float]:
    """By how many nats each text is likelier than what stands there. Raises EngineError."""
    first, *others = await engine.weigh(prompt, [standing, *texts])
    return [score - first for score in others]


async def _drafts(
    prompt: Prompt, place: Place, standing: str, engine: EditingEngine
) -> tuple[dict[str, float | None], Cost]:
    """What the model writes into the place, and how sure it is of the least sure token. Raises EngineError."""
    cost = Cost()
    if place.slot is not None:
        before, after = place.slot.before, place.slot.after
        opened = replace(prompt, prefix=prompt.prefix + before, suffix=after + prompt.suffix)
        found = await final_drafts(engine, opened)
        cost = found.cost
        drafts = [draft for draft in found.candidates if is_one_argument(draft.text)][:_MOST_DRAFTS]
        if drafts:
            return {before + draft.text.strip() + after: _least_sure(draft) for draft in drafts}, cost
    if place.proposals or len(standing) > _MOST_CHARS:
        return {}, cost
    read = await engine.read(replace(prompt, middle=(Standing(standing),)))
    if all(token.likelihood >= _DOUBT for token in read):
        return {}, cost
    found = await final_drafts(engine, replace(prompt, middle=(Standing(standing, _STRENGTH),)))
    return {draft.text: _least_sure(draft) for draft in found.candidates[:_MOST_DRAFTS]}, cost + found.cost


def _least_sure(draft: Draft) -> float:
    """The sureness of the token that the model is least sure of."""
    return min((token.sureness for token in draft.tokens), default=0.0)


def chosen(change: Change, place: Place, weighed: Sequence[Weighed]) -> Weighed | None:
    """The likeliest text that clears the bar and has no syntax error more than what stands there."""
    gap = Gap(change.now, place.start, place.end)
    syntax = syntax_of(gap)
    errors = syntax.n_errors(with_lf(gap.document.text[gap.start : gap.end])) or 0
    bar = BARS[place.kind]
    for found in sorted(weighed, key=lambda found: -found.gain):
        sureness = 1.0 if found.sureness is None else found.sureness
        is_likelier = found.gain >= _OUTRIGHT or (found.gain >= bar.gain and found.moved >= bar.moved)
        if is_likelier and sureness >= bar.sureness and (syntax.n_errors(found.text) or 0) <= errors:
            return found
    return None


def edit_of(change: Change, place: Place, found: Weighed) -> Edit:
    """The edit with the document's line ends, no larger than needed."""
    text = found.text.replace("\n", change.now.line_end)
    return Edit(change.now, place.start, place.end, text, found.gain).minimal()
