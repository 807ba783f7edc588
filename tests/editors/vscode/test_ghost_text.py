"""Ghost text exactly as the scripted engine writes it: where it appears, and every way to take it."""

import json
import re
from pathlib import Path

import pytest

from tests.editors.vscode.conftest import Open, set_settings
from tests.editors.vscode.driver import Window

pytestmark = pytest.mark.editor

ADD = "dd(a, b):\n    return a + b"
SCRIPT = {
    "default": {"drafts": [""]},
    "rules": [
        {"prefix_ends": "def a", "drafts": [ADD], "alternatives": ["dd(x)", "ll()"]},
        {"prefix_ends": "size = len(", "drafts": ["items"]},
        {"prefix_ends": "pair = (", "drafts": ["\n    1,\n    2,\n"]},
        {"prefix_ends": "first.word = ", "drafts": ["alpha + beta + gamma"]},
        {"prefix_ends": "if ready:", "drafts": ["\n    one()\n    two()\n    three()"]},
        {"prefix_ends": "value.append", "drafts": ["(item)"]},
        {"prefix_ends": "'😀é𝄞' + n", "drafts": ["ame.upper()"]},
        {"prefix_ends": "import shut", "drafts": ["il"]},
    ],
}


@pytest.fixture(scope="module")
def one(shared_windows: Open) -> Window:
    """A window that is ready."""
    found = shared_windows(SCRIPT)
    found.open("first.py", "import os\n\n")
    found.ready()
    return found


def test_ghost_text_appears_and_is_taken(one: Window) -> None:
    one.switch("a.py", "import os\n\n")
    one.type("def a")
    one.wait_ghost(ADD)
    one.picture("ghost")
    one.press("Tab")
    one.wait_saved("a.py", f"import os\n\ndef a{ADD}".encode())


def test_typing_through_keeps_the_rest(one: Window) -> None:
    one.switch("through.py", "import os\n\n")
    one.type("def a")
    one.wait_ghost(ADD)
    one.type("dd(")
    one.wait_ghost("a, b):\n    return a + b")
    one.press("Tab")
    one.wait_saved("through.py", f"import os\n\ndef a{ADD}".encode())


def test_typing_something_else_takes_it_away(one: Window) -> None:
    one.switch("else.py", "")
    one.type("def a")
    one.wait_ghost(ADD)
    one.type("q")
    one.wait_ghost("")


def test_a_word_is_taken_and_the_rest_stays_without_asking_the_engine(one: Window, log: Path) -> None:
    one.switch("word.py", "")
    one.type("first.word = ")
    one.wait_ghost("alpha + beta + gamma")
    n_filled = filled(log)
    one.press("Control+ArrowRight")
    one.wait_ghost(" + beta + gamma")
    one.press("Control+ArrowRight")
    one.wait_ghost("+ beta + gamma")
    assert filled(log) == n_filled
    one.press("Tab")
    one.wait_saved("word.py", b"first.word = alpha + beta + gamma")


def test_a_line_is_taken_and_the_rest_stays_without_asking_the_engine(one: Window, log: Path) -> None:
    one.switch("line.py", "")
    one.type("if ready:")
    one.wait_ghost("\n    one()\n    two()\n    three()")
    n_filled = filled(log)
    one.press("Control+Alt+ArrowRight")
    one.wait_ghost("    one()\n    two()\n    three()")
    one.press("Control+Alt+ArrowRight")
    one.until(one.ghost, lambda found: "three()" in found and "one()" not in found)
    one.picture("line")
    assert filled(log) == n_filled
    one.press("Control+Alt+ArrowRight")
    one.wait_ghost("    three()")
    one.press("Control+Alt+ArrowRight")
    one.wait_saved("line.py", b"if ready:\n    one()\n    two()\n    three()")


def test_in_the_middle_of_a_line(one: Window) -> None:
    one.switch("middle.py", "size = )")
    one.press("ArrowLeft")
    one.type("len(")
    one.wait_ghost("items")
    one.picture("middle")
    one.press("Tab")
    one.wait_saved("middle.py", b"size = len(items)")


def test_several_lines_in_the_middle_of_a_line(one: Window) -> None:
    one.switch("lines.py", "pair = )\nprint(pair)\n")
    one.press("Control+Home", "End", "ArrowLeft")
    one.type("(")
    one.until(one.ghost, lambda found: "1," in found and "2," in found)
    one.picture("lines")
    one.press("Tab")
    one.wait_saved("lines.py", b"pair = (\n    1,\n    2,\n)\nprint(pair)\n")


def test_with_crlf_line_ends(one: Window) -> None:
    one.switch("crlf.py", "import os\r\n\r\nx = 1\r\n")
    one.type("def a")
    one.wait_ghost(ADD)
    one.press("Tab")
    one.wait_saved("crlf.py", f"import os\n\nx = 1\ndef a{ADD}".replace("\n", "\r\n").encode())


def test_behind_characters_outside_the_basic_plane(one: Window) -> None:
    one.switch("emoji.py", "# 🎉🎉\n'😀é𝄞' + ")
    one.type("n")
    one.wait_ghost("ame.upper()")
    one.picture("emoji")
    one.press("Tab")
    one.wait_saved("emoji.py", "# 🎉🎉\n'😀é𝄞' + name.upper()".encode())


def test_on_top_of_a_selected_popup_item(one: Window) -> None:
    set_settings(one.folder, **with_popup(one.folder))
    one.switch("popup.py", "value.append\n")
    one.type("value.app")
    one.press("Control+Space")
    one.page.wait_for_selector(".suggest-widget.visible .monaco-list-row.focused")
    one.wait_ghost("end(item)")
    one.picture("popup")
    one.press("Tab")
    one.wait_ghost("(item)")
    one.press("Tab")
    one.wait_saved("popup.py", b"value.append\nvalue.append(item)")


def test_alternatives_come_one_after_another(one: Window) -> None:
    one.switch("more.py", "")
    one.type("def a")
    one.wait_ghost(ADD)
    one.press("Alt+]")
    one.wait_ghost("dd(x)")
    one.press("Alt+[")
    one.wait_ghost(ADD)


def test_commands_that_keys_can_be_bound_to(one: Window) -> None:
    one.switch("keys.py", "")
    one.type("def a")
    one.wait_ghost(ADD)
    one.press("Control+Alt+N")
    one.wait_ghost("dd(x)")
    one.press("Control+Alt+N")
    one.wait_ghost("ll()")
    one.press("Control+Alt+B")
    one.wait_ghost("dd(x)")
    one.press("Control+Alt+A")
    one.wait_ghost("")  # our commands take a way through the extension, which the next key does not
    one.press("Enter")
    one.type("first.word = ")
    one.wait_ghost("alpha + beta + gamma")
    one.press("Control+Alt+W")
    one.wait_ghost(" + beta + gamma")
    one.press("Escape")
    one.wait_saved("keys.py", b"def add(x)\nfirst.word = alpha")


def test_a_document_that_is_no_file(one: Window) -> None:
    one.press("Control+Alt+U")
    one.page.wait_for_selector(".tab.active[data-resource-name^='Untitled-']")
    one.focus()
    one.type("def a")
    one.wait_ghost(ADD)
    one.press("Tab")
    one.until(one.text, lambda found: "return a + b" in found)


def test_a_command_fills_where_nothing_was_typed(one: Window) -> None:
    one.switch("asked.py", "def a")
    one.command("dgls: Fill the Gap at the Cursor")
    one.wait_ghost(ADD)
    one.press("Tab")
    one.wait_saved("asked.py", f"def a{ADD}".encode())


@pytest.fixture
def log(one: Window) -> Path:
    """Where the server writes a line for each request, from now on."""
    path = one.folder / "server.log"
    set_settings(one.folder, **settings_of(one.folder), log_file=str(path))
    one.until(path.exists, bool)
    return path


def filled(log: Path) -> int:
    """How many requests the engine has worked for; what VS Code asks about a rest is answered from memory."""
    return len(re.findall(r", [1-9]\d* steps ", log.read_text(encoding="utf-8")))


def settings_of(folder: Path) -> dict[str, object]:
    """What the folder sets already."""
    found = json.loads((folder / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    return {name: value for name, value in found.items() if not name.endswith("log_file")}


def with_popup(folder: Path) -> dict[str, object]:
    """The same with words of the document in the popup."""
    return settings_of(folder) | {"editor.wordBasedSuggestions": "currentDocument"}
