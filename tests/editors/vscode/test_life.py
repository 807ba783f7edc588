"""The server's life: two windows, a server that is killed, one that is missing or broken, settings that change."""

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.editors.vscode.conftest import Open, configure, set_settings
from tests.editors.vscode.driver import Window

pytestmark = pytest.mark.editor


def script(text: str) -> dict[str, object]:
    """An engine that knows one thing."""
    return {"default": {"drafts": [""]}, "rules": [{"prefix_ends": "x = ", "drafts": [text]}]}


def servers_of(window: Window) -> list[int]:
    """The language servers of a window's folder."""
    found = []
    for line in subprocess.run(
        ["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines():
        pid, _, args = line.strip().partition(" ")
        with suppress(FileNotFoundError):  # it has ended since
            if args.endswith("-m dgls serve") and Path(f"/proc/{pid}/cwd").resolve() == window.folder:
                found.append(int(pid))
    return found


@pytest.fixture(scope="module")
def one(shared_windows: Open) -> Window:
    """A window that is ready."""
    found = shared_windows(script("f()"))
    found.open("first.py", "")
    found.ready()
    return found


def test_two_windows_have_a_server_each(one: Window, window: Open) -> None:
    other = window(script("second()"))
    other.open("a.py", "")
    one.switch("two.py", "")
    for each, text in ((one, "f()"), (other, "second()")):
        each.ready()
        each.type("x = ")
        each.wait_ghost(text)
    other.close()
    one.press("Tab", "Enter")
    one.type("x = ")
    one.wait_ghost("f()")


def test_a_server_that_is_killed_comes_back_without_a_message(one: Window) -> None:
    one.switch("killed.py", "")
    (server,) = servers_of(one)
    os.kill(server, signal.SIGKILL)
    one.until(lambda: servers_of(one), lambda found: found not in ([], [server]))
    one.ready()
    one.type("x = ")
    one.wait_ghost("f()")
    assert one.messages() == []


def test_a_restart_during_another_leaves_one_server(one: Window) -> None:
    one.switch("restarts.py", "")
    one.ready()
    (server,) = servers_of(one)
    os.kill(server, signal.SIGSTOP)  # it takes a while to end
    one.press("Control+Alt+R")
    one.page.wait_for_timeout(300)
    one.press("Control+Alt+R")
    one.until(lambda: servers_of(one), lambda found: found and server not in found)
    before = servers_of(one)
    one.press("Control+Alt+R")
    one.until(lambda: servers_of(one), lambda found: len(found) == 1 and not {*found} & {*before})
    one.ready()
    one.type("x = ")
    one.wait_ghost("f()")


def test_settings_count_without_a_reload(one: Window) -> None:
    one.switch("settings.py", "")
    configure(one, script("g()"))
    one.type("x = ")
    one.wait_ghost("g()")
    one.switch("effort.py", "")
    configure(one, script("h()"), effort="high")
    one.type("x = ")
    one.wait_ghost("h()")


def test_languages_are_on_and_off_by_their_setting(one: Window) -> None:
    one.switch("languages.py", "")
    set_settings(one.folder, engine="scripted", languages={"python": False})
    one.until(one.status, lambda found: "starts with" in found)
    one.until(lambda: servers_of(one), lambda found: not found)
    one.picture("off")
    one.switch("languages.js", "")
    configure(one, script("j()"), languages={"*": True, "python": False})
    one.type("x = ")
    one.wait_ghost("j()")
    one.switch("languages.py", "")
    configure(one, script("p()"))
    one.type("x = ")
    one.wait_ghost("p()")


def test_an_engine_that_fails_says_why_in_the_status_bar(one: Window) -> None:
    one.switch("fails.py", "")
    set_settings(one.folder, engine="scripted", script=str(one.folder / "gone.json"), pause_ms=0)
    one.until(one.status, lambda found: "cannot read the script gone.json" in found)
    one.page.wait_for_selector(".statusbar-item.has-background-color[id^='dgls']:has-text('dgls: failed')")
    one.picture("failed_engine")
    configure(one, script("again()"))
    one.type("x = ")
    one.wait_ghost("again()")


def test_a_command_that_is_missing_or_broken_is_told_once(window: Open, program: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    one = window(script("f()"), command=str(missing))
    one.open("a.py", "")
    one.until(one.status, lambda found: "cannot be found" in found)
    one.until(one.messages, lambda found: len(found) == 1 and "dgls.command" in found[0])
    one.type("x = ")
    one.picture("missing")
    assert len(one.messages()) == 1
    one.command("Notifications: Clear All Notifications")
    one.until(one.messages, lambda found: found == [])
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    set_settings(one.folder, command=str(broken))
    # The fourth end or a later one; the third one was told.
    one.until(one.status, lambda found: re.search(r"after (4|8|16|32|60) s", found))
    assert len(one.messages()) == 1
    assert "again and again (no such library)" in one.messages()[0]
    one.picture("broken")
    one.focus()
    configure(one, script("f()"), command=str(program))
    one.press("Enter")
    one.type("x = ")
    one.wait_ghost("f()")
