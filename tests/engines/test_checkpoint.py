"""Models that are missing, broken or too large: one clear line each, before or instead of a crash."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from dgls.diffusion.sampling import Kernel
from dgls.engines import load
from dgls.engines.checkpoint import free_memory, n_parameters, read_facts
from dgls.engines.loading import check_room, load_model
from dgls.errors import DglsError, EngineError, ModelError, ScriptError, SettingError
from dgls.settings import Settings, with_settings
from tests.tiny import tiny_config, write_header, write_huge_weights


def error_of(**given: object) -> DglsError:
    """The error that starting an engine with these settings ends in."""

    async def start() -> None:
        engine = load(with_settings(Settings(), given))
        try:
            async for _ in engine.start():
                pass
        finally:
            await engine.close()

    with pytest.raises(DglsError) as caught:
        asyncio.run(start())
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def broken(base_folder: Path, tmp_path: Path) -> Path:
    """A copy of a good model, to be broken."""
    return Path(shutil.copytree(base_folder, tmp_path / "broken"))


def test_a_system_that_does_not_tell_its_memory(base_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has neither /proc nor sysconf: a model is loaded all the same."""
    monkeypatch.delattr("os.sysconf")
    monkeypatch.setattr("dgls.engines.checkpoint._MEMORY", Path("/nowhere/meminfo"))
    assert free_memory() is None
    load_model(base_folder, with_settings(Settings(), {"device": "cpu"}))


def test_what_the_model_before_has_freed_counts_as_free(base_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch keeps a device's memory for itself until it is told to give it back."""
    kept = [2**40]
    monkeypatch.setattr("torch.cuda.empty_cache", kept.clear)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (2**40 - sum(kept), 2**40))
    check_room(base_folder, torch.device("cuda"), torch.float32)


def test_missing_folder() -> None:
    """A path that does not exist."""
    error = error_of(model="/nowhere/at-all")
    assert isinstance(error, ModelError)
    assert str(error).startswith("there is no model folder 'at-all': give --model")


def test_incomplete_folder(tmp_path: Path) -> None:
    """A folder without weights."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert "is not complete" in str(error_of(model=str(tmp_path)))


def test_another_kind_of_model(broken: Path) -> None:
    """A checkpoint that is no DiffusionGemma."""
    (broken / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    assert "is a 'llama' model: only DiffusionGemma" in str(error_of(model=str(broken)))


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "lying header"])
def test_broken_weights(broken: Path, damage: str) -> None:
    """A safetensors file that cannot be read."""
    path = broken / "model.safetensors"
    raw = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": raw[: len(raw) // 2], "garbage": b"\xff" * 100, "lying header": raw}[damage])
    if damage == "lying header":
        write_header(path, {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, 4)
    assert isinstance(error_of(model=str(broken)), ModelError)


def test_weights_of_another_shape(broken: Path) -> None:
    """Weights that do not fit the config, and a config of nonsense."""
    config = json.loads((broken / "config.json").read_text(encoding="utf-8"))
    config["text_config"]["hidden_size"] = 64
    (broken / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "cannot be loaded" in str(error_of(model=str(broken)))


def test_missing_tokenizer(broken: Path) -> None:
    """Weights without their vocabulary."""
    (broken / "tokenizer.json").unlink()
    assert "has no tokenizer.json" in str(error_of(model=str(broken)))


def test_broken_tokenizer(broken: Path) -> None:
    """A vocabulary that cannot be read."""
    (broken / "tokenizer.json").write_text("{", encoding="utf-8")
    assert "the tokenizer of broken cannot be read" in str(error_of(model=str(broken)))


def test_a_model_larger_than_memory(broken: Path) -> None:
    """8 TiB of weights in a sparse file are refused by their header, without being read."""
    write_huge_weights(broken)
    assert n_parameters(broken) == 2**41
    message = str(error_of(model=str(broken)))
    assert "needs 8192.0 GiB and cpu has" in message
    assert "use a smaller model" in message


def test_a_hub_id_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The download fails with the model's name and what to check."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    message = str(error_of(model="nobody/no-model"))
    assert message.startswith("the model 'nobody/no-model' cannot be downloaded")


def test_a_device_that_is_not_there() -> None:
    """A wanted GPU is not silently replaced by the CPU."""
    assert "there is no mps device" in str(error_of(device="mps"))


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install has no torch: the message names the extra."""
    monkeypatch.setitem(__import__("sys").modules, "dgls.engines.filler", None)
    error = error_of()
    assert isinstance(error, EngineError)
    assert "pip install 'dgls[local]'" in str(error)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"default": {}}', '{"default": {"drafts": []}}', '{"rules": [{"drafts": ["x"], "typo": 1}]}']
)
def test_broken_scripts(tmp_path: Path, text: str) -> None:
    """What is not a script."""
    path = tmp_path / "script.json"
    path.write_text(text, encoding="utf-8")
    assert isinstance(error_of(engine="scripted", script=str(path)), ScriptError)


def test_no_script() -> None:
    """The scripted engine needs to be told what to say."""
    assert isinstance(error_of(engine="scripted"), SettingError)
    assert "cannot read the script gone.json" in str(error_of(engine="scripted", script="/nowhere/gone.json"))


def test_facts_of_a_model(broken: Path) -> None:
    """Noise, lengths and context come from the config; settings replace what they name."""
    assert read_facts(broken, Settings()).noise_id is None
    config = tiny_config(260).to_dict()
    config["dgls"] = {"noise_token_id": 3, "gap_lengths": [1, 2], "context_tokens": 99, "t_min": 0.0, "t_max": 0.0}
    (broken / "config.json").write_text(json.dumps(config), encoding="utf-8")
    facts = read_facts(broken, with_settings(Settings(), {"max_steps": 7}))
    assert (facts.noise_id, facts.gap_lengths, facts.context_tokens, facts.canvas_length) == (3, (1, 2), 99, 32)
    assert facts.sampling.kernel is Kernel.ABSORBING
    assert (facts.sampling.max_denoising_steps, facts.sampling.t_max) == (7, 0.0)


@pytest.mark.parametrize(
    ("said", "kernel"),
    [
        ({}, Kernel.UNIFORM),
        ({"noise": "uniform", "noise_token_id": None}, Kernel.UNIFORM),
        ({"noise_token_id": 3}, Kernel.ABSORBING),
        ({"noise": "mixed", "noise_token_id": 3}, Kernel.MIXED),
    ],
)
def test_a_checkpoint_says_what_noise_is(broken: Path, said: dict[str, Any], kernel: Kernel) -> None:
    """The kernel is a property of the model, read from its config."""
    config = tiny_config(260).to_dict() | {"dgls": said}
    (broken / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert read_facts(broken, Settings()).sampling.kernel is kernel


@pytest.mark.parametrize("said", [{"noise": "brown"}, {"noise": "mixed"}, {"noise": "uniform", "noise_token_id": 3}])
def test_noise_that_cannot_be_is_told(broken: Path, said: dict[str, Any]) -> None:
    """A kernel without its token, or with one it does not use, or an unknown one."""
    config = tiny_config(260).to_dict() | {"dgls": said}
    (broken / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="names the noise"):
        read_facts(broken, Settings())


def test_the_effort_dial_of_a_model_that_says_nothing(broken: Path) -> None:
    """Fewer steps and lengths at low effort; single settings replace a part of it."""
    facts = [read_facts(broken, with_settings(Settings(), {"effort": name})) for name in ("low", "medium", "high")]
    assert [found.sampling.max_denoising_steps for found in facts] == [8, 16, 48]
    assert [found.effort.n_kept_lengths for found in facts] == [2, 3, 5]
    assert [found.effort.n_rounds for found in facts] == [1, 2, 3]
    facts = [read_facts(broken, with_settings(Settings(), {"max_steps": 3, "n_kept_lengths": 9}))]
    assert (facts[0].sampling.max_denoising_steps, facts[0].effort.n_kept_lengths) == (3, 9)


def test_a_model_brings_its_own_effort_dial(broken: Path) -> None:
    """What its config measured for an effort goes before; an effort that cannot be is told."""
    config = tiny_config(260).to_dict() | {"dgls": {"efforts": {"low": {"max_denoising_steps": 2}}}}
    (broken / "config.json").write_text(json.dumps(config), encoding="utf-8")
    low = read_facts(broken, with_settings(Settings(), {"effort": "low"}))
    assert (low.sampling.max_denoising_steps, low.effort.n_kept_lengths) == (2, 2)
    config["dgls"] = {"efforts": {"low": {"stepz": 2}}}
    (broken / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="stepz"):
        read_facts(broken, with_settings(Settings(), {"effort": "low"}))
