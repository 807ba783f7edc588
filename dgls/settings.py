"""Every setting once: its name with unit, default and one sentence. README's table is made from here."""

import json
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import cattrs

from dgls.errors import SettingError

# What other runtimes would need before they could be an engine here.
_NEEDS = "it takes no seed canvas and no pinned positions per request, as vLLM 0.31 and later do: use engine=vllm"
OTHER_RUNTIMES: Mapping[str, str] = MappingProxyType(
    {
        "ollama": f"Ollama cannot pin code on a canvas yet, as {_NEEDS}",
        "llamacpp": f"llama.cpp's server cannot pin code on a canvas yet, as {_NEEDS}",
        "sglang": f"SGLang cannot pin code on a canvas yet, as {_NEEDS}",
        "mlx": f"MLX's servers cannot pin code on a canvas yet, as {_NEEDS}",
    }
)


def _setting(
    default: Any,
    sentence: str,
    *,
    least: int | None = None,
    most: int | None = None,
    refused: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """A field with its sentence, for numbers its bounds, and why some values are refused."""
    return field(default=default, metadata={"sentence": sentence, "least": least, "most": most, "refused": refused})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings; build one with `with_settings`, which checks names and values."""

    engine: Literal["local", "vllm", "scripted"] = _setting(
        "local", "What fills gaps: a model in this process, a vLLM server, or a script.", refused=OTHER_RUNTIMES
    )
    model: str = _setting(
        "", "Model folder or hub id; empty means the bundled small model, or with a server the one that it serves."
    )
    url: tuple[str, ...] = _setting(
        (), "Addresses of vLLM servers, such as `http://host:8000` or `unix:///a.sock`; empty means this machine's own."
    )
    key_file: str = _setting(
        "", "File with the servers' key; empty means the environment variable `DGLS_KEY`, or the keyring."
    )
    workspace: str = _setting(
        "",
        "Any text; it chooses among several servers, so that each one's cache stays warm. Editors: the folder's hash.",
    )
    reach_within_s: int = _setting(
        0, "How long the start waits for a server that cannot be reached; 0 means as long as it takes.", least=0
    )
    script: str = _setting("", "JSON file that the scripted engine answers from.")
    device: Literal["auto", "cpu", "cuda", "mps"] = _setting("auto", "Where the local engine computes.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = _setting(
        "auto", "Number format of the weights; auto is bfloat16 on a GPU and float32 on a CPU."
    )
    threads: int = _setting(0, "CPU threads of the local engine; 0 leaves it to torch.", least=0, most=1024)
    strategy: Literal["auto", "base", "chat", "prompted"] = _setting(
        "auto",
        "How a gap becomes model input: pinned suffix (base, or chat for instruction-tuned), or suffix in the prompt.",
    )
    gap_lengths: tuple[int, ...] = _setting(
        (), "Gap lengths in tokens that are tried side by side; empty means the model's own list.", least=1, most=4096
    )
    effort: Literal["low", "medium", "high"] = _setting(
        "medium", "How much work a fill gets: steps, and gap lengths that are followed to the end."
    )
    n_kept_lengths: int = _setting(
        0,
        "How many gap lengths, the surest ones, are denoised further after the first step; 0 leaves it to the effort.",
        least=0,
        most=4096,
    )
    max_steps: int = _setting(
        0,
        "Most denoising steps of a round of gap lengths, of which a fill has up to three; 0 leaves it to the effort.",
        least=0,
        most=1000,
    )
    context_tokens: int = _setting(
        0, "Most tokens of code before the gap that the model reads; 0 means the model's own number.", least=0
    )
    suffix_tokens: int = _setting(32, "Fewest tokens of code after the gap that are pinned on the canvas.", least=1)
    seed: int = _setting(0, "Start of the random numbers; the same request gets the same fill.", least=0)
    n_documents: int = _setting(4, "How many documents keep their prefix in the model's cache.", least=1, most=1024)
    pause_ms: int = _setting(50, "How long an automatic request waits for a newer key.", least=0, most=10_000)
    deadline_ms: int = _setting(
        10_000,
        "How long a request may take before it is answered empty; next edits: with those found by then.",
        least=1,
    )
    least_sureness_percent: int = _setting(
        10, "A fill ends before the first token of which the model is less sure than this.", least=0, most=100
    )
    unsure_percent: int = _setting(
        50,
        "The tail of a fill that begins with the first token less sure than this may be shown dim; 0 means none.",
        least=0,
        most=100,
    )
    n_alternatives: int = _setting(4, "Most items in the answer to an invoked request.", least=1, most=16)
    popup: Literal["auto", "on", "off"] = _setting(
        "auto",
        "Whether fills stand in the completion popup: where the editor has no ghost text (auto), or always (on).",
    )
    next_edits: Literal["auto", "off"] = _setting("auto", "Whether changes are followed by edit suggestions.")
    placeholders: tuple[str, ...] = _setting(
        ("...", "TODO", "pass  # fill"),
        "What counts as a gap where all gaps of a text are filled together: texts that stand alone, as words do.",
    )
    max_document_chars: int = _setting(5_000_000, "Larger documents get no fills.", least=1)
    revision: str = _setting(
        "", "Revision of the model on the hub that our own vLLM server serves; empty means the one that dgls knows."
    )
    engine_start: Literal["never", "auto"] = _setting(
        "never",
        "Whether a window that needs our own vLLM server starts it, also again, or only `dgls engine start` does.",
    )
    engine_command: str = _setting(
        "", "What starts vLLM, in place of the installed one: a program, or a container; options are added to it."
    )
    engine_arguments: str = _setting("", "Further options of `vllm serve` for our own server.")
    engine_listen: Literal["auto", "port"] = _setting(
        "auto", "Where our own vLLM server listens: a unix socket if that can be (auto), or a port of this machine."
    )
    engine_idle_s: int = _setting(
        1800, "Our own vLLM server ends when nobody asked for anything in this time; 0 means never.", least=0
    )
    log_file: str = _setting(
        "", "Where the log goes; empty means stderr. A server that finds over 10 MB there moves them to `NAME.1`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "How much is logged.")


_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
_TYPES = get_type_hints(Settings)


def with_settings(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """The settings with the given ones replaced; a string stands for a value of any type, as on a command line.

    Raises SettingError for an unknown name (with the nearest known one) or an impossible value.
    """
    known = {entry.name: entry for entry in fields(settings)}
    changes = {}
    for name, value in given.items():
        if name not in known:
            nearest = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(known)}"
            raise SettingError(f"there is no setting {name!r}", hint)
        changes[name] = _checked(known[name], value)
    return replace(settings, **changes)


def as_dict(settings: Settings) -> dict[str, Any]:
    """Name -> value of every setting."""
    return asdict(settings)


def table() -> str:
    """The settings as a Markdown table."""
    rows = []
    for entry in fields(Settings):
        default, values = json.dumps(entry.default), _values(_TYPES[entry.name])
        rows.append(f"| `{entry.name}` | `{default}` | {values} | {entry.metadata['sentence']} |")
    return "\n".join(["| name | default | values | |", "|---|---|---|---|", *rows])


def schema() -> dict[str, dict[str, Any]]:
    """The settings as JSON Schema, as VS Code's manifest has it; a list counts as a whole."""
    return {entry.name: _schema_of(entry) for entry in fields(Settings)}


def _schema_of(entry: "Field[Any]") -> dict[str, Any]:
    """One setting as JSON Schema."""
    wanted, meta = _TYPES[entry.name], entry.metadata
    one: dict[str, Any] = {"type": "integer" if wanted in (int, tuple[int, ...]) else "string"}
    if get_origin(wanted) is Literal:
        one["enum"] = list(get_args(wanted))
    one |= {name: meta[key] for name, key in (("minimum", "least"), ("maximum", "most")) if meta[key] is not None}
    if get_origin(wanted) is tuple:
        one = {"type": "array", "items": one}
    default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
    return {**one, "default": default, "markdownDescription": meta["sentence"]}


def _checked(entry: "Field[Any]", value: Any) -> Any:
    """The value in the setting's type and within its bounds."""
    wanted = _TYPES[entry.name]
    reason = entry.metadata["refused"].get(_plain(value))
    bad = SettingError(f"setting {entry.name!r} cannot be {value!r}", reason or f"use {_values(wanted)}")
    if isinstance(value, str) and wanted == tuple[str, ...] and not value.lstrip().startswith("["):
        value = [part.strip() for part in value.split(",") if part.strip()]
    elif isinstance(value, str) and wanted is not str and get_origin(wanted) is not Literal:
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise bad from None
    parts = value if isinstance(value, (list, tuple)) else [value]
    is_text = wanted in (str, tuple[str, ...])
    if any(isinstance(part, (bool, float)) or (is_text and not isinstance(part, str)) for part in parts):
        raise bad
    if wanted is str and not isinstance(value, str):
        raise bad
    try:
        checked = _CONVERTER.structure(value, wanted)
    except Exception:
        raise bad from None
    _check_bounds(entry, checked if isinstance(checked, tuple) else (checked,))
    return checked


def _plain(value: Any) -> str:
    """A name as people spell it: `llama.cpp` is llamacpp."""
    return "".join(char for char in value.lower() if char.isalnum()) if isinstance(value, str) else ""


def _check_bounds(entry: "Field[Any]", numbers: tuple[Any, ...]) -> None:
    """Raises SettingError when a number is out of bounds."""
    least, most = entry.metadata["least"], entry.metadata["most"]
    for number in numbers:
        if least is not None and number < least:
            raise SettingError(f"setting {entry.name!r} cannot be {number}", f"use {least} or more")
        if most is not None and number > most:
            raise SettingError(f"setting {entry.name!r} cannot be {number}", f"use {most} or less")


def _values(wanted: Any) -> str:
    """What a type admits, for people."""
    if get_origin(wanted) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(wanted))
    if get_origin(wanted) is tuple:
        return "a list of texts" if get_args(wanted)[0] is str else "a list of whole numbers"
    return {int: "a whole number", str: "text"}[wanted]
