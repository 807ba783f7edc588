"""The client of a vLLM server: what it asks, what goes wrong, and what is made of the answers."""

import asyncio
import json
import logging
import math
import shutil
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from huggingface_hub import constants

from dgls.engines.endpoint import Endpoint
from dgls.engines.serving.checkpoints import CHECKPOINTS
from dgls.engines.vllm.engine import VllmEngine
from dgls.errors import EngineError
from dgls.settings import Settings
from dgls.text.prompt import Prompt
from fake_vllm import FakeVllm, Fault
from tests.engines.asking import asked_of, engine_for, filled, items_of, started

TYPED = Prompt("value.app", ".x\n")


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
    fake.n_together = 4
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


def test_connections_are_used_again(fake: FakeVllm) -> None:
    """Twenty fills of two rows take two connections."""
    filled(engine_for(fake), n=20)
    assert len(asked_of(fake)) == 80
    assert fake.n_connections == 2


def test_cancelling_closes_the_connection_at_once(fake: FakeVllm) -> None:
    async def main() -> None:
        engine = await started(engine_for(fake))
        fake.step_ms = 30_000.0
        task = asyncio.create_task(items_of(engine))
        while fake.n_running < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        begun = time.perf_counter()
        while fake.n_running:
            await asyncio.sleep(0.005)
        assert time.perf_counter() - begun < 10
        with pytest.raises(asyncio.CancelledError):
            await task
        fake.step_ms = 0.0
        assert (await items_of(engine))[-1].final
        await engine.close()

    asyncio.run(main())
    assert fake.n_cancelled == 2


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


def test_a_key_from_the_keyring(fake: FakeVllm, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server's address, where nothing else says it; a keyring that cannot be opened has none."""
    fake.key = "from-keyring"
    stand_in: Any = ModuleType("keyring")
    stand_in.get_password = lambda service, url: "from-keyring" if (service, url) == ("dgls", fake.url) else None
    monkeypatch.setitem(sys.modules, "keyring", stand_in)
    monkeypatch.delenv("DGLS_KEY", raising=False)
    assert filled(engine_for(fake))[-1].final

    def locked(service: str, url: str) -> str:
        raise RuntimeError("the keyring is locked")

    stand_in.get_password = locked
    with pytest.raises(EngineError, match="does not take the key"):
        filled(engine_for(fake))


def test_without_an_address_it_is_this_machines_own_server(fake: FakeVllm) -> None:
    settings = Settings()
    assert filled(VllmEngine(settings, own=lambda _: Endpoint(fake.url)))[-1].final
    with pytest.raises(EngineError, match="no vLLM server runs for this machine: run dgls engine start"):
        filled(VllmEngine(settings, own=lambda _: None))


def test_this_machines_own_server_is_found_again_where_it_has_moved(chat_folder: Path) -> None:
    """It ended, and another window started it anew, at another address."""
    where: list[Endpoint] = []
    engine = VllmEngine(Settings(), own=lambda _: where[-1])

    async def is_filled() -> bool:
        return [item async for item in engine.drafts(Prompt("x = ", "\n"))][-1].final

    async def filled_twice() -> list[bool]:
        with FakeVllm(chat_folder) as first:
            where.append(Endpoint(first.url))
            async for _ in engine.start():
                pass
            found = [await is_filled()]
        with FakeVllm(chat_folder) as second:
            where.append(Endpoint(second.url))
            found.append(await is_filled())
        await engine.close()
        return found

    assert asyncio.run(filled_twice()) == [True, True]


@pytest.mark.parametrize(
    ("model", "revision"), [("org/small", "a" * 40), (CHECKPOINTS[0].model, ""), (CHECKPOINTS[0].model, "b" * 40)]
)
def test_the_vocabulary_is_of_the_revision_that_this_machines_own_server_serves(
    fake: FakeVllm, chat_folder: Path, model: str, revision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM has downloaded that one, and the newest may be another one, or out of reach."""
    kept = revision or CHECKPOINTS[0].revision
    shutil.copytree(chat_folder, tmp_path / f"models--{model.replace('/', '--')}" / "snapshots" / kept)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fake.cards[0]["root"] = model
    settings = Settings(revision=revision)
    assert filled(VllmEngine(settings, own=lambda _: Endpoint(fake.url)))[-1].final


def test_two_requests_at_once_find_this_machines_own_server_again(fake: FakeVllm) -> None:
    """It was started anew at its address, and wants another key."""

    async def main() -> None:
        async for _ in engine.start():
            pass
        fake.key = "new"
        found = await asyncio.gather(items_of(engine), items_of(engine))
        assert [items[-1].final for items in found] == [True, True]
        await engine.close()

    engine = VllmEngine(Settings(), own=lambda _: Endpoint(fake.url, fake.key))
    asyncio.run(main())


def test_each_width_is_asked_for_before_anybody_waits_for_it(chat_folder: Path) -> None:
    """A server compiles for each; the first width that is refused is the last one that is asked for."""
    with FakeVllm(chat_folder, canvas_length=64) as fake:
        filled(engine_for(fake))
    first = [body["vllm_xargs"]["diffusion_canvas_length"] for body in fake.asked if body["prompt"] == [0]]
    assert first[1:] == [16, 32, 64, 128]


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
    assert lines[1].endswith(" ms, 1.5 there")
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
