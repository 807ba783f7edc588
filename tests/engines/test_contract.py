"""What holds for every engine."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from dgls.engines import Drafts, EditingEngine, Engine, load
from dgls.errors import EngineError
from dgls.settings import Settings
from dgls.text.prompt import Open, Pinned, Prompt, Standing

PROMPTS = {
    "plain": Prompt("def f(a):\n    x = ", "\n    return x\n", "f.py"),
    "slow": Prompt("slow", "\n"),
    "empty prefix": Prompt("", "import os\n"),
    "empty suffix": Prompt("import os\n", ""),
    "empty file": Prompt("", ""),
    "half a symbol": Prompt("value.app", ".x\n"),
    "not ASCII": Prompt("s = 'naïve 🎉 ", "'\n# 漢字\n"),
    "looks like specials": Prompt("s = '<eos><bos><mask>", "<pad>'\n"),
    "half a character": Prompt("s = '\ud83d", "\ude00'\n"),
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


def edit(settings: Settings, use: Callable[[EditingEngine], Awaitable[None]]) -> None:
    """Uses an engine that can edit; where the suffix is only told in the prompt, it says that it cannot."""

    async def checked(engine: Engine) -> None:
        assert isinstance(engine, EditingEngine)
        if settings.strategy != "prompted":
            await use(engine)
            return
        with pytest.raises(EngineError, match="with the suffix in the prompt, code cannot be edited"):
            await use(engine)

    run(settings, checked)


EDITED = {
    "plain": Prompt("def f(a):\n    ", "\n    return a\n", "f.py"),
    "behind a sign": Prompt("value.a(", ")\n"),
    "empty file": Prompt("", ""),
}


@pytest.mark.parametrize("prompt", EDITED.values(), ids=EDITED.keys())
def test_standing_code_is_read_token_by_token(engine_settings: Settings, prompt: Prompt) -> None:
    """The tokens join to the code; the same code is read alike again."""

    async def use(engine: EditingEngine) -> None:
        asked = replace(prompt, middle=(Standing("b = a + 1"),))
        found = await engine.read(asked)
        assert "".join(one.text for one in found) == "b = a + 1"
        assert all(0 <= one.likelihood <= 1.0001 for one in found)
        again = await engine.read(asked)
        assert [one.likelihood for one in again] == pytest.approx([one.likelihood for one in found], abs=1e-4)

    edit(engine_settings, use)


@pytest.mark.parametrize("prompt", EDITED.values(), ids=EDITED.keys())
def test_texts_are_weighed_in_their_order(engine_settings: Settings, prompt: Prompt) -> None:
    """A finite score for each; it does not depend on what else is weighed, nor on what would be in the gap."""

    async def use(engine: Engine) -> None:
        assert isinstance(engine, EditingEngine)
        scores = await engine.weigh(prompt, ["x", "b = a", ""])
        assert all(math.isfinite(score) for score in scores)
        assert await engine.weigh(prompt, ["", "b = a", "x"]) == pytest.approx(scores[::-1], abs=1e-4)
        assert len(scores) == 3

    run(engine_settings, use)


@pytest.mark.parametrize("prompt", EDITED.values(), ids=EDITED.keys())
def test_pinned_text_stands_between_the_gaps(engine_settings: Settings, prompt: Prompt) -> None:
    """In every candidate, with a text for each of them; bytes that are no UTF-8 may join to a text behind them."""

    async def use(engine: EditingEngine) -> None:
        items = await collect(engine, replace(prompt, middle=(Open(), Pinned("=="), Open())))
        assert items[-1].final
        assert items[-1].candidates
        for draft in items[-1].candidates:
            assert "==" in draft.text
            assert len(draft.parts) == 2

    edit(engine_settings, use)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_standing_code_keeps_its_length(engine_settings: Settings, strength: float) -> None:
    """Of no strength, it stays as it is."""

    async def use(engine: EditingEngine) -> None:
        items = await collect(engine, replace(EDITED["plain"], middle=(Standing("b = a", strength),)))
        assert [item.final for item in items] == [False] * (len(items) - 1) + [True]
        assert items[-1].candidates
        if not strength:
            assert {draft.text for draft in items[-1].candidates} == {"b = a"}

    edit(engine_settings, use)
