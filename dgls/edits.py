"""The flows that write code anew on demand: a selection, placeholders together, a gap with something required."""

from dataclasses import dataclass, field

from dgls.engines import Cost, EditingEngine
from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.edit import Edit
from dgls.text.fill import Silence
from dgls.text.gap import Gap


@dataclass(frozen=True)
class Suggestion:
    """Edits of one document at one version, none overlapping another, in its order; or why there are none."""

    edits: tuple[Edit, ...] = ()
    silence: Silence | None = None
    cost: Cost = field(default_factory=Cost)
    ms: dict[str, float] = field(default_factory=dict)


async def rewritten(
    selection: Gap, engine: EditingEngine, settings: Settings, *, strength: float, instruction: str = ""
) -> Suggestion:
    """One edit that writes `strength` (0..1) of a selection anew. Raises EngineError."""
    raise NotImplementedError


async def filled(document: Document, start: int, end: int, engine: EditingEngine, settings: Settings) -> Suggestion:
    """One edit for each placeholder between two offsets, filled together. Raises EngineError."""
    raise NotImplementedError


async def filled_with(gap: Gap, required: str, engine: EditingEngine, settings: Settings) -> Suggestion:
    """One edit that fills a gap with something that has the required text in it. Raises EngineError."""
    raise NotImplementedError
