"""Where gaps are filled: a checkpoint in this process, loaded once, or any other engine of dgls."""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer

from dgls.engines import Engine, load
from dgls.engines.checkpoint import Facts, find, read_facts
from dgls.engines.filler import Filler, load_filler
from dgls.engines.framing import divided
from dgls.engines.tokens import Tokens, read_tokens
from dgls.errors import EngineError, ModelError, UsageError
from dgls.settings import Settings, with_settings
from evaluation.engines import Probing, Withholding
from evaluation.left_to_right import LeftToRight
from evaluation.probe import Probe
from evaluation.sweeps import Variant
from evaluation.twin import Twin
from evaluation.ways import Way

_LOADED_WITH = ("model", "device", "dtype", "threads")


class Bench(Protocol):
    """Makes the engine for a way and a variant."""

    tokens: Tokens

    @property
    def name(self) -> str:
        """What fills, in one line."""

    async def engine(self, way: Way, variant: Variant, length: int | None) -> Engine:
        """A started engine; `length` is the only gap length, in tokens, None leaves them to the settings."""

    async def close(self) -> None:
        """Frees what was started."""


class LocalBench:
    """Engines around one loaded checkpoint; each has empty prefix caches, so that fills cost the same in any order."""

    def __init__(self, settings: Settings, twin: Path | None = None) -> None:
        self._load(settings)
        self._twin = load_filler(with_settings(settings, {"model": str(twin)})) if twin else None

    @property
    def name(self) -> str:
        """The model and where it computes."""
        return f"local ({Path(self._settings.model).name or 'small'}, {self._filler.place})"

    async def engine(self, way: Way, variant: Variant, length: int | None) -> Engine:
        """An engine on the loaded weights. Raises ModelError or UsageError."""
        if way.twin:
            if self._twin is None:
                raise UsageError(f"the way {way.name!r} needs a trained twin", "give its folder: --twin FOLDER")
            return Twin(self._twin, one_line=way.name == "twin-line")
        settings = with_settings(variant.settings, {"strategy": "prompted"} if way.prompted else {})
        if any(getattr(settings, name) != getattr(self._settings, name) for name in _LOADED_WITH):
            self._load(settings)
        facts = self._facts(variant, settings)
        if length is not None and not way.left_to_right:
            facts = replace(facts, gap_lengths=(length,))
        probe = Probe(self._filler.model, self.tokens, facts, settings)
        if way.left_to_right:
            return LeftToRight(probe, length)
        return Probing(probe) if way.part == "full" else Withholding(probe, way.part)

    async def close(self) -> None:
        """The process frees the model."""

    def _load(self, settings: Settings) -> None:
        """Loads a checkpoint. Raises ModelError."""
        self._filler: Filler = load_filler(settings)
        self._settings = settings
        self._folder = find(settings.model)
        self.tokens = self._filler.tokens

    def _facts(self, variant: Variant, settings: Settings) -> Facts:
        """The checkpoint's facts with what the variant replaces."""
        facts = read_facts(self._folder, settings)
        sampling = replace(facts.sampling, **variant.sampling)  # type: ignore[arg-type] # whole ones are ints
        return replace(facts, sampling=sampling)


class LoadedBench:
    """Any engine of dgls; gap lengths are told by its settings, so that each of them has an engine of its own."""

    def __init__(self, settings: Settings) -> None:
        self._engines: dict[Settings, Engine] = {}
        self._settings = settings
        self.tokens = _tokens_of(settings)

    @property
    def name(self) -> str:
        """As the engine that was made first calls itself."""
        return next((engine.name for engine in self._engines.values()), self._settings.engine)

    async def engine(self, way: Way, variant: Variant, length: int | None) -> Engine:
        """A started engine. Raises DglsError where it cannot fill in this way."""
        kind = self._settings.engine
        if way.needs_filler or variant.sampling:
            what = f"the way {way.name!r}" if way.needs_filler else f"the sweep {variant.axis!r}"
            raise UsageError(f"{what} needs the model in this process, not the {kind} engine", "use --engine local")
        if length is not None and kind == "scripted":
            raise EngineError("the scripted engine knows no gap lengths", "use --ways chosen")
        changes: dict[str, object] = {"gap_lengths": (max(length, 1),)} if length is not None else {}
        settings = with_settings(variant.settings, changes | ({"strategy": "prompted"} if way.prompted else {}))
        if settings not in self._engines:
            engine = load(settings)
            async for _ in engine.start():
                pass
            self._engines[settings] = engine
        return self._engines[settings]

    async def close(self) -> None:
        """Closes all engines."""
        for engine in self._engines.values():
            await engine.close()


def bench_of(settings: Settings, twin: Path | None = None) -> Bench:
    """Where these settings fill gaps. Raises DglsError."""
    return LocalBench(settings, twin) if settings.engine == "local" else LoadedBench(settings)


def gap_tokens(tokens: Tokens, prefix: str, text: str) -> tuple[int, int]:
    """How many tokens a text is in the gap behind a prefix, and how many of them a gap length does not count.

    What is typed of a symbol is healed: it lies in the gap together with the text, and may join with it to one token.
    The end of whole lines lies behind the gap.
    """
    typed = divided(prefix, tokens)[1]
    if prefix.endswith("\n") or not prefix:
        text = text.removesuffix("\n")
    return len(tokens.encode(typed + text)), max(len(tokens.encode(typed)) - 1, 0)


def _tokens_of(settings: Settings) -> Tokens:
    """The tokenizer of an engine's model, without its weights. Raises ModelError."""
    folder = Path(settings.model).expanduser()
    folder = find(settings.model) if not settings.model or folder.is_dir() else _downloaded(settings.model)
    return read_tokens(folder, Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size())


def _downloaded(model: str) -> Path:
    """Where the tokenizer of a hub id lies. Raises ModelError."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(model, "tokenizer.json")).parent
    except Exception as error:  # the library raises many kinds, none of them ours
        raise ModelError(
            f"the tokenizer of {model!r} cannot be downloaded ({type(error).__name__})",
            "check the name and the network, or give a folder",
        ) from error
