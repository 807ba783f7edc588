"""The evaluation's axes: ways with and without a suffix, sweeps of settings and of the sampler's own numbers."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgls.diffusion.layout import Run
from dgls.engines import Drafts
from dgls.engines.checkpoint import BUNDLED
from dgls.engines.filler import Filler
from dgls.engines.framing import framed
from dgls.errors import UsageError
from dgls.settings import Settings, with_settings
from dgls.text.prompt import Prompt
from evaluation.benches import Bench, LoadedBench, LocalBench, gap_tokens
from evaluation.cases import Case
from evaluation.engines import Probing
from evaluation.fills import filled
from evaluation.left_to_right import LeftToRight, drafts_of
from evaluation.outcome import Outcome
from evaluation.sweeps import Variant, lengths_around, variants
from evaluation.ways import Way, way_of
from small.fim import asked_for
from small.tokens import EOS
from tests.tiny import SPECIALS, TURNS, save_tiny

CASE = Case("toy", "rest of line", "def add(a, b):\n    ret", "urn a + b", "  # sum\n\n\ndef other():\n    pass\n")


@pytest.fixture(scope="module")
def bench() -> LocalBench:
    """The bundled model."""
    return LocalBench(with_settings(Settings(), {"threads": 1}))


def filled_once(bench: Bench, way: str, variant: Variant | None = None, case: Case = CASE) -> Outcome:
    """The only outcome."""

    async def collected() -> list[Outcome]:
        chosen = variant or Variant(with_settings(Settings(), {"threads": 1}))
        found = [outcome async for outcome in filled(bench, [case], way_of(way), chosen)]
        await bench.close()
        return found

    (found,) = asyncio.run(collected())
    return found


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("chosen", Way("chosen")),
        ("oracle", Way("oracle", oracle=True)),
        ("12@pinned", Way("12@pinned", fixed=12)),
        ("prompted", Way("prompted", prompted=True)),
        ("oracle@prefix-only", Way("oracle@prefix-only", oracle=True, part="none")),
        ("chosen@suffix=line", Way("chosen@suffix=line", part="line")),
        ("8@suffix=16", Way("8@suffix=16", fixed=8, part="16")),
        ("8@suffix=0", Way("8@suffix=0", fixed=8, part="none")),
        ("left-to-right-oracle", Way("left-to-right-oracle", oracle=True, left_to_right=True)),
    ],
)
def test_a_name_says_length_strategy_and_part_of_the_suffix(name: str, way: Way) -> None:
    assert way_of(name) == way


@pytest.mark.parametrize(
    "name",
    [
        *("", "0", "-1", "longest", "oracle@", "oracle@sideways", "oracle@suffix", "oracle@suffix=some"),
        *(
            "left-to-right@prefix-only",
            "oracle@prompted",
            "8@prompted",
            "prompted@suffix=line",
            "chosen@prompted@suffix=4",
        ),
    ],
)
def test_a_way_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        way_of(name)


def test_the_true_length_counts_the_healed_symbol_as_the_canvas_does(bench: LocalBench) -> None:
    n_tokens, n_typed = gap_tokens(bench.tokens, "    ret", "urn a + b")
    assert n_tokens == len(bench.tokens.encode("return a + b"))
    assert n_typed == len(bench.tokens.encode("ret")) - 1


@pytest.mark.parametrize("way", ["oracle", "oracle@prefix-only", "oracle@suffix=line", "left-to-right-oracle"])
def test_the_oracle_has_the_true_length_whatever_is_told(bench: LocalBench, way: str) -> None:
    found = filled_once(bench, way)
    assert found.gap_tokens == found.true_tokens
    assert found.n_forwards > 0


@pytest.mark.parametrize("way", ["chosen", "3", "prompted", "prefix-only", "chosen@suffix=line", "3@suffix=2"])
def test_pins_do_not_change(bench: LocalBench, way: str) -> None:
    assert filled_once(bench, way).n_pins_changed == 0


def test_left_to_right_has_no_pins_to_watch_and_keeps_what_is_typed(bench: LocalBench) -> None:
    found = filled_once(bench, "left-to-right")
    assert found.n_pins_changed is None
    assert "\n" not in found.text


def test_without_a_suffix_the_fill_does_not_depend_on_it(bench: LocalBench) -> None:
    other = replace(CASE, suffix="\n\n\nclass Other:\n    x = 1\n")
    for way in ("oracle@prefix-only", "3@prefix-only", "left-to-right"):
        assert filled_once(bench, way).raw == filled_once(bench, way, case=other).raw
    near = replace(CASE, suffix="  # sum\nfoo = 1\n")
    assert filled_once(bench, "oracle@suffix=2").raw == filled_once(bench, "oracle@suffix=2", case=near).raw


@pytest.mark.parametrize(("way", "n_told"), [("3@prefix-only", 0), ("3@suffix=2", 2), ("3@suffix=line", 3)])
def test_the_canvas_ends_where_the_told_part_of_the_suffix_does(bench: LocalBench, way: str, n_told: int) -> None:
    prompt = Prompt(CASE.prefix, " sum)\n\n\nfoo = 1\n")
    engine = asyncio.run(bench.engine(way_of(way), Variant(Settings()), 3))
    assert isinstance(engine, Probing)
    probe = engine.probe
    probe.n_behind = n_told
    frame = framed(prompt, bench.tokens, "auto", 64)
    n_typed = len(bench.tokens.encode(frame.typed.decode())) - 1
    canvas = probe._canvas(frame, [[Run([0] * (3 + n_typed), "noise")]])
    assert canvas.ids.shape == (1, 3 + n_typed + n_told)
    assert canvas.ids[0, 3 + n_typed :].tolist() == list(frame.tail[:n_told])
    assert canvas.pinned.sum() == n_told


def test_a_model_with_turns_is_not_told_the_suffix_either(tmp_path: Path) -> None:
    chat = LocalBench(with_settings(Settings(), {"model": str(save_tiny(tmp_path, (*SPECIALS, *TURNS))), "threads": 1}))
    variant = Variant(with_settings(Settings(), {"model": str(tmp_path), "threads": 1}))
    found = filled_once(chat, "oracle@prefix-only", variant)
    assert found.raw == filled_once(chat, "oracle@prefix-only", variant, replace(CASE, suffix="\nx\n")).raw
    assert found.n_pins_changed == 0


@pytest.mark.parametrize("way", ["chosen", "oracle", "prompted"])
def test_an_engine_behind_its_protocol_fills_as_the_loaded_checkpoint_does(bench: LocalBench, way: str) -> None:
    found = filled_once(LoadedBench(with_settings(Settings(), {"threads": 1})), way)
    expected = filled_once(bench, way)
    assert replace(found, n_pins_changed=0) == expected
    assert found.n_pins_changed is None


def test_a_sweep_names_settings_numbers_of_the_sampler_and_first_lengths() -> None:
    settings = Settings()
    found = list(variants(settings, ["max_steps=1,4", "entropy_bound=0.5", "first_length=8"]))
    assert [variant.name for variant in found] == ["max_steps=1", "max_steps=4", "entropy_bound=0.5", "first_length=8"]
    assert [variant.settings.max_steps for variant in found] == [1, 4, 0, 0]
    assert found[3].settings.gap_lengths == lengths_around(8) == (2, 3, 4, 6, 8, 11, 16, 23, 32)
    assert list(variants(settings, [])) == [Variant(settings)]


def test_the_values_of_a_sweep_reach_the_model(bench: LocalBench) -> None:
    settings = with_settings(Settings(), {"threads": 1})
    one, many = (filled_once(bench, "oracle", variant) for variant in variants(settings, ["max_steps=1,48"]))
    assert (one.n_steps, one.n_forwards) == (1, 3)
    assert many.n_steps > 1
    tight, loose = (filled_once(bench, "oracle", variant) for variant in variants(settings, ["entropy_bound=0,100"]))
    assert loose.n_steps == 1 < tight.n_steps
    assert loose.raw == one.raw


def test_the_lengths_around_a_first_one_replace_the_models_own(bench: LocalBench) -> None:
    settings = with_settings(Settings(), {"threads": 1, "effort": "low"})  # one round
    (variant,) = variants(settings, ["first_length=64"])
    found = filled_once(bench, "chosen", variant)
    assert found.gap_tokens >= 16


def test_left_to_right_writes_for_as_long_as_it_is_told(bench: LocalBench) -> None:
    engine = asyncio.run(bench.engine(way_of("left-to-right"), Variant(Settings()), 5))
    assert isinstance(engine, LeftToRight)

    async def last() -> int:
        return [drafts.candidates[0].gap_tokens async for drafts in engine.drafts(Prompt("x = ", "\n"))][-1]

    assert asyncio.run(last()) == 5


def test_the_twin_reads_as_it_was_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suffix and prefix as in training; it needs a folder."""
    bench = LocalBench(with_settings(Settings(), {"threads": 1}), BUNDLED)
    asked: list[list[int]] = []

    def noted(filler: Filler, prefix: list[int], typed: bytes, **how: Any) -> Drafts:
        asked.append(prefix)
        assert (typed, how) == (b"ret", {"end": EOS, "one_line": False})
        return drafts_of(filler, prefix, typed, most=3, **how)

    monkeypatch.setattr("evaluation.twin.drafts_of", noted)
    found = filled_once(bench, "twin")
    before, after = (np.array(bench.tokens.encode(text)) for text in ("def add(a, b):\n    ", CASE.suffix))
    assert asked == [asked_for(before, after).tolist()]
    assert found.gap_tokens <= 3
    with pytest.raises(UsageError, match="--twin FOLDER"):
        filled_once(LocalBench(with_settings(Settings(), {"threads": 1})), "twin")
