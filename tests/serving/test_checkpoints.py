"""The table of checkpoints and the cards they are chosen for; the cards are written as nvidia-smi prints them."""

import json

import pytest

from dgls.engines.serving.checkpoints import CHECKPOINTS, choice, gpus, listed, parsed
from dgls.engines.serving.own import launch
from dgls.engines.serving.place import held, place_of
from dgls.engines.serving.plan import plan_of
from dgls.errors import LaunchError
from dgls.settings import Settings
from tests.serving.conftest import Machine, program

H200 = "0, GPU-0a, NVIDIA H200, 9.0, 143771, 143094\n"
A100 = "0, GPU-0a, NVIDIA A100-SXM4-80GB, 8.0, 81920, 81000\n"
RTX_5090 = "0, GPU-0a, NVIDIA GeForce RTX 5090, 12.0, 32607, 31800\n"
RTX_5090_IN_USE = "0, GPU-0a, NVIDIA GeForce RTX 5090, 12.0, 32607, 27000\n"
RTX_4090 = "0, GPU-0a, NVIDIA GeForce RTX 4090, 8.9, 24564, 23900\n"
RTX_4090_IN_USE = "0, GPU-0a, NVIDIA GeForce RTX 4090, 8.9, 24564, 9000\n"
T4 = "0, GPU-0a, Tesla T4, 7.5, 15360, 14900\n"
SPARK = "0, GPU-0a, NVIDIA GB10, 12.1, [N/A], [N/A]\n"
TWO = "0, GPU-0a, NVIDIA GeForce RTX 4090, 8.9, 24564, 2000\n1, GPU-1a, NVIDIA L40S, 8.9, 46068, 45500\n"

NUMBERS = {checkpoint.model: checkpoint.numbers for checkpoint in CHECKPOINTS}


@pytest.mark.parametrize(
    ("output", "numbers", "index"),
    [
        (H200, "FP8", 0),
        (A100, "bf16", 0),  # it computes no FP8
        (RTX_5090, "FP8", 0),
        (RTX_5090_IN_USE, "NVFP4", 0),
        (RTX_4090, "INT4", 0),
        (SPARK, "FP8", 0),
        (TWO, "FP8", 1),
    ],
)
def test_what_is_chosen(output: str, numbers: str, index: int) -> None:
    checkpoint, gpu = choice(parsed(output, 120 * 2**30))
    assert (checkpoint.numbers, gpu.index) == (numbers, index)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            RTX_4090_IN_USE,
            "no checkpoint fits: NVIDIA GeForce RTX 4090 has 9.4 of 25.8 GB free, the nearest, "
            "cyankiwi/diffusiongemma-26B-A4B-it-AWQ-INT4, needs 21 GB: "
            "free GPU memory, or set url to a server elsewhere",
        ),
        (
            T4,
            "no checkpoint runs on compute capability 7.5 (Tesla T4): the nearest, "
            "cyankiwi/diffusiongemma-26B-A4B-it-AWQ-INT4, needs 8.0; use a newer GPU, or set url to a server elsewhere",
        ),
    ],
)
def test_a_refusal_names_the_nearest(output: str, told: str) -> None:
    with pytest.raises(LaunchError) as raised:
        choice(parsed(output, 0))
    assert str(raised.value) == told


def test_what_cannot_be_read_is_left_out() -> None:
    broken = "\nNo devices were found\n0, GPU-0a, NVIDIA, Inc. [card], 9.0, 100, 90\nx, y, z, w, 1, 2\n"
    broken += "0, b, a, [N/A], 1, 1\n0, NVIDIA H200, 9.0, 100, 90\n"
    (only,) = parsed(broken, 0)
    assert (only.name, only.capability, only.free_bytes) == ("NVIDIA, Inc. [card]", (9, 0), 90 * 2**20)


def test_a_share_that_vllm_accepts() -> None:
    (idle,), (used,) = parsed(H200, 0), parsed(RTX_4090_IN_USE, 0)
    assert idle.share == 0.9
    assert used.share == 0.34
    assert used.share * used.total_bytes < used.free_bytes
    (full,) = parsed("0, GPU-0a, NVIDIA L4, 8.9, 23034, 100\n", 0)
    assert full.share == 0  # vLLM says itself what is missing


def test_revisions_are_pinned_as_whole_commits() -> None:
    assert {len(checkpoint.revision) for checkpoint in CHECKPOINTS} == {40}
    assert listed("org/other") is None


def test_the_cards_of_this_machine(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", f"cat <<'END'\n{TWO}END")
    assert [gpu.index for gpu in gpus(0)] == [0, 1]
    for wanted, indexes in {"0": [0], "1,0": [0, 1], "GPU-1": [1], "GPU-1a, 0": [0, 1]}.items():
        machine.set(CUDA_VISIBLE_DEVICES=wanted)
        assert [gpu.index for gpu in gpus(0)] == indexes


@pytest.mark.parametrize("wanted", ["", "-1", "7", "MIG-1a"])
def test_cards_that_are_hidden_are_not_chosen(machine: Machine, wanted: str) -> None:
    program(machine.folder / "bin" / "nvidia-smi", f"cat <<'END'\n{TWO}END")
    machine.set(CUDA_VISIBLE_DEVICES=wanted)
    with pytest.raises(LaunchError, match=f"CUDA_VISIBLE_DEVICES={wanted} names no GPU .*: unset it, or set model to"):
        plan_of(Settings(), place_of(""))
    assert plan_of(Settings(model="org/m"), place_of("")).extra_environment == {}


def test_the_card_that_was_chosen_is_the_one_that_is_used(machine: Machine) -> None:
    """vLLM takes the first of those that it sees."""
    program(machine.folder / "bin" / "nvidia-smi", f"cat <<'END'\n{TWO}END")
    machine.set(CUDA_VISIBLE_DEVICES="0,1")
    plan = plan_of(Settings(), place_of(""))
    assert plan.extra_environment == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_a_broken_driver_is_told(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", 'echo "couldn\'t communicate with the NVIDIA driver"; exit 9')
    with pytest.raises(LaunchError) as raised:
        gpus(0)
    assert "nvidia-smi finds no GPU (couldn't communicate with the NVIDIA driver): set model" in str(raised.value)


def test_no_driver_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine.folder))
    with pytest.raises(LaunchError, match="no NVIDIA GPU is seen here: nvidia-smi does not run: set model"):
        gpus(0)


def test_a_plan_for_a_card(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", f"cat <<'END'\n{TWO}END")
    place = place_of("")
    plan = plan_of(Settings(), place)
    assert plan.extra_environment == {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert {"--revision", "--tokenizer-revision", "--gpu-memory-utilization"} <= set(plan.command)
    assert json.loads((place.config / "generation_config.json").read_text())["max_denoising_steps"] == 16
    several = Settings(model="org/m", engine_arguments="--tensor-parallel-size 2", effort="low", max_steps=5)
    plan = plan_of(several, place)
    assert plan.extra_environment == {}
    assert '{"canvas_length": 128, "max_denoising_steps": 5}' in plan.command


def test_memory_that_another_windows_server_has_is_not_missing(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", f"echo {RTX_4090_IN_USE}")
    with pytest.raises(LaunchError, match="no checkpoint fits"):
        launch(Settings())
    with held(place_of("").lock, within_s=0):
        assert launch(Settings()) == place_of("")
