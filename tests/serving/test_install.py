"""vLLM's own environment: made by the real pip from a wheel that this test writes, and made anew when it is broken."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from dgls.engines.serving import plugin
from dgls.engines.serving.install import VERSION, environment, install, installed, is_complete, is_half_made
from dgls.engines.serving.place import held, private
from dgls.engines.serving.program import find_program
from dgls.errors import LaunchError
from dgls.settings import Settings
from tests.serving.conftest import Machine


@pytest.fixture
def wheels(machine: Machine) -> Path:
    """Where pip looks for packages, and nowhere else: a vLLM is there that only says its name."""
    folder = machine.folder / "wheels"
    folder.mkdir()
    info = f"vllm-{VERSION}.dist-info"
    with zipfile.ZipFile(folder / f"vllm-{VERSION}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("vllm.py", "def main():\n    print('a vLLM')\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nvllm = vllm:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    machine.set(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(folder))
    return folder


def test_an_installation(machine: Machine, wheels: Path) -> None:
    shutil.copytree(machine.folder / "bin", environment() / "bin")  # as one that was broken off would look
    assert installed() is None
    assert is_half_made()
    told = list(install())
    assert told[0] == "making an environment"
    assert told[-2:] == ["unpacking everything", "adding the plugin of dgls"]
    program = installed()
    assert program is not None
    assert not is_half_made()
    assert subprocess.run([program], capture_output=True, text=True).stdout == "a vLLM\n"
    assert find_program(Settings()).command == (str(program), "serve")  # before the one on the PATH
    assert list(install()) == []


@pytest.mark.parametrize("lost", ["the program", "the packages"])
def test_an_environment_whose_python_was_taken_away_is_made_anew(machine: Machine, wheels: Path, lost: str) -> None:
    """It is a link to the system's, which may be removed, or replaced by a newer one that looks elsewhere."""
    list(install())
    if lost == "the program":
        (environment() / "bin" / "python").unlink()
        (environment() / "bin" / "python").symlink_to("/nowhere/python")
    else:
        (packages,) = (environment() / "lib").glob("python3*")
        packages.rename(packages.with_name("python3.1"))
    assert installed() is None
    assert is_half_made()
    told = list(install())
    assert told[0] == "making an environment"
    assert is_complete()


def test_the_plugin_is_added_and_kept_up_to_date(
    machine: Machine, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = machine.folder / "dgls"
    (package / plugin.PACKAGE).mkdir(parents=True)
    (package / "__init__.py").touch()
    source = package / plugin.PACKAGE / "__init__.py"
    source.write_text("def register(): print('one')\n")
    monkeypatch.setattr(plugin, "_FOLDER", package)
    list(install())
    python = environment() / "bin" / "python"
    code = "from importlib.metadata import entry_points as e; [p.load()() for p in e(group='vllm.general_plugins')]"
    registered = [str(python), "-P", "-c", code]
    assert subprocess.run(registered, capture_output=True, text=True).stdout == "one\n"
    assert find_program(Settings()).scheduler == "dgls.vllm_plugin.scheduler.CanvasesUncached"
    source.write_text("def register(): print('two')\n")
    assert find_program(Settings()).scheduler == ""
    assert list(install()) == ["adding the plugin of dgls"]
    assert subprocess.run(registered, capture_output=True, text=True).stdout == "two\n"
    assert is_complete()


def test_a_failed_installation_is_told(machine: Machine, wheels: Path) -> None:
    for wheel in wheels.iterdir():
        wheel.unlink()
    with pytest.raises(LaunchError, match=r"pip failed \(.*vllm.*\): see its message, then run dgls engine install"):
        list(install())
    assert installed() is None
    assert is_half_made()


def test_two_at_once_do_not_meet(machine: Machine) -> None:
    with (
        held(private(environment().parent) / "install.lock", within_s=0),
        pytest.raises(LaunchError, match="another installation is running"),
    ):
        list(install())


def test_which_vllm(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_program(Settings())
    assert (found.command, found.origin) == ((str(machine.folder / "bin" / "vllm"), "serve"), "found on the PATH")
    named = Settings(engine_command="docker run -v '{folder}:{folder}' vllm")
    assert find_program(named, Path("/r")).command == ("docker", "run", "-v", "/r:/r", "vllm")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LaunchError, match="no vLLM is found: run dgls engine install, or set engine_command"):
        find_program(Settings())


@pytest.mark.parametrize("command", ["docker 'run", "  "])
def test_a_command_that_cannot_be_read(command: str) -> None:
    with pytest.raises(Exception, match="engine_command"):
        find_program(Settings(engine_command=command))
