"""Which checkpoint suits a GPU: by what is free on it and what it can compute."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.errors import LaunchError

_QUERY = ("index", "uuid", "name", "compute_cap", "memory.total", "memory.free")
_MIB, _GB = 2**20, 10**9
_SHARE = 0.9  # of a GPU's memory; vLLM itself would take 0.92
_SPARE_BYTES = 512 * _MIB


@dataclass(frozen=True)
class Checkpoint:
    """A published DiffusionGemma; `needs_gb` of free memory are its weights and a little room for prefixes.

    `least_capability` is the oldest compute capability whose kernels read this number format.
    """

    model: str
    revision: str
    numbers: str
    weights_gb: float
    needs_gb: float
    least_capability: tuple[int, int]


# In the order in which they are tried. FP8 stands before bf16: it has half the bytes to read for each step, and
# reading is what a step waits for. Sizes and revisions are those of the hub in November 2026; `needs_gb` is estimated.
CHECKPOINTS = (
    Checkpoint(
        "RedHatAI/diffusiongemma-26B-A4B-it-FP8-dynamic",
        "3b3dae4697494da5a290e9c0461954449e76c4f5",
        "FP8",
        27.1,
        31,
        (8, 9),
    ),
    Checkpoint(
        "google/diffusiongemma-26B-A4B-it",
        "0f28bc42f588fbd8f71e08102b1c3960298a1358",
        "bf16",
        52,
        58,
        (8, 0),
    ),
    Checkpoint(
        "nvidia/diffusiongemma-26B-A4B-it-NVFP4",
        "ec4ff3df205028f4e81c954c2227f9312b3ec2ea",
        "NVFP4",
        18.9,
        22,
        (10, 0),
    ),
    Checkpoint(
        "cyankiwi/diffusiongemma-26B-A4B-it-AWQ-INT4",
        "8756b0a40bce78859a29694529ec9e87cb8066ab",
        "INT4",
        17.2,
        21,
        (8, 0),
    ),
)


@dataclass(frozen=True)
class Gpu:
    """A graphics card as nvidia-smi tells of it."""

    index: int
    uuid: str
    name: str
    capability: tuple[int, int]
    total_bytes: int
    free_bytes: int

    @property
    def share(self) -> float:
        """How much of its memory vLLM may plan with: it refuses to start when less than that is free."""
        free = (self.free_bytes - _SPARE_BYTES) / self.total_bytes
        return max(min(_SHARE, int(free * 100) / 100), 0.0)


def gpus(unified_bytes: int) -> list[Gpu]:
    """The cards of this machine that may be used. Raises LaunchError when there are none."""
    command = ["nvidia-smi", f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"]
    hint = "set model to start without one, or url to a server elsewhere"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaunchError("no NVIDIA GPU is seen here: nvidia-smi does not run", hint) from error
    found = parsed(done.stdout, unified_bytes) if done.returncode == 0 else []
    if not found:
        raise LaunchError(f"nvidia-smi finds no GPU ({' '.join((done.stderr or done.stdout).split())[:120]})", hint)
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return found
    names = [part.strip() for part in wanted.split(",") if part.strip()]
    allowed = [gpu for gpu in found if any(name == str(gpu.index) or gpu.uuid.startswith(name) for name in names)]
    if not allowed:
        raise LaunchError(f"CUDA_VISIBLE_DEVICES={wanted} names no GPU that nvidia-smi finds", f"unset it, or {hint}")
    return allowed


def parsed(output: str, unified_bytes: int) -> list[Gpu]:
    """The cards in nvidia-smi's answer; one that shares the main memory tells no figures of its own."""
    found = []
    for line in output.splitlines():
        head, *parts = [part.strip() for part in line.rsplit(",", 3)]
        names = [part.strip() for part in head.split(",", 2)]  # a card's name may have commas
        if len(parts) != 3 or len(names) != 3:
            continue
        (index, uuid, name), (capability, total, free) = names, parts
        try:
            major, minor = (int(part) for part in capability.split("."))
            sizes = [int(size) * _MIB if size.isdecimal() else unified_bytes for size in (total, free)]
            found.append(Gpu(int(index), uuid, name, (major, minor), *sizes))
        except ValueError:
            continue
    return found


def choice(found: Sequence[Gpu]) -> tuple[Checkpoint, Gpu]:
    """The first checkpoint of the table that a card can hold and compute, on the freest such card.

    Raises LaunchError with the nearest one when none fits.
    """
    freest = sorted(found, key=lambda gpu: -gpu.free_bytes)
    for checkpoint in CHECKPOINTS:
        for gpu in freest:
            if gpu.free_bytes >= checkpoint.needs_gb * _GB and gpu.capability >= checkpoint.least_capability:
                return checkpoint, gpu
    raise _refusal(freest[0])


def listed(model: str) -> Checkpoint | None:
    """The row of the table for a model."""
    return next((checkpoint for checkpoint in CHECKPOINTS if checkpoint.model == model), None)


def revision_of(model: str, revision: str) -> str:
    """The revision that is served: the one that a setting names, else that of the table; empty for the newest."""
    row = listed(model)
    return revision or (row.revision if row else "")


def _refusal(gpu: Gpu) -> LaunchError:
    """What is missing for the checkpoint that is nearest to fitting."""
    able = [checkpoint for checkpoint in CHECKPOINTS if gpu.capability >= checkpoint.least_capability]
    nearest = min(able or CHECKPOINTS, key=lambda checkpoint: checkpoint.needs_gb)
    has = f"{gpu.name} has {gpu.free_bytes / _GB:.1f} of {gpu.total_bytes / _GB:.1f} GB free"
    if not able:
        computes = ".".join(map(str, gpu.capability))
        needed = ".".join(map(str, nearest.least_capability))
        return LaunchError(
            f"no checkpoint runs on compute capability {computes} ({gpu.name})",
            f"the nearest, {nearest.model}, needs {needed}; use a newer GPU, or set url to a server elsewhere",
        )
    needs = f"the nearest, {nearest.model}, needs {nearest.needs_gb:g} GB"
    return LaunchError(f"no checkpoint fits: {has}, {needs}", "free GPU memory, or set url to a server elsewhere")
