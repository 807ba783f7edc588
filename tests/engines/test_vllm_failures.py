"""What goes wrong with a vLLM server, what is said about it, and who takes over."""

import asyncio
import math
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgls.engines.endpoint import Endpoint
from dgls.engines.vllm import server as server_module
from dgls.engines.vllm import servers
from dgls.engines.vllm.engine import VllmEngine
from dgls.engines.vllm.server import Server
from dgls.errors import DglsError, EndedError, EngineError, ServerError
from dgls.settings import Settings, with_settings
from fake_vllm import FakeVllm, Fault
from tests.engines.asking import asked_of, engine_for, filled, items_of, started


@pytest.fixture(autouse=True)
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that failed is left alone until the test says so, however slow the machine is."""
    monkeypatch.setattr(servers, "_FIRST_PAUSE_S", 1000.0)
    monkeypatch.setattr(servers, "_LONGEST_PAUSE_S", 4000.0)


def pause_is_over(engine: VllmEngine) -> None:
    """Lets every server be tried again."""
    assert engine._servers is not None
    for health in engine._servers._all:
        health.next_try = 0.0


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
    "no probability": (
        Fault(edit=lambda answer: answer["choices"][0]["logprobs"].update(token_logprobs=[math.nan] * 32)),
        "the server's probabilities are no numbers: see its log",
    ),
    "too probable": (
        Fault(edit=lambda answer: answer["choices"][0]["logprobs"].update(token_logprobs=[5000.0] * 32)),
        "the server's probabilities are no numbers: see its log",
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
        pause_is_over(engine)
        assert (await items_of(engine))[-1].final
        await engine.close()

    asyncio.run(main())


def _refuse(listener: socket.socket) -> None:
    """Answers a greeting in TLS as a server does that knows none."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("speaks", "told"),
    [
        (True, r"cannot be trusted \([a-z ]+\): correct url, or name the file with"),
        (False, r"cannot be reached \(no answer within 0\.5 s\): start it, or correct url; a firewall"),
    ],
)
def test_a_connection_that_cannot_be_made_safe_is_told_as_such(
    speaks: bool, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_REACHED_S", 10.0 if speaks else 0.5)

    async def main(url: str) -> None:
        server = Server(Endpoint(url))
        with pytest.raises(ServerError, match=told):
            await server.models()
        await server.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=_refuse, args=(listener,))
        if speaks:
            answering.start()
        asyncio.run(main(f"https://127.0.0.1:{listener.getsockname()[1]}"))
        if speaks:
            answering.join()


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
        pause_is_over(engine)
        await items_of(engine)
        assert len(asked_of(second)) == 8
        assert "GET /health" in first.paths
        await engine.close()

    with FakeVllm(chat_folder) as first, FakeVllm(chat_folder) as second:
        asyncio.run(main(first, second))


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"root": "/models/other"}, "serves another model, other: the engine starts anew with it"),
    "context": (
        {"max_model_len": 100},
        "takes shorter prompts or canvases than before: the engine starts anew with it",
    ),
}


@pytest.mark.parametrize(("changes", "told"), OTHERS.values(), ids=OTHERS.keys())
def test_a_server_of_something_else_does_not_stand_in(chat_folder: Path, changes: dict[str, Any], told: str) -> None:
    async def main(first: FakeVllm, second: FakeVllm) -> None:
        engine = await started(engine_for(first, second, workspace=workspace_for(first, second)))
        first.faults.append(Fault(503))
        with pytest.raises(EndedError, match=told):
            await items_of(engine)
        await engine.close()

    with FakeVllm(chat_folder) as first, FakeVllm(chat_folder) as second:
        second.cards[0].update(changes)
        asyncio.run(main(first, second))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_no_longer_takes_requests_is_replaced(chat_folder: Path, status: int) -> None:
    async def main(first: FakeVllm, second: FakeVllm) -> None:
        engine = await started(engine_for(first, second, workspace=workspace_for(first, second)))
        first.faults.append(Fault(status))
        assert (await items_of(engine))[-1].final
        assert len(asked_of(second)) == 4
        await engine.close()

    with FakeVllm(chat_folder) as first, FakeVllm(chat_folder) as second:
        asyncio.run(main(first, second))


def test_a_request_that_is_refused_is_nobody_elses(chat_folder: Path) -> None:
    """Another server would refuse it as well."""

    async def main(first: FakeVllm, second: FakeVllm) -> None:
        engine = await started(engine_for(first, second, workspace=workspace_for(first, second)))
        first.faults.append(Fault(400))
        with pytest.raises(EngineError, match="refuses the request"):
            await items_of(engine)
        assert (await items_of(engine))[-1].final
        assert asked_of(second) == []
        await engine.close()

    with FakeVllm(chat_folder) as first, FakeVllm(chat_folder) as second:
        asyncio.run(main(first, second))


def test_a_server_that_lets_requests_wait_for_ever_is_replaced(chat_folder: Path) -> None:
    """They are given up at the deadline, before the server's own time is over; a newer key says nothing about it."""

    async def main(first: FakeVllm, second: FakeVllm) -> None:
        given = {"workspace": workspace_for(first, second), "deadline_ms": 400}
        engine = await started(engine_for(first, second, **given))
        first.faults.extend([Fault(pause_s=1000)] * 8)
        for within_s in (0.05, 0.4):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(items_of(engine), within_s)
            assert asked_of(second) == []
        assert (await asyncio.wait_for(items_of(engine), 30))[-1].final
        assert len(asked_of(second)) == 4
        await engine.close()

    with FakeVllm(chat_folder) as first, FakeVllm(chat_folder) as second:
        asyncio.run(main(first, second))


def test_a_server_that_calls_its_model_otherwise_is_asked_what_it_serves(fake: FakeVllm) -> None:
    """It was started anew while nobody asked."""

    async def main() -> None:
        engine = await started(engine_for(fake))
        fake.cards[0]["id"] = "new name"
        with pytest.raises(EngineError, match="does not have it"):
            await items_of(engine)
        pause_is_over(engine)
        assert (await items_of(engine))[-1].final
        await engine.close()

    asyncio.run(main())


def test_an_address_that_is_there_twice_is_one_server() -> None:
    urls = ["http://gpu:8000", "http://gpu:8000/v1/", "http://gpu:8000"]
    engine = VllmEngine(with_settings(Settings(), {"url": urls}))
    assert engine.name == "vllm (gpu:8000)"


def workspace_for(first: FakeVllm, second: FakeVllm) -> str:
    """A workspace that prefers the first of two servers."""
    return next(name for name in map(str, range(99)) if servers.in_order([first.url, second.url], name)[0] == first.url)


def test_workspaces_are_spread_and_stay() -> None:
    """Each server is some workspace's first; taking one away moves only those that were there."""
    urls = [f"http://gpu{number}:8000" for number in range(4)]
    first = {str(number): servers.in_order(urls, str(number))[0] for number in range(200)}
    assert set(first.values()) == set(urls)
    for workspace, url in first.items():
        assert servers.in_order(urls[1:], workspace)[0] == url or url == urls[0]


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
            pause_is_over(engine)
            assert (await items_of(engine))[-1].final
            await engine.close()

    asyncio.run(main())


def test_the_start_waits_for_a_server(chat_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says for what; a server that needs its minutes to load is not a failure."""
    monkeypatch.setattr(servers, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(servers, "_LONGEST_PAUSE_S", 0.02)

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
