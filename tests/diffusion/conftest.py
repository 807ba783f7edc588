"""The tiny model, loaded once."""

from typing import Any

import pytest

from dgls.engines.gemma import Gemma
from tests.tiny import tiny_model


@pytest.fixture(scope="session")
def loaded() -> Any:
    """A random DiffusionGemma with a sliding window of 16 tokens."""
    return tiny_model()


@pytest.fixture
def model(loaded: Any) -> Gemma:
    """The same as the denoising loop sees it."""
    return Gemma(loaded)
