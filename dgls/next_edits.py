"""The flow of next edits: a change by the user -> places that no longer fit -> what should stand there."""

from dgls.edits import Suggestion
from dgls.engines import EditingEngine
from dgls.settings import Settings
from dgls.text.edit import Change


async def next_edits(change: Change, engine: EditingEngine, settings: Settings) -> Suggestion:
    """What no longer fits after a change, each place as an edit of its own. Raises EngineError."""
    raise NotImplementedError
