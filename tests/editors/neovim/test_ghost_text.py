"""Ghost text in a real Neovim: drawn and taken by Neovim's own inline completion."""

from pathlib import Path

import pytest

from tests.editors.neovim.conftest import Start, outcomes
from tests.editors.neovim.driver import Neovim

pytestmark = pytest.mark.editor

FUNCTION = "dd(a, b):\n    return a + b"
SCRIPT = {
    "default": {"drafts": [" "]},
    "rules": [
        {"prefix_ends": "def a", "drafts": [FUNCTION], "alternatives": ["dd(x)", "ll()"]},
        {"prefix_ends": "x = ", "drafts": ["first + second"]},
        {"prefix_ends": "名 = '", "drafts": ["日本 🎉 é"]},
        {"prefix_ends": "if", "drafts": [" a:\r\n    b"]},
    ],
}


def shown(start: Start, text: str, keys: str, ghost: str, **options: object) -> Neovim:
    """A Neovim in which keys have brought ghost text onto the screen."""
    neovim = start(SCRIPT, text, **options)
    neovim.wait_ready()
    neovim.type(keys)
    neovim.wait_ghost(ghost)
    return neovim


def test_ghost_text_of_several_lines_is_shown_and_taken(start: Start) -> None:
    neovim = shown(start, "before\n\nafter\n", "jidef a", FUNCTION)
    assert neovim.screen.text().splitlines()[:4] == ["before", "def add(a, b):", "    return a + b", "after"]
    assert neovim.lines() == ["before", "def a", "after"]
    neovim.type("<Tab>")
    neovim.wait_lines("before", "def add(a, b):", "    return a + b", "after")
    assert neovim.ghost() == ""
    assert neovim.cursor() == (3, 16)


def test_undo_takes_back_the_fill_and_not_what_was_typed(start: Start) -> None:
    neovim = shown(start, "", "idef a", FUNCTION)
    neovim.type("<Tab>")
    neovim.wait_lines("def add(a, b):", "    return a + b")
    neovim.type("<Esc>u")
    neovim.wait_lines("def a")


def test_in_the_middle_of_a_line_what_follows_stays(start: Start) -> None:
    neovim = shown(start, "f(x = )\n", "05la", "first + second")
    assert neovim.screen.text().splitlines()[0] == "f(x = first + second)"
    neovim.type("<Tab>")
    neovim.wait_lines("f(x = first + second)")


def test_words_and_lines_are_taken_one_by_one_and_the_rest_stays(start: Start) -> None:
    neovim = shown(start, "", "idef a", FUNCTION)
    neovim.type("<M-Right>")
    neovim.wait_lines("def add")
    neovim.wait_ghost("(a, b):\n    return a + b")
    neovim.type("<M-Right>")
    neovim.wait_lines("def add(")
    neovim.type("<M-C-Right>")
    neovim.wait_lines("def add(a, b):")
    neovim.wait_ghost("    return a + b")
    neovim.type("<M-Right>")
    neovim.wait_lines("def add(a, b):", "    return")
    neovim.wait_ghost(" a + b")
    neovim.type("<M-C-Right>")
    neovim.wait_lines("def add(a, b):", "    return a + b")
    assert neovim.ghost() == ""


def test_typing_through_keeps_the_rest(start: Start) -> None:
    neovim = shown(start, "", "idef a", FUNCTION)
    neovim.type("dd(")
    neovim.wait_ghost("a, b):\n    return a + b")
    neovim.type("a, b):<CR>    r")
    neovim.wait_ghost("eturn a + b")
    neovim.type("<Tab>")
    neovim.wait_lines("def add(a, b):", "    return a + b")


def test_typing_something_else_takes_the_ghost_text_away_at_once(start: Start) -> None:
    neovim = shown(start, "", "idef a", FUNCTION)
    assert neovim.lua("return require('dgls').accept ~= nil")
    neovim.type("z")
    neovim.wait_lines("def az")
    assert neovim.lua("return #vim.api.nvim_buf_get_extmarks(0, -1, 0, -1, {})") == 0
    neovim.type("<Tab>")
    neovim.wait_lines("def az\t")


@pytest.mark.parametrize("typed", ["d", "dd(a", "dd(a, b):<CR>    return"])
def test_taking_it_right_after_typing_duplicates_nothing(start: Start, typed: str) -> None:
    """The keys come in one piece, so Neovim has had no chance to draw the rest in between."""
    neovim = shown(start, "", "idef a", FUNCTION)
    neovim.type(f"{typed}<Tab>")
    neovim.wait_lines("def add(a, b):", "    return a + b")


def test_taking_it_right_after_typing_something_else_takes_nothing(start: Start) -> None:
    neovim = shown(start, "", "ix = ", "first + second")
    neovim.type("fa<Tab>!")
    neovim.wait_lines("x = fa!")


def test_taking_it_after_what_follows_has_changed_takes_nothing(start: Start) -> None:
    neovim = shown(start, "x = tail\n", "3la", "first + second")
    neovim.lua("vim.api.nvim_buf_set_text(0, 0, 4, 0, 8, {'other'})")
    neovim.type("<Tab>")
    neovim.wait_lines("x = \tother")


def test_wide_characters(start: Start) -> None:
    neovim = shown(start, "# é\n\n", "ji名 = '", "日本 🎉 é")
    assert neovim.lua("return vim.lsp.get_clients()[1].offset_encoding") == "utf-8"
    neovim.type("<M-Right>")
    neovim.wait_lines("# é", "名 = '日本")
    neovim.type(" 🎉<Tab>")
    neovim.wait_lines("# é", "名 = '日本 🎉 é")


def test_crlf_files_get_no_stray_carriage_return(start: Start) -> None:
    neovim = shown(start, "a = 1\r\n\r\n", "jiif", " a:\n    b")
    assert neovim.lua("return vim.bo.fileformat") == "dos"
    neovim.type("<Tab>")
    neovim.wait_lines("a = 1", "if a:", "    b")


def test_alternatives_are_asked_for_and_gone_through(start: Start, log: Path) -> None:
    neovim = shown(start, "", "idef a", FUNCTION)
    neovim.type("<M-]>")
    neovim.wait(lambda: neovim.ghost().startswith("dd(x)"), "the second alternative")
    assert "(2/3)" in neovim.screen.text()
    neovim.type("<M-]>")
    neovim.wait(lambda: neovim.ghost().startswith("ll()"), "the third alternative")
    neovim.type("<M-[>")
    neovim.wait(lambda: neovim.ghost().startswith("dd(x)"), "the second alternative")
    neovim.type("d")
    neovim.wait(lambda: neovim.ghost().startswith("d(x)"), "the rest of the second alternative")
    neovim.type("<Tab>")
    neovim.wait_lines("def add(x)")
    assert "invoked" in " ".join(outcomes(log))


@pytest.mark.parametrize("keys", ["<M-Right>", "dd"], ids=["taken", "typed"])
def test_the_rest_of_an_alternative_stays(start: Start, log: Path, keys: str) -> None:
    neovim = shown(start, "", "idef a", FUNCTION)
    neovim.type("<M-]>")
    neovim.wait(lambda: neovim.ghost().startswith("dd(x)"), "the second alternative")
    neovim.type(keys)
    neovim.wait(lambda: neovim.ghost().startswith("(x)"), "its rest")
    n_asked = len(outcomes(log))
    neovim.lua("vim.wait(500)")  # Neovim asks after 200 ms
    assert neovim.ghost().startswith("(x)")
    assert len(outcomes(log)) == n_asked
    neovim.type("<M-]>")
    neovim.wait(lambda: neovim.ghost().startswith("(a, b):"), "the rest of the first")
    neovim.type("z")
    neovim.wait(lambda: len(outcomes(log)) > n_asked, "a request once nothing fits")


def test_dismissed_ghost_text_does_not_come_back_by_itself(start: Start, log: Path) -> None:
    neovim = shown(start, "", "idef a", FUNCTION)
    neovim.type("<C-]>")
    neovim.wait_ghost("")
    neovim.type("<M-Bslash>")
    neovim.wait_ghost(FUNCTION)
    assert [outcome.split()[0] for outcome in outcomes(log)] == ["automatic", "invoked"]


def test_asking_in_normal_mode_and_by_command(start: Start, log: Path) -> None:
    neovim = start(SCRIPT, "def a\n")
    neovim.wait_ready()
    neovim.type("$:Dgls fill<CR>")
    neovim.wait_ghost(FUNCTION)
    assert [outcome.split()[0] for outcome in outcomes(log)] == ["invoked"]


def test_asking_on_a_last_character_that_is_wide_asks_behind_it(start: Start) -> None:
    neovim = start(SCRIPT | {"rules": [{"prefix_ends": "名", "drafts": [" = 1"]}]}, "名\n")
    neovim.wait_ready()
    neovim.type(":Dgls fill<CR>")
    neovim.wait_ghost(" = 1")
    neovim.type("<Esc>:Dgls fill_with 1<CR>")
    neovim.wait_diff("名", "名1 = 1")


def test_a_key_of_somebody_else_stays_theirs(start: Start) -> None:
    neovim = start(SCRIPT, before="vim.keymap.set('i', '<Tab>', 'theirs')")
    neovim.wait_ready()
    neovim.type("idef a")
    neovim.wait_ghost(FUNCTION)
    neovim.type("<Tab>")
    neovim.wait_lines("def atheirs")
    assert neovim.lua("return require('dgls.keys').left_alone") == {"accept": "<Tab>"}
