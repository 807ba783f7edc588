"""What follows from a change: the places that it may have left behind, found without a model."""

from collections.abc import Iterator
from dataclasses import replace

from dgls.text.edit import Change
from dgls.text.follow.arguments import arguments
from dgls.text.follow.branches import branches
from dgls.text.follow.code import Code, both
from dgls.text.follow.fields import fields
from dgls.text.follow.nearby import nearby
from dgls.text.follow.place import Place
from dgls.text.follow.renames import renames

MOST_PLACES = 8
# What the tree tells stands first: of two rules that find the same line, the earlier one is heard.
RULES = (renames, arguments, fields, branches, nearby)


def places(change: Change) -> tuple[Place, ...]:
    """A handful of places that the change may have left behind, nearest first, none overlapping another."""
    codes = both(change)
    if codes is None:
        return ()
    before, now = codes
    found: list[Place] = []
    for rule in RULES:
        ordered = sorted(rule(before, now), key=lambda place: _distance(now, place))
        for place in ordered[: MOST_PLACES - len(found)]:
            if all(place.end <= other.start or other.end <= place.start for other in found):
                found.append(place)
    return tuple(_in_document(sorted(found, key=lambda place: _distance(now, place)), now))


def _distance(code: Code, place: Place) -> int:
    """How many characters lie between a place and the change; what comes below it is nearer than what is above."""
    return place.start - code.last if place.start >= code.last else 2 * (code.first - place.start)


def _in_document(found: list[Place], code: Code) -> Iterator[Place]:
    """The places with offsets of the whole document."""
    for place in found:
        yield replace(place, start=place.start + code.offset, end=place.end + code.offset)
