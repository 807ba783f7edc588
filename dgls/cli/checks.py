"""What `dgls doctor` looks at, one function each.

torch is imported only after the package list says that it is there: the checks also work where nothing is installed.
"""

import json
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from dgls import __version__
from dgls.engines.checkpoint import free_memory
from dgls.errors import DglsError
from dgls.settings import Settings, as_dict
from dgls.text.document import Document
from dgls.text.gap import gap_at
from dgls.text.syntax import LANGUAGES, n_errors, without_parser

INSTALL = "pip install 'dgls[local]'"

_NEEDED = {"torch": (2, 11), "transformers": (5, 17)}  # as in pyproject.toml; a test compares
_GIB = 2**30


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, how it is, and the next step when something is amiss."""

    name: str
    status: Literal["ok", "warning", "problem"]
    detail: str
    next_step: str = ""


def checks_for(settings: Settings) -> dict[str, Callable[[], Check]]:
    """The checks that matter for the engine in use, in the order in which they are shown."""
    local: dict[str, Callable[[], Check]] = {
        "torch": partial(package, "torch"),
        "transformers": partial(package, "transformers"),
        "device": partial(device, settings),
        "memory": memory,
        "model": partial(model, settings),
    }
    scripted: dict[str, Callable[[], Check]] = {"script": partial(script, settings)}
    own: dict[str, Callable[[], Check]] = {
        "vllm": partial(vllm, settings),
        "checkpoint": partial(checkpoint, settings),
        "server": partial(server, settings),
    }
    of_engine = {"local": local, "scripted": scripted, "vllm": own}
    return {
        "python": python,
        "dgls": lambda: Check("dgls", "ok", f"{__version__} in {Path(__file__).parents[1]}"),
        **of_engine[settings.engine],
        "grammar": grammar,
        "settings": partial(changed, settings),
        "log": partial(log, settings),
    }


def python() -> Check:
    """Which Python runs dgls, and on what."""
    return Check("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")


def package(name: str) -> Check:
    """Whether a package of the local engine is installed and new enough."""
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, "problem", "not installed", INSTALL)
    if tuple(int(part) for part in found.split(".")[:2]) < _NEEDED[name]:
        needed = ".".join(map(str, _NEEDED[name]))
        return Check(name, "problem", f"{found} is older than {needed}", f"{INSTALL} --upgrade")
    return Check(name, "ok", found)


def device(settings: Settings) -> Check:
    """Where the local engine will compute, and how much memory is free there."""
    if not is_installed("torch"):
        return Check("device", "warning", "unknown without torch", INSTALL)
    import torch

    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not has.get(settings.device, True):
        return Check("device", "problem", f"torch sees no {settings.device} device", "use --set device=auto")
    if has["cuda"] and settings.device in ("auto", "cuda"):
        free, total = torch.cuda.mem_get_info()
        name = f"cuda {torch.version.cuda}, {torch.cuda.get_device_name()}"
        return Check("device", "ok", f"{name}, {_gib(free)} of {_gib(total)} free")
    if has["mps"] and settings.device in ("auto", "mps"):
        return Check("device", "ok", "mps")
    return Check("device", "ok", f"cpu, {torch.get_num_threads()} threads")


def memory() -> Check:
    """How much memory is free."""
    free = free_memory()
    if free < _GIB:
        return Check("memory", "warning", f"{_gib(free)} free", "close other programs")
    return Check("memory", "ok", f"{_gib(free)} free")


def model(settings: Settings) -> Check:
    """Whether the model is there and complete, and its size."""
    if not (is_installed("torch") and is_installed("transformers")):
        return Check("model", "warning", "not looked at without torch and transformers", INSTALL)
    from dgls.engines.checkpoint import find, n_parameters

    name = settings.model
    if is_hub_id(name) and not is_downloaded(name):
        return Check("model", "warning", f"{name} is not on this machine", "it is downloaded at the first start")
    try:
        folder = find(name)
        detail = f"{'' if name else 'bundled, '}{n_parameters(folder) / 1e6:,.1f} million parameters"
    except DglsError as error:
        return Check("model", "problem", error.problem, error.next_step)
    n_bytes = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return Check("model", "ok", f"{detail}, {n_bytes / 1e6:,.1f} MB in {folder}")


def is_installed(name: str) -> bool:
    """Whether the package list has it, without importing it."""
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def is_hub_id(name: str) -> bool:
    """Whether the setting `model` looks like org/name and is no folder."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not Path(name).exists()


def is_downloaded(hub_id: str) -> bool:
    """Whether a model of the hub is in the download cache."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, "config.json"), str)


def script(settings: Settings) -> Check:
    """Whether the scripted engine has something to say."""
    from dgls.engines.scripted import read_script

    if not settings.script:
        return Check("script", "problem", "none given", "use --set script=FILE.json")
    try:
        found = read_script(Path(settings.script))
    except DglsError as error:
        return Check("script", "problem", error.problem, error.next_step)
    return Check("script", "ok", f"{settings.script}, {len(found.rules)} rules")


def vllm(settings: Settings) -> Check:
    """Which vLLM `dgls engine start` would start."""
    from dgls.engines.serving.program import find_program

    try:
        found = find_program(settings)
    except DglsError as error:
        return Check("vllm", "problem", error.problem, error.next_step)
    return Check("vllm", "ok", f"{' '.join(found.command)}, {found.origin}")


def checkpoint(settings: Settings) -> Check:
    """Which checkpoint `dgls engine start` would serve: the one that is set, or one that suits the graphics card."""
    from dgls.engines.serving.plan import chosen_model

    try:
        found = chosen_model(settings)
    except DglsError as error:
        return Check("checkpoint", "problem", error.problem, error.next_step)
    name = f"{found.model} {found.revision[:12]}".strip()
    card = f"{found.gpu.name}, {_gib(found.gpu.free_bytes)} free" if found.gpu else "no NVIDIA card"
    return Check("checkpoint", "ok", f"{name} for {card}")


def server(settings: Settings) -> Check:
    """How this machine's own server is."""
    from dgls.engines.serving.own import find
    from dgls.engines.serving.record import current

    place = find(settings)
    record = current(place) if place else None
    if record is None:
        return Check("server", "warning", "none runs", "start one with dgls engine start")
    return Check("server", "ok", f"{record.model} is {record.phase}, log in {record.log}")


def grammar() -> Check:
    """Whether tree-sitter tells right from wrong Python, and has its other grammars."""
    right, wrong = (n_errors(gap_at(Document(""), 0), text) for text in ("x = 1\n", "x = = 1\n"))
    if right != 0 or not wrong:
        return Check(
            "grammar", "problem", "python cannot be parsed", "pip install --force-reinstall tree-sitter-python"
        )
    missing = without_parser()
    if missing:
        return Check("grammar", "warning", f"none for {', '.join(missing)}", "pip install --force-reinstall dgls")
    return Check("grammar", "ok", f"{len(LANGUAGES)} languages, tree-sitter {version('tree-sitter')}")


def changed(settings: Settings) -> Check:
    """The settings that are not at their default."""
    defaults, now = as_dict(Settings()), as_dict(settings)
    pairs = [f"{name}={json.dumps(value)}" for name, value in now.items() if value != defaults[name]]
    return Check("settings", "ok", ", ".join(pairs) or "all at their defaults")


def log(settings: Settings) -> Check:
    """Where the log goes, and whether it can be written there."""
    if not settings.log_file:
        return Check("log", "ok", "stderr")
    path = Path(settings.log_file)
    with suppress(RuntimeError):  # nobody's home stays as it is written
        path = path.expanduser()
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        return Check("log", "problem", f"cannot write {path}", "choose another with --set log_file=FILE")
    return Check("log", "ok", str(path))


def _gib(n_bytes: int) -> str:
    """Bytes for people."""
    return f"{n_bytes / _GIB:.1f} GiB"
