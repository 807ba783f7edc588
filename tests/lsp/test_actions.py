"""Code actions and commands, which every client has: offered without the model, applied as versioned edits."""

from typing import Any

import pytest

from tests.lsp.client import URI, Editor
from tests.lsp.conftest import Start
from tests.lsp.edits import with_edits
from tests.lsp.test_edits import AFTER, BEFORE, FIXED, SCRIPT, span

VERSIONED = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
SHOWN = {"workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": False}}}
APPLIES = "workspace/applyEdit"


def opened(start: Start, before: str, after: str, **capabilities: Any) -> Editor:
    """An editor whose user has changed something."""
    editor = start(SCRIPT)
    editor.initialize(**(capabilities or VERSIONED))
    editor.open(before)
    editor.ready()
    editor.change(after)
    return editor


def actions(editor: Editor, range_: dict[str, Any], *only: str) -> dict[str, dict[str, Any]]:
    """The actions for a range, by their titles."""
    context = {"diagnostics": [], **({"only": only} if only else {})}
    asked = {"textDocument": {"uri": URI}, "range": range_, "context": context}
    return {action["title"]: action for action in editor.ask("textDocument/codeAction", asked)}


def run(editor: Editor, action: dict[str, Any]) -> None:
    """Runs the command of an action, as an editor does that knows nothing of it."""
    command = action["command"]
    editor.ask("workspace/executeCommand", {"command": command["command"], "arguments": command["arguments"]})


def applied(text: str, change: dict[str, Any]) -> str:
    """The text after a workspace edit of version 2."""
    (document,) = change["documentChanges"]
    assert document["textDocument"] == {"uri": URI, "version": 2}
    return with_edits(text, document["edits"])


def test_what_the_server_says_that_it_can(start: Start) -> None:
    can = start(SCRIPT).initialize()["capabilities"]
    assert can["codeActionProvider"] == {"codeActionKinds": ["quickfix", "refactor.rewrite"]}
    commands = ["dgls.rewrite", "dgls.fillGaps", "dgls.fillWith", "dgls.nextEdits.apply"]
    assert can["executeCommandProvider"] == {"commands": commands}


def test_next_edits_that_are_known_are_offered_one_by_one_and_together(start: Start) -> None:
    editor = opened(start, BEFORE, AFTER)
    editor.next_edits()
    found = actions(editor, span(4, 0, 4, 0), "quickfix")
    names = ["Next edit: line 4: print(breadth)", "Next edit: line 7: area = breadth * 2  # 🎉"]
    assert list(found) == [*names, "Apply all 2 next edits"]
    assert {action["kind"] for action in found.values()} == {"quickfix"}
    assert applied(AFTER, found[names[0]]["edit"]) == AFTER.replace("(width", "(breadth")
    assert applied(AFTER, found["Apply all 2 next edits"]["edit"]) == FIXED


def test_edits_far_away_are_offered_together_only(start: Start) -> None:
    far = "\n" * 20
    editor = opened(start, BEFORE + far, AFTER + far)
    editor.next_edits()
    assert list(actions(editor, span(25, 0, 25, 0), "quickfix")) == ["Apply all 2 next edits"]


def test_next_edits_that_are_not_known_are_looked_for_when_chosen(start: Start) -> None:
    editor = opened(start, BEFORE, AFTER)
    found = actions(editor, span(0, 0, 0, 0), "quickfix")
    assert list(found) == ["Apply what follows from the last change"]
    run(editor, found["Apply what follows from the last change"])
    asked = editor.note(APPLIES)
    assert asked["label"] == "dgls: next edits"
    assert applied(AFTER, asked["edit"]) == FIXED


@pytest.mark.parametrize("only", [[], ["refactor"], ["refactor.rewrite"], ["quickfix", "refactor"], [""]])
def test_a_selection_may_be_rewritten(start: Start, only: list[str]) -> None:
    editor = opened(start, "x=1\n", "x=1\n")
    found = actions(editor, span(0, 0, 0, 3), *only)
    strengths = {"Rewrite: a little": 0.3, "Rewrite: half": 0.6, "Rewrite: anew": 1.0}
    rewrites = {title: action for title, action in found.items() if title in strengths}
    assert list(rewrites) == list(strengths)
    for title, action in rewrites.items():
        assert action["kind"] == "refactor.rewrite"
        assert action["command"]["arguments"][0].get("strength", 1.0) == strengths[title]
    run(editor, found["Rewrite: half"])
    assert applied("x=1\n", editor.note(APPLIES)["edit"]) == "x = 1\n"


@pytest.mark.parametrize("only", [["quickfix"], ["refactor.extract"], ["refactor.rewrites"], ["source"]])
def test_kinds_that_are_not_asked_for(start: Start, only: list[str]) -> None:
    editor = opened(start, "x=1\n", "x=1\n")
    assert not [title for title in actions(editor, span(0, 0, 0, 3), *only) if title.startswith("Rewrite")]


def test_a_cursor_or_a_place_outside_has_nothing_to_rewrite(start: Start) -> None:
    editor = opened(start, "x=1\n", "x=2\n")
    for place in (span(0, 1, 0, 1), span(0, 0, 99, 0), span(0, 3, 0, 0)):
        assert actions(editor, place, "refactor") == {}


def test_gaps_here_or_elsewhere(start: Start) -> None:
    text = "def add(a, b):\n    ...\n\n\nx = 1\n"
    editor = opened(start, text, text)
    assert list(actions(editor, span(1, 4, 1, 4), "refactor")) == ["Fill the gaps here"]
    elsewhere = actions(editor, span(4, 0, 4, 0), "refactor")
    assert list(elsewhere) == ["Fill all gaps of this file"]
    run(editor, elsewhere["Fill all gaps of this file"])
    assert applied(text, editor.note(APPLIES)["edit"]) == text.replace("...", "total = a + b\n    return total")
    editor.change("TODOS = [] # ..\n")
    assert actions(editor, span(0, 0, 0, 0), "refactor") == {}


def test_a_rewrite_is_shown_before_it_is_applied_where_that_can_be(start: Start) -> None:
    editor = opened(start, "x=1\n", "x=1\n", workspace=SHOWN)
    run(editor, actions(editor, span(0, 0, 0, 3))["Rewrite: anew"])
    change = editor.note(APPLIES)["edit"]
    assert change["changeAnnotations"] == {"dgls": {"label": "dgls: rewrite", "needsConfirmation": True}}
    assert {edit["annotationId"] for edit in change["documentChanges"][0]["edits"]} == {"dgls"}
    assert applied("x=1\n", change) == "x = 1\n"


def test_an_editor_without_versions_gets_plain_changes(start: Start) -> None:
    editor = opened(start, "x=1\n", "x=1\n", workspace={})
    run(editor, actions(editor, span(0, 0, 0, 3))["Rewrite: anew"])
    change = editor.note(APPLIES)["edit"]
    assert list(change) == ["changes"]
    assert with_edits("x=1\n", change["changes"][URI]) == "x = 1\n"


def test_when_nothing_comes_out_the_user_is_told_why(start: Start) -> None:
    editor = opened(start, "y = 1\n", "y = 2\n")
    action = actions(editor, span(0, 0, 0, 5))["Rewrite: anew"]
    run(editor, action)
    assert editor.note("window/showMessage") == {"type": 3, "message": "dgls: rewrite: nothing to show: fits"}
    editor.change("y = 3\n")
    run(editor, action)
    editor.note("window/showMessage", lambda told: told["message"].endswith("nothing to show: stale"))
    assert editor.count(APPLIES) == 0


def test_commands_that_cannot_be_understood_are_refused(start: Start) -> None:
    editor = opened(start, "y = 1\n", "y = 2\n")
    for command, arguments in (
        ("dgls.rewrite", None),
        ("dgls.rewrite", []),
        ("dgls.rewrite", [{"textDocument": {"uri": URI}}]),
        ("dgls.rewrite", [{}, {}]),
        ("dgls.nonsense", []),
    ):
        request = editor.request("workspace/executeCommand", {"command": command, "arguments": arguments})
        editor.send(request)
        assert editor.error(request)["code"] == -32602
    assert editor.count("window/showMessage") == 0
