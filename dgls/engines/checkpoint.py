"""A model folder before it is loaded: found, complete, small enough; and what its config files say of it."""

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgls.diffusion.sampling import Kernel, Sampling
from dgls.engines.effort import Effort, effort_of
from dgls.errors import ModelError
from dgls.settings import Settings

BUNDLED = Path(__file__).parent.parent / "small"

# For a checkpoint that says nothing itself: DiffusionGemma's own context is far larger, its latency is not.
_GAP_LENGTHS = (1, 2, 4, 8, 16, 32, 64)
_CONTEXT_TOKENS = 2048

_DESCRIPTION = ("config.json", "generation_config.json", "tokenizer.json")
_MEMORY = Path("/proc/meminfo")
_MAX_HEADER_BYTES = 2**27  # safetensors itself allows 100 MB


@dataclass(frozen=True)
class Facts:
    """What a checkpoint says of itself; `noise_id` is the token that stands for noise, None with uniform noise.

    `context_limit` is how many tokens, canvas included, whoever computes has room for.
    """

    sampling: Sampling
    noise_id: int | None
    gap_lengths: tuple[int, ...]
    context_tokens: int
    canvas_length: int
    effort: Effort
    score_tail_tokens: int
    context_limit: int = 2**20


def find(model: str) -> Path:
    """The folder of a model: the bundled one, a local folder, or a hub id that is downloaded. Raises ModelError."""
    if not model:
        return _complete(BUNDLED)
    folder = Path(model).expanduser()
    return _complete(folder if _looks_local(model) else _from_hub(model, ["*.json", "*.safetensors"]))


def find_description(model: str, revision: str = "") -> Path:
    """The folder of a model without its weights, a local one or this revision on the hub. Raises ModelError.

    For a model that another process has loaded.
    """
    folder = Path(model).expanduser()
    if _looks_local(model) and not (folder / "tokenizer.json").is_file():
        hint = "set model to the folder or the hub id of the model that the server runs"
        raise ModelError(f"there is no tokenizer.json in {folder.name!r} on this machine", hint)
    found = folder if _looks_local(model) else _from_hub(model, [*_DESCRIPTION], revision)
    _check_kind(found)
    return found


def read_facts(folder: Path, settings: Settings) -> Facts:
    """The facts of a checkpoint, with the settings that replace some of them. Raises ModelError."""
    config = read_json(folder / "config.json")
    path = folder / "generation_config.json"
    said = {name: value for name, value in read_json(path).items() if value is not None} if path.is_file() else {}
    own = config.get("dgls", {})
    noise_id = own.get("noise_token_id")
    defaults = Sampling()
    sampling = Sampling(
        max_denoising_steps=int(said.get("max_denoising_steps", defaults.max_denoising_steps)),
        entropy_bound=float(said.get("sampler_config", {}).get("entropy_bound", defaults.entropy_bound)),
        t_min=float(own.get("t_min", said.get("t_min", defaults.t_min))),
        t_max=float(own.get("t_max", said.get("t_max", defaults.t_max))),
        stability_threshold=int(said.get("stability_threshold", defaults.stability_threshold)),
        confidence_threshold=float(said.get("confidence_threshold", defaults.confidence_threshold)),
        kernel=_kernel(own, path),
    )
    effort = effort_of(settings, own, sampling)
    return Facts(
        sampling=replace(sampling, max_denoising_steps=effort.max_denoising_steps, entropy_bound=effort.entropy_bound),
        noise_id=noise_id,
        gap_lengths=settings.gap_lengths or tuple(own.get("gap_lengths", _GAP_LENGTHS)),
        context_tokens=settings.context_tokens or int(own.get("context_tokens", _CONTEXT_TOKENS)),
        canvas_length=int(config.get("canvas_length", 256)),
        effort=effort,
        score_tail_tokens=int(own.get("score_tail_tokens", 8)),
    )


def _kernel(own: Mapping[str, Any], path: Path) -> Kernel:
    """The noise that a checkpoint was trained on; one that says nothing was trained as the released one."""
    said = own.get("noise", Kernel.UNIFORM if own.get("noise_token_id") is None else Kernel.ABSORBING)
    if said not in list(Kernel) or (said == Kernel.UNIFORM) != (own.get("noise_token_id") is None):
        hint = "write uniform, or absorbing or mixed with a noise_token_id"
        raise ModelError(f"{path.parent.name}/config.json names the noise {said!r}", hint)
    return Kernel(said)


def n_parameters(folder: Path) -> int:
    """How many numbers the weight files hold, by their headers alone. Raises ModelError."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in _header(path).items():
            if name == "__metadata__":
                continue
            count = 1
            for size in tensor["shape"]:
                count *= size
            total += count
    return total


def free_memory() -> int | None:
    """Bytes of main memory that can be had without swapping; None where the system does not tell, as Windows."""
    try:
        for line in _MEMORY.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON object. Raises ModelError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.parent.name}/{path.name} cannot be read", "copy the model anew") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path.parent.name}/{path.name} is not a JSON object", "copy the model anew")
    return found


def _looks_local(model: str) -> bool:
    """Whether a model's name is that of a folder, not a hub id."""
    return Path(model).expanduser().exists() or model.startswith((".", "/", "~")) or model.count("/") != 1


def _complete(folder: Path) -> Path:
    """The folder, if it has a config of the right kind and weights. Raises ModelError."""
    hint = "give --model a folder with config.json, tokenizer.json and *.safetensors, or a hub id"
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {folder.name!r}", hint)
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ModelError(f"the model folder {folder.name!r} is not complete", hint)
    _check_kind(folder)
    return folder


def _check_kind(folder: Path) -> None:
    """Raises ModelError for a model of another architecture."""
    kind = read_json(folder / "config.json").get("model_type")
    if kind != "diffusion_gemma":
        raise ModelError(f"{folder.name!r} is a {kind!r} model", "only DiffusionGemma checkpoints can fill gaps")


def _header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: name -> shape and type. Raises ModelError."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _MAX_HEADER_BYTES:
                raise ValueError("no header can be so long")
            header: dict[str, Any] = json.loads(file.read(length))
        end = max((tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"), default=0)
        if path.stat().st_size < 8 + length + end:
            raise ValueError("cut off")
    except (OSError, ValueError, struct.error, AttributeError, KeyError, TypeError) as error:
        raise ModelError(f"the weights {path.parent.name}/{path.name} are broken", "copy the file anew") from error
    return header


def _from_hub(model: str, patterns: list[str], revision: str = "") -> Path:
    """The folder of a checkpoint, of which files of these names are downloaded. Raises ModelError."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, revision=revision or None, allow_patterns=patterns))
    except Exception as error:  # the library raises many kinds, none of them ours
        reason = type(error).__name__
        raise ModelError(
            f"the model {model!r} cannot be downloaded ({reason})", "check the name and the network, or give a folder"
        ) from error
