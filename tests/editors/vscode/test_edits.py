"""Edit suggestions as the scripted engine has them: both ways to show them, and every way to take them."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.editors.vscode.conftest import Open, configure, set_settings
from tests.editors.vscode.driver import Window

pytestmark = pytest.mark.editor

SCRIPT = {
    "default": {"drafts": [""]},
    "rules": [
        {"prefix_ends": "gap = ", "drafts": ["filled"]},
        {"prefix_ends": "some = ", "drafts": ["one + "]},
        {"prefix_ends": "rea", "drafts": ["dy"]},
    ],
    "standing": {
        "print(width)": "print(breadth)",
        "print(width)  # 🎉": "print(breadth)  # 🎉",
        "x=1": "x = 1\ny = 2",
    },
}
NEAR = "width = 3\nprint(width)\n"
FAR = "width = 3\r\n" + "\r\n" * 30 + "print(width)  # 🎉\r\n"

# While a diff is in front, saving would ask for a name of what it shows.
FILE_TAB = ".tab.active:not([aria-label*='Tab applies'])"

Opened = Callable[[str], Window]


@pytest.fixture(scope="module")
def opened(shared_windows: Open) -> Opened:
    """Opens a window for each way to show edits, and waits until it is ready."""
    found: dict[str, Window] = {}

    def of(mode: str) -> Window:
        if mode not in found:
            found[mode] = shared_windows(SCRIPT, inlineEdits=mode, log_file="server.log")
            found[mode].open("first.py", "")
            found[mode].ready()
        return found[mode]

    return of


@pytest.fixture
def one(opened: Opened) -> Window:
    """A window that shows edits by decorations."""
    return opened("decorations")


@pytest.fixture(params=["decorations", "auto"])  # this VS Code lets every extension use its own diff
def each(request: pytest.FixtureRequest, opened: Opened) -> tuple[Window, str]:
    """A window for each way to show edits, and how pictures of it are named."""
    return opened(request.param), {"auto": "native"}.get(request.param, request.param)


def test_a_next_edit_nearby_is_applied_with_tab(each: tuple[Window, str]) -> None:
    one, mode = each
    one.switch("near.py", NEAR)
    rename(one)
    one.until(one.edit, lambda found: "breadth" in found)
    one.picture(f"near_{mode}")
    one.press("Tab")
    one.wait_saved("near.py", NEAR.replace("width", "breadth").encode())
    one.press("Control+Z")
    one.wait_saved("near.py", NEAR.replace("width", "breadth", 1).encode())


def test_a_next_edit_far_away_is_jumped_to_and_then_applied(each: tuple[Window, str]) -> None:
    one, mode = each
    one.switch("far.py", FAR)
    rename(one)
    one.until(one.edit, lambda found: re.search(r"32.*print\(breadth\)", found))
    one.picture(f"far_{mode}")
    one.press("Tab")
    one.until(one.position, lambda found: found.startswith("Ln 32,"))
    one.until(one.edit, lambda found: "breadth" in found and "⇥" not in found)
    one.press("Tab")
    one.wait_saved("far.py", FAR.replace("width", "breadth").encode())
    one.press("Control+Z")
    one.wait_saved("far.py", FAR.replace("width", "breadth", 1).encode())


def test_escape_dismisses_and_a_command_asks_again(each: tuple[Window, str]) -> None:
    one, _ = each
    one.switch("escape.py", NEAR)
    rename(one)
    one.until(one.edit, lambda found: "breadth" in found)
    one.press("Escape")
    one.until(one.edit, lambda found: not found)
    one.command("dgls: Next Edit")
    one.until(one.edit, lambda found: "breadth" in found)
    one.press("Tab")
    one.wait_saved("escape.py", NEAR.replace("width", "breadth").encode())


def test_a_fill_that_has_something_in_it(each: tuple[Window, str]) -> None:
    one, mode = each
    one.switch("some.py", "some = ")
    one.command("dgls: Fill With...")
    one.page.wait_for_selector(".quick-input-widget input[placeholder^='what must']")
    one.type("width")
    one.press("Enter")
    one.until(one.edit, lambda found: "one + width" in found)
    one.picture(f"fill_with_{mode}")
    one.press("Tab")
    one.wait_saved("some.py", b"some = one + width")
    one.press("Control+Z")
    one.wait_saved("some.py", b"some = ")


def test_what_an_edit_comes_to_is_drawn_in_whole_words(one: Window) -> None:
    one.switch("words.py", NEAR)
    rename(one)
    one.until(one.edit, lambda found: found == "width > breadth")


def test_tab_still_moves_the_focus_for_those_who_want_that(one: Window) -> None:
    one.switch("focus.py", NEAR)
    rename(one)
    one.until(one.edit, bool)
    one.press("Control+M")
    one.page.wait_for_selector(".statusbar-item:has-text('Tab Moves Focus')")
    one.press("Tab")
    one.page.wait_for_selector(".monaco-editor.focused", state="detached")
    one.focus()
    one.press("Control+M")
    one.wait_saved("focus.py", NEAR.replace("width", "breadth", 1).encode())


def test_ghost_text_is_taken_before_an_edit(one: Window) -> None:
    one.switch("both.py", NEAR)
    rename(one)
    one.until(one.edit, bool)
    one.press("End", "Enter")
    one.type("rea")
    one.wait_ghost("dy")
    one.until(one.edit, lambda found: "breadth" in found)
    one.press("Tab")
    one.wait_ghost("")
    one.until(one.edit, lambda found: "breadth" in found)
    one.press("Tab")
    one.wait_saved("both.py", b"breadth = 3\nready\nprint(breadth)\n")


def test_a_selection_is_rewritten_after_a_look_at_the_diff(one: Window) -> None:
    one.switch("rewrite.py", "a = 0\r\nx=1\r\n")
    one.press("ArrowUp", "Shift+End")
    rewrite(one)
    one.picture("rewrite")
    one.press("Escape")
    one.page.wait_for_selector(FILE_TAB)
    one.wait_saved("rewrite.py", b"a = 0\r\nx=1\r\n")
    rewrite(one)
    apply_diff(one, "y = 2")
    one.wait_saved("rewrite.py", b"a = 0\r\nx = 1\r\ny = 2\r\n")
    one.press("Control+Z")
    one.wait_saved("rewrite.py", b"a = 0\r\nx=1\r\n")


def test_all_gaps_of_a_file_are_filled_in_one_step(one: Window) -> None:
    text = b"gap = ...\nother = 1\ngap = TODO\n"
    one.switch("gaps.py", text.decode())
    one.command("dgls: Fill the Gaps in This File")
    wait_diff(one, "Fill the gaps")
    one.picture("gaps")
    apply_diff(one, "filled")
    one.wait_saved("gaps.py", b"gap = filled\nother = 1\ngap = filled\n")
    one.press("Control+Z")
    one.wait_saved("gaps.py", text)


def test_a_diff_of_a_document_that_has_changed_is_not_applied(one: Window) -> None:
    one.switch("moved.py", "gap = ...\n")
    one.command("dgls: Fill the Gaps in This File")
    wait_diff(one, "Fill the gaps")
    one.page.click(".tab[data-resource-name='moved.py']:not([aria-label*='Tab applies'])")
    one.page.wait_for_selector(FILE_TAB)
    one.focus()
    one.press("Control+End")
    one.type("x")
    one.page.click(".tab[aria-label*='Fill the gaps']")
    wait_diff(one, "Fill the gaps")
    one.press("Tab")
    one.until(one.messages, lambda found: any("has changed since" in text for text in found))
    one.command("Notifications: Clear All Notifications")
    one.wait_saved("moved.py", b"gap = ...\nx")


def test_nothing_to_show_is_said(one: Window) -> None:
    one.switch("nothing.py", "x = 1\n")
    one.command("dgls: Fill the Gaps in This File")
    one.page.wait_for_selector(".statusbar-item:has-text('fill the gaps: nothing to show (no place)')")


def test_the_light_bulb_has_the_servers_actions(one: Window) -> None:
    one.switch("bulb.py", NEAR)
    rename(one)
    one.until(one.edit, bool)
    light_bulb(one, "Next edit: line 2")
    act(one, "Next edit: line 2")
    one.wait_saved("bulb.py", NEAR.replace("width", "breadth").encode())
    one.switch("bulb_rewrite.py", "x=1")
    one.press("Control+A")
    light_bulb(one, "Rewrite: a little")
    one.picture("light_bulb")
    act(one, "Rewrite: anew")
    wait_diff(one, "Rewrite")
    apply_diff(one, "y = 2")
    one.wait_saved("bulb_rewrite.py", b"x = 1\ny = 2")


def test_a_pause_holds_for_edits_too(one: Window) -> None:
    one.switch("paused.py", NEAR)
    one.command("dgls: Pause in This File")
    one.until(one.status, lambda found: "paused in this file" in found)
    one.focus()
    only_the_command_asks(one, "paused.py")


def test_off_means_that_nothing_is_asked(one: Window) -> None:
    one.switch("on.py", NEAR)
    rename(one)
    one.until(one.edit, bool)
    assert asked(one, "on.py", "next edits")
    settings = {
        "engine": "scripted",
        "script": str(one.folder / "script.json"),
        "pause_ms": 0,
        "log_file": "server.log",
    }
    set_settings(one.folder, **settings, inlineEdits="off")
    one.until(one.edit, lambda found: not found)
    one.switch("off.py", NEAR)
    only_the_command_asks(one, "off.py")


def test_an_answer_for_a_version_that_moved_on_is_not_shown(one: Window) -> None:
    one.switch("slow.py", "x=1")
    configure(one, SCRIPT | {"delay_ms": 3000}, inlineEdits="decorations", log_file="server.log")
    one.press("Control+A")
    ask_to_rewrite(one)
    busy = ".statusbar-item:has-text('dgls: rewrite')"
    one.page.wait_for_selector(busy)
    one.focus()
    one.press("Control+End")
    one.type("0")
    one.page.wait_for_selector(busy, state="detached")
    assert one.page.query_selector(".tab[aria-label*='Rewrite']") is None
    one.until(lambda: asked(one, "slow.py", "rewrite"), lambda found: found and "1 edits" not in found[0])
    one.wait_saved("slow.py", b"x=10")


def rename(one: Window) -> None:
    """Writes another name in place of the first one."""
    one.press("Control+Home", "Control+Delete")
    one.type("breadth")


def only_the_command_asks(one: Window, name: str) -> None:
    """Checks that a change is followed by no request, and the command by one."""
    rename(one)
    one.command("dgls: Next Edit")
    one.until(one.edit, lambda found: "breadth" in found)
    assert len(asked(one, name, "next edits")) == 1


def rewrite(one: Window) -> None:
    """Asks to rewrite what is selected, and waits for the diff."""
    ask_to_rewrite(one)
    wait_diff(one, "Rewrite")


def ask_to_rewrite(one: Window) -> None:
    """Asks to rewrite what is selected."""
    one.command("dgls: Rewrite Selection...")
    one.page.wait_for_selector(".quick-input-widget input[placeholder^='How much']")
    one.page.keyboard.type("with spaces")
    one.pick("Anew")


def wait_diff(one: Window, name: str) -> None:
    """Waits until a diff has the focus."""
    one.page.wait_for_selector(f".tab.active[aria-label*='{name}: Tab applies']")
    one.page.wait_for_selector(".monaco-diff-editor .modified .monaco-editor.focused, .modified.focused")


def apply_diff(one: Window, text: str) -> None:
    """Applies what a diff shows, and waits until the file is in front again and has this text."""
    one.press("Tab")
    one.page.wait_for_selector(FILE_TAB)
    one.until(one.text, lambda found: text in found)


def light_bulb(one: Window, title: str) -> None:
    """Opens the menu of the light bulb, again if it was made before the editor knew of an action."""
    rows = one.page.locator(".action-widget .monaco-list-row")
    wanted = rows.filter(has_text=title).first

    def is_offered() -> bool:
        if rows.count() and not wanted.count():
            one.press("Escape")
        if not wanted.count():
            one.press("Control+.")
            with suppress(Exception):  # it is asked for once more
                wanted.wait_for(timeout=3000)
        return bool(wanted.count())

    one.until(is_offered, bool)


def act(one: Window, title: str) -> None:
    """Chooses from the menu of the light bulb."""
    one.page.click(f".action-widget .monaco-list-row:has-text('{title}')")


def asked(one: Window, name: str, what: str) -> list[str]:
    """What the log says of each request for edits of a file."""
    log = (one.folder / "server.log").read_text(encoding="utf-8")
    return re.findall(rf"'{re.escape(name)}' v\d+, {what}: .*", log)
