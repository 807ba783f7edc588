"""The place: code that a change may have left behind, and what the change says should stand there."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Why code may no longer fit."""

    RENAME = "rename"  # it uses a name that the user replaced
    ARGUMENT = "argument"  # it calls what now takes a parameter more
    REMOVED = "removed"  # it calls what now takes a parameter less
    FIELD = "field"  # a constructor keeps its other parameters, and not the new one
    BRANCHES = "branches"  # the condition above was negated
    NEAR = "near"  # it stands close to the change


@dataclass(frozen=True)
class Slot:
    """Where the model is to write in a place: between two texts (LF) that stand in it, one argument."""

    before: str
    after: str


@dataclass(frozen=True)
class Place:
    """`document.text[start:end]`, from a line's first letter to a line's end, and texts (LF) that may fit better."""

    start: int
    end: int
    kind: Kind
    proposals: tuple[str, ...] = ()
    slot: Slot | None = None
