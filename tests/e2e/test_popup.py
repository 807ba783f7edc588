"""A completion popup from the bundled model: the same fills as ghost text, each with the word before the cursor."""

import sys
from pathlib import Path

from lsprotocol import converters
from lsprotocol import types as lsp

from tests.lsp.client import URI, Editor

TEXT = "def total(items, tax):\n    result = 0\n    for item in items:\n        result += it\n    return result\n"
LINE, WORD, CURSOR = 3, 18, 20


def test_the_popup_has_the_fills_of_the_ghost_text(tmp_path: Path) -> None:
    settings = ["pause_ms=0", "deadline_ms=120000", "least_sureness_percent=0"]
    command = [sys.executable, "-m", "dgls", "serve", *(part for one in settings for part in ("--set", one))]
    editor = Editor(command, tmp_path / "stderr")
    try:
        editor.initialize(encodings=["utf-8"])
        editor.open(TEXT)
        editor.ready()
        place = {"textDocument": {"uri": URI}, "position": {"line": LINE, "character": CURSOR}}
        answer = editor.ask("textDocument/completion", place | {"context": {"triggerKind": 1}})
        items = converters.get_converter().structure(answer, lsp.CompletionList).items
        fills = editor.texts(LINE, CURSOR, invoked=True)
    finally:
        editor.close()
    assert fills
    edits = [item.text_edit for item in items]
    span = lsp.Range(lsp.Position(LINE, WORD), lsp.Position(LINE, CURSOR))
    assert edits == [lsp.TextEdit(span, f"it{text}") for text in fills]
