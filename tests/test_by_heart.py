"""Trained weights on uniform and on mixed noise: two toy models that know fixtures/demo/inventory.py by heart.

They were made by `python scripts/train_small.py --files fixtures/demo/inventory.py --size toy --noise uniform
--steps 1000 --work build/by_heart --out tests/by_heart/uniform --gaps 0`, and the other with mixed noise.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgls.diffusion.canvas import Canvas, lay_out
from dgls.diffusion.denoise import Step, denoise
from dgls.diffusion.noise import SeededNoise
from dgls.diffusion.prefix import PrefixCache
from dgls.diffusion.sampling import Kernel
from dgls.engines.filler import Filler, load_filler
from dgls.engines.masks import banned_mask
from dgls.infill import chosen
from dgls.settings import Settings, with_settings
from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.prompt import prompt
from evaluation.benches import gap_tokens

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "fixtures" / "demo" / "inventory.py").read_text(encoding="utf-8")
KERNELS = (Kernel.UNIFORM, Kernel.MIXED)


@pytest.fixture(scope="module", params=KERNELS)
def filler(request: pytest.FixtureRequest) -> Filler:
    """One of the two models, with the steps it was made for."""
    folder = TESTS / "by_heart" / request.param
    found = load_filler(
        with_settings(Settings(), {"model": str(folder), "device": "cpu", "threads": 1, "max_steps": 8})
    )
    assert found.facts.sampling.kernel is request.param
    return found


def gaps() -> list[tuple[Gap, str]]:
    """Every line of 4 to 40 characters, its indentation given, and what is to be filled in."""
    found, offset = [], 0
    for line in TEXT.splitlines(keepends=True):
        truth = line.strip()
        at = offset + len(line) - len(line.lstrip())
        if 4 <= len(truth) <= 40:
            found.append((gap_at(Document(TEXT[:at] + TEXT[at + len(truth) :]), at), truth))
        offset += len(line)
    return found


def test_gaps_of_a_known_text_are_filled_right(filler: Filler) -> None:
    """Through prompt, canvas, loop, choice and clip, told the length: nine of ten are exactly right."""
    cases = gaps()
    hits = 0
    for gap, truth in cases:
        n_tokens, n_typed = gap_tokens(filler.tokens, gap.prefix, truth)
        with_length = filler.with_lengths((n_tokens - n_typed,))
        *_, last = with_length.drafts(prompt(gap, 4000))
        hits += bool(last.candidates) and chosen(gap, last.candidates)[0].text == truth
    assert len(cases) >= 15
    assert hits >= 0.9 * len(cases)


def test_a_wrong_token_on_the_canvas_is_doubted(filler: Filler) -> None:
    """One pass over a line with one wrong token: it is the least probable one, and the right one is the likeliest.

    A model of absorbing noise cannot do this: it was never asked for a token that it sees.
    """
    ids = torch.tensor(filler.tokens.encode(TEXT))
    prefix, line = [2, *ids[:100].tolist()], ids[100:164].clone()
    n_found = n_mended = 0
    for place in range(0, 24, 3):
        canvas = line.clone()
        canvas[place] = ids[-1 - place] if ids[-1 - place] != line[place] else ids[7]
        cache = PrefixCache(filler.model)
        cache.sync(prefix)
        hidden = filler.model.decode(canvas[None], None, cache.prefix.seen(), len(prefix))
        log_p = filler.model.logits(hidden[0]).log_softmax(-1)
        n_found += int(log_p[torch.arange(64), canvas][:24].argmin()) == place
        n_mended += int(log_p[place].argmax()) == int(line[place])
    assert (n_found, n_mended) >= (7, 7)


def test_steps_end_at_the_known_text(filler: Filler) -> None:
    """Nearly every token of the gaps is right after one step and after eight, and pins stay."""
    ids = torch.tensor(filler.tokens.encode(TEXT))
    n_tokens, right = 0, dict.fromkeys((1, 8), 0)
    for start in range(40, len(ids) - 40, 30):
        truth, n_tokens = ids[start : start + 12], n_tokens + 12
        canvas = lay_out([], [12], ids[start + 12 : start + 32].tolist(), end=1, width=32)
        for n_steps in right:
            last = steps(filler, ids[max(start - 150, 0) : start].tolist(), canvas, n_steps)[-1]
            right[n_steps] += int((last.draft[0, :12] == truth).sum())
            assert torch.equal(last.draft[canvas.pinned], canvas.ids[canvas.pinned])
    assert min(right.values()) >= 0.95 * n_tokens


def steps(filler: Filler, prefix: list[int], canvas: Canvas, n_steps: int) -> list[Step]:
    """The loop's steps behind a prefix."""
    cache = PrefixCache(filler.model)
    cache.sync([2, *prefix])
    sampling = replace(filler.facts.sampling, max_denoising_steps=n_steps)
    noise = SeededNoise(0, filler.model.vocab_size, filler.model.device, filler.facts.noise_id)
    past, n_past = cache.prefix.seen(), len(prefix) + 1
    return list(
        denoise(filler.model, past, n_past, canvas, sampling=sampling, noise=noise, banned=banned_mask(filler.tokens))
    )
