"""The engine in this process, where it differs from others: it owns a thread and a model."""

import asyncio
import gc
import time
import weakref
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from dgls.diffusion.denoise import denoise
from dgls.engines.local import LocalEngine
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt


def test_a_closed_engine_has_freed_its_model(base_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a request was cancelled in the middle of a step: the next model needs the room."""

    def slow(*given: Any, **named: Any) -> Iterator[Any]:
        for step in denoise(*given, **named):
            time.sleep(0.3)
            yield step

    async def first_of(engine: LocalEngine) -> None:
        async with aclosing(engine.drafts(Prompt("x = ", "\n"))) as stream:
            async for _ in stream:
                pass

    async def main() -> bool:
        engine = LocalEngine(with_settings(Settings(), {"model": str(base_folder), "device": "cpu"}))
        async for _ in engine.start():
            pass
        assert engine._filler is not None
        model = weakref.ref(engine._filler.model)
        task = asyncio.create_task(first_of(engine))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        del task
        await engine.close()
        gc.collect()
        return model() is None

    monkeypatch.setattr("dgls.engines.filler.denoise", slow)
    assert asyncio.run(main())
