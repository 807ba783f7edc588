"""Fills in Neovim's own completion popup: in 0.11, which has nothing else, and in 0.12 where it is wanted."""

import pytest

from tests.editors.neovim.conftest import NEWEST, OLDER, Start

pytestmark = pytest.mark.editor

SCRIPT = {
    "default": {"drafts": [" "]},
    "rules": [{"prefix_ends": "def a", "drafts": ["dd(a, b):\n    return a + b"], "alternatives": ["dd(x)"]}],
}


@pytest.mark.parametrize("program", [OLDER, NEWEST], ids=["0.11", "0.12"])
def test_an_item_is_taken_whole(start: Start, program: object) -> None:
    neovim = start(SCRIPT, program=program, settings={"popup": "on"})
    neovim.wait_ready()
    neovim.type("idef a<C-x><C-o>")
    neovim.wait(lambda: neovim.lua("return vim.fn.pumvisible()") == 1, "the popup")
    assert neovim.lua("return vim.tbl_map(function(i) return i.abbr end, vim.fn.complete_info().items)") == [
        "add(a, b):",
        "add(x)",
    ]
    neovim.type("<C-y>")
    neovim.wait_lines("def add(a, b):", "    return a + b")


def test_the_older_neovim_says_what_it_lacks(start: Start) -> None:
    neovim = start(SCRIPT, program=OLDER)
    neovim.wait_ready()
    assert "ghost text needs Neovim 0.12 (vim.lsp.inline_completion)" in neovim.messages()
    neovim.type("idef a<Tab>")
    neovim.wait_lines("def a\t")
    neovim.type("<Esc>")
    neovim.command("checkhealth dgls")
    said = "\n".join(neovim.lines())
    assert "has no inline completion" in said
    assert "ERROR" not in said


def test_the_newer_neovim_has_no_popup_unless_it_is_wanted(start: Start) -> None:
    neovim = start(SCRIPT)
    neovim.wait_ready()
    supports = "return vim.lsp.get_clients()[1]:supports_method('textDocument/completion')"
    assert neovim.lua(supports) is False
