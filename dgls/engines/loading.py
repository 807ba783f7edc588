"""Loading a checkpoint's weights: onto which device, in which number format, and whether they fit."""

from pathlib import Path
from typing import Any

import torch
from transformers import DiffusionGemmaForBlockDiffusion
from transformers.utils import logging as transformers_logging

from dgls.engines.checkpoint import free_memory, n_parameters
from dgls.errors import ModelError
from dgls.settings import Settings


def load_model(folder: Path, settings: Settings) -> Any:
    """The model of a complete folder, as transformers' class. Raises ModelError when it is broken or too large."""
    device = _device(settings.device)
    dtype = _dtype(settings.dtype, device)
    check_room(folder, device, dtype)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        # The map puts each weight where it is used as it is read: 52 GB would not fit into main memory first.
        return DiffusionGemmaForBlockDiffusion.from_pretrained(
            folder, dtype=dtype, device_map={"": device}, local_files_only=True
        ).eval()
    except Exception as error:  # safetensors, torch and transformers each raise their own
        reason = str(error).strip().split("\n")[0][:200].replace(str(folder), folder.name)
        raise ModelError(
            f"the model {folder.name} cannot be loaded ({reason})", "copy it anew, or use another"
        ) from error


def _device(wanted: str) -> torch.device:
    """The device to compute on. Raises ModelError when a wanted one is not there."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if has[kind]))
    if not has[wanted]:
        raise ModelError(f"there is no {wanted} device", "use --set device=auto")
    return torch.device(wanted)


def _dtype(wanted: str, device: torch.device) -> torch.dtype:
    """The number format of the weights."""
    if wanted == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[wanted]


def check_room(folder: Path, device: torch.device, dtype: torch.dtype) -> None:
    """Raises ModelError when the weights do not fit into the device's free memory."""
    needed = n_parameters(folder) * dtype.itemsize
    if device.type == "cuda":
        torch.cuda.empty_cache()  # torch keeps what the model before has freed
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    if free is not None and needed > free:
        raise ModelError(
            f"the model {folder.name} needs {needed / 2**30:.1f} GiB and {device.type} has {free / 2**30:.1f} GiB free",
            "use a smaller model, a smaller dtype, or another device",
        )
