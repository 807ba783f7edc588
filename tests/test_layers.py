"""The folder list is the architecture: who may import whom, and what a server loads before a model is asked for."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "dgls").rglob("*.py"))

# Clocks, files, processes, randomness of the machine, concurrency.
WORLD = {
    *("asyncio", "concurrent", "datetime", "fileinput", "glob", "importlib", "io", "logging", "multiprocessing", "os"),
    *("pathlib", "platform", "queue", "random", "secrets", "select", "shutil", "signal", "socket", "subprocess", "sys"),
    *("tempfile", "threading", "time", "urllib", "warnings"),
}
CLIENTS = {"httpx", "keyring"}
MODELS = {"torch", "transformers", "tokenizers", "safetensors", "huggingface_hub", "vllm", "numpy"}
EDITORS = {"pygls", "lsprotocol"}

# Room or file -> what it must not import. The longest name that fits a file counts, and all shorter ones.
FORBIDDEN = {
    "dgls": EDITORS | MODELS | CLIENTS | {"tree_sitter", "rich"},
    "dgls.text": WORLD | {"dgls.infill", "dgls.engines", "dgls.diffusion", "dgls.lsp", "dgls.cli"},
    "dgls.diffusion": WORLD | {"dgls.infill", "dgls.engines", "dgls.text", "dgls.lsp", "dgls.cli"},
    "dgls.engines": {"dgls.infill", "dgls.lsp", "dgls.cli", "dgls.text"},
    "dgls.engines.serving": {"dgls.infill", "dgls.lsp", "dgls.cli", "dgls.text", "dgls.engines", "dgls.diffusion"},
    "dgls.lsp": {"dgls.diffusion", "dgls.cli"},
    "dgls.infill": {"dgls.diffusion", "dgls.lsp", "dgls.cli"},
    "dgls.settings": {"dgls.text", "dgls.infill", "dgls.engines", "dgls.diffusion", "dgls.lsp", "dgls.cli"},
    "dgls.errors": {"dgls"},
    "dgls.vllm_plugin": {"dgls"},
}
# What a room or a file may import although the rules above forbid it.
ALLOWED = {
    "dgls.lsp": EDITORS,
    "dgls.engines": MODELS | {"dgls.text.prompt"},
    "dgls.engines.vllm": CLIENTS,
    "dgls.diffusion": {"torch"},
    "dgls.engines.serving": CLIENTS
    | {
        *("dgls.engines.serving", "dgls.engines.endpoint", "dgls.engines.checkpoint", "dgls.engines.effort"),
        *("dgls.diffusion.layout", "dgls.diffusion.sampling"),
    },
    "dgls.text.syntax": {"tree_sitter", "importlib"},
    "dgls.cli": {"rich"},
    "dgls.cli.checks": MODELS,
    "dgls.vllm_plugin": {"vllm"},
}


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """What a file imports anywhere, also inside functions: `from a import b` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, names: set[str]) -> bool:
    """Whether a dotted name is, or lies in, one of these."""
    return any(f"{name}.".startswith(f"{other}.") for other in names)


def rules_for(module: str, table: dict[str, set[str]]) -> set[str]:
    """What a table says about a module and the rooms around it."""
    return set().union(*(names for room, names in table.items() if within(module, {room})))


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports(path: Path) -> None:
    module = module_of(path)
    forbidden, allowed = rules_for(module, FORBIDDEN), rules_for(module, ALLOWED)
    assert [name for name in imports_of(path) if within(name, forbidden) and not within(name, allowed)] == []


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_no_function_changes_a_global(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.names for node in ast.walk(tree) if isinstance(node, ast.Global)]


@pytest.mark.parametrize("module", ["dgls.lsp.server", "dgls.infill", "dgls.engines", "dgls.cli"])
def test_no_model_library_is_loaded_before_a_model_is_asked_for(module: str) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules if name in {MODELS | {'rich'}}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_prompts_become_tokens_without_torch() -> None:
    """What an engine in another process shares with the local one."""
    names = "candidates, checkpoint, framing, tokens"
    code = f"import sys; from dgls.engines import {names}; print({{'torch', 'transformers'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")
