"""A checkpoint as a folder that transformers' `DiffusionGemmaForBlockDiffusion` loads without a missing weight."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict

from dgls.diffusion.sampling import Kernel
from small.batches import Shape
from small.card import Facts, render_card
from small.data import Data
from small.net import EPS, ROPE_THETA, Net, Size
from small.report import Report, make_report, read_report, write_report
from small.samples import filled
from small.tensors import EXPERT, weights
from small.tokens import BOS, EOS, MASK, PAD
from small.training import net_of

SLIDING_WINDOW = 1024  # longer than every sequence trained on
GAP_LENGTHS = (1, 2, 3, 4, 6, 8, 11, 14, 18, 24)
SCORE_TAIL_TOKENS = 8
MAX_DENOISING_STEPS = 8
# Measured on the held-out lines of the corpus, see the model card.
EFFORTS = {
    "low": {"max_denoising_steps": 4, "n_kept_lengths": 3, "least_shares": [0.6], "n_rounds": 1, "fine": False},
    "medium": {
        "max_denoising_steps": 8,
        "n_kept_lengths": 5,
        "least_shares": [0.2, 0.4, 0.6],
        "n_rounds": 2,
        "fine": False,
    },
    "high": {
        "max_denoising_steps": 16,
        "n_kept_lengths": 10,
        "least_shares": [0.2, 0.3, 0.4],
        "n_rounds": 3,
        "fine": True,
    },
}
FLOW = """\
Through the same flow as in an editor (prompt, canvas, choice, clip; `scripts/evaluate.py`), in files that were never
trained on. In brackets 95 % bootstrap intervals over gaps; differences are paired. `oracle` is told the length,
`chosen` tries several, a number is a fixed one; `prefix-only` leaves the suffix out, `suffix=line` all but the rest of
the line.
"""
MAX_SHARD_BYTES = 15 * 2**20


@dataclass(frozen=True)
class Figures:
    """Where the figures of the card come from: measured on `n_gaps` held-out gaps (0: none), or kept from last time."""

    n_gaps: int = 240
    keep: bool = False


def export(checkpoint: Path, out: Path, data: Data, *, work: Path, figures: Figures) -> None:
    """Writes the model folder of a checkpoint; its card tells how good the model is on held-out gaps.

    The files are written elsewhere and then moved, each as a whole, so that a reader never sees half a file.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net, shape, kernel = shipped(net_of(state)), Shape(**state["shape"]), Kernel(state["kernel"])
    part = work / "export"
    shutil.rmtree(part, ignore_errors=True)
    write_model(net, part, shape, kernel)
    shutil.copy(work / "corpus" / "tokenizer.json", part)
    shutil.copy(work / "curve.csv", part)
    report = _report(net, data, work / "report.json", figures)
    evaluation = work / "evaluation"
    for picture in sorted(evaluation.glob("*.png")):
        shutil.copy(picture, part)
    facts = _facts(state, data, work, (filled(part), _evaluation(evaluation)))
    (part / "MODEL_CARD.md").write_text(render_card(facts, report), encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(part.iterdir()):
        path.chmod(0o644)
        shutil.copy(path, out / f"{path.name}.part")
        (out / f"{path.name}.part").replace(out / path.name)
    for path in out.glob("model*"):  # of a model that was split differently
        if not (part / path.name).is_file():
            path.unlink()


def _report(net: Net, data: Data, path: Path, figures: Figures) -> Report | None:
    """The figures of a network: measured and kept at `path`, or those kept there, or none."""
    if figures.keep:
        return read_report(path)
    if not figures.n_gaps:
        return None
    report = make_report(net, data, n_gaps=figures.n_gaps, lengths=GAP_LENGTHS)
    write_report(report, path)
    return report


def shipped(net: Net) -> Net:
    """The network with its weights rounded to bf16, as they are shipped."""
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(p.bfloat16())
    return net


def write_model(
    net: Net, folder: Path, shape: Shape, kernel: Kernel = Kernel.ABSORBING, *, dtype: torch.dtype = torch.bfloat16
) -> None:
    """config.json, generation_config.json and the weights of a network, in shards when they are large."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.to(dtype).contiguous() for name, tensor in weights(net).items()}
    save_torch_state_dict(tensors, folder, max_shard_size=MAX_SHARD_BYTES)
    said = config(net.size, shape, kernel, dtype=str(dtype).removeprefix("torch."))
    _write_json(folder / "config.json", said)
    _write_json(folder / "generation_config.json", generation_config())


def config(size: Size, shape: Shape, kernel: Kernel, *, dtype: str) -> dict[str, Any]:
    """The DiffusionGemmaConfig of a network, as JSON.

    A vision tower cannot be left out; this one has one layer of width 8. "dgls" holds what only our engine reads:
    transformers refuses unknown names, and a temperature of 0, in generation_config.json.
    """
    rope = {"rope_type": "default", "rope_theta": ROPE_THETA}
    text = {
        "model_type": "diffusion_gemma_text",
        "vocab_size": size.vocab,
        "hidden_size": size.hidden,
        "intermediate_size": size.mlp,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "num_global_key_value_heads": size.kv_heads,
        "head_dim": size.head_dim,
        "global_head_dim": size.head_dim,
        "hidden_activation": "gelu_pytorch_tanh",
        "max_position_embeddings": SLIDING_WINDOW,
        "sliding_window": SLIDING_WINDOW,
        "layer_types": ["sliding_attention"] * (size.layers - 1) + ["full_attention"],
        "rope_parameters": {"sliding_attention": rope, "full_attention": rope},
        "final_logit_softcapping": 1e4,
        "rms_norm_eps": EPS,
        "num_experts": 1,
        "top_k_experts": 1,
        "moe_intermediate_size": EXPERT,
        "tie_word_embeddings": True,
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "bos_token_id": BOS,
    }
    vision = {
        "model_type": "gemma4_vision",
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "position_embedding_size": 1,
        "patch_size": 1,
    }
    return {
        "architectures": ["DiffusionGemmaForBlockDiffusion"],
        "model_type": "diffusion_gemma",
        "dtype": dtype,
        "canvas_length": shape.canvas,
        "tie_word_embeddings": True,
        "image_token_id": size.vocab,  # no image ids: outside the vocabulary
        "boi_token_id": size.vocab,
        "eoi_token_id": size.vocab,
        "text_config": text,
        "vision_config": vision,
        "dgls": {
            "noise_token_id": None if kernel is Kernel.UNIFORM else MASK,
            "noise": str(kernel),
            "t_min": 0.0,
            "t_max": 0.0,
            "context_tokens": shape.reach,
            "gap_lengths": list(GAP_LENGTHS),
            "score_tail_tokens": SCORE_TAIL_TOKENS,
            "efforts": EFFORTS,
        },
    }


def generation_config() -> dict[str, Any]:
    """The sampler's settings, in the names and within the rules of DiffusionGemmaGenerationConfig."""
    return {
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "bos_token_id": BOS,
        "max_denoising_steps": MAX_DENOISING_STEPS,
        "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.1},
        "stability_threshold": 1,
        "confidence_threshold": 0.005,
    }


def _evaluation(folder: Path) -> str:
    """What evaluate.py wrote there with --card, in the order of the files' names, and its pictures; before the rest."""
    tables = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))]
    pictures = [f"![quality against forwards]({path.name})\n" for path in sorted(folder.glob("*.png"))]
    if not tables:
        return ""
    return "\n".join([FLOW, *tables, *pictures, "### The network alone\n", ""])


def _facts(state: dict[str, Any], data: Data, work: Path, told: tuple[str, str]) -> Facts:
    """What the card says of a checkpoint."""
    return Facts(
        size=Size(**state["size"]),
        shape=Shape(**state["shape"]),
        n_parameters=sum(tensor.numel() for tensor in state["net"].values()),
        progress=state["progress"],
        date=datetime.now(tz=UTC).date().isoformat(),
        command=state["command"],
        curve=work / "curve.csv",
        kernel=state["kernel"],
        cold_since=state["cold_since"],
        examples=told[0],
        evaluation=told[1],
        manifest=data.manifest,
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
