"""Reading brackets past strings and comments."""

import pytest

from dgls.text.languages import language_of
from dgls.text.scan import scan


@pytest.mark.parametrize(
    ("language", "text", "inside"),
    [
        ("python", 'def f():\n    """One (two', '"""'),
        ("python", 'def f():\n    """One (two\n', '"""'),
        ("python", "x = '''a\n\n", "'''"),
        ("python", "x = 'a", "'"),
        ("python", "x = 'a\n", ""),
        ("python", 'x = """a"""\n', ""),
        ("python", "# it's (open\n", ""),
        ("javascript", "const a = `b\n", "`"),
        ("c", "/* it's\n", "/*"),
        ("c", "int a; // it's", "//"),
    ],
)
def test_what_a_text_ends_in(language: str, text: str, inside: str) -> None:
    """A string of several lines is still open at a line's end, one of a single line is not."""
    assert scan(text, language_of(language)).inside == inside


def test_brackets_in_strings_and_comments_do_not_count() -> None:
    """Only those in code are matched."""
    found = scan("f(')', [  # )\n", language_of("python"))
    assert [bracket.mark for bracket in found.brackets] == ["(", "["]
    assert not scan("prose (with brackets\n", language_of("python"), '"""').brackets
