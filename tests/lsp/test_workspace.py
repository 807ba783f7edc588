"""The server's documents are the editor's documents, whatever is typed."""

import random
from typing import Any

import pytest
from lsprotocol import converters
from lsprotocol import types as lsp

from dgls.errors import PositionError
from dgls.lsp.workspace import Documents, file_name, hash_of
from dgls.text.document import Encoding
from dgls.text.fill import Fill
from dgls.text.gap import gap_at
from tests.lsp.client import URI
from tests.lsp.conftest import Start
from tests.lsp.edits import ENCODINGS, edited

_CONVERTER = converters.get_converter()


def changes(version: int, *content: Any, uri: str = URI) -> lsp.DidChangeTextDocumentParams:
    """A change as it comes from the wire."""
    params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": list(content)}
    return _CONVERTER.structure(params, lsp.DidChangeTextDocumentParams)


def opened(text: str) -> Documents:
    """One open document."""
    documents = Documents()
    documents.open(lsp.TextDocumentItem(uri=URI, language_id="python", version=1, text=text))
    return documents


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_ten_thousand_edits_of_ranges(encoding: Encoding) -> None:
    documents, text, chance = opened(""), "", random.Random(encoding)
    for version in range(2, 3_336):
        text, change = edited(text, chance, encoding)
        documents.change(changes(version, change), encoding)
        document = documents.get(URI)
        assert document is not None
        assert (document.text, document.version) == (text, version)


def test_ten_thousand_edits_against_a_real_server(start: Start) -> None:
    editor = start({"default": {"drafts": [""]}})
    editor.initialize(encodings=["utf-16"])
    editor.open("")
    text, chance = "", random.Random(16)
    for number in range(10_000):
        text, change = edited(text, chance, "utf-16")
        message = editor.changed(text)
        if number % 10 == 0:  # we ask for whole texts, but an editor may send ranges
            message["params"]["contentChanges"] = [change]
        editor.send(message)
        if number % 250 == 0:
            assert editor.same_text(text), number
    assert editor.same_text(text)


def test_several_changes_in_one_message_follow_each_other() -> None:
    documents = opened("a\nb\n")
    end = {"start": {"line": 1, "character": 1}, "end": {"line": 1, "character": 1}}
    documents.change(changes(7, {"text": "c\nd"}, {"range": end, "text": "!"}), "utf-16")
    document = documents.get(URI)
    assert document is not None
    assert (document.text, document.version) == ("c\nd!", 7)


def test_a_change_outside_the_document_changes_nothing() -> None:
    documents = opened("a")
    outside = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}}
    with pytest.raises(PositionError):
        documents.change(changes(2, {"text": "b"}, {"range": outside, "text": "!"}), "utf-16")
    document = documents.get(URI)
    assert document is not None
    assert (document.text, document.version) == ("a", 1)


def test_what_is_not_open_stays_so() -> None:
    documents = opened("a")
    documents.change(changes(2, {"text": "b"}, uri="file:///other"), "utf-16")
    documents.close("file:///other")
    assert documents.get("file:///other") is None


def test_the_newest_fitting_answer_is_recalled() -> None:
    documents = opened("def \n")
    document = documents.get(URI)
    assert document is not None
    gap = gap_at(document, 4)
    for texts in (["old()"], ["main():", "me()"], ["other()"]):
        documents.remember(URI, tuple(Fill(gap, text) for text in texts))
    documents.change(changes(2, {"text": "def m\n"}), "utf-16")
    now = documents.get(URI)
    assert now is not None
    assert [fill.text for fill in documents.recall(gap_at(now, 5))] == ["ain():", "e()"]
    assert documents.recall(gap_at(now, 4)) == ()


def test_only_the_last_answers_are_kept() -> None:
    documents = opened("\n")
    document = documents.get(URI)
    assert document is not None
    gap = gap_at(document, 0)
    for number in range(20):
        documents.remember(URI, (Fill(gap, f"{number:02}"),))
    documents.change(changes(2, {"text": "0\n"}), "utf-16")
    now = documents.get(URI)
    assert now is not None
    assert documents.recall(gap_at(now, 1)) == ()  # 00 to 09 are long gone


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("file:///home/a/x.py", "x.py"),
        ("file:///c%3A/a%20b/x%20y.py", "x y.py"),
        ("file:///a/%5Bx%5D%23.py", "[x]#.py"),
        ("untitled:Untitled-1", "Untitled-1"),
        ("vscode-notebook-cell:/a/b.ipynb#W0sZmlsZQ%3D%3D", "b.ipynb"),
        ("file:///a/x%0Ay.py", "x y.py"),
        ("file://[", "["),
        ("", ""),
        ("%ff%fe", "\ufffd\ufffd"),
    ],
)
def test_file_name(uri: str, name: str) -> None:
    assert file_name(uri) == name


def test_the_hash_of_a_text_that_is_no_utf_8() -> None:
    documents = opened("a\ud83d")
    document = documents.get(URI)
    assert document is not None
    assert hash_of(document).length == 2
