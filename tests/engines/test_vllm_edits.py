"""The client of a vLLM server with code that stands in the gap: the numbers are those of the model in this process."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import torch

from dgls.edits import filled_with
from dgls.engines import Drafts, Reading
from dgls.engines.local import LocalEngine
from dgls.engines.vllm import known
from dgls.engines.vllm.engine import VllmEngine
from dgls.errors import TooLongError
from dgls.settings import Settings, with_settings
from dgls.text.document import Document
from dgls.text.gap import Gap
from dgls.text.prompt import Open, Piece, Pinned, Prompt, Standing
from fake_vllm import FakeVllm
from tests.engines.asking import PLAIN, asked_of, engine_for, items_of, started
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


READ = {
    "a line": Prompt("def f(a):\n    ", "\n    return a\n", "f.py", middle=(Standing("b = a"),)),
    "behind half a symbol": Prompt("value.a(", ")\n", "f.py", middle=(Standing("b, c"),)),
    "beyond one character": Prompt("s = '", "'\n", "f.py", middle=(Standing("naïve 🎉"),)),
}


@pytest.mark.parametrize("prompt", READ.values(), ids=READ.keys())
def test_standing_code_is_read_as_in_this_process(computing: ComputingVllm, chat_folder: Path, prompt: Prompt) -> None:
    """Each token's likelihood to 1e-4, also where ids that stand for no text are likely, and what would stand there."""

    async def here() -> tuple[Reading, ...]:
        engine = LocalEngine(with_settings(Settings(), {"model": str(chat_folder), "device": "cpu"}))
        assert [phrase async for phrase in engine.start()]
        try:
            return await engine.read(prompt)
        finally:
            await engine.close()

    found, expected = used(computing, lambda engine: engine.read(prompt)), asyncio.run(here())
    assert [(one.text, one.instead) for one in found] == [(one.text, one.instead) for one in expected]
    assert [one.likelihood for one in found] == pytest.approx([one.likelihood for one in expected], abs=1e-4)
    assert asked_of(computing)[0]["vllm_xargs"]["diffusion_max_steps"] == 1


def drafted(fake: FakeVllm, *middle: Piece, prefix: str = "    ") -> list[Drafts]:
    """What comes of a gap that consists of these pieces."""
    return used(fake, lambda engine: items_of(engine, Prompt(prefix, "\n", middle=middle)))


def test_text_in_the_gap_is_pinned_and_each_gap_is_told(fake: FakeVllm) -> None:
    """The lengths of two gaps are tried together, then one after the other."""
    fake.text = "abcdefghijklmnop" * 4
    last = drafted(fake, Open(), Pinned(" + "), Open())[-1]
    assert {draft.lengths for draft in last.candidates} >= {(4, 4), (8, 8)}
    for draft in last.candidates:
        first, second = draft.parts
        assert (len(first), len(second)) == draft.lengths
        assert draft.text == first + " + " + second == "".join(token.text for token in draft.tokens)
        assert [token.sureness for token in draft.tokens[len(first) :][:3]] == [1.0] * 3
    canvas, pinned = (asked_of(fake)[-1]["vllm_xargs"][name] for name in ("diffusion_seed_canvas", "diffusion_pinned"))
    begin = min(pinned)
    assert fake.tokens.pieces(canvas[begin : begin + 3]) == list(" + ")
    assert {*range(begin, begin + 3)} <= {*pinned}


def test_the_least_likely_of_standing_code_is_noise(computing: ComputingVllm) -> None:
    """The rest begins as it stands and may change; as much of the steps is done as there is noise."""
    text = "abcdefgh"
    read = used(computing, lambda engine: engine.read(Prompt("    ", "\n", middle=(Standing(text),))))
    likely = [one.likelihood for one in read]
    computing.asked.clear()
    drafted(computing, Standing(text, 0.5))
    given = asked_of(computing)[-1]["vllm_xargs"]
    assert given["diffusion_max_steps"] == 3
    assert min(given["diffusion_pinned"]) == len(text)
    warm = sorted(range(8), key=lambda place: likely[place])[4:]
    assert [fake_text(computing, given)[place] for place in warm] == [text[place] for place in warm]


def fake_text(fake: FakeVllm, given: dict[str, list[int]]) -> list[str]:
    """The canvas as texts."""
    return fake.tokens.pieces(given["diffusion_seed_canvas"])


def test_code_of_which_nothing_is_written_anew_stays(fake: FakeVllm) -> None:
    fake.text = "other"
    assert drafted(fake, Standing("abc", 0.0))[-1].candidates[0].text == "abc"
    assert len(asked_of(fake)) == 1


def test_what_is_typed_stays_before_standing_code(fake: FakeVllm) -> None:
    """A draft that did not go on with half a symbol would be lost."""
    fake.text = "qrstuvwxyz"
    last = drafted(fake, Standing("end(x)", 1.0), prefix="value.app")[-1]
    assert [draft.text for draft in last.candidates] == ["uvwxyz"]
    assert fake_text(fake, asked_of(fake)[-1]["vllm_xargs"])[:4] == list(".app")


def test_a_gap_before_pinned_text_begins_as_it_is_typed(fake: FakeVllm) -> None:
    fake.text = ".append(y)" * 8
    last = drafted(fake, Open(), Pinned(";"), Open(), prefix="value.app")[-1]
    assert {draft.parts[0][:3] for draft in last.candidates if draft.lengths[0] == 8} == {"end"}


def test_a_row_that_would_be_cut_before_pinned_text_gives_none(fake: FakeVllm) -> None:
    """A special token stands for no text: what is behind it would move."""
    fake.text = "abcde"  # and special tokens behind it
    found = {draft.lengths for draft in drafted(fake, Open(), Pinned("="))[-1].candidates}
    assert (4,) in found
    assert (8,) not in found


def test_a_gap_is_filled_with_what_is_required(fake: FakeVllm) -> None:
    """The flow that an editor asks for."""
    fake.text = "a"
    document = Document("def f(a):\n    return \n")
    gap = Gap(document, 21, 21)
    found = used(fake, lambda engine: filled_with(gap, "max(a, 1)", engine, Settings()))
    assert "max(a, 1)" in found.edits[0].text


def test_standing_code_that_no_canvas_holds_is_too_long(fake: FakeVllm) -> None:
    with pytest.raises(TooLongError, match="the code is too long"):
        drafted(fake, Standing("x" * 40))
