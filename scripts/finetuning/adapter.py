"""LoRA adapters on both stacks of a DiffusionGemma, as one.

Encoder and decoder are different modules over the same weights (transformers' `_tied_weights_keys`). A LoRA of its own
in each stack would train two different changes of one weight, and merging would add both to it. So each pair of layers
holds one and the same pair of matrices A and B, and a merge adds their product once.
"""

import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import nn

from dgls.errors import ModelError

# Attention and dense MLP of both text stacks; frozen: experts, router, embeddings, norms, self-conditioning, vision.
TARGETS = r"model\.(encoder\.language_model|decoder)\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"


def adapted(loaded: Any, rank: int, seed: int) -> Any:
    """The loaded model with fresh adapters, which change nothing yet; they alone can be trained. Raises ModelError."""
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=TARGETS)
    with warnings.catch_warnings():
        # PEFT asks for a property whose name transformers has deprecated.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        peft = get_peft_model(loaded, config)
    _share(loaded)
    return peft


def pairs(loaded: Any) -> list[tuple[LoraLayer, LoraLayer]]:
    """The adapted layers of the decoder, each with its twin in the encoder."""
    encoder, decoder = loaded.model.encoder.language_model, loaded.model.decoder
    names = [name for name, layer in decoder.named_modules() if isinstance(layer, LoraLayer)]
    return [(decoder.get_submodule(name), encoder.get_submodule(name)) for name in names]


def trained(peft: Any) -> list[nn.Parameter]:
    """The parameters that training may change, each once."""
    return [weight for weight in peft.parameters() if weight.requires_grad]


def save_adapter(peft: Any, folder: Path) -> None:
    """Writes the adapter in PEFT's format; both stacks are in it, so that `PeftModel.from_pretrained` reads it."""
    peft.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's card is an empty form


def read_adapter(loaded: Any, folder: Path) -> Any:
    """A fresh model with a saved adapter, to be looked at or merged."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        peft = PeftModel.from_pretrained(loaded, folder)
    _share(loaded)
    return peft


def merged(peft: Any) -> Any:
    """The loaded model with the adapters added to its weights and taken off; encoder and decoder stay tied."""
    loaded = peft.get_base_model()
    for layer, _ in pairs(loaded):
        layer.merge()  # in place: the twin's weight is the same tensor
    return peft.unload()


def _share(loaded: Any) -> None:
    """Gives the encoder's layers the decoder's adapters. Raises ModelError when a weight is not shared."""
    for layer, twin in pairs(loaded):
        if layer.get_base_layer().weight is not twin.get_base_layer().weight:
            raise ModelError("encoder and decoder of this model do not share their weights", "use another checkpoint")
        twin.lora_A, twin.lora_B = layer.lora_A, layer.lora_B
