"""A vLLM in an environment of its own: its versions of torch and transformers are not those of dgls."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from dgls.engines.serving import plugin
from dgls.engines.serving.place import held, private
from dgls.errors import LaunchError

VERSION = "0.32.0"
REQUIREMENT = f"vllm=={VERSION}"
# On the disk with all that it needs; estimated from the wheels that pip would download.
SIZE_GB = 12

_GB = 10**9
_STAMP = "dgls.json"
_PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
_STAGES = (
    (re.compile(r"^Collecting (\S+)"), "looking at {}"),
    (re.compile(r"^\s*Downloading (\S+?)-\d\S* \(([\d.]+ [kMG]B)\)"), "downloading {} ({})"),
    (re.compile(r"^Installing collected packages"), "unpacking everything"),
)


def environment() -> Path:
    """Where the environment of today's version is, or will be."""
    return user_data_path("dgls") / f"vllm-{VERSION}"


def installed() -> Path | None:
    """The installed program; None when there is none, a half-made one, or one whose Python was taken away since."""
    program = environment() / "bin" / "vllm"
    is_whole = _stamp().get("requirement") == REQUIREMENT and program.is_file() and _finds_vllm()
    return program if is_whole else None


def has_plugin() -> bool:
    """Whether our plugin, that of this dgls, is installed there too."""
    return bool(_stamp().get("plugin")) and _stamp().get("plugin") == plugin.digest(plugin.files())


def is_complete() -> bool:
    """Whether nothing is left to install."""
    return installed() is not None and _stamp().get("plugin", "") == plugin.digest(plugin.files())


def is_half_made() -> bool:
    """Whether an installation was broken off, is of another making, or works no more."""
    return environment().exists() and installed() is None


def free_gb() -> float:
    """How much the disk can still take where the environment will be."""
    folder = environment()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free / _GB


def install() -> Iterator[str]:
    """Makes the environment, yielding a phrase for each stage; a broken one is made anew. Raises LaunchError."""
    folder = environment()
    private(folder.parent)
    with held(folder.parent / "install.lock", within_s=1) as got:
        if not got:
            raise LaunchError("another installation is running", "wait until it has ended")
        if installed() is None:
            # What lies there is not mended piece by piece: pip's cache makes a second run quick.
            yield "making an environment"
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            yield from _phrases([*_pip(), REQUIREMENT])
            if not (folder / "bin" / "vllm").is_file():
                raise LaunchError(f"{REQUIREMENT} brought no program", "set engine_command to another vLLM")
        if not is_complete():
            yield "adding the plugin of dgls"
            _add_plugin()


def _add_plugin() -> None:
    """Installs our plugin, if this dgls has one, and says that the environment is complete. Raises LaunchError."""
    contents = plugin.files()
    if contents:
        with tempfile.TemporaryDirectory() as folder:
            wheel = plugin.write_wheel(Path(folder), contents)
            _run([*_pip(), "--no-deps", "--force-reinstall", str(wheel)])
    stamp = {"requirement": REQUIREMENT, "plugin": plugin.digest(contents)}
    (environment() / _STAMP).write_text(json.dumps(stamp), encoding="utf-8")


def _pip() -> list[str]:
    """The beginning of a command of the environment's pip."""
    return [str(environment() / "bin" / "python"), "-m", "pip", "install", *_PIP_OPTIONS]


def _finds_vllm() -> bool:
    """Whether the environment's Python runs and has vLLM: it is that of the system, which may go or become another."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
    try:
        return subprocess.run([environment() / "bin" / "python", "-P", "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def _stamp() -> Mapping[str, Any]:
    """What a complete environment says of itself; it is written last."""
    try:
        found = json.loads((environment() / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _run(command: list[str]) -> None:
    """Runs a command to its end. Raises LaunchError."""
    for _ in _phrases(command):
        pass


def _phrases(command: list[str]) -> Iterator[str]:
    """Runs a command to its end, yielding what it is at. Raises LaunchError with what it said last."""
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                last = line.strip() or last
                yield from (
                    phrase.format(*found.groups()) for stage, phrase in _STAGES if (found := stage.search(line))
                )
        except BaseException:  # whoever stops listening wants no installation that goes on
            process.kill()
            raise
    if process.returncode != 0:
        name = "pip" if "pip" in command else Path(command[0]).name
        raise LaunchError(f"{name} failed ({last[:300]})", "see its message, then run dgls engine install again")
