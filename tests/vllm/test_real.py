"""The client and a real vLLM: the same numbers as the local engine, and what a user sees when the server dies.

In the order in which they stand here: the last test kills the server.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from dgls.engines import Drafts
from dgls.engines.checkpoint import read_facts
from dgls.engines.framing import framed
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.engines.middles import Slot
from dgls.engines.serving.record import current
from dgls.engines.tokens import read_tokens
from dgls.engines.vllm.rows import rows_for, whole
from dgls.engines.vllm.server import Server
from dgls.engines.vllm.wire import Asked, Read, body_of, read_of
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt
from tests.lsp.client import Editor
from tests.serving.conftest import until, workers
from tests.vllm.asking import engine_for, items_of, ours
from tests.vllm.server import ARGUMENTS, CANVAS, Real

pytestmark = pytest.mark.vllm

TEXT = "def f(a):\n    x = \n    return x\n"
MANY_STEPS = 1000
PATIENCE_S = 600.0  # for a test that fails: a start takes half a minute where nothing else runs
STEPS = "vllm:diffusion_num_denoising_steps_total"


def reads(server: Real, asked: Sequence[Asked]) -> list[Read]:
    """The answers to canvases that are asked for at once."""

    async def main() -> list[Read]:
        client = Server(server.endpoint)
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


def score_of_read(log_p: torch.Tensor, asked: Asked) -> float:
    """How a canvas ranks by the log-probabilities `[L, V]` of its places."""
    gap = [place for place in range(len(asked.canvas)) if place not in asked.pinned]
    tail = [*range(gap[-1] + 1, min(gap[-1] + 9, len(asked.canvas)))]
    joined = log_p[tail, [asked.canvas[place] for place in tail]]
    return float(log_p[gap].amax(-1).mean() + joined.mean())


def test_one_step_is_that_of_the_local_engine_also_with_mixed_widths_at_once(vllm: Real, checkpoint: Path) -> None:
    """Log-probabilities to 1e-3, of the likeliest tokens and of tokens by name, as long as all is in the window."""
    model = Gemma(load_model(checkpoint, with_settings(Settings(), {"device": "cpu"})))
    asked = [*canvases([16, 32, CANVAS], 200), *canvases([16], 90)]
    asked[0] = Asked(asked[0].prompt, asked[0].canvas, asked[0].pinned, 1, told=[9, 100, 263])
    furthest = 0.0
    for canvas, read in zip(asked, reads(vllm, asked), strict=True):
        expected = ours(model, canvas)
        for place, (token, log_p) in enumerate(zip(read.ids, read.log_p, strict=True)):
            assert token == (canvas.canvas[place] if place in canvas.pinned else int(expected[place].argmax()))
            told = {token: log_p} | {other: value for other, value in read.others[place].items() if value > -9000}
            furthest = max(furthest, *(abs(float(expected[place, other]) - value) for other, value in told.items()))
        assert set(canvas.told) <= read.others[0].keys()
    print(f"furthest log-probability: {furthest:.2e}")
    assert furthest < 1e-3


def test_an_accepted_text_is_read_anew(vllm: Real, checkpoint: Path) -> None:
    """A prompt that goes on with what stood on a canvas gets the numbers of a prompt without a history."""
    model = Gemma(load_model(checkpoint, with_settings(Settings(), {"device": "cpu"})))
    (first,) = canvases([CANVAS], 96)
    (read,) = reads(vllm, [first])
    longer = Asked([*first.prompt, *read.ids], first.canvas[:16], [], 1, n_top=1)
    for _ in range(2):
        (found,) = reads(vllm, [longer])
        expected = ours(model, longer)[range(16), found.ids]
        assert torch.tensor(found.log_p) == pytest.approx(expected, abs=1e-3)


def test_a_fill_and_what_is_typed(vllm: Real) -> None:
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


def test_candidates_are_ranked_as_in_this_process(vllm: Real, checkpoint: Path) -> None:
    """Each score is that of the same canvas read by transformers, to 1e-3: the gap's mean log-probability and that of
    the first suffix tokens where they are pinned. One step, as vLLM's own noise between steps cannot be given.

    The local engine ranks by a causal pass, which vLLM has no request for: its scores are others.
    """
    model = Gemma(load_model(checkpoint, with_settings(Settings(), {"device": "cpu"})))
    lengths = [2, 3, 4, 5, 7, 8]  # none of them gets a special token, which would put it last without a score
    given = {"max_steps": 1, "gap_lengths": lengths, "n_kept_lengths": len(lengths), "suffix_tokens": 16}
    engine = engine_for(vllm, **given)
    prompt = Prompt("    ", "\n    return a\n", "f.py")

    async def main() -> list[Drafts]:
        async for _ in engine.start():
            pass
        try:
            return await items_of(engine, prompt)
        finally:
            await engine.close()

    found = {draft.gap_tokens: draft.score for draft in asyncio.run(main())[-1].candidates}
    settings = with_settings(vllm.settings, given)
    facts = read_facts(checkpoint, settings)
    tokens = read_tokens(checkpoint, model.vocab_size)
    frame = framed(prompt, tokens, settings.strategy, facts.context_tokens)
    expected = {}
    for row in rows_for(frame, [Slot(None)], plan=[(n,) for n in lengths], settings=settings, facts=facts):
        asked = whole(row, tokens, settings.seed, n_steps=1, n_scored=facts.score_tail_tokens)
        expected[row.n_gap] = score_of_read(ours(model, asked), asked)
    print(f"furthest score: {max(abs(found[n] - expected[n]) for n in lengths):.2e}")
    assert found == pytest.approx(expected, abs=1e-3)
    assert [*found] == sorted(lengths, key=expected.__getitem__, reverse=True)


async def while_denoising(server: Real, then: Callable[["asyncio.Task[Any]"], Any]) -> None:
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


def test_a_cancel_is_seen_within_two_steps(vllm: Real) -> None:
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


def test_a_draft_can_be_looked_at_while_it_is_denoised(vllm: Real) -> None:
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
def start(tmp_path: Path, vllm: Real) -> Iterator[Start]:
    """Starts language servers that use the machine's own server; they end with the test."""
    editors: list[Editor] = []

    def begin(**given: Any) -> Editor:
        options: dict[str, Any] = {"model": vllm.settings.model, "engine_start": "auto", "engine_arguments": ARGUMENTS}
        options |= {"pause_ms": 0, "deadline_ms": 25_000, "effort": "low", "max_steps": 2, "gap_lengths": "[4]"}
        options |= {"suffix_tokens": 8, "log_file": tmp_path / f"{len(editors)}.log"} | given
        command = [sys.executable, "-m", "dgls", "serve", "--engine", "vllm"]
        command += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        editors.append(Editor(command, tmp_path / "stderr"))
        editors[-1].initialize()
        editors[-1].open(TEXT)
        return editors[-1]

    yield begin
    for editor in editors:
        editor.close()


def test_two_language_servers_share_it(start: Start, vllm: Real, tmp_path: Path) -> None:
    """Both are answered, side by side."""
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
    assert vllm.n_starts() == 1


def test_a_server_that_is_killed_is_told_once_and_started_again(start: Start, vllm: Real, tmp_path: Path) -> None:
    """During a fill: the request is answered, one message says what is wrong, and the next request starts another."""
    editor = start(max_steps=30)
    editor.ready()
    editor.texts(1, 8, invoked=True)
    editor.change(TEXT + "#")
    message = editor.asking(1, 8, invoked=True)
    editor.send(message)
    while not vllm.metric("vllm:num_requests_running"):
        time.sleep(0.05)
    record = current(vllm.place)
    assert record is not None
    assert len(workers(record.server.pid)) > 1
    os.kill(record.server.pid, signal.SIGKILL)
    assert editor.items(message, send=False) == []
    until(lambda: not workers(record.server.pid))  # its engine goes with it
    begun = time.monotonic()
    while (tmp_path / "0.log").read_text(encoding="utf-8").count(" is ready: ready") != 2:
        assert time.monotonic() - begun < PATIENCE_S, vllm.log()[-3000:]
        editor.change(TEXT + "#" * (editor.version % 9))
        editor.texts(1, 8, invoked=True)
        time.sleep(0.2)
    editor.texts(1, 8, invoked=True)
    assert vllm.metric("vllm:request_success_total") > 0
    shown = [note["params"]["message"] for note in editor.notes if note["method"] == "window/showMessage"]
    assert shown == ["dgls: this machine's vLLM server has ended: it is started again; dgls engine logs says why"]
    states = [note["params"]["state"] for note in editor.notes if note["method"] == "dgls/status"]
    assert [state for state in states if state in ("failed", "ready")] == ["ready", "ready"]
    assert vllm.n_starts() == 2
