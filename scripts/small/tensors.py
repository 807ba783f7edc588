"""A network's tensors under the names of transformers' `DiffusionGemmaForBlockDiffusion`."""

import torch

from small.net import Layer, Net, Size

EXPERT = 8  # width of the one expert, all zero: the classes always build experts


def weights(net: Net) -> dict[str, torch.Tensor]:
    """The tensors under the names of transformers; what its classes have beyond our network does nothing."""
    size = net.size
    named = {
        "model.decoder.embed_tokens.weight": net.embedding,
        "model.decoder.norm.weight": net.norm,
        **_self_conditioning(size),
        **_vision(size),
    }
    for i, layer in enumerate(net.layers):
        assert isinstance(layer, Layer)
        named |= {f"model.decoder.layers.{i}.{name}": tensor for name, tensor in _layer(layer, size).items()}
        named[f"model.encoder.language_model.layers.{i}.layer_scalar"] = torch.ones(1)
    return {name: tensor.detach().cpu() for name, tensor in named.items()}


def _layer(layer: Layer, size: Size) -> dict[str, torch.Tensor]:
    """One decoder layer; the encoder's is tied to it. RMSNorm(0) = 0, so a zero expert adds exactly nothing."""
    attention = {name: getattr(layer, name) for name in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")}
    mlp = {name: getattr(layer, name) for name in ("gate_proj", "up_proj", "down_proj")}
    ones = torch.ones(size.hidden)
    return {
        **{f"self_attn.{name}.weight": tensor for name, tensor in attention.items() if tensor is not None},
        **{f"mlp.{name}.weight": tensor for name, tensor in mlp.items()},
        "input_layernorm.weight": layer.input_norm,
        "post_attention_layernorm.weight": layer.post_attention_norm,
        "pre_feedforward_layernorm.weight": layer.pre_mlp_norm,
        "post_feedforward_layernorm.weight": layer.post_mlp_norm,
        "post_feedforward_layernorm_1.weight": ones,
        "post_feedforward_layernorm_2.weight": ones.clone(),
        "pre_feedforward_layernorm_2.weight": ones.clone(),
        "layer_scalar": torch.ones(1),
        "router.proj.weight": torch.zeros(1, size.hidden),
        "router.scale": ones.clone(),
        "router.per_expert_scale": torch.ones(1),
        "experts.gate_up_proj": torch.zeros(1, 2 * EXPERT, size.hidden),
        "experts.down_proj": torch.zeros(1, size.hidden, EXPERT),
    }


def _self_conditioning(size: Size) -> dict[str, torch.Tensor]:
    """A block whose output is zero for any input."""
    name = "model.decoder.self_conditioning."
    return {
        name + "pre_norm.weight": torch.ones(size.hidden),
        name + "gate_proj.weight": torch.zeros(size.mlp, size.hidden),
        name + "up_proj.weight": torch.zeros(size.mlp, size.hidden),
        name + "down_proj.weight": torch.zeros(size.hidden, size.mlp),
    }


def _vision(size: Size) -> dict[str, torch.Tensor]:
    """The stub of a vision tower, width 8, all zero."""
    name, layer = "model.encoder.vision_tower.", "model.encoder.vision_tower.encoder.layers.0."
    matrices = [f"self_attn.{kind}_proj.linear.weight" for kind in "qkvo"]
    matrices += [f"mlp.{kind}_proj.linear.weight" for kind in ("gate", "up", "down")]
    norms = ["self_attn.q_norm", "self_attn.k_norm", "input_layernorm", "post_attention_layernorm"]
    norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
    return {
        name + "patch_embedder.position_embedding_table": torch.zeros(2, 1, 8),
        name + "patch_embedder.input_proj.weight": torch.zeros(8, 3),
        "model.encoder.embed_vision.embedding_projection.weight": torch.zeros(size.hidden, 8),
        **{layer + matrix: torch.zeros(8, 8) for matrix in matrices},
        **{f"{layer}{norm}.weight": torch.zeros(8) for norm in norms},
    }
