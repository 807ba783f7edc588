"""What holds for every engine."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from dgls.engines import Drafts, Engine, load
from dgls.settings import Settings
from dgls.text.prompt import Prompt

PROMPTS = {
    "plain": Prompt("def f(a):\n    x = ", "\n    return x\n", "f.py"),
    "slow": Prompt("slow", "\n"),
    "empty prefix": Prompt("", "import os\n"),
    "empty suffix": Prompt("import os\n", ""),
    "empty file": Prompt("", ""),
    "half a symbol": Prompt("value.app", ".x\n"),
    "not ASCII": Prompt("s = 'naïve 🎉 ", "'\n# 漢字\n"),
    "looks like specials": Prompt("s = '<eos><bos><mask>", "<pad>'\n"),
    "odd controls": Prompt("a\f\u2028\x00", "\x1c\x85b"),
    "long": Prompt("def f():\n    pass\n" * 400, "\ndef g():\n    pass\n" * 400),
}


def run(settings: Settings, use: Callable[[Engine], Awaitable[None]]) -> None:
    """Uses a started engine and closes it."""

    async def main() -> None:
        engine = load(settings)
        stages = [stage async for stage in engine.start()]
        assert stages
        assert all(stages)
        try:
            await use(engine)
        finally:
            await engine.close()

    asyncio.run(main())


async def collect(engine: Engine, prompt: Prompt) -> list[Drafts]:
    """Everything that the engine yields."""
    async with aclosing(engine.drafts(prompt)) as stream:
        return [item async for item in stream]


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_drafts_end_with_a_final_one(engine_settings: Settings, prompt: Prompt) -> None:
    """One final item, at the end; its tokens join to its text, sureness lies in 0..1, and counts grow."""

    async def use(engine: Engine) -> None:
        items = await collect(engine, prompt)
        assert [item.final for item in items] == [False] * (len(items) - 1) + [True]
        assert items[-1].candidates
        for item in items:
            for draft in item.candidates:
                assert "".join(token.text for token in draft.tokens) == draft.text
                assert all(0 <= token.sureness <= 1.0001 for token in draft.tokens)
        scores = [draft.score for draft in items[-1].candidates]
        assert scores == sorted(scores, reverse=True)
        steps = [item.cost.n_steps for item in items]
        assert steps == sorted(steps)

    run(engine_settings, use)


def test_the_same_prompt_gets_the_same_fill(engine_settings: Settings) -> None:
    """Also when other prompts were filled in between, and although the prefix comes from the cache."""

    async def use(engine: Engine) -> None:
        first = (await collect(engine, PROMPTS["plain"]))[-1]
        await collect(engine, PROMPTS["long"])
        again = (await collect(engine, PROMPTS["plain"]))[-1]
        assert [draft.text for draft in first.candidates] == [draft.text for draft in again.candidates]

    run(engine_settings, use)


def test_closing_stops_and_the_next_request_works(engine_settings: Settings) -> None:
    """After a first draft is taken and the stream closed, the engine fills again."""

    async def use(engine: Engine) -> None:
        async with aclosing(engine.drafts(PROMPTS["slow"])) as stream:
            async for _ in stream:
                break
        assert (await collect(engine, PROMPTS["plain"]))[-1].final

    run(engine_settings, use)


def test_cancelling_the_task_stops(engine_settings: Settings) -> None:
    """A cancelled task raises CancelledError at once and leaves a working engine."""

    async def use(engine: Engine) -> None:
        task = asyncio.create_task(collect(engine, PROMPTS["long"]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await collect(engine, PROMPTS["plain"]))[-1].final

    run(engine_settings, use)


def test_requests_side_by_side_do_not_disturb_each_other(engine_settings: Settings) -> None:
    """The one model thread takes their steps in turn; each gets what it gets alone, scores and counts included."""

    async def use(engine: Engine) -> None:
        alone = [await collect(engine, prompt) for prompt in PROMPTS.values()]
        together = await asyncio.gather(*(collect(engine, prompt) for prompt in PROMPTS.values()))
        for one, other in zip(alone, together, strict=True):
            assert [draft.text for draft in one[-1].candidates] == [draft.text for draft in other[-1].candidates]
            scores = [draft.score for draft in other[-1].candidates]
            assert scores == pytest.approx([draft.score for draft in one[-1].candidates], abs=1e-2)
            assert one[-1].cost.n_steps == other[-1].cost.n_steps
            assert abs(one[-1].cost.n_forwards - other[-1].cost.n_forwards) <= 1  # with or without an encoding

    run(engine_settings, use)
