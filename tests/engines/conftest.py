"""Tiny checkpoints on disk and engines made of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgls.settings import Settings, with_settings
from fake_vllm import FakeVllm
from tests.tiny import SPECIALS, TURNS, save_tiny


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model with uniform noise."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-base")


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose vocabulary has chat turns."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-chat", SPECIALS + TURNS)


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script with a slow rule."""
    path = tmp_path_factory.mktemp("scripts") / "script.json"
    rules = [{"prefix_ends": "slow", "drafts": ["1", "2", "3"], "delay_ms": 20}]
    path.write_text(json.dumps({"default": {"drafts": ["pass"]}, "rules": rules}), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def vllm_url(chat_folder: Path) -> Iterator[str]:
    """Where a server listens that speaks as vLLM does."""
    with FakeVllm(chat_folder) as fake:
        fake.step_ms = 2.0
        yield fake.url


@pytest.fixture(params=["scripted", "base", "chat", "prompted", "vllm", "vllm prompted"])
def engine_settings(
    request: pytest.FixtureRequest, script: Path, base_folder: Path, chat_folder: Path, vllm_url: str
) -> Settings:
    """The settings of every engine and strategy."""
    choices: dict[str, dict[str, Any]] = {
        "scripted": {"engine": "scripted", "script": str(script)},
        "base": {"model": str(base_folder), "max_steps": 3, "gap_lengths": [2, 5]},
        "chat": {"model": str(chat_folder), "max_steps": 3, "gap_lengths": [2, 5]},
        "prompted": {"model": str(chat_folder), "max_steps": 3, "strategy": "prompted"},
        "vllm": {"engine": "vllm", "url": [vllm_url], "max_steps": 3, "gap_lengths": [2, 5]},
        "vllm prompted": {"engine": "vllm", "url": [vllm_url], "max_steps": 3, "strategy": "prompted"},
    }
    return with_settings(Settings(), choices[request.param])


@pytest.fixture
def fake(chat_folder: Path) -> Iterator[FakeVllm]:
    """A server with the vocabulary of bytes and turns."""
    with FakeVllm(chat_folder) as server:
        yield server
