"""Requests, the server's life, drafts, popups and what the plugin says of itself, in a real Neovim."""

import os
import signal
from pathlib import Path

import pytest

from tests.editors.neovim.conftest import Start, outcomes
from tests.editors.neovim.driver import Neovim

pytestmark = pytest.mark.editor

SLOW = {"default": {"drafts": ["s"]}, "rules": [{"prefix_ends": "def a", "drafts": ["dd(a):"], "delay_ms": 700}]}
PID = "return vim.api.nvim_get_proc_children(vim.fn.getpid())[1]"


def test_requests_that_are_typed_past_are_cancelled_and_their_answers_dropped(start: Start, log: Path) -> None:
    neovim = start({"default": {"drafts": ["z"], "delay_ms": 60_000}}, settings={"deadline_ms": 600_000})
    neovim.wait_ready()
    neovim.type("i")
    for n, key in enumerate("abc"):
        neovim.type(key)
        neovim.wait(lambda: neovim.lua("return require('dgls.ghost').is_asking(0 + vim.fn.bufnr())"), "a request")
        neovim.wait(lambda n=n: len(outcomes(log)) >= n, "the end of the one before")  # type: ignore[misc]
    assert outcomes(log) == ["automatic cancelled"] * 2
    neovim.type("<Esc>")
    neovim.wait(lambda: outcomes(log) == ["automatic cancelled"] * 3, "the end of the last one")


def test_an_answer_that_comes_too_late_is_not_shown(start: Start) -> None:
    """What the server sends although it was told to stop: an answer to a state that is gone."""
    neovim = start({"default": {"drafts": [" "]}, "rules": [{"prefix_ends": "def a", "drafts": ["dd(a):"]}]})
    neovim.wait_ready()
    neovim.lua("""
        local client = vim.lsp.get_clients({ name = 'dgls' })[1]
        client.cancel_request = function() end
        local request = client.rpc.request
        client.rpc.request = function(method, params, callback, ...)
            local kept = callback
            if method == 'textDocument/inlineCompletion' and not _G.late then
                kept = function(...) _G.late = vim.F.pack_len(...); _G.answer = callback end
            end
            return request(method, params, kept, ...)
        end""")
    neovim.type("idef a")
    neovim.wait(lambda: neovim.lua("return _G.answer ~= nil"), "the answer")
    neovim.type("z")
    neovim.wait_lines("def az")
    neovim.lua("_G.answer(vim.F.unpack_len(_G.late))")
    neovim.draw()
    assert neovim.ghost() == ""
    neovim.type("<BS>")
    neovim.wait_ghost("dd(a):")


def test_the_server_is_killed_and_comes_back(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}, "rules": [{"prefix_ends": "x = ", "drafts": ["one"]}]})
    neovim.wait_ready()
    os.kill(neovim.lua(PID), signal.SIGKILL)
    neovim.wait(lambda: neovim.lua("return require('dgls').statusline()") == "dgls restarting", "the status")
    neovim.command("new other.txt")
    assert neovim.lua("return require('dgls').statusline()") == ""
    neovim.command("close")
    neovim.wait_ready()
    neovim.type("ix = ")
    neovim.wait_ghost("one")


def test_a_server_that_was_stopped_stays_stopped(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}})
    neovim.wait_ready()
    neovim.lua("vim.lsp.enable('dgls', false)")
    neovim.wait(lambda: neovim.lua("return #vim.lsp.get_clients()") == 0, "the end")
    assert neovim.lua("return require('dgls').statusline()") == ""
    neovim.command("Dgls restart")
    neovim.wait_ready()


def test_a_server_that_is_stopped_while_it_waits_to_come_back_stays_stopped(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}})
    neovim.wait_ready()
    os.kill(neovim.lua(PID), signal.SIGKILL)
    neovim.wait(lambda: neovim.lua("return require('dgls').statusline()") == "dgls restarting", "the status")
    neovim.lua("vim.lsp.enable('dgls', false); vim.wait(1000)")  # it comes back after 500 ms
    assert neovim.lua("return { #vim.lsp.get_clients(), require('dgls').statusline() }") == [0, ""]


@pytest.mark.parametrize("how", ["edit!", "%bdelete | edit #"])
def test_a_file_that_is_read_anew_is_served_as_before(start: Start, log: Path, how: str) -> None:
    standing = {"print(width)": "print(breadth)"}
    neovim = start(SLOW | {"standing": standing}, "width = 3\nprint(width)\n", settings={"deadline_ms": 600_000})
    neovim.wait_ready()
    neovim.command(how)
    neovim.lua("vim.wait(100)")  # what is done a little later is done
    neovim.type("ggcwbreadth<Esc>")
    neovim.wait_diff("width", "breadth")
    neovim.type("odef a")
    neovim.wait(lambda: neovim.lua("return require('dgls.ghost').is_asking(vim.fn.bufnr())"), "a request")
    neovim.type("<Esc>")
    neovim.wait(lambda: "automatic cancelled" in outcomes(log), "its end")


DRAFTS = {
    "default": {"drafts": [" "]},
    "rules": [{"prefix_ends": "def a", "drafts": ["dd(x", "dd(a):", "dd(a):\n    return a"], "delay_ms": 400}],
}


def test_drafts_come_into_focus(start: Start) -> None:
    neovim = start(DRAFTS)
    neovim.wait_ready()
    seen: list[str] = []

    def watch() -> bool:
        draft = neovim.draft()
        seen.extend([draft] if draft and draft not in seen else [])
        return neovim.ghost() != ""

    neovim.type("idef a")
    neovim.wait(watch, "the fill")
    assert seen
    assert all("dd(a):\n    return a".startswith(draft) for draft in seen)
    assert neovim.ghost() == "dd(a):\n    return a"
    assert neovim.draft() == ""


def test_drafts_go_when_the_user_types_on(start: Start) -> None:
    drafts = ["oo(a", *["oo(b"] * 500]
    endless = {"default": {"drafts": [" "]}, "rules": [{"prefix_ends": "f", "drafts": drafts, "delay_ms": 300}]}
    neovim = start(endless, settings={"deadline_ms": 600_000})
    neovim.wait_ready()
    neovim.type("if")
    neovim.wait(lambda: neovim.draft().startswith("oo("), "the draft")
    neovim.type("z")
    neovim.wait(lambda: neovim.draft() == "", "no draft")


def test_drafts_are_not_asked_for_when_unwanted(start: Start) -> None:
    neovim = start(DRAFTS, drafts=False)
    neovim.wait_ready()
    neovim.lua("local d = require('dgls.drafts'); d.show = function() _G.drafted = true end")
    neovim.type("idef a")
    neovim.wait_ghost("dd(a):\n    return a")
    assert neovim.lua("return _G.drafted") is None


def test_pausing_asks_for_nothing_and_filling_on_purpose_still_works(start: Start, log: Path) -> None:
    neovim = start({"default": {"drafts": [" "]}, "rules": [{"prefix_ends": "x = ", "drafts": ["one"]}]})
    neovim.wait_ready()
    neovim.command("Dgls pause")
    assert neovim.lua("return require('dgls').statusline()") == "dgls paused"
    neovim.type("ix = ")
    neovim.type("<M-Bslash>")
    neovim.wait_ghost("one")
    neovim.type("<Esc>")
    neovim.command("Dgls resume")
    neovim.type("o<Esc>cc")
    neovim.wait(lambda: outcomes(log)[-1:] == ["automatic empty"], "an automatic request")
    assert [outcome.split()[0] for outcome in outcomes(log)] == ["invoked", "automatic"]


def test_the_commands(start: Start, tmp_path: Path, log: Path) -> None:
    neovim = start({"default": {"drafts": [" "]}})
    neovim.wait_ready()
    names = ["dismiss", "doctor", "engine", "fill", "fill_gaps", "fill_with", "log", "next", "pause"]
    names += ["restart", "resume", "rewrite", "status"]
    assert neovim.lua("return vim.fn.getcompletion('Dgls ', 'cmdline')") == names
    assert neovim.lua("return vim.fn.getcompletion('Dgls pause ', 'cmdline')") == ["buffer"]
    neovim.command("Dgls status")
    assert "scripted (script.json) is ready" in neovim.messages()
    neovim.command("silent! Dgls nonsense")
    neovim.command("Dgls log")
    assert "scripted (script.json) is ready" in "\n".join(neovim.lines())
    neovim.command("close")
    neovim.command("Dgls doctor")
    neovim.wait(lambda: "grammar" in "\n".join(neovim.lines()), "the doctor")
    neovim.command("close")
    other = tmp_path / "other.json"
    other.write_text('{"default": {"drafts": ["other"]}}', encoding="utf-8")
    neovim.lua("require('dgls.client').configure({ script = ... })", str(other))
    neovim.wait(lambda: "other.json" in neovim.lua("return require('dgls.status').report(vim.fn.bufnr())")[0], "it")
    neovim.type("ix = ")
    neovim.wait_ghost("other")


def health(neovim: Neovim) -> str:
    """What :checkhealth says."""
    neovim.command("checkhealth dgls")
    return "\n".join(neovim.lines())


def test_checkhealth_when_everything_is_fine(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}})
    neovim.wait_ready()
    said = health(neovim)
    assert "ERROR" not in said
    assert "WARNING" not in said
    for part in ("has inline completion", "every key is mapped", "OK grammar:", "runs for 1 buffers", "is ready"):
        assert part in said


def test_checkhealth_when_everything_is_broken(start: Start) -> None:
    neovim = start(
        {"default": {"drafts": [" "]}},
        before="vim.keymap.set('i', '<Tab>', 'theirs')",
        settings={"script": "/nowhere.json"},
    )
    state = "local c = require('dgls.client').of(); return c and (require('dgls.status').of(c) or {}).state"
    neovim.wait(lambda: neovim.lua(state) == "failed", "the failure")
    said = health(neovim)
    for part in ("<Tab> is mapped already", "ERROR script:", "cannot read the script nowhere.json", ":Dgls log"):
        assert part in said
    neovim.lua("vim.lsp.enable('dgls', false); require('dgls.config').now.command = { 'nowhere/dgls' }")
    neovim.lua("require('dgls.config').given = nil")
    neovim.wait(lambda: neovim.lua("return #vim.lsp.get_clients()") == 0, "the end")
    said = health(neovim)
    for part in ("ERROR not set up", "ERROR there is no program", "the server does not run"):
        assert part in said


def test_a_program_that_is_missing_is_said_once(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}}, command=["nowhere/dgls"])
    neovim.wait(lambda: "nowhere/dgls" in neovim.messages(), "the message")
    neovim.command("edit other.py")
    assert neovim.messages().count("nowhere/dgls") == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{ keymap = {} }", 'there is no option "keymap"'),
        ("{ keymaps = { take = '<Tab>' } }", 'no key can be mapped to "take"'),
        ("{ keymaps = { accept = true } }", "keymaps.accept: expected a key, or false, got true"),
        ("{ keymaps = true }", "keymaps: expected a table, or false, got true"),
        ("{ command = {} }", "command: expected a list of strings, the program first"),
        ("{ command = 'dgls' }", "command: expected a list of strings, the program first, got dgls"),
        ("'dgls'", "opts: expected table, got string"),
    ],
)
def test_a_wrong_option_is_named(start: Start, given: str, said: str) -> None:
    neovim = start({"default": {"drafts": [" "]}})
    assert said in neovim.lua(f"return select(2, pcall(require('dgls').setup, {given}))")


def test_a_second_setup_maps_its_own_keys_and_no_others(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}})
    neovim.wait_ready()
    mapped = "return vim.fn.maparg(..., 'i', false, true).desc or ''"
    neovim.lua("require('dgls').setup({ keymaps = { dismiss = '<C-x>', next = false } })")
    assert neovim.lua(mapped, "<C-x>") == "dgls: dismiss"
    assert [neovim.lua(mapped, key) for key in ("<C-]>", "<M-]>")] == ["", ""]
    neovim.type("i<Cmd>lua vim.snippet.expand('f($1, $2)')<CR>")
    neovim.type("a<Tab>b")  # Neovim's own, where there is nothing to take
    neovim.wait_lines("f(a, b)")
    neovim.lua("require('dgls').setup({ keymaps = false })")
    assert neovim.lua(mapped, "<Tab>").startswith("vim.snippet.jump")


def test_the_bundled_model(start: Start) -> None:
    """Through the whole: a real model, a real server, a real editor."""
    text = "def add(left, right):\n    return left + \n"
    neovim = start({"default": {"drafts": [" "]}}, text, settings={"engine": "local", "least_sureness_percent": 0})
    neovim.wait_ready()
    neovim.type("jA")
    neovim.wait(lambda: neovim.ghost() != "", "a fill")
    ghost = neovim.ghost()
    neovim.type("<Tab>")
    neovim.wait(lambda: "\n".join(neovim.lines()) == text.rstrip("\n") + ghost, "the fill in the buffer")


def test_a_second_window_and_another_file_have_their_own(start: Start, tmp_path: Path) -> None:
    rules = [{"prefix_ends": "x = ", "drafts": ["one"]}, {"prefix_ends": "y = ", "drafts": ["two"]}]
    neovim = start({"default": {"drafts": [" "]}, "rules": rules})
    neovim.wait_ready()
    neovim.type("ix = ")
    neovim.wait_ghost("one")
    neovim.type("<Esc>")
    neovim.command(f"split {tmp_path / 'other.py'}")
    neovim.type("iy = ")
    neovim.wait_ghost("two")
    neovim.type("<Tab>")
    neovim.wait_lines("y = two")
    neovim.type("<Esc>")
    neovim.command("wincmd p")
    neovim.wait_lines("x = ")
    neovim.type("A")
    neovim.wait_ghost("one")


def test_ghost_text_goes_when_another_window_is_entered_in_insert_mode(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}, "rules": [{"prefix_ends": "x = ", "drafts": ["one"]}]}, "a\n\n")
    neovim.wait_ready()
    neovim.command("vsplit other.txt")
    neovim.command("wincmd p")
    neovim.type("jix = ")
    neovim.wait_ghost("one")
    neovim.type("<Cmd>wincmd p<CR>")
    neovim.wait_ghost("")
    assert neovim.lua("return vim.api.nvim_get_mode().mode") == "i"
    neovim.type("<Cmd>wincmd p<CR>")
    neovim.wait_ghost("one")


def test_a_failure_of_the_engine_is_in_the_status(start: Start) -> None:
    neovim = start({"default": {"drafts": [" "]}}, settings={"script": "/nowhere.json"})
    neovim.wait(lambda: neovim.lua("return require('dgls').statusline()") == "dgls failed", "the status")
    assert (
        "cannot read the script nowhere.json" in neovim.lua("return require('dgls.status').report(vim.fn.bufnr())")[0]
    )
