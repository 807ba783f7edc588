"""The client of a vLLM server: what it asks, what goes wrong, and what is made of the answers."""

import asyncio
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from dgls.engines import Drafts
from dgls.engines.endpoint import Endpoint
from dgls.engines.vllm.engine import VllmEngine
from dgls.engines.vllm.server import Server
from dgls.errors import DglsError, EngineError, ServerError
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt
from fake_vllm import FakeVllm, Fault

PLAIN = Prompt("def f(a):\n", "    return x\n", "f.py")
TYPED = Prompt("value.app", ".x\n")


@pytest.fixture
def fake(chat_folder: Path) -> Iterator[FakeVllm]:
    """A server with the vocabulary of bytes and turns."""
    with FakeVllm(chat_folder) as server:
        yield server


def engine_for(*fakes: FakeVllm, **given: Any) -> VllmEngine:
    """An engine that asks these servers."""
    chosen = {
        "url": [fake.url for fake in fakes],
        "gap_lengths": [4, 8],
        "max_steps": 6,
        "effort": "low",
        "reach_within_s": 1,
    }
    return VllmEngine(with_settings(Settings(), chosen | given))


async def started(engine: VllmEngine) -> VllmEngine:
    """The engine, ready."""
    assert [phrase async for phrase in engine.start()]
    return engine


async def items_of(engine: VllmEngine, prompt: Prompt = PLAIN) -> list[Drafts]:
    """Everything that it yields."""
    async with aclosing(engine.drafts(prompt)) as stream:
        return [item async for item in stream]


def filled(engine: VllmEngine, prompt: Prompt = PLAIN, n: int = 1) -> list[Drafts]:
    """What a started engine yields for a prompt, the last time of several."""

    async def main() -> list[Drafts]:
        try:
            await started(engine)
            return [await items_of(engine, prompt) for _ in range(n)][-1]
        finally:
            await engine.close()

    return asyncio.run(main())


def asked_of(fake: FakeVllm) -> list[dict[str, Any]]:
    """The canvases of fills, without the first questions of the start."""
    return [body for body in fake.asked if body["prompt"] != [0]]


def test_a_row_is_a_pinned_canvas_behind_the_prompt(fake: FakeVllm) -> None:
    """Noise in the gap alone, the suffix at the pinned places; its tokens' log-probabilities are asked for."""
    filled(engine_for(fake, n_kept_lengths=2))
    bodies = asked_of(fake)
    assert len(bodies) == 4  # two lengths, looked at and finished: the line end counts as typed
    for body, n_gap in zip(bodies[2:], (4, 8), strict=True):
        given = body["vllm_xargs"]
        pinned = given["diffusion_pinned"]
        assert pinned == [0, *range(n_gap, 32)]
        tail = [given["diffusion_seed_canvas"][place] for place in pinned[1:]]
        assert fake.tokens.pieces(tail[:10]) == list("\n    retur")
        assert fake.tokens.pieces(given["diffusion_seed_canvas"][:1]) == ["\n"]
        assert set(tail[:8]) == set(body["logprob_token_ids"])
        assert body["max_tokens"] == given["diffusion_canvas_length"] == 32
        assert (given["diffusion_max_steps"], given["diffusion_read_only"]) == (6, 1)
        assert not {"seed", "temperature"} & body.keys()  # vLLM refuses them


def test_the_rows_of_a_round_are_asked_for_side_by_side(fake: FakeVllm) -> None:
    fake.step_ms = 20.0
    filled(engine_for(fake, gap_lengths=[2, 4, 6, 8]))
    assert fake.n_most_running == 4


def test_the_surest_lengths_go_on(fake: FakeVllm) -> None:
    """After one step of all of them."""
    filled(engine_for(fake, gap_lengths=[2, 4, 6, 8], n_kept_lengths=2, effort="low"), Prompt("    ", "\n"))
    steps = [body["vllm_xargs"]["diffusion_max_steps"] for body in asked_of(fake)]
    assert steps == [1, 1, 1, 1, 6, 6]


def test_what_is_typed_is_pinned_as_the_model_would_write_it(fake: FakeVllm) -> None:
    """The likeliest tokens that agree with it, and none that do not; no candidate is lost for it."""
    fake.text = ".append(y)"
    items = filled(engine_for(fake, gap_lengths=[7]), TYPED)
    assert [draft.text for draft in items[0].candidates] == ["end(y)"]
    assert items[-1].candidates[0].text.startswith("end(y)")
    fake.text = "other"
    fake.asked.clear()
    items = filled(engine_for(fake, gap_lengths=[7]), TYPED)
    assert [draft.text for draft in items[0].candidates] == []
    canvas = asked_of(fake)[-1]["vllm_xargs"]["diffusion_seed_canvas"]
    assert fake.tokens.pieces(canvas[:4]) == list(".app")
    assert items[-1].candidates


def test_a_row_with_a_special_token_is_cut_there_and_comes_last(fake: FakeVllm) -> None:
    banned = fake.tokens.id_of("<mask>")

    def spoil(answer: dict[str, Any]) -> None:
        answer["choices"][0]["token_ids"][2] = banned

    fake.text = "abcdefghijk"
    engine = engine_for(fake, n_kept_lengths=2, effort="low", gap_lengths=[4, 8])
    fake.faults.append(Fault(edit=spoil))
    last = filled(engine, Prompt("    ", "\n"))[-1]
    assert [draft.text for draft in last.candidates] == ["abcdefgh", "ab"]
    assert last.candidates[1].score == -math.inf


def test_a_gap_that_joins_the_suffix_is_better(fake: FakeVllm) -> None:
    """The same text scores by how likely the true suffix stands where it is pinned."""
    scores = []
    for log_p in (-0.01, -5.0):

        def joined(answer: dict[str, Any], log_p: float = log_p) -> None:
            for place in answer["choices"][0]["logprobs"]["top_logprobs"]:
                place.update(dict.fromkeys(place, log_p))

        fake.faults.clear()
        fake.faults.append(Fault(edit=joined))
        scores.append(filled(engine_for(fake, gap_lengths=[4]), Prompt("    ", "\nabc\n"))[-1].candidates[0].score)
    assert scores[0] - scores[1] == pytest.approx(4.99)


FAULTS: dict[str, tuple[Fault, str]] = {
    "400": (Fault(400), "refuses the request (400, as it was told): use vLLM 0.31 or later"),
    "401": (Fault(401), "does not take the key (401): set DGLS_KEY or key_file"),
    "404": (Fault(404), "does not have it (404, as it was told): correct url, or model"),
    "429": (Fault(429), "has too many requests (429, as it was told): wait, or add a server"),
    "500": (Fault(500), "failed (500, as it was told): see its log"),
    "502 of a proxy": (Fault(502, b"<html>"), "failed (502): see its log"),
    "redirect": (Fault(302, b""), "refuses the request (302)"),
    "cut body": (Fault(kept_bytes=90), "broke off (peer closed connection"),
    "dropped": (Fault(drop=True), "broke off (Server disconnected"),
    "wrong JSON": (Fault(body=b"{"), "answered no JSON: "),
    "other JSON": (Fault(body=b"[]"), "the server's answer is no answer to a canvas: "),
    "no tokens": (Fault(edit=lambda answer: answer["choices"][0].pop("token_ids")), "is no answer to a canvas: "),
    "truncated": (
        Fault(edit=lambda answer: answer["choices"][0]["token_ids"].pop()),
        "answered 31 tokens for a canvas",
    ),
    "not numbers": (
        Fault(edit=lambda answer: answer["choices"][0]["logprobs"].update(token_logprobs=["a"])),
        "is no answer to a canvas: ",
    ),
}


@pytest.mark.parametrize(("fault", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_what_goes_wrong_is_one_line(fake: FakeVllm, fault: Fault, told: str) -> None:
    """With the next step; and the engine works again afterwards."""

    async def main() -> None:
        engine = await started(engine_for(fake))
        fake.faults.extend([fault] * 4)
        with pytest.raises(EngineError) as failure:
            await items_of(engine)
        assert told in str(failure.value)
        assert "\n" not in str(failure.value)
        fake.faults.clear()
        await asyncio.sleep(0.6)  # the first pause
        assert (await items_of(engine))[-1].final
        await engine.close()

    asyncio.run(main())


@pytest.mark.parametrize("fault", [Fault(pause_s=5), Fault(trickles=True)], ids=["slow", "trickling"])
def test_an_answer_may_not_take_for_ever(fake: FakeVllm, fault: Fault) -> None:
    async def main() -> None:
        server = Server(Endpoint(fake.url), within_s=0.2)
        fake.faults.append(fault)
        body = {"model": "dg", "prompt": [1], "logprobs": 1, "max_tokens": 16, "vllm_xargs": {}}
        with pytest.raises(ServerError, match=r"did not answer within 0\.2 s: see its log"):
            await server.complete(body)
        await server.close()

    asyncio.run(main())


def test_a_connection_that_the_server_closed_meanwhile_costs_nothing(fake: FakeVllm) -> None:
    """A request is asked once more where the connection was closed before a word came."""

    async def main() -> None:
        engine = await started(engine_for(fake))
        fake.faults.append(Fault(drop=True))
        assert (await items_of(engine))[-1].final
        await engine.close()

    asyncio.run(main())


def test_connections_are_used_again(fake: FakeVllm) -> None:
    """Twenty fills of two rows take two connections."""
    filled(engine_for(fake), n=20)
    assert len(asked_of(fake)) == 80
    assert fake.n_connections == 2


def test_cancelling_closes_the_connection_at_once(fake: FakeVllm) -> None:
    async def main() -> None:
        engine = await started(engine_for(fake))
        fake.step_ms = 1000.0
        task = asyncio.create_task(items_of(engine))
        while fake.n_running < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        begun = time.perf_counter()
        while fake.n_running:
            await asyncio.sleep(0.005)
        assert time.perf_counter() - begun < 0.5
        with pytest.raises(asyncio.CancelledError):
            await task
        fake.step_ms = 0.0
        assert (await items_of(engine))[-1].final
        await engine.close()

    asyncio.run(main())
    assert fake.n_cancelled == 2


def test_the_next_server_takes_over_and_the_first_one_comes_back(chat_folder: Path) -> None:
    """Nothing is lost, and after its pause the workspace's own server is used again."""

    async def main(first: FakeVllm, second: FakeVllm) -> None:
        engine = await started(engine_for(first, second, workspace=workspace_for(first, second)))
        await items_of(engine)
        assert (len(asked_of(first)), len(asked_of(second))) == (4, 0)
        first.faults.extend([Fault(503)] * 2)
        assert (await items_of(engine))[-1].final
        assert len(asked_of(second)) == 4
        await items_of(engine)
        assert len(asked_of(second)) == 8
        first.faults.clear()
        await asyncio.sleep(0.6)
        await items_of(engine)
        assert len(asked_of(second)) == 8
        assert "GET /health" in first.paths
        await engine.close()

    with FakeVllm(chat_folder) as first, FakeVllm(chat_folder) as second:
        asyncio.run(main(first, second))


def workspace_for(first: FakeVllm, second: FakeVllm) -> str:
    """A workspace that prefers the first of two servers."""
    from dgls.engines.vllm.servers import in_order

    return next(name for name in map(str, range(99)) if in_order([first.url, second.url], name)[0] == first.url)


def test_workspaces_are_spread_and_stay() -> None:
    """Each server is some workspace's first; taking one away moves only those that were there."""
    from dgls.engines.vllm.servers import in_order

    urls = [f"http://gpu{number}:8000" for number in range(4)]
    first = {str(number): in_order(urls, str(number))[0] for number in range(200)}
    assert set(first.values()) == set(urls)
    for workspace, url in first.items():
        assert in_order(urls[1:], workspace)[0] == url or url == urls[0]


def test_a_server_that_is_down_is_not_asked_at_every_key(chat_folder: Path) -> None:
    """During the pause the same line comes without a connection; the pause grows."""

    async def main() -> None:
        with FakeVllm(chat_folder) as fake:
            engine = await started(engine_for(fake))
        for _ in range(5):
            with pytest.raises(
                ServerError, match=r"cannot be reached \(Connection refused\): start it, or correct url"
            ):
                await items_of(engine)
        with FakeVllm(chat_folder, port=int(fake.url.rpartition(":")[2])) as again:
            with pytest.raises(ServerError, match="cannot be reached"):
                await items_of(engine)
            assert again.n_connections == 0
            await asyncio.sleep(0.6)
            assert (await items_of(engine))[-1].final
            await engine.close()

    asyncio.run(main())


def test_the_start_waits_for_a_server(chat_folder: Path) -> None:
    """It says for what; a server that needs its minutes to load is not a failure."""

    async def main() -> None:
        with FakeVllm(chat_folder) as gone:
            port = int(gone.url.rpartition(":")[2])
        engine = VllmEngine(with_settings(Settings(), {"url": gone.url}))
        phrases = engine.start()
        told = [await anext(phrases) for _ in range(3)]
        assert told[1] == f"waiting: 127.0.0.1:{port} cannot be reached (Connection refused): start it, or correct url"
        with FakeVllm(chat_folder, port=port):
            assert [phrase async for phrase in phrases][-1] == "reading the vocabulary of dg"
            assert engine.name == f"vllm (dg, 127.0.0.1:{port})"
            await engine.close()

    asyncio.run(main())


def test_a_socket_and_a_key(chat_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unix socket is an address as any other; the key comes from the file that is set, else the environment."""
    (tmp_path / "key").write_text("from-file\n", encoding="ascii")
    monkeypatch.setenv("DGLS_KEY", "from-environment")
    for key, given in (("from-file", {"key_file": str(tmp_path / "key")}), ("from-environment", {})):
        with FakeVllm(chat_folder, key=key, uds=tmp_path / f"{key}.sock") as fake:
            engine = engine_for(fake, **given)
            assert filled(engine)[-1].final
            assert engine.name == f"vllm (dg, {key}.sock)"
            assert "from-" not in repr(Endpoint(fake.url, key)).replace(fake.url, "")


WRONG: dict[str, tuple[Callable[[FakeVllm], None], dict[str, Any], str]] = {
    "no key": (lambda fake: setattr(fake, "key", "k"), {}, "does not take the key (401): set DGLS_KEY or key_file"),
    "no key file": (lambda fake: None, {"key_file": "/nowhere/k"}, "the key file k cannot be read (No such file"),
    "old vLLM": (
        lambda fake: setattr(fake, "knows_canvases", False),
        {},
        "cannot pin code on a canvas: update it to vLLM 0.31 or later",
    ),
    "Ollama": (lambda fake: fake.cards[0].update(owned_by="library"), {}, "Ollama cannot pin code on a canvas yet"),
    "llama.cpp": (lambda fake: fake.cards[0].update(owned_by="llamacpp"), {}, "llama.cpp's server cannot pin code"),
    "SGLang": (lambda fake: fake.cards[0].update(owned_by="sglang"), {}, "SGLang cannot pin code on a canvas yet"),
    "several": (lambda fake: fake.cards.append({"id": "b"}), {}, "serves several models: set model to one of dg, b"),
    "none": (lambda fake: fake.cards.clear(), {}, "lists no models: give the address of a vLLM server"),
    "elsewhere": (
        lambda fake: fake.cards[0].update(root="/models/there"),
        {},
        "there is no tokenizer.json in 'there' on this machine: set model to the folder or the hub id",
    ),
    "narrow": (lambda fake: setattr(fake, "canvas_length", 8), {}, "takes no canvas of 16 tokens"),
    "no address": (lambda fake: None, {"url": "gpu:8000"}, "'gpu:8000' is no address of a server: write http://"),
}


@pytest.mark.parametrize(("change", "given", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_work_is_said_at_the_start(
    fake: FakeVllm, change: Callable[[FakeVllm], None], given: dict[str, Any], told: str
) -> None:
    change(fake)
    with pytest.raises(DglsError) as failure:
        filled(engine_for(fake, **given))
    assert told in str(failure.value)


def test_without_an_address_it_is_this_machines_own_server(fake: FakeVllm) -> None:
    settings = Settings()
    assert filled(VllmEngine(settings, own=lambda _: Endpoint(fake.url)))[-1].final
    with pytest.raises(EngineError, match="no vLLM server runs on this machine: start one: dgls engine start"):
        filled(VllmEngine(settings, own=lambda _: None))


def test_a_context_that_is_too_long_is_cut(fake: FakeVllm) -> None:
    """The server would refuse it."""
    fake.cards[0]["max_model_len"] = 300
    long = Prompt("def f():\n    pass\n" * 400, "\n")
    assert filled(engine_for(fake), long)[-1].final
    assert all(len(body["prompt"]) + 32 <= 300 for body in asked_of(fake))


def test_one_log_line_says_what_a_fill_took(fake: FakeVllm, caplog: pytest.LogCaptureFixture) -> None:
    """Prompt and cached tokens, the queue, rows, steps and milliseconds; no source text."""
    with caplog.at_level(logging.INFO, "dgls.engines.vllm"):
        items = filled(engine_for(fake, effort="low"), n=2)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("dgls.engines.vllm")]
    n_prompt = len(asked_of(fake)[0]["prompt"])
    n_cached = n_prompt // 16 * 16
    assert len(lines) == 2
    assert f"4 canvases, prompt {n_prompt} tokens ({n_cached} cached), queue 0.5 ms: 2 x 32 1 step " in lines[1]
    assert "; 2 x 32 at most 6 steps " in lines[1]
    assert "return" not in lines[1]
    cost = items[-1].cost
    assert (cost.n_steps, cost.n_encoded_tokens, cost.n_reused_tokens) == (7, n_prompt - n_cached, n_cached)


def test_threads_end_with_the_engine(fake: FakeVllm) -> None:
    before = threading.active_count()
    filled(engine_for(fake))
    assert threading.active_count() == before


def test_a_model_of_other_noise_is_refused(fake: FakeVllm, tmp_path: Path, chat_folder: Path) -> None:
    """vLLM renoises with any token; the bundled model knows one."""
    config = json.loads((chat_folder / "config.json").read_text(encoding="utf-8"))
    config["dgls"] = {"noise_token_id": 3, "noise": "absorbing"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "tokenizer.json").write_bytes((chat_folder / "tokenizer.json").read_bytes())
    with pytest.raises(EngineError, match="dg was trained on other noise than vLLM's: use it with engine=local"):
        filled(engine_for(fake, model=str(tmp_path)))
