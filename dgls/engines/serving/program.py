"""Which vLLM is started: the one that a setting names, the one that dgls installed, or the one on the PATH."""

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from dgls.engines.serving.install import has_plugin, installed
from dgls.engines.serving.plugin import SCHEDULER
from dgls.errors import LaunchError, SettingError
from dgls.settings import Settings


@dataclass(frozen=True)
class Program:
    """The beginning of a command line, whose it is, and the scheduler of our plugin if that is installed with it."""

    command: tuple[str, ...]
    origin: str
    scheduler: str = ""


def find_program(settings: Settings, folder: Path | None = None) -> Program:
    """The program that serves; `{folder}` in the setting becomes the server's own folder. Raises LaunchError."""
    if settings.engine_command:
        return Program(_words(settings.engine_command, folder), "the setting engine_command")
    own = installed()
    if own is not None:
        return Program((str(own), "serve"), "installed by dgls", SCHEDULER if has_plugin() else "")
    found = shutil.which("vllm")
    if found is not None:
        return Program((found, "serve"), "found on the PATH")
    raise LaunchError("no vLLM is found", "run dgls engine install, or set engine_command or url")


def _words(command: str, folder: Path | None) -> tuple[str, ...]:
    """The words of a command as a shell would split them. Raises SettingError."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingError(f"setting 'engine_command' cannot be read ({error})", "close its quotation marks") from error
    if not words:
        raise SettingError("setting 'engine_command' is blank", "name a program, or leave it empty")
    return tuple(word.replace("{folder}", str(folder or "{folder}")) for word in words)
