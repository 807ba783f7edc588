"""What the documents say is so: settings, commands, options, links, and rooms."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

import evaluate
from dgls.cli.main import parser
from dgls.cli.place import read_gap
from dgls.engines.serving.checkpoints import CHECKPOINTS
from dgls.errors import UsageError
from dgls.settings import Settings, as_dict, with_settings
from dgls.text.fill import Silence

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / name
    for name in (
        *("README.md", "dgls/README.md", "editors/README.md", "editors/PROTOCOL.md", "editors/neovim/README.md"),
    )
]


def test_the_settings_table_is_up_to_date() -> None:
    command = [sys.executable, "scripts/docs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_setting_is_in_the_table() -> None:
    names = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert names == list(as_dict(Settings()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_exists(document: Path) -> None:
    found = re.findall(
        r"`(?:[\w./]+/)?dgls ((?:serve|fill|doctor|engine|--)[^`]*)`", document.read_text(encoding="utf-8")
    )
    for arguments in found:
        if "--version" not in arguments:
            understood(arguments.replace("\n", " ").split())


def understood(arguments: list[str]) -> None:
    """Fails when the command line would not be understood; a setting's value may be anything."""
    place = ["app.py:1:1"] if arguments == ["fill"] else []
    try:
        found = parser().parse_args([*arguments, *place])
    except UsageError as error:
        pytest.fail(f"dgls {' '.join(arguments)}: {error}")
    for pair in found.set:
        name, _, value = pair.partition("=")
        assert with_settings(Settings(), {name: value})


def test_every_option_exists() -> None:
    ours = re.sub(r"\n## A server for a team\n.*?(?=\n## )", "", README, flags=re.DOTALL)  # it has vLLM's
    options = set(re.findall(r"(?<![\w-])--[a-z]+", ours)) - {"--version"}
    helped = helped_by(parser()) + evaluate.parser().format_help()
    options -= {"--rm", "--gpus", "--ipc", "--network", "--tensor", "--diffusion"}  # of docker and of vLLM
    assert {option for option in options if option not in helped} == set()


def helped_by(command: argparse.ArgumentParser) -> str:
    """The help of a command and of all commands below it."""
    below = command._subparsers._group_actions[0].choices.values() if command._subparsers else ()  # type: ignore[union-attr]
    return command.format_help() + "".join(helped_by(one) for one in below)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link


def test_the_map_names_every_room_and_module() -> None:
    text = (ROOT / "dgls" / "README.md").read_text(encoding="utf-8")
    package = ROOT / "dgls"
    rooms = {f"{path.name}/" for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    modules = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    assert {name for name in rooms | modules if name not in text} == set()


def test_the_checkpoints_are_in_the_readme() -> None:
    for one in CHECKPOINTS:
        capability = ".".join(map(str, one.least_capability))
        row = f"| `{one.model}` | {one.numbers} | {one.weights_gb:g} GB | {one.needs_gb:g} GB | {capability}"
        assert row in README


def test_every_silence_in_the_readme_exists() -> None:
    found = re.findall(r"`nothing to show: ([^`]+)`", README)
    assert found
    assert set(found) <= {str(silence) for silence in Silence}


def test_the_demo_fills_the_gap_of_its_fixture() -> None:
    found = re.search(r"place=\$root/(\S+)", (ROOT / "scripts" / "demo").read_text(encoding="utf-8"))
    assert found is not None
    gap = read_gap(str(ROOT / found[1]), 10_000)
    assert gap.prefix.endswith("for item in ")
    assert gap.suffix.startswith("\n            result += item.value()\n")
