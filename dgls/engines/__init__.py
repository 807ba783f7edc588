"""What an engine is: a prompt goes in, drafts come out. The only room that knows models and wire formats.

An engine never sees a URI, an editor never sees a token.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import astuple, dataclass, field
from typing import Protocol, runtime_checkable

from dgls.errors import EngineError, SettingError
from dgls.settings import Settings
from dgls.text.prompt import Prompt


@dataclass(frozen=True)
class Token:
    """A token in a gap: its text, the model's probability for it (0..1), and whether it may still change."""

    text: str
    sureness: float
    settled: bool


@dataclass(frozen=True)
class Draft:
    """One candidate for the gap at one step; `score` is comparable between candidates of one final `Drafts`.

    It has `gap_tokens` in all, of which `lengths` says how many were written in each place; `parts` are the texts of
    what the prompt leaves open. `truncated` when the model was to end the text itself and ran out of room.
    """

    text: str
    tokens: tuple[Token, ...] = ()
    settled: bool = False
    score: float = 0.0
    gap_tokens: int = 0
    truncated: bool = False
    lengths: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a fill took, in counts; `n_reused_tokens` of the prefix came out of the cache.

    A server tells neither steps nor passes: for it, both are the most that it was allowed.
    """

    n_steps: int = 0
    n_forwards: int = 0
    n_encoded_tokens: int = 0
    n_reused_tokens: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """What two fills took."""
        return Cost(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Drafts:
    """The candidates at one step, best first; the last one that an engine yields is `final`."""

    candidates: tuple[Draft, ...]
    final: bool
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Reading:
    """A token of code that stands there: how likely it is at its place (0..1), and what would stand there instead."""

    text: str
    likelihood: float
    instead: str


class Engine(Protocol):
    """Fills gaps. Closing the generator that `drafts` returned stops the work within one denoising step."""

    @property
    def name(self) -> str:
        """What fills: engine, model and device in one line."""

    def start(self) -> AsyncIterator[str]:
        """Makes the engine ready, yielding a phrase for each stage of it. Raises EngineError."""

    def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The candidates as they come into focus; the last item is final. Raises EngineError."""

    async def close(self) -> None:
        """Frees what the engine holds; it cannot be used afterwards."""


@runtime_checkable
class EditingEngine(Engine, Protocol):
    """An engine that can also say what fits where it stands, which edits are made of."""

    async def read(self, prompt: Prompt) -> tuple[Reading, ...]:
        """Every token of the one `Standing` piece that the prompt's middle is. Raises EngineError."""

    async def weigh(self, prompt: Prompt, texts: Sequence[str]) -> tuple[float, ...]:
        """How well each text joins what stands before and after the gap, on the scale of `Draft.score`.

        Raises EngineError.
        """


async def final_drafts(engine: Engine, prompt: Prompt) -> Drafts:
    """The last item alone. Raises EngineError."""
    last = Drafts((), final=True)
    async with aclosing(engine.drafts(prompt)) as stream:
        async for drafts in stream:
            last = drafts
    return last


def load(settings: Settings) -> Engine:
    """The engine that the settings name, not started yet. Imports no model library. Raises EngineError."""
    if settings.engine == "scripted":
        from dgls.engines.scripted import ScriptedEngine

        if not settings.script:
            raise SettingError("the scripted engine has no script", "set one: --set script=FILE.json")
        return ScriptedEngine(settings.script)
    if settings.engine == "vllm":
        return _vllm(settings)
    from dgls.engines.local import LocalEngine

    return LocalEngine(settings)


def may_start_now(settings: Settings) -> bool:
    """Whether what could not be launched is there by now: this machine's own server, started by somebody else."""
    if settings.engine != "vllm" or settings.url:
        return False
    from dgls.engines.serving.own import has_begun

    return has_begun(settings)


def _vllm(settings: Settings) -> Engine:
    """The engine of a vLLM server. Raises EngineError when what it needs is not installed."""
    try:
        from dgls.engines.vllm.engine import VllmEngine
    except ImportError as error:
        raise EngineError(f"{error.name or 'httpx'} is not installed", "pip install 'dgls[vllm]'") from error
    return VllmEngine(settings)
