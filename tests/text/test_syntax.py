"""The window around a gap: what it says about syntax is what the whole file says, at a cost that does not grow."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from tree_sitter import Node

from clipping.overrun import Cut, cuts
from dgls.cli.checks import grammar
from dgls.text import syntax
from dgls.text.document import Document
from dgls.text.gap import gap_at
from dgls.text.languages import language_of
from dgls.text.syntax import n_errors, parser, without_parser
from dgls.text.window import window

ROOT = Path(__file__).parent.parent.parent
FIXTURES = sorted((ROOT / "fixtures" / "clip").iterdir())


def language_name(path: Path) -> str:
    """The language of a file."""
    return language_of("", path.name).name


def has_error(language: str, text: str) -> bool:
    """Whether a whole text does not parse."""
    found = parser(language)
    assert found is not None
    root: Node = found.parse(text.encode()).root_node
    return root.has_error


@pytest.mark.parametrize("path", FIXTURES, ids=language_name)
def test_every_grammar_reads_its_fixture(path: Path) -> None:
    assert not has_error(language_name(path), path.read_text(encoding="utf-8"))


def long_cuts(path: Path) -> list[Cut]:
    """Gaps in a file that is repeated until a window holds a small part of it, if it parses so."""
    text = path.read_text(encoding="utf-8")
    long = text * (15_000 // len(text))
    # A namespace that is cut in two is an error.
    if has_error(language_name(path), long) or language_name(path) == "cpp":
        long = text
    return list(cuts(language_name(path), long, 60, random.Random(1)))


@pytest.mark.parametrize("path", FIXTURES, ids=language_name)
def test_a_window_of_a_file_without_errors_has_none(path: Path) -> None:
    """The reference is a parse of the whole file. A few windows end where no statement does."""
    found = [n_errors(cut.gap, cut.middle) for cut in long_cuts(path)]
    assert sum(map(bool, found)) <= len(found) // 15


@pytest.mark.parametrize("path", FIXTURES, ids=language_name)
def test_an_error_in_a_file_is_one_in_the_window(path: Path) -> None:
    for cut in long_cuts(path)[:40]:
        wrong = cut.middle.rstrip() + " ))"
        if has_error(cut.language, cut.gap.prefix + wrong + cut.suffix):
            assert n_errors(cut.gap, wrong)


def test_a_window_does_not_grow_with_the_file() -> None:
    lines = Path(random.__file__).read_text(encoding="utf-8").split("\n")
    long = "\n".join(lines * 20)
    gap = gap_at(Document(long), len(long) // 2)
    found = window(gap, language_of("python"))
    assert len(found.before) + len(found.after) < 20_000


def test_grammars_are_imported_when_they_are_used() -> None:
    code = (
        "import sys, dgls.lsp.server, dgls.text.clip; print([name for name in sys.modules if 'tree_sitter_' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_grammar_of_an_open_document_is_read_before_it_is_asked_for() -> None:
    code = (
        "import sys; from dgls.text.clip import prepare; from dgls.text.document import Document\n"
        "prepare(Document('', language='go')); print('tree_sitter_go' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("True", "")


@pytest.mark.parametrize("broken", ["tree_sitter_gone", "json"], ids=["missing", "another module"])
def test_a_language_without_its_wheel_is_not_parsed(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing breaks: no count of errors, as in a language without a grammar; `doctor` tells of it."""
    assert without_parser() == []
    monkeypatch.setitem(syntax._GRAMMARS, "go", (broken, "language"))
    parser.cache_clear()
    try:
        assert without_parser() == ["go"]
        assert n_errors(gap_at(Document("", language="go"), 0), "x := = 1") is None
        assert (grammar().status, grammar().detail) == ("warning", "none for go")
    finally:
        parser.cache_clear()
    monkeypatch.undo()
    assert grammar().detail.startswith("24 languages, ")
