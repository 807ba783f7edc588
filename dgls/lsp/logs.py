"""The log: where it goes, and the one line that each request leaves in it. No source text at `info`."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path

from lsprotocol import types as lsp

from dgls.edits import Suggestion
from dgls.engines import Cost
from dgls.errors import SettingError
from dgls.infill import Answer
from dgls.lsp.workspace import file_name
from dgls.settings import Settings

_MOST_BYTES = 10_000_000
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(settings: Settings) -> None:
    """Sends the log where the settings say. Raises SettingError when the file cannot be written."""
    level = settings.log_level.upper()
    logging.getLogger("dgls").setLevel(level)
    # pygls logs whole documents at info and parameters with its errors; what matters of these we log ourselves.
    logging.getLogger("pygls").setLevel("DEBUG" if level == "DEBUG" else "CRITICAL")
    logging.basicConfig(handlers=[_handler(settings.log_file)], level="WARNING", format=_FORMAT, force=True)


def request_line(
    asked: str, document: lsp.OptionalVersionedTextDocumentIdentifier, outcome: str, ms: Mapping[str, float], cost: Cost
) -> str:
    """What a request asked and got: names, counts and milliseconds."""
    parts = [
        f"{file_name(document.uri)!r} v{'?' if document.version is None else document.version}",
        f"{asked}: {outcome}",
        " ".join(f"{stage} {passed:.1f}" for stage, passed in ms.items()) + f" total {sum(ms.values()):.1f} ms",
        f"{cost.n_steps} steps {cost.n_forwards} forwards",
    ]
    return ", ".join(parts)


def outcome_of(answer: Answer) -> str:
    """What is shown, or why nothing is; and the clip's rules that acted on the best candidate."""
    if answer.silence:
        return str(answer.silence)
    n_chars = sum(len(fill.text) for fill in answer.fills)
    rules = " ".join(answer.candidates[0].rules) if answer.candidates else ""
    return f"{len(answer.fills)} items {n_chars} chars" + (f" clipped by {rules}" if rules else "")


def outcome_of_edits(found: Suggestion) -> str:
    """What is suggested, or why nothing is."""
    n_chars = sum(len(edit.text) for edit in found.edits)
    return str(found.silence) if found.silence else f"{len(found.edits)} edits {n_chars} chars"


class _FileHandler(WatchedFileHandler):
    """A handler for a file, which is followed when another window puts it aside; its folder may go and come back."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line; where there is nowhere to write it, requests are answered all the same."""
        with suppress(OSError):
            super().emit(record)


def _handler(log_file: str) -> logging.Handler:
    """A handler for a file, or for stderr."""
    if not log_file:
        return logging.StreamHandler()
    try:
        path = Path(log_file).expanduser()
        _put_aside(path)
        return _FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except (OSError, RuntimeError, ValueError) as error:  # nobody's home; a name that no file can have
        problem = f"the log file {Path(log_file).name!r} cannot be written"
        raise SettingError(problem, getattr(error, "strerror", None) or "choose another log_file") from error


def _put_aside(path: Path) -> None:
    """Lets a log that has grown large become `NAME.1`, in place of the one before."""
    with suppress(OSError):  # there is none yet, or it may not be moved: Windows moves none that is open
        if path.is_file() and path.stat().st_size > _MOST_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
