"""The bundled model as it is shipped: complete, small, and doing the job it is shipped for."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DiffusionGemmaForBlockDiffusion

from dgls.diffusion.sampling import Kernel
from dgls.engines import Drafts
from dgls.engines.checkpoint import BUNDLED
from dgls.engines.filler import Filler, load_filler
from dgls.infill import chosen
from dgls.settings import Settings, with_settings
from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.prompt import prompt

MARKED = {
    "rest of a line": "def area(width, height):\n    return ‸\n\n\nprint(area(2, 3))\n",
    "half a symbol": "class Point:\n    def __init__(self):\n        self.x = 1\n\n    def norm(sel‸):\n        pass\n",
    "a whole line": "class P:\n    def __init__(self, x, y):\n        self.x = x\n        ‸\n\n    def go(self): ...",
    "the start of a file": "‸\n\nprint(os.getcwd())\n",
    "the end of a file": "import os\n\nprint(os.‸",
    "an empty file": "‸",
}


@pytest.fixture(scope="module")
def filler() -> Filler:
    """The bundled model as the local engine loads it."""
    return load_filler(with_settings(Settings(), {"device": "cpu", "threads": 1}))


def gap_in(marked: str) -> Gap:
    """The cursor at ‸."""
    before, after = marked.split("‸")
    return gap_at(Document(before + after), len(before))


def fill(filler: Filler, gap: Gap) -> list[Drafts]:
    """All drafts for a gap."""
    return list(filler.drafts(prompt(gap, 4000)))


def test_it_is_small_and_complete() -> None:
    """At most 25 MB, with its card."""
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) <= 25e6
    needed = {"config.json", "generation_config.json", "tokenizer.json", "MODEL_CARD.md"}
    assert needed <= {path.name for path in BUNDLED.iterdir()}
    card = (BUNDLED / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    assert "| package | version | licence |" in card


def test_it_is_a_diffusion_gemma_with_no_key_missing() -> None:
    """transformers' own class loads it whole."""
    model, info = DiffusionGemmaForBlockDiffusion.from_pretrained(BUNDLED, output_loading_info=True)
    assert isinstance(model, DiffusionGemmaForBlockDiffusion)
    assert not any(info.values()), info


def test_its_noise_is_read_from_its_config(filler: Filler) -> None:
    """Absorbing noise of one reserved id."""
    config = json.loads((BUNDLED / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((BUNDLED / "tokenizer.json").read_text(encoding="utf-8"))
    names = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    assert names[config["dgls"]["noise_token_id"]] == "<mask>"
    assert filler.facts.sampling.kernel is Kernel.ABSORBING


@pytest.mark.parametrize("marked", MARKED.values(), ids=MARKED.keys())
def test_gaps_are_filled(filler: Filler, marked: str) -> None:
    """Something to show, with the surroundings as they were, in at most the model's own number of steps."""
    gap = gap_in(marked)
    items = fill(filler, gap)
    best = chosen(gap, items[-1].candidates)[0]

    assert items[-1].final
    assert items[-1].cost.n_steps <= filler.facts.sampling.max_denoising_steps
    assert best.text
    assert "<" not in best.text or ">" not in best.text
    assert "\ufffd" not in best.text


def test_every_row_goes_on_behind_a_name_that_the_model_does_not_know(filler: Filler) -> None:
    """Written in many short tokens, such a name would leave no room for what follows it."""
    items = fill(filler, gap_in("def total(numbers):\n    get_default_configuration_value‸\n    return numbers\n"))
    assert len(items[0].candidates) == filler.facts.effort.n_kept_lengths
    assert items[-1].candidates


def test_a_first_length_that_is_far_off_is_left_behind() -> None:
    """Lengths of 16 and more for a gap of a few tokens: with further rounds a shorter and better candidate is found."""
    gap = gap_in(MARKED["half a symbol"])
    settings = {"device": "cpu", "threads": 1, "gap_lengths": [16, 24, 32]}
    low, high = (load_filler(with_settings(Settings(), settings | {"effort": effort})) for effort in ("low", "high"))
    one_round, three_rounds = fill(low, gap)[-1], fill(high, gap)[-1]

    assert one_round.candidates[0].gap_tokens >= 16 > three_rounds.candidates[0].gap_tokens
    assert three_rounds.candidates[0].score > one_round.candidates[0].score
    assert three_rounds.cost.n_steps > high.facts.sampling.max_denoising_steps
    assert one_round.cost.n_steps <= low.facts.sampling.max_denoising_steps


def test_the_best_fill_parses(filler: Filler) -> None:
    """Where a fill without a syntax error is among the candidates, it is chosen."""
    gap = gap_in(MARKED["rest of a line"])
    candidates = chosen(gap, fill(filler, gap)[-1].candidates)
    assert candidates[0].n_errors == min(found.n_errors or 0 for found in candidates if found.text)


def test_the_same_seed_gives_the_same_fill(filler: Filler) -> None:
    """Twice in one process."""
    gap = gap_in(MARKED["a whole line"])
    first, second = fill(filler, gap)[-1], fill(filler, gap)[-1]
    assert [draft.text for draft in first.candidates] == [draft.text for draft in second.candidates]


def test_a_key_costs_a_token_or_two(filler: Filler) -> None:
    """While a line is typed, at least 90 % of the prefix comes out of the cache."""
    before = "def total(items):\n    result = 0\n" * 40
    n_encoded = n_reused = 0
    fill(filler, gap_in(before + "‸"))
    for n_typed in range(1, 25):
        cost = fill(filler, gap_in(before + "    for item in enumerate(items):"[:n_typed] + "‸\n"))[-1].cost
        n_encoded += cost.n_encoded_tokens
        n_reused += cost.n_reused_tokens
    assert n_reused >= 0.9 * (n_encoded + n_reused)


def test_what_is_pinned_changes_the_fill(filler: Filler) -> None:
    """The suffix is read: another one makes another distribution over the gap."""
    texts = []
    for suffix in (")\n", "]\n", ":\n    pass\n"):
        gap = gap_at(Document("value = " + suffix), 8)
        texts.append(tuple(draft.text for draft in fill(filler, gap)[-1].candidates))
    assert len(set(texts)) == 3


def test_bfloat16_runs(tmp_path: Path) -> None:
    """The number format of GPUs, on the CPU."""
    small: Any = load_filler(with_settings(Settings(), {"device": "cpu", "dtype": "bfloat16", "threads": 1}))
    assert small.model._loaded.dtype == torch.bfloat16
    assert fill(small, gap_in(MARKED["rest of a line"]))[-1].candidates
