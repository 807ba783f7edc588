"""What a supervisor is told: canvases no wider than the model's, and each width that a client may ask for."""

import json
from pathlib import Path

import pytest

from dgls.engines.serving.place import place_of
from dgls.engines.serving.plan import Plan, plan_of
from dgls.errors import SettingError
from dgls.settings import Settings
from tests.serving.conftest import Machine


def plan(machine: Machine, canvas_length: int | None, arguments: str = "") -> Plan:
    """The plan for a model folder with such a canvas, or for one on the hub, of which nothing is known here."""
    model = "org/small"
    if canvas_length is not None:
        folder = machine.folder / f"model-{canvas_length}"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"canvas_length": canvas_length}))
        model = str(folder)
    return plan_of(Settings(model=model, engine_arguments=arguments), place_of(model))


@pytest.mark.parametrize(
    ("canvas_length", "arguments", "served", "warm"),
    [
        (None, "", 128, (16, 32, 64, 128)),
        (256, "", 128, (16, 32, 64, 128)),
        (64, "", 64, (16, 32, 64)),
        (48, "", 48, (16, 32, 48)),
        (256, """--diffusion-config '{"canvas_length": 256}'""", None, (16, 32, 64, 128, 256)),
        (256, """--diffusion-config='{"canvas_length": 32}' --max-num-seqs 2""", None, (16, 32)),
        (256, """--diffusion_config '{"canvas_length": 32}'""", 32, (16, 32)),
    ],
)
def test_what_is_served_is_warmed_up(
    machine: Machine, canvas_length: int | None, arguments: str, served: int | None, warm: tuple[int, ...]
) -> None:
    found = plan(machine, canvas_length, arguments)
    assert found.widths == warm
    ours = [json.loads(word) for word in found.command if word.startswith('{"canvas_length"')]
    assert served is None or ours[0]["canvas_length"] == served


def test_options_in_vllms_other_spelling_stand_in_place_of_ours(machine: Machine) -> None:
    command = plan(machine, None, "--max_model_len=4096 --compilation_config.some_key some_value").command
    assert command[-3:] == ("--max-model-len=4096", "--compilation-config.some_key", "some_value")
    assert "--max-model-len" not in command


@pytest.mark.parametrize("option", ["--port 8000", "--host=0.0.0.0", "--uds /tmp/s", "--api-key k", "--api_key=k"])
def test_where_a_server_of_ours_listens_is_not_a_users_to_say(machine: Machine, option: str) -> None:
    """Nobody would find it there."""
    with pytest.raises(SettingError, match=r"'engine_arguments' cannot have --[a-z-]+: leave it to dgls"):
        plan(machine, None, option)


def test_a_canvas_that_cannot_be_read(machine: Machine) -> None:
    with pytest.raises(SettingError, match="--diffusion-config that cannot be read: write it as"):
        plan(machine, 256, "--diffusion-config {canvas")


def test_the_generation_config_is_where_the_server_looks(machine: Machine) -> None:
    found = plan(machine, 64)
    folder = Path(found.command[found.command.index("--generation-config") + 1])
    assert json.loads((folder / "generation_config.json").read_text())["max_denoising_steps"] == 16
