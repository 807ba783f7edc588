"""Tiny random checkpoints of the real classes: built in a tenth of a second, small enough for any test."""

import json
import struct
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, DiffusionGemmaTextConfig

WINDOW = 16
SPECIALS = ("<pad>", "<eos>", "<bos>", "<mask>")
TURNS = ("<|turn>", "<turn|>", "<|channel>", "<channel|>")


def tiny_config(vocab_size: int) -> Any:
    """Two sliding layers and a full one with two experts, and the smallest vision tower that can be built."""
    text = DiffusionGemmaTextConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        global_head_dim=16,
        num_global_key_value_heads=1,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        num_experts=2,
        top_k_experts=1,
        moe_intermediate_size=16,
        max_position_embeddings=512,
    )
    vision: dict[str, Any] = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "position_embedding_size": 4,
    }
    vision["model_type"] = "gemma4_vision"
    return DiffusionGemmaConfig(text_config=text, vision_config=vision, canvas_length=32)


def tiny_model(vocab_size: int = 260, seed: int = 0) -> Any:
    """A random model in float32.

    Its weights are large enough for its opinions to differ, and small enough for the loop not to be chaotic: a random
    self-conditioning amplifies rounding errors from step to step, and two equal loops drift apart.
    """
    torch.manual_seed(seed)
    model = DiffusionGemmaForBlockDiffusion(tiny_config(vocab_size)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 and "vision" not in name:
                weight.normal_(0, 0.05 if "self_conditioning" in name else 0.2)
    return model


def byte_tokenizer(specials: tuple[str, ...] = SPECIALS) -> Any:
    """Specials, then one token for each byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {name: index for index, name in enumerate(specials)}
    vocabulary |= {char: len(specials) + index for index, char in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in specials])
    return tokenizer


def save_tiny(folder: Path, specials: tuple[str, ...] = SPECIALS) -> Path:
    """A complete model folder."""
    tokenizer = byte_tokenizer(specials)
    tiny_model(tokenizer.get_vocab_size()).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def write_header(path: Path, header: object, n_bytes: int) -> None:
    """A safetensors file with any header and a sparse body."""
    raw = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + n_bytes)


def write_huge_weights(folder: Path) -> None:
    """8 TiB of float32 weights that take no room on the disk."""
    header = {"x": {"dtype": "F32", "shape": [2**21, 2**20], "data_offsets": [0, 2**43]}}
    write_header(folder / "model.safetensors", header, 2**43)
