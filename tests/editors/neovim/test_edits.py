"""Suggested edits in a real Neovim: drawn as a diff, applied, undone and dismissed."""

from pathlib import Path

import pytest

from tests.editors.neovim.conftest import NEWEST, OLDER, Start
from tests.editors.neovim.driver import Neovim

pytestmark = pytest.mark.editor

SCRIPT = {
    "default": {"drafts": ["filled"]},
    "rules": [{"prefix_ends": "def add(a, b):\n    ", "drafts": ["total = a + b\n    return total"]}],
    "standing": {
        "print(width)": "print(breadth)",
        "area = width * 2  # 🎉 é": "area = breadth * 2  # 🎉 é",
        "x=1": "x = 1",
        "y=2": "y = 2",
    },
}
TEXT = "width = 3\n\n\n\nprint(width)\n\n\n\narea = width * 2  # 🎉 é\n"
CHANGED = TEXT.replace("width = 3", "breadth = 3")
EITHER = pytest.mark.parametrize("program", [OLDER, NEWEST], ids=["0.11", "0.12"])


def lines(text: str) -> list[str]:
    """A text as the lines of a buffer."""
    return text.splitlines()


def suggested(start: Start, program: Path, text: str = TEXT, **options: object) -> Neovim:
    """A Neovim whose user has changed the first line, with what follows from that on the screen."""
    neovim = start(SCRIPT, text, program=program, **options)
    neovim.wait_ready()
    neovim.type("cwbreadth<Esc>")
    neovim.wait_diff("width\nwidth", "breadth\nbreadth")
    return neovim


@EITHER
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_jump_then_apply_and_undo(start: Start, program: Path, line_end: str, tmp_path: Path) -> None:
    neovim = suggested(start, program, TEXT.replace("\n", line_end))
    assert neovim.screen.text().splitlines()[4] == "print(widthbreadth)"
    assert neovim.lines() == lines(CHANGED)
    neovim.command("Dgls next")
    assert neovim.cursor() == (5, 0)
    assert neovim.lines() == lines(CHANGED)
    neovim.command("Dgls next")
    once = CHANGED.replace("(width", "(breadth")
    assert neovim.lines() == lines(once)
    neovim.wait_diff("width", "breadth")
    neovim.type("<Plug>(dgls-next-edit)<Plug>(dgls-next-edit)")
    neovim.wait_lines(*lines(once.replace("= width", "= breadth")))
    neovim.wait_diff("", "")
    neovim.type("u")
    neovim.wait_lines(*lines(once))
    neovim.type("u")
    neovim.wait_lines(*lines(CHANGED))
    neovim.command("write")
    assert (tmp_path / "x.py").read_bytes().decode() == CHANGED.replace("\n", line_end)


@EITHER
def test_all_at_once_is_one_undo(start: Start, program: Path) -> None:
    neovim = suggested(start, program)
    neovim.command("Dgls next all")
    assert neovim.lines() == lines(CHANGED.replace("(width", "(breadth").replace("= width", "= breadth"))
    neovim.type("u")
    neovim.wait_lines(*lines(CHANGED))


@EITHER
def test_edits_of_a_version_that_is_gone_are_dropped(start: Start, program: Path) -> None:
    neovim = suggested(start, program, edits=True)
    neovim.lua("vim.api.nvim_buf_set_lines(0, 1, 1, false, {'new'})")  # before any autocommand has run
    neovim.lua("_G.applied = require('dgls').next_edit()")
    assert neovim.lua("return _G.applied") is False
    after = lines(CHANGED)
    assert neovim.lines() == [after[0], "new", *after[1:]]


def test_an_answer_about_a_version_that_is_gone_is_dropped(start: Start) -> None:
    neovim = start(SCRIPT, TEXT, edits=False)
    neovim.wait_ready()
    neovim.lua("""
        local client = vim.lsp.get_clients({ name = 'dgls' })[1]
        local request = client.rpc.request
        client.cancel_request = function() end
        client.rpc.request = function(method, params, callback, ...)
            local kept = callback
            if method == 'dgls/rewrite' then
                kept = function(...) _G.late = vim.F.pack_len(...); _G.answer = callback end
            end
            return request(method, params, kept, ...)
        end""")
    neovim.command("5Dgls rewrite")
    neovim.wait(lambda: neovim.lua("return _G.answer ~= nil"), "the answer")
    neovim.type("ggOnew<Esc>")
    neovim.wait_lines("new", *lines(TEXT))
    neovim.lua("_G.answer(vim.F.unpack_len(_G.late))")
    assert neovim.diff() == ("", "")
    assert neovim.lua("return require('dgls').next_edit()") is False


@EITHER
def test_typing_or_dismissing_takes_them_away(start: Start, program: Path) -> None:
    neovim = suggested(start, program)
    neovim.type("i")
    neovim.wait_diff("", "")
    neovim.type("<Esc>")
    neovim.wait_diff("width\nwidth", "breadth\nbreadth")
    neovim.command("Dgls dismiss")
    neovim.wait_diff("", "")
    neovim.command("Dgls next")
    assert "no edit is suggested here" in neovim.messages()
    assert neovim.lines() == lines(CHANGED)


@EITHER
def test_they_are_not_suggested_when_unwanted(start: Start, program: Path) -> None:
    for options in ({"edits": False}, {"settings": {"next_edits": "off"}}):
        neovim = start(SCRIPT, TEXT, program=program, **options)
        neovim.wait_ready()
        neovim.type("cwbreadth<Esc>")
        neovim.wait_lines(*lines(CHANGED))
        neovim.command("5Dgls rewrite")  # its answer comes after one about next edits would have
        neovim.wait_diff("width", "breadth")


@EITHER
def test_a_change_in_normal_mode_is_a_change(start: Start, program: Path) -> None:
    neovim = start(SCRIPT, TEXT, program=program)
    neovim.wait_ready()
    neovim.command("1substitute/width/breadth/")
    neovim.wait_diff("width\nwidth", "breadth\nbreadth")


@EITHER
def test_a_selection_of_characters_is_rewritten(start: Start, program: Path) -> None:
    text = "s = '🎉'; x=1; y=2\nz=3\n"
    neovim = start(SCRIPT, text, program=program)
    neovim.wait_ready()
    neovim.type("fxvl:Dgls rewrite half  in few words<CR>")
    neovim.wait(lambda: "nothing to show: fits" in neovim.messages(), "the reason")  # `x=` is right as it is
    neovim.type("0fxvll:Dgls rewrite 0.6<CR>")
    neovim.wait_diff("=", " = ")
    neovim.command("Dgls next")
    neovim.wait_lines("s = '🎉'; x = 1; y=2", "z=3")
    neovim.type("u")
    neovim.wait_lines(*lines(text))


def test_a_selection_that_ends_before_the_cursor_is_rewritten(start: Start) -> None:
    neovim = start(SCRIPT, "x=1; y=2\n", before="vim.o.selection = 'exclusive'")
    neovim.wait_ready()
    neovim.type("vlll:Dgls rewrite<CR>")
    neovim.wait_diff("=", " = ")
    neovim.lua("require('dgls.edits').rewrite = function(range) _G.range = range end")
    neovim.type("v$:Dgls rewrite<CR>")
    neovim.wait(lambda: neovim.lua("return _G.range['end'].character") == 8, "the range of the line")


@EITHER
def test_a_rewrite_is_rejected(start: Start, program: Path) -> None:
    neovim = start(SCRIPT, "x=1\n", program=program)
    neovim.wait_ready()
    neovim.command("Dgls rewrite anew")
    neovim.wait_diff("=", " = ")
    neovim.type("<Plug>(dgls-dismiss-edits)")
    neovim.wait_diff("", "")
    assert neovim.lines() == ["x=1"]


@EITHER
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_gaps_are_filled_one_after_the_other(start: Start, program: Path, line_end: str, tmp_path: Path) -> None:
    text = "def add(a, b):\n    ...\n\n\ndef two():\n    TODO\n"
    neovim = start(SCRIPT, text.replace("\n", line_end), program=program)
    neovim.wait_ready()
    neovim.command("Dgls fill_gaps")
    sum_ = "    total = a + b\n    return total"
    neovim.wait_diff("    ...\n    TODO", f"{sum_}\n{sum_}")
    assert neovim.screen.text().splitlines()[:4] == [
        *("def add(a, b):", "    ...", "    total = a + b", "    return total"),
    ]
    neovim.command("Dgls next")
    once = lines(text.replace("...", "total = a + b\n    return total"))
    neovim.wait_lines(*once)
    neovim.wait_diff("    TODO", sum_)
    neovim.type("<Plug>(dgls-next-edit)<Plug>(dgls-next-edit)")
    neovim.wait_lines(*once[:-1], *lines(sum_))
    neovim.command("write")
    assert (tmp_path / "x.py").read_bytes().decode() == line_end.join([*once[:-1], *lines(sum_), ""])
    neovim.type("u")
    neovim.wait_lines(*once)
    neovim.type("u")
    neovim.wait_lines(*lines(text))


@EITHER
def test_gaps_of_a_range(start: Start, program: Path) -> None:
    neovim = start(SCRIPT, "def f():\n    ...\n\n\ndef g():\n    ...\n", program=program)
    neovim.wait_ready()
    neovim.command("5,6Dgls fill_gaps")
    neovim.wait_diff("...", "filled")
    neovim.command("1Dgls fill_gaps")
    neovim.wait(lambda: "nothing to show: no place" in neovim.messages(), "the reason")


@EITHER
def test_a_gap_is_filled_with_something(start: Start, program: Path) -> None:
    neovim = start(SCRIPT, "y = \n", program=program)
    neovim.wait_ready()
    neovim.type("$:Dgls fill_with  + <CR>")
    neovim.wait(lambda: neovim.diff()[1] != "", "the fill")
    neovim.command("Dgls next")
    neovim.wait(lambda: neovim.lines()[0].replace(" ", "") == "y=filled+filled", "the fill in the buffer")
    neovim.type("u")
    neovim.wait_lines("y = ")


def test_an_edit_out_of_sight_is_pointed_at(start: Start) -> None:
    neovim = start(SCRIPT, "width = 3\n" + "\n" * 60 + "print(width)\n")
    neovim.wait_ready()
    neovim.type("cwbreadth<Esc>")
    neovim.wait(lambda: neovim.draft() == "→ line 62", "the pointer")
    neovim.command("Dgls next")
    assert neovim.cursor() == (62, 0)
    neovim.wait_diff("width", "breadth")


def test_an_answer_comes_while_another_buffer_is_shown(start: Start) -> None:
    neovim = start(SCRIPT | {"delay_ms": 300}, "x=1\n")
    neovim.wait_ready()
    neovim.command("Dgls rewrite")
    neovim.command("new | put =range(99)")
    neovim.wait_diff("=", " = ")
    assert neovim.messages().count("stack traceback") == 0


def test_an_edit_in_a_closed_fold_is_seen_before_it_is_applied(start: Start) -> None:
    text = "width = 3\ndef f():\n    print(width)\n    a = 1\n"
    neovim = start(SCRIPT, text)
    neovim.wait_ready()
    neovim.command("set shiftwidth=4 foldmethod=indent foldlevel=0")
    neovim.type("cwbreadth<Esc>j")
    neovim.wait(lambda: neovim.lua("return #vim.api.nvim_buf_get_extmarks(0, -1, 0, -1, {})") > 0, "the edit")
    assert neovim.diff() == ("", "")
    neovim.command("Dgls next")
    neovim.wait_diff("width", "breadth")
    assert neovim.lines() == lines(text.replace("width", "breadth", 1))
    neovim.command("Dgls next")
    neovim.wait_lines(*lines(text.replace("width", "breadth")))


def test_what_goes_is_struck_through_in_every_colour_scheme(start: Start) -> None:
    neovim = start(SCRIPT)
    neovim.command("colorscheme habamax")
    assert neovim.lua("return vim.api.nvim_get_hl(0, { name = 'DglsStruck', link = false }).strikethrough")


@pytest.mark.parametrize(
    ("text", "edit", "row", "old", "new"),
    [
        ("a\nb\nc", (1, 0, 1, 1, "B"), 1, ["b"], ["B"]),
        ("a\nb\nc", (1, 0, 2, 0, ""), 1, ["b"], []),
        ("a\nb\nc", (1, 0, 1, 0, "x\r\ny\r\n"), 1, [], ["x", "y"]),
        ("a\nb\nc", (0, 0, 3, 0, "a\nB\nc\n"), 1, ["b"], ["B"]),
        ("a\nb\nc", (3, 0, 3, 0, "d\n"), 3, [], ["d"]),
        ("a\nb\nc", (1, 0, 3, 0, ""), 1, ["b", "c"], []),
        ("", (0, 0, 0, 0, "x\ny"), 0, [""], ["x", "y"]),
        ("é🎉x", (0, 6, 0, 7, "y"), 0, ["é🎉x"], ["é🎉y"]),
    ],
)  # fmt: skip
def test_the_lines_that_an_edit_changes(
    neovims: None, start: Start, text: str, edit: tuple[int, int, int, int, str], row: int, old: object, new: object
) -> None:
    neovim = start(SCRIPT, text)
    found = neovim.lua(
        """
        local first_line, first, last_line, last, text = unpack(...)
        local start, stop = { line = first_line, character = first }, { line = last_line, character = last }
        local range = { start = start, ['end'] = stop }
        local lines = require('dgls.diff').lines(0, { range = range, text = text }, 'utf-8')
        require('dgls.diff').draw(0, lines)
        local edit = { range = range, newText = text }
        vim.lsp.util.apply_text_edits({ edit }, vim.fn.bufnr(), 'utf-8')
        return { lines.row, lines.old, lines.new, vim.api.nvim_buf_get_lines(0, 0, -1, false) }""",
        list(edit),
    )
    before = text.split("\n")
    assert found[:3] == [row, old, new]
    assert isinstance(old, list)
    assert isinstance(new, list)
    assert found[3] == (before[:row] + new + before[row + len(old) :] or [""])


@pytest.mark.parametrize(
    ("old", "new", "removed", "added"),
    [
        ("print(width)", "print(breadth)", "width", "breadth"),
        ("x=1", "x = 1", "=", " = "),
        ("a b", "a c", "b", "c"),
        ("", "x", "", "x"),
        ("x", "", "x", ""),
        ("# é", "# è", "é", "è"),
        ("größe = 1", "grüße = 1", "größe", "grüße"),
        ("a = 1", "a = 10", "1", "10"),
    ],
)
def test_what_differs_within_a_line(start: Start, old: str, new: str, removed: str, added: str) -> None:
    neovim = start(SCRIPT)
    first, last, found = neovim.lua("return { require('dgls.diff').within(...) }", old, new)
    assert new == old.encode()[:first].decode() + found + old.encode()[last:].decode()
    assert (old.encode()[first:last].decode(), found) == (removed, added)


ACTION = """
    local title, first, last = ...
    vim.lsp.buf.code_action({
        apply = true,
        filter = function(action) return action.title == title end,
        range = { start = { first, 0 }, ['end'] = { last, 0 } },
    })"""


@EITHER
def test_code_actions_apply_the_same(start: Start, program: Path) -> None:
    neovim = suggested(start, program)
    neovim.lua(ACTION, "Apply all 2 next edits", 1, 1)
    neovim.wait_lines(*lines(CHANGED.replace("(width", "(breadth").replace("= width", "= breadth")))
    neovim.type("u")
    neovim.wait_lines(*lines(CHANGED))


@EITHER
def test_a_rewrite_by_code_action(start: Start, program: Path) -> None:
    neovim = start(SCRIPT, "x=1\n\n", program=program, before="vim.fn.confirm = function() return 1 end")
    neovim.wait_ready()
    neovim.lua(ACTION, "Rewrite: half", 1, 2)
    neovim.wait_lines("x = 1", "")
    neovim.type("u")
    neovim.wait_lines("x=1", "")
