"""The client and a real vLLM: the same numbers as the local engine, and what a user sees when the server dies.

In the order in which they stand here: the last test kills the server.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import torch

from dgls.diffusion.prefix import PrefixCache
from dgls.engines import Drafts
from dgls.engines.endpoint import Endpoint
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.engines.vllm.engine import VllmEngine
from dgls.engines.vllm.server import Server
from dgls.engines.vllm.wire import Asked, Read, body_of, read_of
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt
from tests.lsp.client import Editor
from tests.vllm.server import CANVAS, KEY, RealServer

pytestmark = pytest.mark.vllm

TEXT = "def f(a):\n    x = \n    return x\n"
MANY_STEPS = 1000
STEPS = "vllm:diffusion_num_denoising_steps_total"


def reads(server: RealServer, asked: Sequence[Asked]) -> list[Read]:
    """The answers to canvases that are asked for at once."""

    async def main() -> list[Read]:
        client = Server(Endpoint(server.url, KEY))
        answers = await asyncio.gather(*(client.complete(body_of(canvas, "dg")) for canvas in asked))
        await client.close()
        return [read_of(answer, len(canvas.canvas)) for answer, canvas in zip(answers, asked, strict=True)]

    return asyncio.run(main())


def canvases(widths: Sequence[int], n_prompt: int) -> list[Asked]:
    """One-step reads with random ids, of which the second half is pinned, behind one random prompt."""
    rng = random.Random(0)
    prompt = [2, *(rng.randrange(8, 264) for _ in range(n_prompt - 1))]
    return [
        Asked(prompt, [rng.randrange(264) for _ in range(width)], [*range(width // 2, width)], 1, n_top=5)
        for width in widths
    ]


@torch.no_grad()
def ours(model: Gemma, asked: Asked) -> torch.Tensor:
    """The local engine's log-probabilities of a canvas's first step, `[L, V]`."""
    cache = PrefixCache(model)
    cache.sync(asked.prompt)
    hidden = model.decode(torch.tensor([asked.canvas]), None, cache.prefix.seen(), len(asked.prompt))
    return model.logits(hidden[0]).log_softmax(-1)


def test_one_step_is_that_of_the_local_engine_also_with_mixed_widths_at_once(
    vllm: RealServer, checkpoint: Path
) -> None:
    """Log-probabilities to 1e-3, of the likeliest tokens and of tokens by name, as long as all is in the window."""
    model = Gemma(load_model(checkpoint, with_settings(Settings(), {"device": "cpu"})))
    asked = [*canvases([16, 32, CANVAS], 200), *canvases([16], 90)]
    asked[0] = Asked(asked[0].prompt, asked[0].canvas, asked[0].pinned, 1, told=[9, 100, 263])
    is_mended = "pinned places cost no entropy" in vllm.log()  # not with VLLM_PLUGINS set to something else
    furthest = 0.0
    for canvas, read in zip(asked, reads(vllm, asked), strict=True):
        expected = ours(model, canvas)
        for place, (token, log_p) in enumerate(zip(read.ids, read.log_p, strict=True)):
            is_pinned = is_mended and place in canvas.pinned
            assert token == (canvas.canvas[place] if is_pinned else int(expected[place].argmax()))
            told = {token: log_p} | {other: value for other, value in read.others[place].items() if value > -9000}
            furthest = max(furthest, *(abs(float(expected[place, other]) - value) for other, value in told.items()))
        assert set(canvas.told) <= read.others[0].keys()
    print(f"furthest log-probability: {furthest:.2e}")
    assert furthest < 1e-3


def test_an_accepted_text_is_read_anew(vllm: RealServer, checkpoint: Path) -> None:
    """A prompt that goes on with what stood on a canvas gets the numbers of a prompt without a history."""
    model = Gemma(load_model(checkpoint, with_settings(Settings(), {"device": "cpu"})))
    (first,) = canvases([CANVAS], 96)
    (read,) = reads(vllm, [first])
    longer = Asked([*first.prompt, *read.ids], first.canvas[:16], [], 1, n_top=1)
    for _ in range(2):
        (found,) = reads(vllm, [longer])
        expected = ours(model, longer)[range(16), found.ids]
        assert torch.tensor(found.log_p) == pytest.approx(expected, abs=1e-3)


def engine_for(server: RealServer, **given: Any) -> VllmEngine:
    """An engine with short gaps: each step of each row takes its time on a CPU."""
    chosen = {"url": server.url, "gap_lengths": [4], "suffix_tokens": 8, "max_steps": 3, "effort": "low"}
    return VllmEngine(with_settings(Settings(), chosen | given))


async def items_of(engine: VllmEngine, prompt: Prompt) -> list[Drafts]:
    """Everything that a started engine yields."""
    async with aclosing(engine.drafts(prompt)) as stream:
        return [item async for item in stream]


def test_a_fill_and_what_is_typed(vllm: RealServer) -> None:
    """Candidates with a score; the second time, the prompt comes out of the cache."""

    async def main() -> None:
        engine = engine_for(vllm)
        assert [phrase async for phrase in engine.start()][-1] == "reading the vocabulary of dg"
        for prompt in (Prompt("    ", "\n"), Prompt("value.ap", ".x\n")):
            await items_of(engine, prompt)
            last = (await items_of(engine, prompt))[-1]
            assert last.candidates
            assert last.cost.n_reused_tokens >= 64
        await engine.close()

    asyncio.run(main())


async def while_denoising(server: RealServer, then: Callable[["asyncio.Task[Any]"], Any]) -> None:
    """Runs `then` in the middle of a fill of many steps, which it must end."""
    engine = engine_for(server, max_steps=MANY_STEPS)
    async for _ in engine.start():
        pass
    task = asyncio.create_task(items_of(engine, Prompt("    ", "\n")))
    begun = server.metric(STEPS)
    while server.metric(STEPS) < begun + 5:
        await asyncio.sleep(0.05)
    await then(task)
    with pytest.raises(asyncio.CancelledError):
        await task
    await engine.close()


def test_a_cancel_is_seen_within_two_steps(vllm: RealServer) -> None:
    """Counted by the server itself, from the cancel until it is idle."""

    async def cancel(task: "asyncio.Task[Any]") -> None:
        before = vllm.metric(STEPS)
        task.cancel()
        cancelled = time.monotonic()
        await asyncio.sleep(0)
        while await asyncio.to_thread(vllm.metric, "vllm:num_requests_running"):
            assert time.monotonic() - cancelled < 10
        print(f"idle {(time.monotonic() - cancelled) * 1000:.0f} ms and {vllm.metric(STEPS) - before:.0f} steps later")
        assert vllm.metric(STEPS) - before <= 2

    asyncio.run(while_denoising(vllm, cancel))


def test_a_draft_can_be_looked_at_while_it_is_denoised(vllm: RealServer) -> None:
    """The worker extension tells how many steps are done and what the canvas would be by now."""

    async def peek(task: "asyncio.Task[Any]") -> None:
        found = [await asyncio.to_thread(vllm.call_worker, "dgls_peek", "cmpl-") for _ in range(2)]
        assert found[0][0] < found[1][0] < MANY_STEPS
        assert len(found[0][1]) == 16
        assert await asyncio.to_thread(vllm.call_worker, "dgls_peek", "nobody") is None
        task.cancel()

    asyncio.run(while_denoising(vllm, peek))


Start = Callable[..., Editor]


@pytest.fixture
def start(tmp_path: Path, vllm: RealServer) -> Iterator[Start]:
    """Starts language servers that ask the real server; they end with the test."""
    editors: list[Editor] = []

    def begin(**given: Any) -> Editor:
        options = {"url": vllm.url, "pause_ms": 0, "deadline_ms": 25_000, "effort": "low", "max_steps": 2} | given
        options |= {"gap_lengths": "[4]", "suffix_tokens": 8, "log_file": tmp_path / f"{len(editors)}.log"}
        command = [sys.executable, "-m", "dgls", "serve", "--engine", "vllm"]
        command += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        editors.append(Editor(command, tmp_path / "stderr"))
        editors[-1].initialize()
        editors[-1].open(TEXT)
        return editors[-1]

    yield begin
    for editor in editors:
        editor.close()


def test_two_language_servers_share_it(start: Start, tmp_path: Path) -> None:
    """Both are answered, side by side; the second one finds the first one's prompt in the cache."""
    editors = [start(), start()]
    asked = [editor.asking(1, 8, invoked=True) for editor in editors]
    for editor in editors:
        editor.ready()
    for editor, message in zip(editors, asked, strict=True):
        editor.send(message)
    for editor, message in zip(editors, asked, strict=True):
        editor.items(message, send=False)
    logs = [(tmp_path / f"{number}.log").read_text(encoding="utf-8") for number in range(2)]
    assert all(" canvases, prompt " in log for log in logs)


def test_a_server_that_is_killed_is_told_once_and_used_again(start: Start, vllm: RealServer) -> None:
    """During a fill: the request is answered, one message says what is wrong, and later requests are filled again."""
    editor = start(max_steps=30)
    editor.ready()
    message = editor.asking(1, 8, invoked=True)
    editor.send(message)
    while not vllm.metric("vllm:num_requests_running"):
        time.sleep(0.05)
    vllm.kill()
    assert editor.items(message, send=False) == []
    for number in range(3):
        editor.change(TEXT + "#" * number)
        assert editor.texts(1, 8, invoked=True) == []
    shown = [note["params"]["message"] for note in editor.notes if note["method"] == "window/showMessage"]
    assert len(shown) == 1
    assert shown[0].startswith("dgls: 127.0.0.1:")
    vllm.start()
    vllm.wait()
    begun = time.monotonic()
    while not [note for note in editor.notes if note["params"].get("detail") == "works again"]:
        assert time.monotonic() - begun < 200
        editor.texts(1, 8, invoked=True)
        time.sleep(0.2)
    assert editor.count("window/showMessage") == 1
