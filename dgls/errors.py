"""Every error that dgls raises on purpose; each says what is wrong and what to do next.

    DglsError
    ├── UsageError           the command line cannot be understood
    │   └── SettingError     a setting does not exist or has an impossible value
    ├── SourceError          a source file cannot be read as text
    ├── PositionError        a position lies outside its document
    └── EngineError          the engine cannot work
        ├── ModelError       the model is missing, broken or too large
        ├── ScriptError      the scripted engine's file is missing or broken
        ├── TooLongError     what is to be changed does not fit the model's canvas
        ├── LaunchError      a vLLM server of our own cannot be installed, started or found
        ├── RefusedError     a server refuses the request itself, as any other one would
        └── ServerError      a server does not answer, or not as it should: another one may, or the same one later
            └── EndedError   our own server has ended, or one serves something else: the engine is to be started anew

"Nothing to show" is not an error: it is a `Silence` (dgls/text/fill.py).
"""

from typing import Self


class DglsError(Exception):
    """What is wrong (`problem`) and what to do about it (`next_step`), in one line."""

    def __init__(self, problem: str, next_step: str) -> None:
        super().__init__(problem, next_step)
        self.problem = problem
        self.next_step = next_step

    def __str__(self) -> str:
        """One line, whatever a library put into its message."""
        return " ".join(f"{self.problem}: {self.next_step}".split())


class UsageError(DglsError):
    """The command line cannot be understood."""


class SettingError(UsageError):
    """A setting does not exist or has an impossible value."""


class SourceError(DglsError):
    """A source file cannot be read as text."""


class PositionError(DglsError):
    """A position lies outside its document."""


class EngineError(DglsError):
    """The engine cannot work."""


class ModelError(EngineError):
    """The model is missing, broken or too large."""


class ScriptError(EngineError):
    """The scripted engine's file is missing or broken."""


class TooLongError(EngineError):
    """What is to be changed does not fit the model's canvas."""

    @classmethod
    def of(cls, canvas_tokens: int) -> Self:
        """The error of a canvas of so many tokens."""
        return cls("the code is too long", f"a canvas of this model has {canvas_tokens} tokens: choose less")


class LaunchError(EngineError):
    """A vLLM server of our own cannot be installed, started or found."""


class RefusedError(EngineError):
    """A server refuses the request itself, as any other one would."""


class ServerError(EngineError):
    """A server does not answer, or not as it should: another one may, or the same one later."""


class EndedError(ServerError):
    """Our own server has ended, or a server serves something else: an engine that is started anew can work with it.

    A surprise, unless nobody needed the server.
    """

    def __init__(self, problem: str, next_step: str, *, is_surprise: bool = True) -> None:
        super().__init__(problem, next_step)
        self.is_surprise = is_surprise
