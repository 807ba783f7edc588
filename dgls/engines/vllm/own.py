"""This machine's own vLLM server, shared by all windows."""

from dgls.engines.endpoint import Endpoint
from dgls.settings import Settings


def own_endpoint(settings: Settings) -> Endpoint | None:
    """Where the machine's own server listens; None when none runs."""
    del settings
    return None
