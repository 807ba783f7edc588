"""The command line: serve | fill FILE:LINE:COL | fill --all FILE | clip | doctor | engine start|stop|status|...

A failure is one line on stderr, `dgls: <problem>: <next step>`, and an exit code: 1 for a failure, 2 for a command
line that cannot be understood, 130 after Ctrl-C, 141 when nobody reads the output any more. Heavy packages are
imported by the commands that need them: starting the server imports neither rich nor torch.
"""

import argparse
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, TextIO

from dgls import __version__
from dgls.errors import DglsError, EngineError, UsageError

if TYPE_CHECKING:
    from dgls.settings import Settings

FAILURE, USAGE, INTERRUPTED, NO_READER = 1, 2, 130, 141


def main() -> int:
    """Runs this process's command; a model thread that still computes is not waited for."""
    code = run(sys.argv[1:])
    others = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
    if any(not thread.daemon for thread in others):
        os._exit(code)
    return code


def run(given: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    try:
        try:
            return _command(given)
        finally:
            _flush(sys.stdout)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence(sys.stdout)
        return NO_READER
    except Exception as error:
        return _failed(error, debug="--debug" in given)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = _Parser(prog="dgls", description="Fills the gap at the cursor by diffusion.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"dgls {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    shared = _shared_options()
    serve = commands.add_parser("serve", parents=[shared], help="speak LSP on stdin and stdout; editors start this")
    serve.add_argument("--stdio", action="store_true", help="what it does anyway; some clients add it")
    fill = commands.add_parser("fill", parents=[shared], help="fill the gap at one place of one file")
    fill.add_argument(
        "place", metavar="FILE:LINE:COL", help="where: line and column (in characters) start at 1; with --all only FILE"
    )
    shape = fill.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print everything known about the fill as one JSON object")
    shape.add_argument("--all", action="store_true", help="print FILE with all its placeholders filled")
    shape.add_argument("--watch", action="store_true", help="show the canvas coming into focus")
    commands.add_parser("clip", parents=[shared], help="clip texts: JSON lines on stdin, JSON lines on stdout")
    doctor = commands.add_parser("doctor", parents=[shared], help="say what is amiss on this machine and what to do")
    doctor.add_argument("--json", action="store_true", help="print a list of JSON objects")
    _add_engine(commands, shared)
    return top


def _add_engine(commands: "argparse._SubParsersAction[_Parser]", shared: "_Parser") -> None:
    """The grammar of `dgls engine`."""
    engine = commands.add_parser("engine", help="one vLLM server for every window: install, start, stop, status, logs")
    actions = engine.add_subparsers(dest="action", metavar="ACTION", required=True)
    install = actions.add_parser("install", parents=[shared], help="install vLLM in an environment of its own")
    install.add_argument("--yes", action="store_true", help="do not ask")
    actions.add_parser("start", parents=[shared], help="start the server, or find the one that runs; wait for it")
    stop = actions.add_parser("stop", parents=[shared], help="end the server, or what is left of it")
    stop.add_argument("--all", action="store_true", help="end every server of this user")
    status = actions.add_parser("status", parents=[shared], help="say how the servers are")
    status.add_argument("--json", action="store_true", help="print a list of JSON objects")
    logs = actions.add_parser("logs", parents=[shared], help="print the end of the server's log")
    logs.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="how many lines; default: 50")
    logs.add_argument("--follow", action="store_true", help="go on printing until Ctrl-C")


def _shared_options() -> "_Parser":
    """The options of every command."""
    shared = _Parser(add_help=False)
    shared.add_argument("--engine", metavar="ENGINE", help="local (the default), vllm or scripted")
    shared.add_argument(
        "--model",
        metavar="MODEL",
        help="model folder or hub id; default: the bundled small model, or the one that a server serves",
    )
    shared.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="any setting; repeatable")
    shared.add_argument("--debug", action="store_true", help="show where an error comes from")
    return shared


def _command(given: Sequence[str]) -> int:
    """Understands the command line and runs its command. Raises DglsError."""
    arguments = parser().parse_args(given)
    if arguments.command is None:
        raise UsageError("there is no command", "use serve, fill, clip, doctor or engine, or see dgls --help")
    settings = settings_of(arguments)
    if arguments.command == "serve":
        return _serve(settings)
    _speak_utf_8(sys.stdout)
    if arguments.command == "clip":
        from dgls.cli.clip import clip_lines

        return clip_lines()
    if arguments.command == "doctor":
        from dgls.cli.doctor import doctor

        return doctor(settings, as_json=arguments.json)
    if arguments.command == "engine":
        return _engine(arguments, settings)
    from dgls.cli.fill import Shape, fill_all, fill_once

    if arguments.all:
        return fill_all(arguments.place, settings)
    return fill_once(
        arguments.place, settings, Shape.JSON if arguments.json else Shape.WATCH if arguments.watch else Shape.TEXT
    )


def settings_of(arguments: argparse.Namespace) -> "Settings":
    """The settings that the options ask for; --engine and --model win over --set."""
    from dgls.settings import Settings, with_settings

    given: dict[str, str] = {}
    for pair in arguments.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r} has no value", "write --set NAME=VALUE")
        given[name] = value
    for name in ("engine", "model"):
        value = getattr(arguments, name)
        if value is not None:
            given[name] = value
    return with_settings(Settings(), given)


def _serve(settings: "Settings") -> int:
    """Runs the language server until the editor ends it."""
    from dgls.lsp.server import serve

    if sys.stdin is not None and sys.stdin.isatty():
        print("dgls: waiting for an editor on stdin; Ctrl-C ends this", file=sys.stderr)
    return serve(settings)


def _engine(arguments: argparse.Namespace, settings: "Settings") -> int:
    """Runs a command about our own vLLM server. Raises DglsError."""
    try:
        from dgls.cli.engine import engine
    except ImportError as error:
        raise EngineError(f"{error.name} is not installed", "pip install 'dgls[vllm]'") from error
    return engine(arguments, settings)


class _Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of printing two lines and leaving."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(message, f"see {self.prog} --help")


def _failed(error: Exception, *, debug: bool) -> int:
    """Says what went wrong in one line, with --debug also where, and returns the exit code."""
    if debug:
        traceback.print_exception(error)
    if not isinstance(error, DglsError):
        kind = type(error).__name__
        error = DglsError(
            f"unexpected {kind}: {error}" if str(error) else f"unexpected {kind}", "run it again with --debug"
        )
    print(f"dgls: {''.join(char if char.isprintable() else '?' for char in str(error))}", file=sys.stderr)
    return USAGE if isinstance(error, UsageError) else FAILURE


def _speak_utf_8(stream: TextIO) -> None:
    """Source files are read as UTF-8 with their own line ends, so fills are written that way, whatever the locale."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def _flush(stream: TextIO | None) -> None:
    """Writes what is left while a failure can still be reported; a process may have no stdout."""
    if stream is not None:
        stream.flush()


def _silence(stream: TextIO) -> None:
    """Lets the interpreter's own flush at exit succeed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
