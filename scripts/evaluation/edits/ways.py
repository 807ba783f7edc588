"""Ways to follow a change: the flow of the editors, and its halves alone."""

from dataclasses import replace

from dgls.engines import EditingEngine
from dgls.next_edits import Weighed, chosen, edit_of, next_edits, weigh
from dgls.settings import Settings
from dgls.text.edit import Change, Edit
from dgls.text.follow import places

_FOREVER_MS = 10**9


async def flow(change: Change, engine: EditingEngine, settings: Settings) -> tuple[Edit, ...]:
    """As in an editor, but without a deadline."""
    return (await next_edits(change, engine, replace(settings, deadline_ms=_FOREVER_MS))).edits


async def mirrored(change: Change, engine: EditingEngine, settings: Settings) -> tuple[Edit, ...]:
    """The first proposal of every place, whatever the model thinks of it."""
    proposed = [(place, place.proposals[0]) for place in places(change) if place.proposals]
    return tuple(edit_of(change, place, Weighed(text, 0.0, 0.0)) for place, text in proposed)


async def own(change: Change, engine: EditingEngine, settings: Settings) -> tuple[Edit, ...]:
    """What the model writes into the places; nothing is proposed to it."""
    edits: list[Edit] = []
    for place in sorted(places(change), key=lambda place: place.start):
        bare = replace(place, proposals=())
        best = chosen(change, bare, (await weigh(change, bare, edits, engine, settings))[0])
        edits += [edit_of(change, bare, best)] if best else []
    return tuple(edits)


WAYS = {"flow": flow, "mirrored": mirrored, "own": own}
