"""The plugin for the vLLM server, on a stand-in of what it binds by name; tests/vllm has the real functions."""

import logging
import sys
from importlib.metadata import entry_points
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from dgls.vllm_plugin import register
from dgls.vllm_plugin.scheduler import CanvasesUncached

NAMES = ("vllm", "vllm.model_executor", "vllm.model_executor.models", "vllm.model_executor.models.diffusion_gemma")


def sample_step(
    argmax_tokens: Tensor, token_entropy: Tensor, decode_slots: Tensor, pin_mask: Tensor, seed_canvas: Tensor
) -> tuple[Tensor, Tensor]:
    """What the sampler would go on with."""
    return argmax_tokens, token_entropy


def topk_scores(logits: Tensor, num_logprobs: int, sampled_token_ids: Tensor, *more: Any) -> Tensor:
    """Which tokens' scores are told first."""
    return sampled_token_ids


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module with the sampler, as vLLM 0.31 to 0.33 have it."""
    modules = {name: ModuleType(name) for name in NAMES}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(modules[parent], own, module)
    found: Any = modules[NAMES[-1]]
    found._compiled_sample_step, found.compute_topk_scores = sample_step, topk_scores
    return modules[NAMES[-1]]


def test_pins_cost_no_entropy_and_are_answered_as_they_are_pinned(model: Any) -> None:
    """Slots are looked up: the second row of the batch may be slot 0."""
    register()
    pins = torch.tensor([[False, False, True], [True, False, False]])
    seed = torch.tensor([[1, 2, 3], [4, 5, 6]])
    ids, entropy = model._compiled_sample_step(
        torch.tensor([[7, 8, 9], [70, 80, 90]]),
        torch.tensor([[0.5, 0.5, 0.5], [0.1, 0.1, 0.1]]),
        decode_slots=torch.tensor([1, 0]),
        pin_mask=pins,
        seed_canvas=seed,
    )
    assert ids.tolist() == [[4, 8, 9], [70, 80, 3]]
    assert torch.equal(entropy, torch.tensor([[0.0, 0.5, 0.5], [0.1, 0.1, 0.0]]))
    likeliest = torch.tensor([[7, 8, 9], [70, 80, 90]])  # vLLM takes them anew, a row at a time
    assert model.compute_topk_scores(None, 1, likeliest[1][:2]).tolist() == [70, 80]
    assert model.compute_topk_scores(None, 1, likeliest[0][:3]).tolist() == [4, 8, 9]


def test_it_may_be_loaded_again(model: Any) -> None:
    """vLLM loads plugins in every process, and more than once in some."""
    register()
    once = model._compiled_sample_step
    register()
    assert model._compiled_sample_step is once


def test_another_sampler_stays_as_it_is(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log says what is missing."""

    def other(argmax_tokens: Tensor, token_entropy: Tensor) -> None:
        """Of a later vLLM."""

    model._compiled_sample_step = other
    with caplog.at_level(logging.WARNING, "vllm.dgls"):
        register()
    assert model._compiled_sample_step is other
    assert [record.getMessage() for record in caplog.records] == [
        "pinned places are left to vLLM: its sampler has no decode_slots, pin_mask, seed_canvas"
    ]


def test_without_the_sampler_it_says_so(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    del model._compiled_sample_step
    with caplog.at_level(logging.WARNING, "vllm.dgls"):
        register()
    assert "its sampler is not where it was" in caplog.text


def test_vllm_finds_it() -> None:
    """By its group of entry points."""
    (found,) = entry_points(group="vllm.general_plugins", name="dgls")
    assert found.value == "dgls.vllm_plugin:register"


class Scheduler:
    """What vLLM calls with its configuration by name, as far as the cache goes."""

    def __init__(self, vllm_config: Any, *, log_stats: bool) -> None:
        self.log_stats = log_stats
        self.cached: list[tuple[str, int]] = []
        self.kv_cache_manager: Any = SimpleNamespace(cache_blocks=lambda of, n: self.cached.append((of.name, n)))


class AsyncScheduler(Scheduler):
    """The other one."""


SCHEDULERS = {
    "0.32": ("diffusion_scheduler", "DiffusionScheduler", "diffusion_scheduler", "DiffusionAsyncScheduler"),
    "0.31": ("scheduler", "Scheduler", "async_scheduler", "AsyncScheduler"),
}


@pytest.mark.parametrize("version", SCHEDULERS)
@pytest.mark.parametrize("is_async", [True, False])
def test_only_the_prompt_of_a_canvas_is_cached(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str, is_async: bool
) -> None:
    """By the scheduler that vLLM itself would take; a request that is not read-only is cached as ever."""
    schedulers(monkeypatch, version)
    config = SimpleNamespace(scheduler_config=SimpleNamespace(async_scheduling=is_async))
    with caplog.at_level(logging.INFO, "vllm.dgls"):
        found: Any = CanvasesUncached(vllm_config=config, log_stats=True)
    assert type(found) is (AsyncScheduler if is_async else Scheduler)
    assert found.log_stats
    for name, extra in (("read", {"diffusion_read_only": 1}), ("written", {}), ("plain", None)):
        params = SimpleNamespace(extra_args=extra)
        asked = SimpleNamespace(name=name, sampling_params=params, num_prompt_tokens=10)
        for n_tokens in (4, 74):
            found.kv_cache_manager.cache_blocks(asked, n_tokens)
    assert found.cached == [("read", 4), ("read", 10), ("written", 4), ("written", 74), ("plain", 4), ("plain", 74)]
    assert "canvases stay out of the prefix cache" in caplog.text


def test_another_cache_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    schedulers(monkeypatch, "0.32")
    monkeypatch.setattr(Scheduler, "__init__", lambda self, vllm_config: None)
    config = SimpleNamespace(scheduler_config=SimpleNamespace(async_scheduling=False))
    with caplog.at_level(logging.WARNING, "vllm.dgls"):
        assert type(CanvasesUncached(config)) is Scheduler
    assert "its cache is not where it was" in caplog.text


def schedulers(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """The modules with vLLM's schedulers, as a version of it has them."""
    plain_module, plain, async_module, other = SCHEDULERS[version]
    for name in ("vllm", "vllm.v1", "vllm.v1.core", "vllm.v1.core.sched"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for module, name, kind in ((plain_module, plain, Scheduler), (async_module, other, AsyncScheduler)):
        path = f"vllm.v1.core.sched.{module}"
        found: Any = sys.modules.get(path) or ModuleType(path)
        setattr(found, name, kind)
        monkeypatch.setitem(sys.modules, path, found)
