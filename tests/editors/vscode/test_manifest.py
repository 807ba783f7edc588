"""What the extension says of itself agrees with the server, without an editor."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dgls.settings import Settings, as_dict, schema, with_settings

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "editors" / "vscode"
MANIFEST: dict[str, Any] = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
OURS, SERVERS = MANIFEST["contributes"]["configuration"]


def test_the_servers_settings_are_those_of_the_server() -> None:
    assert SERVERS["properties"] == {f"dgls.{name}": entry for name, entry in schema().items()}
    assert list(SERVERS["properties"]) == [f"dgls.{name}" for name in as_dict(Settings())]
    assert not set(OURS["properties"]) & set(SERVERS["properties"])


@pytest.mark.parametrize("name", as_dict(Settings()))
def test_the_server_takes_each_default_as_vs_code_has_it(name: str) -> None:
    default = SERVERS["properties"][f"dgls.{name}"]["default"]
    assert with_settings(Settings(), {name: default}) == Settings()


def test_an_untrusted_folder_sets_nothing_that_names_programs_files_or_servers() -> None:
    restricted = MANIFEST["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    assert set(restricted) == {"dgls.command", *SERVERS["properties"]}


def test_it_works_in_virtual_workspaces() -> None:
    # The server gets the texts of documents from the editor, and needs no files beside it.
    assert MANIFEST["capabilities"]["virtualWorkspaces"] == {"supported": True}


def test_the_extension_and_the_server_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert MANIFEST["version"] == project["version"]
    assert f"## {MANIFEST['version']}\n" in (FOLDER / "CHANGELOG.md").read_text(encoding="utf-8")


def test_each_command_is_registered_under_dgls() -> None:
    source = (FOLDER / "src" / "extension.ts").read_text(encoding="utf-8")
    commands = [command["command"] for command in MANIFEST["contributes"]["commands"]]
    assert {command["category"] for command in MANIFEST["contributes"]["commands"]} == {"dgls"}
    assert set(re.findall(r"^ +'(dgls\.\w+)':", source, re.MULTILINE)) == set(commands)


def test_the_walkthrough_has_three_steps_and_their_pages() -> None:
    (walkthrough,) = MANIFEST["contributes"]["walkthroughs"]
    assert len(walkthrough["steps"]) == 3
    for step in walkthrough["steps"]:
        assert (FOLDER / step["media"]["markdown"]).exists()


def test_every_picture_and_link_of_the_readme_exists() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (FOLDER / link).exists(), link
    assert (FOLDER / MANIFEST["icon"]).exists()
