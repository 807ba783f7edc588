"""The server's life: two windows, a server that is killed, one that is missing, settings that change."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.editors.vscode.conftest import BUILD, Code, Open, set_settings
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
        if args.endswith("-m dgls serve") and Path(f"/proc/{pid}/cwd").resolve() == window.folder:
            found.append(int(pid))
    return found


def test_two_windows_have_a_server_each(window: Open) -> None:
    one, other = window(script("first()")), window(script("second()"))
    for each in (one, other):
        each.open("a.py", "")
    for each, text in ((one, "first()"), (other, "second()")):
        each.ready()
        each.type("x = ")
        each.wait_ghost(text)
    one.close()
    other.press("Tab", "Enter")
    other.type("x = ")
    other.wait_ghost("second()")


def test_a_server_that_is_killed_comes_back_without_a_message(window: Open) -> None:
    one = window(script("f()"))
    one.open("a.py", "")
    one.ready()
    (server,) = servers_of(one)
    os.kill(server, signal.SIGKILL)
    one.until(lambda: servers_of(one), lambda found: found not in ([], [server]))
    one.ready()
    one.type("x = ")
    one.wait_ghost("f()")
    assert one.messages() == []


def test_settings_count_without_a_reload(window: Open) -> None:
    one = window(script("f()"))
    one.open("a.py", "")
    one.ready()
    one.type("x = ")
    one.wait_ghost("f()")
    other = one.folder / "other.json"
    other.write_text('{"default": {"drafts": ["g()"]}}', encoding="utf-8")
    set_settings(one.folder, engine="scripted", script=str(other), pause_ms=0)
    one.until(one.status, lambda found: "other.json" in found and found.endswith(": ready"))
    one.press("Enter")
    one.type("y = ")
    one.wait_ghost("g()")
    one.press("Escape")
    set_settings(one.folder, engine="scripted", script=str(other), pause_ms=0, languages={"python": False})
    one.until(one.status, lambda found: "starts with" in found)
    one.picture("off")
    set_settings(one.folder, engine="scripted", script=str(other), pause_ms=0)
    one.ready()
    one.press("Enter")
    one.type("z = ")
    one.wait_ghost("g()")


def test_a_pause_holds_in_its_file(window: Open) -> None:
    one = window(script("f()"))
    one.open("a.py", "")
    one.ready()
    one.command("dgls: Pause in This File")
    one.until(one.status, lambda found: "paused in this file" in found)
    one.type("x = ")
    one.picture("paused")
    one.command("dgls: Fill the Gap at the Cursor")
    one.wait_ghost("f()")
    one.page.click(".statusbar-item[id^='dgls']")
    one.page.wait_for_selector(".quick-input-list .monaco-list-row[aria-label*='Resume']")
    one.picture("menu")
    one.pick("Resume")
    one.ready()
    one.command("dgls: Show Statistics")
    report = one.until(one.text, lambda text: "answers:" in text and "CPU time" in text)
    one.picture("statistics")
    found = re.search(r"activation: .* (\d+) ms of CPU time", report)
    assert found is not None
    # No limit on a machine that others use: the figure is kept for people.
    (BUILD / "activation_ms.txt").write_text(f"{found[1]}\n", encoding="utf-8")


def test_a_command_that_is_missing_is_told_once(start_code: Code, window: Open, tmp_path: Path) -> None:
    missing = tmp_path / "dgls"
    one = window(script("f()"), address=start_code({"dgls.command": str(missing)}))
    one.open("a.py", "")
    one.until(one.status, lambda found: "cannot be found" in found)
    one.until(one.messages, lambda found: len(found) == 1 and "dgls.command" in found[0])
    one.type("x = ")
    one.picture("missing")
    assert len(one.messages()) == 1


def test_a_command_that_ends_at_once_is_told_once(start_code: Code, window: Open, tmp_path: Path) -> None:
    broken = tmp_path / "dgls"
    broken.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    one = window(script("f()"), address=start_code({"dgls.command": str(broken)}))
    one.open("a.py", "")
    one.until(one.status, lambda found: "after 4 s" in found)  # the fourth end; the third one was told
    assert len(one.messages()) == 1
    assert "again and again (no such library)" in one.messages()[0]
    one.picture("broken")
