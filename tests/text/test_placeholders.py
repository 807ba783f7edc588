"""Placeholders: where code is still to come, and what only looks like it."""

import pytest

from dgls.settings import Settings
from dgls.text.document import Document
from dgls.text.placeholders import placeholders

WORDS = Settings().placeholders


def found_in(marked: str, language: str, words: tuple[str, ...] = WORDS) -> None:
    """Checks that exactly the parts in «marks» are placeholders."""
    text = marked.replace("«", "").replace("»", "")
    document = Document(text, language=language)
    gaps = placeholders(document, 0, len(text), words)
    shown = text
    for gap in reversed(gaps):
        shown = f"{shown[: gap.start]}«{shown[gap.start : gap.end]}»{shown[gap.end :]}"
    assert shown == marked


@pytest.mark.parametrize(
    "marked",
    [
        "def f():\n    «...»\n",
        "def f():\n    return «...»\n",
        "x = f(«...»)\ny = g(1, «...»)\n",
        "def f():\n    «pass  # fill»\n    pass\n",
        "def f():\n    «pass # fill»\n",
        "def f():\n    «TODO»\n    x = «TODO»\n    TODOS = 1\n",
        "if x:\n    «# TODO»\n    «# TODO:»\n    # TODO: sort them\n",
        "t: tuple[int, ...]\nx[...] = 1\nx[..., 0] = 2\n",
        "s = 'TODO' + \"...\"\n",
        '"""\nTODO\n...\n"""\n«...»\n',
        "x = 1  # TODO\n",
        "def f():\r\n    «...»\r\n",
        "",
    ],
)
def test_in_python(marked: str) -> None:
    found_in(marked, "python")


@pytest.mark.parametrize(
    "marked",
    [
        "const a = [...b, ...c]; f(...d);\nconst e = {...f};\n",
        "const s = `TODO ...`;\nlet x = «TODO»;\n",
        "function f() {\n  «// TODO»\n  «/* TODO */»\n  // TODO: more\n}\n",
        "function f(a, ...rest) { «...» }\n",
    ],
)
def test_in_javascript(marked: str) -> None:
    found_in(marked, "javascript")


def test_what_c_writes_with_dots_is_none() -> None:
    found_in("int printf(const char *format, ...);\nint f(void) { «TODO» }\n", "c")


def test_the_words_are_those_given() -> None:
    found_in("x = «FIXME»\ny = TODO\nz = «<fill>»\n", "python", ("FIXME", "<fill>"))
    found_in("x = ...\n", "python", ())


@pytest.mark.parametrize(("language", "mark"), [("python", '"""'), ("python", "'''"), ("go", "`")])
def test_a_string_that_is_not_ended_takes_no_time(language: str, mark: str) -> None:
    """With thirty backslashes behind a docstring that was being typed the server stood still."""
    found_in(mark + r"\d" * 100 + "\n«TODO»\n", language)
    found_in(mark + r"\d" * 100 + f"TODO{mark}\n«TODO»\n", language)


def test_only_those_between_the_offsets_count() -> None:
    document = Document("...\n...\n...\n")
    assert [gap.start for gap in placeholders(document, 4, 7, WORDS)] == [4]
    assert placeholders(document, 5, 7, WORDS) == []
