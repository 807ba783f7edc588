"""A cancel stops the real model within one denoising step."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from dgls.engines.filler import load_filler
from dgls.engines.gemma import Gemma
from dgls.engines.local import LocalEngine
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt
from tests.tiny import save_tiny


class Gate:
    """Lets passes of the decoder begin one by one."""

    def __init__(self) -> None:
        self.n_begun = 0
        self.begun = threading.Semaphore(0)
        self.allowed = threading.Semaphore(0)


def test_at_most_the_step_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled in the third of 40 steps: no fourth one begins, and the next request is filled."""
    gate = Gate()
    plain = Gemma.decode

    def decode(self: Gemma, *given: Any) -> Any:
        gate.n_begun += 1
        gate.begun.release()
        gate.allowed.acquire()
        return plain(self, *given)

    settings = with_settings(Settings(), {"model": str(save_tiny(tmp_path / "tiny")), "max_steps": 40, "threads": 1})
    filler = load_filler(settings)
    monkeypatch.setattr(Gemma, "decode", decode)

    async def main() -> None:
        engine = LocalEngine(settings)
        engine._filler = filler

        async def consume() -> int:
            return len([item async for item in engine.drafts(Prompt("x = ", "\n"))])

        task = asyncio.create_task(consume())
        for _ in range(2):
            await asyncio.to_thread(gate.begun.acquire)
            gate.allowed.release()
        await asyncio.to_thread(gate.begun.acquire)  # the third step is running
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(200):
            gate.allowed.release()
        n_before = gate.n_begun
        assert n_before == 3
        n_items = await consume()
        assert gate.n_begun == n_before + n_items - 1  # the last item is the choice, not a step
        await engine.close()

    asyncio.run(main())
