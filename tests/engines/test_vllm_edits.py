"""The client of a vLLM server with code that stands in the gap: the numbers are those of the model in this process."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from dgls.engines.vllm import known
from dgls.engines.vllm.engine import VllmEngine
from dgls.errors import TooLongError
from dgls.text.prompt import Prompt
from fake_vllm import FakeVllm
from tests.engines.asking import PLAIN, asked_of, engine_for, started
from tests.engines.computing import ComputingVllm

T = TypeVar("T")


@pytest.fixture
def computing(chat_folder: Path) -> Iterator[ComputingVllm]:
    """A server that reads each canvas with the model."""
    with ComputingVllm(chat_folder) as server:
        yield server


def used(fake: FakeVllm, use: Callable[[VllmEngine], Awaitable[T]]) -> T:
    """What comes of using an engine that asks this server."""

    async def main() -> T:
        engine = await started(engine_for(fake))
        try:
            return await use(engine)
        finally:
            await engine.close()

    return asyncio.run(main())


def test_texts_are_weighed_as_finished_rows_are_scored(computing: ComputingVllm) -> None:
    """The mean log-probability of the text and that of the first suffix tokens, where they stand: one step."""
    texts = ["x = 1\n", "", "return"]
    scores = used(computing, lambda engine: engine.weigh(Prompt("f(", ")\n", "f.py"), texts))
    assert len(scores) == len(texts)
    bodies = asked_of(computing)
    assert [body["vllm_xargs"]["diffusion_max_steps"] for body in bodies] == [1] * 3
    for text, score in zip(texts, scores, strict=True):
        whole, tail = computing.tokens.encode("(" + text), computing.tokens.encode(")\n```")
        tail = [*tail, *[computing.tokens.id_of("<turn|>") or 0] * 2]
        canvases = [body["vllm_xargs"]["diffusion_seed_canvas"] for body in bodies]
        (canvas,) = [canvas for canvas in canvases if canvas[: len(whole + tail)] == whole + tail]
        log_p = computing.log_p(bodies[0]["prompt"], canvas)
        at = log_p[torch.arange(len(whole + tail)), torch.tensor(whole + tail)]
        assert score == pytest.approx(float(at[: len(whole)].mean() + at[len(whole) :].mean()), abs=1e-4)


def test_a_text_of_many_tokens_is_told_in_parts(computing: ComputingVllm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server tells of so many tokens at a time; the numbers are the same."""
    scores = [used(computing, lambda engine: engine.weigh(PLAIN, ["abcdefg"]))]
    assert len(asked_of(computing)) == 1
    monkeypatch.setattr(known, "MOST_TOLD", 4)
    scores.append(used(computing, lambda engine: engine.weigh(PLAIN, ["abcdefg"])))
    assert len(asked_of(computing)) > 2
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)


def test_a_text_that_no_canvas_holds_is_too_long(fake: FakeVllm) -> None:
    with pytest.raises(TooLongError, match="the code is too long"):
        used(fake, lambda engine: engine.weigh(PLAIN, ["x" * 40]))


def test_nothing_is_weighed_without_a_request(fake: FakeVllm) -> None:
    assert used(fake, lambda engine: engine.weigh(PLAIN, [])) == ()
    assert asked_of(fake) == []
