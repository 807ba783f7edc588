"""Our passes against the forward of transformers' class."""

from typing import Any

import pytest
import torch

from dgls.diffusion.prefix import PrefixCache
from dgls.engines.gemma import Gemma
from tests.tiny import tiny_model

IDS = [2, *range(30, 70)]
CANVAS = torch.tensor([[40, 41, 3, 3, 3, 50], [90, 41, 3, 7, 3, 50]])


@pytest.fixture(scope="module")
def loaded() -> Any:
    """A random DiffusionGemma."""
    return tiny_model(seed=5)


@torch.no_grad()
def test_decode_equals_forward(loaded: Any) -> None:
    """Without a self-conditioning signal, and with that of the first pass given as embeddings."""
    model = Gemma(loaded)
    cache = PrefixCache(model)
    cache.sync(IDS)
    past = cache.prefix.without_last(2)
    model.encode(torch.tensor([[IDS[-1]]] * 2), past, len(IDS) - 1)
    for layer in past.layers:
        if layer.window:
            layer.keys, layer.values = layer.keys[..., 1 - layer.window :, :], layer.values[..., 1 - layer.window :, :]
    prefix = torch.tensor([IDS, IDS])
    plain = loaded(input_ids=prefix, decoder_input_ids=CANVAS).logits
    conditioned = loaded(input_ids=prefix, decoder_input_ids=CANVAS, self_conditioning_logits=plain).logits

    ours = model.logits(model.decode(CANVAS, None, past, len(IDS)))
    soft = model.embed_soft(ours.softmax(-1))
    assert (ours - plain).abs().max() < 1e-5
    assert (model.logits(model.decode(CANVAS, soft, past, len(IDS))) - conditioned).abs().max() < 1e-4


def test_knows_whether_self_conditioning_does_anything(loaded: Any) -> None:
    """A zero projection makes the signal void; the loop then skips it."""
    assert Gemma(loaded).self_conditioned
    other = tiny_model()
    with torch.no_grad():
        other.model.decoder.self_conditioning.down_proj.weight.zero_()
    assert not Gemma(other).self_conditioned
