"""Whose settings count: the user's, those of a folder that is trusted, and what is chosen in the menu."""

import json
from pathlib import Path

import pytest

from tests.editors.vscode.conftest import Code, Open
from tests.editors.vscode.driver import Window

pytestmark = pytest.mark.editor

TRUST = {
    "security.workspace.trust.enabled": True,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
}
RESTRICTED = ".statusbar-item a[aria-label*='Restricted Mode']"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a user who has a script."""
    path = tmp_path_factory.mktemp("home")
    (path / "users.json").write_text('{"default": {"drafts": ["users()"]}}', encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def careful(start_code: Code, home: Path, program: Path) -> str:
    """A VS Code that trusts no folder until it is told to."""
    user = {"dgls.engine": "scripted", "dgls.script": str(home / "users.json"), "dgls.pause_ms": 0}
    return start_code({"dgls.command": str(program)}, home=home, user=TRUST | user)


def test_a_folder_runs_and_sets_nothing_until_it_is_trusted(
    window: Open, careful: str, program: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "was_run"
    folders = tmp_path / "dgls"
    folders.write_text(f'#!/bin/sh\ntouch "{marker}"\nexec "{program}" "$@"\n', encoding="utf-8")
    folders.chmod(0o755)
    one = window({"default": {"drafts": ["folders()"]}}, address=careful, command=str(folders))
    one.open("a.py", "")
    answers(one, "users.json", "users()")
    one.page.wait_for_selector(RESTRICTED)
    one.picture("restricted")
    assert not marker.exists()
    one.command("Workspaces: Manage Workspace Trust")
    one.page.click(".workspace-trust-editor .monaco-button:has-text('Trust')")
    one.page.wait_for_selector(RESTRICTED, state="detached")
    one.switch("b.py", "")
    answers(one, "script.json", "folders()")
    one.picture("trusted")
    assert marker.exists()


def test_the_engine_that_is_chosen_is_set_for_the_user_and_fills(window: Open, careful: str, home: Path) -> None:
    one = window({}, address=careful, engine=None, script=None, pause_ms=None)
    one.open("a.py", "for item in items:\n    print(item)\nfor item in")
    answers_from = "users.json"
    one.until(one.status, lambda found: answers_from in found and found.endswith(": ready"))
    one.menu("Choose What Fills")
    one.pick("The bundled small model")
    one.until(one.status, lambda found: found.startswith("dgls: local (small, ") and found.endswith(": ready"), 300)
    settings = json.loads((home / "data" / "User" / "settings.json").read_text(encoding="utf-8"))
    assert settings["dgls.engine"] == "local"
    one.picture("chosen")
    one.focus()
    one.press("Control+End")
    one.type(" ")
    one.until(one.ghost, bool)
    one.picture("filled")


def answers(one: Window, script: str, fill: str) -> None:
    """The engine of this script is ready, and fills."""
    one.until(one.status, lambda found: script in found and found.endswith(": ready"))
    one.focus()
    one.type("x = ")
    one.wait_ghost(fill)
