"""vLLM's log read for people: how far it is while it loads, and why it ended."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGINNING = "dgls: $ "  # of the line before each run, which has the command
_N_LINES_OF_LOADING = 400

_SMALLER = "free GPU memory, or set model to a smaller checkpoint (dgls doctor shows which fit)"

# In a log line, the first pattern that fits gives the phrase; a figure in it is its first group.
_STAGES = tuple(
    (re.compile(pattern), phrase)
    for pattern, phrase in (
        (r"(?:Loading|loading) (?:\w+ checkpoint )?shards: +(\d+)%", "reading the weights: {} %"),
        (r"\.safetensors: +(\d+)%\|", "downloading the weights: {} %"),
        (r"Fetching \d+ files: +(\d+)%", "downloading the model: {} % of its files"),
        (r"Initializing a V1 LLM engine", "starting the engine"),
        (r"Starting to load model|Loading model from scratch", "loading the model"),
        (r"Dynamo bytecode transform|Compiling a graph|/torch_compile_cache/", "compiling the model"),
        (r"Capturing CUDA graphs[^:]*: +(\d+)%", "capturing CUDA graphs: {} %"),
        (r"GPU KV cache size|CPU KV cache size|Available KV cache memory", "making room for the prefix cache"),
        (r"Starting vLLM (?:API )?server on|Application startup complete", "beginning to listen"),
    )
)

# Why a server ended: the first pattern that is found anywhere in the last lines.
_REASONS = tuple(
    (re.compile(pattern), problem, next_step)
    for pattern, problem, next_step in (
        (
            r"out of memory|OutOfMemoryError|No available memory for the cache blocks"
            r"|less than desired GPU memory utilization",
            "the GPU has too little free memory for {model}",
            _SMALLER,
        ),
        (
            r"[Aa]ddress already in use|Errno 98",
            "the port or socket is in use",
            "run dgls engine start again",
        ),
        (
            r"unrecognized arguments|Model Runner V1 does not support|diffusion_gemma.*not recognize"
            r"|does not recognize this architecture|DiffusionGemma\w* (?:are|is) not supported",
            "this vLLM is too old for DiffusionGemma",
            "run dgls engine install",
        ),
        (
            r"Failed to infer device type|No CUDA GPUs are available|libcuda\.so|NVIDIA driver",
            "vLLM finds no GPU that it can use",
            "check nvidia-smi and the driver, or set url to a server elsewhere",
        ),
        (
            r"GatedRepoError|401 Client Error|[Aa]ccess to model .* is restricted",
            "the hub does not give {model} away without a login",
            "accept its licence there and run huggingface-cli login",
        ),
        (
            r"RepositoryNotFoundError|RevisionNotFoundError|is not a valid model identifier|404 Client Error"
            r"|does not appear to have a file named",
            "there is no model {model}, or not this revision of it",
            "check the settings model and revision",
        ),
        (
            r"LocalEntryNotFoundError|offline mode is enabled|Max retries exceeded|Name or service not known",
            "the weights of {model} cannot be downloaded",
            "check the network, or set model to a folder",
        ),
        (r"No space left on device", "the disk is full", "free some space: a checkpoint takes up to 52 GB"),
        (r"No module named '?vllm", "vLLM is not installed where the command looks for it", "run dgls engine install"),
    )
)

_SIGNS_OF_ERROR = re.compile(r"[Ee]rror|ERROR|Exception|No module named")
# The first of these is the root; what is raised because of it, by other processes too, comes after it.
_RAISED = re.compile(r"\b\w*(?:Error|Exception): .+")


@dataclass(frozen=True)
class End:
    """Why a server ended, and what to do."""

    problem: str
    next_step: str


def phrase_of(line: str) -> str | None:
    """What a log line says about loading; None when it says nothing about it."""
    for pattern, phrase in _STAGES:
        found = pattern.search(line)
        if found:
            return phrase.format(*found.groups())
    return None


def why(lines: Sequence[str], *, code: int, model: str, log: str) -> End:
    """Why a server ended that was not told to, by its last lines and its exit code."""
    bad = [line.strip() for line in lines if _SIGNS_OF_ERROR.search(line)]
    for pattern, problem, next_step in _REASONS:
        if any(pattern.search(line) for line in bad):
            return End(problem.format(model=model), f"{next_step} (log: {log})")
    if code < 0:
        hint = f"somebody ended it, or the machine had too little main memory; see dgls engine logs ({log})"
        return End(f"the server was killed by signal {-code}", hint)
    raised = next((found.group() for line in bad if (found := _RAISED.search(line))), "")
    said = raised or next((line.strip() for line in [*bad[::-1], *lines[::-1]] if line.strip()), "it said nothing")
    return End(f"the server ended with code {code} ({said[:200]})", f"see dgls engine logs ({log})")


def last_phrase(path: Path) -> str:
    """What the run that a log ends with is at; empty when it has said nothing about that yet."""
    for line in reversed(last_lines(path, _N_LINES_OF_LOADING)):
        if line.startswith(BEGINNING):
            break
        phrase = phrase_of(line)
        if phrase is not None:
            return phrase
    return ""


def last_lines(path: Path, n_lines: int) -> list[str]:
    """The end of a log, also where it goes back to before the last change of files."""
    lines: list[str] = []
    for part in (path, older(path)):
        try:
            lines[:0] = part.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        if len(lines) >= n_lines:
            break
    return lines[len(lines) - n_lines :] if len(lines) > n_lines else lines


def older(path: Path) -> Path:
    """Where a full log is put aside."""
    return path.with_name(f"{path.name}.1")
