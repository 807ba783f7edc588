"""What a click on the status bar offers, item by item, and the walkthrough."""

import re
from collections.abc import Iterator

import pytest

from tests.editors.vscode.conftest import BUILD, Open
from tests.editors.vscode.driver import Window
from tests.editors.vscode.test_life import servers_of

pytestmark = pytest.mark.editor

SCRIPT = {"default": {"drafts": [""]}, "rules": [{"prefix_ends": "x = ", "drafts": ["f()"]}]}


@pytest.fixture(scope="module")
def shared(shared_windows: Open) -> Window:
    """A window that is ready."""
    found = shared_windows(SCRIPT, languages={"python": True, "javascript": True})
    found.open("first.py", "")
    found.ready()
    return found


@pytest.fixture
def one(shared: Window, request: pytest.FixtureRequest) -> Iterator[Window]:
    """The same window with an empty file in front."""
    shared.switch(f"{request.node.name}.py", "")
    shared.ready()
    yield shared
    shared.picture(request.node.name)


def test_a_pause_in_this_file(one: Window) -> None:
    before = answers(one)
    one.switch("paused.py", "")
    one.menu("Pause in This File")
    one.until(one.status, lambda found: "paused in this file" in found)
    one.focus()
    one.type("x = ")
    one.command("dgls: Fill the Gap at the Cursor")
    one.wait_ghost("f()")
    # Of all these keys, only the command has asked the server.
    assert answers(one) == before + 1
    one.switch("not_paused.py", "")
    one.type("x = ")
    one.wait_ghost("f()")
    one.switch("paused.py", "")
    resumes(one)


def test_a_pause_for_this_language(one: Window) -> None:
    one.menu("Pause for python")
    one.until(one.status, lambda found: "paused for python" in found)
    one.switch("other.js", "")
    one.ready()
    one.type("x = ")
    one.wait_ghost("f()")
    one.switch("other.py", "")
    one.until(one.status, lambda found: "paused for python" in found)
    resumes(one)


def test_a_pause_for_an_hour(one: Window) -> None:
    one.menu("Pause for an Hour")
    one.until(one.status, lambda found: "paused for 60 min" in found)
    one.switch("hour.js", "")
    assert "paused for" in one.status()
    resumes(one)


def test_the_log(one: Window) -> None:
    one.menu("Open the Log")
    # Which log is shown; code-server without its native parts keeps no texts of logs.
    log = one.page.locator(".part.panel select").first
    one.until(lambda: log.evaluate("(box) => box.selectedOptions[0].text"), lambda found: found == "dgls")
    one.picture("log")
    one.press("Control+J")  # hides the panel
    log.wait_for(state="hidden")


def test_the_doctor(one: Window) -> None:
    one.menu("Doctor")
    found = one.until(one.text, lambda text: "dgls doctor" in text and "settings" in text)
    assert re.search(r"python +ok", found)
    assert re.search(r"script +ok", found)


def test_the_statistics(one: Window) -> None:
    one.menu("Statistics")
    report = one.until(one.text, lambda text: "answers:" in text and "CPU time" in text)
    found = re.search(r"activation: .* (\d+) ms of CPU time", report)
    assert found is not None
    # No limit on a machine that others use: the figure is kept for people; test/activation.test.mjs has the limit.
    (BUILD / "activation_ms.txt").write_text(f"{found[1]}\n", encoding="utf-8")


def test_a_restart(one: Window) -> None:
    (before,) = servers_of(one)
    one.menu("Restart the Server")
    one.until(lambda: servers_of(one), lambda found: found not in ([], [before]))
    one.focus()
    one.type("x = ")
    # The status bar may still say what the old server was: keys that come before the new one is there are lost.
    one.until(lambda: asked_again(one), lambda found: found == "f()")


def test_the_settings(one: Window) -> None:
    one.menu("Settings")
    one.page.wait_for_selector(".settings-editor .setting-item-label:has-text('Drafts')")
    one.picture("settings")
    one.press("Escape")
    one.page.wait_for_selector(".settings-editor", state="hidden")


def test_the_engines_where_the_folder_has_its_own(one: Window) -> None:
    one.menu("Choose What Fills")
    one.pick("This machine's vLLM server")
    one.until(one.messages, lambda found: any("(dgls.engine) come first here" in message for message in found))
    assert "scripted" in one.status()


def test_the_walkthrough_shows_its_three_steps(one: Window) -> None:
    one.page.set_viewport_size({"width": 1600, "height": 800})
    one.command("dgls: Open the Walkthrough")
    steps = ".gettingStartedContainer .getting-started-step"
    one.until(lambda: one.page.locator(steps).count(), lambda found: found == 3)
    titles = [text.splitlines()[0] for text in one.page.locator(steps).all_inner_texts()]
    assert titles == ["Get a server", "See it fill a gap", "Make it yours"]
    for title in titles:
        one.page.click(f"{steps}:has-text('{title}')")
        one.page.wait_for_selector(f"{steps}.expanded:has-text('{title}')")
        one.picture(f"walkthrough_{title}")


def resumes(one: Window) -> None:
    """Ends the pause with the menu's item; the next keys are answered again."""
    one.menu("Resume")
    one.ready()
    one.focus()
    one.press("Control+End", "Enter")
    one.type("x = ")
    one.wait_ghost("f()")


def asked_again(one: Window) -> str:
    """The ghost text; where there is none, the key that asks for it is pressed, and has a second."""
    ghost = one.ghost()
    if not ghost:
        one.press("Alt+Backslash")
        one.page.wait_for_timeout(1000)
    return ghost


def answers(one: Window) -> int:
    """How many answers this window has had."""
    one.command("dgls: Show Statistics")
    report = one.until(one.text, lambda text: "answers:" in text and "CPU time" in text)
    return int(re.findall(r"answers: +(\d+)", report)[0])
