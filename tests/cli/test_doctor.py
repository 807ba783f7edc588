"""`dgls doctor` names the next step for each thing amiss, and needs no torch for it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dgls.cli.checks import _NEEDED, checkpoint, checks_for, is_hub_id, log, server, vllm
from dgls.cli.doctor import doctor
from dgls.engines.checkpoint import BUNDLED
from dgls.settings import Settings
from fake_vllm import FakeVllm
from tests.cli.conftest import ROOT, Dgls, Scripted
from tests.serving.conftest import Machine, machine, program

__all__ = ["machine"]

# As if torch and transformers were not installed: neither listed nor importable.
WITHOUT_MODEL_PACKAGES = """\
import importlib.metadata as metadata, sys
real = metadata.version
def version(name):
    if name in ("torch", "transformers"):
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
sys.modules["torch"] = sys.modules["transformers"] = None
"""


def test_all_is_well_with_a_script(dgls: Dgls, scripted: Scripted) -> None:
    done = dgls("doctor", *scripted("a"), "--json")
    checks = json.loads(done.stdout)
    assert [check["name"] for check in checks] == ["python", "dgls", "script", "grammar", "settings", "log"]
    assert {check["status"] for check in checks} == {"ok"}
    assert (done.returncode, done.stderr) == (0, "")


def test_works_without_torch(dgls: Dgls, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_MODEL_PACKAGES)
    done = dgls("doctor", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (done.returncode, done.stderr) == (1, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["torch", "problem", "not", "installed"] in lines
    assert ["→", "pip", "install", "'dgls[local]'"] in lines


def test_fill_without_torch_says_how_to_get_it(dgls: Dgls, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_MODEL_PACKAGES)
    (tmp_path / "good.py").touch()
    done = dgls("fill", "good.py:1:1", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "dgls: torch is not installed: pip install 'dgls[local]'\n"


def test_a_missing_script_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(Settings(engine="scripted"), as_json=True) == 1
    assert found(capsys, "script") == {
        "name": "script",
        "status": "problem",
        "detail": "none given",
        "next_step": "use --set script=FILE.json",
    }


def test_a_check_that_breaks_is_a_problem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("dgls.cli.checks.n_errors", lambda *_: 1 / 0)
    assert doctor(Settings(engine="scripted"), as_json=True) == 1
    assert found(capsys, "grammar")["detail"] == "ZeroDivisionError: division by zero"


def test_settings_in_effect() -> None:
    check = checks_for(Settings(engine="scripted", seed=7, gap_lengths=(4, 8)))["settings"]()
    assert check.detail == 'engine="scripted", gap_lengths=[4, 8], seed=7'


def test_no_password_is_shown() -> None:
    check = checks_for(Settings(engine="scripted", url=("http://me:secret@gpu:8000",)))["settings"]()
    assert check.detail == 'engine="scripted", url=["http://gpu:8000"]'


def test_where_the_log_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log(Settings()).detail == "stderr"
    assert log(Settings(log_file=str(tmp_path / "dgls.log"))).status == "ok"
    assert log(Settings(log_file=str(tmp_path / "none" / "dgls.log"))).status == "problem"
    assert log(Settings(log_file=str(tmp_path))).status == "problem"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert log(Settings(log_file="~/dgls.log")).detail == str(tmp_path / "dgls.log")
    assert log(Settings(log_file="~nobody at all/dgls.log")).status == "problem"


@pytest.mark.parametrize(("name", "expected"), [("a/b", True), ("", False), ("./a", False), ("a/b/c", False)])
def test_hub_ids(name: str, expected: bool) -> None:
    assert is_hub_id(name) is expected


def test_needed_versions_are_those_of_the_package() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["local"]
    for name, least in _NEEDED.items():
        assert any(entry.startswith(f"{name}>={'.'.join(map(str, least))}") for entry in wanted)


def found(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    """The one check of that name in what was printed as JSON."""
    checks: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return next(check for check in checks if check["name"] == name)


def test_a_card_and_the_checkpoint_for_it(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", "echo 0, GPU-0a, NVIDIA L4, 8.9, 23034, 22500")
    found = checkpoint(Settings())
    assert (found.status, found.next_step) == ("ok", "")
    assert found.detail == "cyankiwi/diffusiongemma-26B-A4B-it-AWQ-INT4 8756b0a40bce for NVIDIA L4, 22.0 GiB free"
    assert checkpoint(Settings(model="a/b", revision="c")).detail == "a/b c for NVIDIA L4, 22.0 GiB free"
    program(machine.folder / "bin" / "nvidia-smi", "echo 0, GPU-0a, NVIDIA L4, 8.9, 23034, 500")
    assert checkpoint(Settings()).status == "problem"
    program(machine.folder / "bin" / "nvidia-smi", "exit 1")
    assert checkpoint(Settings(model="a/b")).detail == "a/b for no NVIDIA card"


def test_the_servers_whose_addresses_are_set_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else of vLLM matters then: it runs elsewhere."""
    with FakeVllm(BUNDLED, key="k") as fake:
        settings = Settings(engine="vllm", url=(fake.url, "http://127.0.0.1:9", "gpu"))
        checks = checks_for(settings)
        assert [name for name in checks if name not in checks_for(Settings(engine="scripted"))] == [
            "server 1",
            "server 2",
            "server 3",
        ]
        refused, gone, wrong = (checks[f"server {number}"]() for number in (1, 2, 3))
        assert "does not take the key" in refused.detail
        assert "cannot be reached (Connection refused)" in gone.detail
        assert "is no address" in wrong.detail
        monkeypatch.setenv("DGLS_KEY", "k")
        found = checks_for(Settings(engine="vllm", url=(fake.url,)))["server"]()
        where = fake.url.removeprefix("http://")
        assert (found.status, found.detail) == ("ok", f"{where} serves dg with canvases of 32 tokens")


def test_which_vllm_and_how_it_is(machine: Machine) -> None:
    assert vllm(Settings()).detail == f"{machine.folder}/bin/vllm serve, found on the PATH"
    machine.set(PATH="")
    assert vllm(Settings()).next_step == "run dgls engine install, or set engine_command or url"
    assert server(Settings()).next_step == "start one with dgls engine start"
