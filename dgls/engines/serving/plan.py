"""What a supervisor is told: the whole command of a server and how to look after it."""

import json
import os
import re
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from dgls.diffusion.layout import widths
from dgls.diffusion.sampling import Sampling
from dgls.engines.checkpoint import free_memory, read_facts, read_json
from dgls.engines.effort import effort_of
from dgls.engines.serving.checkpoints import Gpu, choice, gpus, revision_of
from dgls.engines.serving.flags import Serving, command_line, generation_config
from dgls.engines.serving.place import Place, private, spelled, write_private
from dgls.engines.serving.program import find_program
from dgls.errors import LaunchError, SettingError
from dgls.settings import Settings

_LOG_BYTES = 8 * 2**20
_GRACE_S = 15.0  # the server frees its GPU in this time, or is killed
_LOOPBACK = "127.0.0.1"
_DECIDED = ("--host", "--port", "--uds", "--api-key")  # what a user's options may not change
# The widest canvas, in tokens, unless the model's own is narrower or the user says otherwise: enough for the longest
# gaps, and each width costs a warm-up. Narrower ones than the widest miss the full CUDA graphs.
_CANVAS_TOKENS = 128


@dataclass(frozen=True)
class Plan:
    """A server that is to be: `extra_environment` is added to what it inherits; `idle_s` 0 means never."""

    folder: str
    model: str
    revision: str
    url: str
    log: str
    command: tuple[str, ...]
    extra_environment: dict[str, str]
    widths: tuple[int, ...]
    n_steps: int
    idle_s: int
    log_bytes: int = _LOG_BYTES
    grace_s: float = _GRACE_S


@dataclass(frozen=True)
class Chosen:
    """A model, and the card for it, if any."""

    model: str
    revision: str
    gpu: Gpu | None


def plan_of(settings: Settings, place: Place) -> Plan:
    """The plan of a server at a place; its generation config is written. Raises LaunchError."""
    private(place.folder)
    program = find_program(settings, place.folder)
    chosen = chosen_model(settings)
    sampling = sampling_of(settings, chosen.model)
    config = generation_config(sampling, own_config(chosen.model))
    write_private(private(place.config) / "generation_config.json", json.dumps(config, indent=1))
    url, listen = _listening(settings, place)
    more = _more(settings)
    canvas_tokens = canvas_tokens_of(chosen.model, more)
    serving = Serving(
        model=chosen.model,
        listen=listen,
        config_folder=str(place.config),
        sampling=sampling,
        canvas_tokens=canvas_tokens,
        revision=chosen.revision,
        scheduler=program.scheduler,
        gpu_share=chosen.gpu.share if chosen.gpu else 0.0,
        more=more,
    )
    return Plan(
        folder=str(place.folder),
        model=chosen.model,
        revision=chosen.revision,
        url=url,
        log=str(place.log),
        command=tuple(command_line(program.command, serving)),
        extra_environment=_environment(chosen.gpu, more),
        widths=widths(canvas_tokens),
        n_steps=min(4, sampling.max_denoising_steps),
        idle_s=settings.engine_idle_s,
    )


def chosen_model(settings: Settings) -> Chosen:
    """The model that the settings name, or the one that suits the freest card. Raises LaunchError."""
    if not settings.model:
        checkpoint, gpu = choice(gpus(free_memory() or 0))
        return Chosen(checkpoint.model, settings.revision or checkpoint.revision, gpu)
    return Chosen(spelled(settings.model), revision_of(settings.model, settings.revision), _freest())


def _freest() -> Gpu | None:
    """The card with the most free memory, if there is any: a model that is set may run without one."""
    try:
        return max(gpus(free_memory() or 0), key=lambda gpu: gpu.free_bytes)
    except LaunchError:
        return None


def sampling_of(settings: Settings, model: str) -> Sampling:
    """The sampler's numbers for a model, with the settings' effort. Raises ModelError.

    The cap on steps belongs to it: the temperature falls from the first step to the cap, whatever a request asks for.
    """
    if Path(model).is_dir():
        return read_facts(Path(model), settings).sampling
    effort = effort_of(settings, {}, Sampling())
    return replace(Sampling(), max_denoising_steps=effort.max_denoising_steps, entropy_bound=effort.entropy_bound)


def canvas_tokens_of(model: str, more: Sequence[str]) -> int:
    """The widest canvas: what the user's options say, else ours, but none wider than the model's. Raises SettingError.

    A client asks for no wider one than the server takes and the model knows, so that it finds every width warm.
    """
    config = Path(model) / "config.json"
    own = int(read_json(config).get("canvas_length", _CANVAS_TOKENS)) if config.is_file() else _CANVAS_TOKENS
    said = [after for word, after in pairwise([*more, ""]) if word == "--diffusion-config"]
    said += [word.partition("=")[2] for word in more if word.startswith("--diffusion-config=")]
    if not said:
        return min(own, _CANVAS_TOKENS)
    try:
        return int(json.loads(said[-1]).get("canvas_length", own))
    except (ValueError, TypeError, AttributeError) as error:
        problem = "setting 'engine_arguments' has a --diffusion-config that cannot be read"
        raise SettingError(problem, 'write it as \'{"canvas_length": 256, "max_denoising_steps": 16}\'') from error


def own_config(model: str) -> Mapping[str, Any]:
    """The generation config that a model folder brings; empty for one that is still to be downloaded."""
    path = Path(model) / "generation_config.json"
    return read_json(path) if path.is_file() else {}


def _listening(settings: Settings, place: Place) -> tuple[str, dict[str, str]]:
    """Where the server listens, as a url and as options. Raises LaunchError."""
    path = place.socket if settings.engine_listen == "auto" else None
    if path is not None and hasattr(socket, "AF_UNIX"):
        private(path.parent)
        return f"unix://{path}", {"--uds": str(path)}
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port = probe.getsockname()[1]
    return f"http://{_LOOPBACK}:{port}", {"--host": _LOOPBACK, "--port": str(port)}


def _environment(gpu: Gpu | None, more: Sequence[str]) -> dict[str, str]:
    """Which card is used, unless the user wants several: one of those that may be, counted as nvidia-smi does."""
    if gpu is None or any("parallel" in word or word == "-tp" for word in more):
        return {}
    return {"CUDA_VISIBLE_DEVICES": str(gpu.index), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def _more(settings: Settings) -> tuple[str, ...]:
    """The user's own options, in the spelling of ours. Raises SettingError."""
    try:
        words = [_with_dashes(word) for word in shlex.split(settings.engine_arguments)]
    except ValueError as error:
        problem = f"setting 'engine_arguments' cannot be read ({error})"
        raise SettingError(problem, "close its quotation marks") from error
    taken = next((word for word in words if word.partition("=")[0] in _DECIDED), None)
    if taken is not None:
        problem = f"setting 'engine_arguments' cannot have {taken.partition('=')[0]}"
        raise SettingError(problem, "leave it to dgls, which must find its server; engine_listen=port is a port")
    return tuple(words)


def _with_dashes(word: str) -> str:
    """An option as vLLM lists it: its parser takes underscores for dashes."""
    return re.sub(r"^--[^.=]+", lambda name: name[0].replace("_", "-"), word)


def supported() -> None:
    """Raises LaunchError on a machine where vLLM does not run."""
    if os.name != "posix":
        raise LaunchError("vLLM does not run on Windows itself", "start it in WSL and set url to where it listens")
