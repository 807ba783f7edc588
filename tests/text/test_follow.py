"""What follows from a change, without a model: `‹old|new›` is what the user changed, `«old|new»` what should follow."""

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest

from dgls.text.document import Document
from dgls.text.edit import Change
from dgls.text.follow import MOST_PLACES, places
from dgls.text.follow.arguments import is_one_argument
from dgls.text.follow.branches import are_opposite
from dgls.text.follow.place import Kind
from dgls.text.follow.seen import prompt_before, prompt_now

FIXTURES = sorted((Path(__file__).parent.parent.parent / "fixtures" / "clip").iterdir())
_USER = re.compile(r"‹([^|›]*)\|([^›]*)›")
_WANTED = re.compile(r"«([^|»]*)\|([^»]*)»")


def change(text: str, language: str = "python") -> Change:
    """The change that the marks tell; nothing has followed yet."""
    left = _WANTED.sub(r"\1", text)
    return Change(
        Document(_USER.sub(r"\1", left), language=language), Document(_USER.sub(r"\2", left), language=language)
    )


def check(text: str, language: str = "python") -> None:
    """All first proposals together are what the marks ask for."""
    found = change(text, language)
    now = found.now.text
    for place in sorted(places(found), key=lambda place: -place.start):
        if place.proposals:
            now = now[: place.start] + place.proposals[0] + now[place.end :]
    assert now == _USER.sub(r"\2", _WANTED.sub(r"\2", text))


PYTHON = {
    "a local": "def f():\n    ‹result|sum› = 1\n    print(«result|sum», 'result')  # result\n    return «result|sum»\n",
    "half a word": "def f():\n    f‹irst|ull›_name = 1\n    return «first_name|full_name»\n",
    "a parameter": "def f(‹a|first›, b):\n    return «a|first» + b\n\n\nf(«a|first»=1, b=2)\ng(a=1)\n",
    "a function": "def ‹area|space›(x):\n    return x\n\n\nprint(«area|space»(2))\n",
    "in an f-string": "def f(‹a|first›):\n    return f'a {«a|first»}'\n",
    "in a comprehension around": "def f(‹xs|rows›):\n    return [x for x in «xs|rows»]\n",
    "shadowed further in": "def f():\n    ‹x|y› = 1\n    g = lambda x: x + 1\n    return g(«x|y»)\n",
    "bound twice": "def f():\n    ‹x|y› = 1\n    x = 2\n    return x\n",
    "bound outside": "x = 1\n\n\ndef f():\n    ‹x|y› = 1\n    return x\n",
    "both names": "def f(y):\n    ‹x|y› = 1\n    return x\n",
    "a method": (
        "class A:\n    def ‹price|cost›(self):\n        pass\n\n"
        "    def f(self, b):\n        b.price()\n        self.«price|cost»()\n"
    ),
    "an attribute": (
        "class A:\n    def __init__(self, x):\n        self.‹x|y› = x\n\n    def f(self):\n        return self.«x|y»\n"
    ),
    "a use where no name is bound": "def f(total):\n    print(‹result|total›)\n    return «result|total»\n",
    "a builtin is bound everywhere": "def f(size):\n    print(‹len|size›)\n    return len\n",
    "another use": "def f(a, b):\n    print(‹a|b›)\n    return a\n",
    "no longer the name, in a string": "x = '‹old|new›'\nold = 1\nprint(old)\n",
    "a parameter that is passed on": "def f(a‹|, b›):\n    return a\n\n\ndef g(a, b):\n    return f(a«|, b»)\n",
    "in front": "def f(‹|b, ›a):\n    return a\n\n\ndef g(a, b):\n    return f(«|b, »a)\n",
    "with a default": "def f(a‹|, b=1›):\n    return a\n\n\nb = 2\nf(a)\n",
    "by name": "def f(*, a‹|, b›):\n    return a\n\n\ndef g(a, b):\n    return f(a=a«|, b=b»)\n",
    "passed already": "def f(a‹|, b›):\n    return a\n\n\ndef g(a, b):\n    return f(a, b)\n",
    "a parameter less": "def f(a‹, b|›):\n    return a\n\n\nf(1«, 2|»)\nf(1«, b=2|»)\n",
    "kept": (
        "class A:\n    def __init__(self, a, ‹|b, ›c):\n"
        "        self._a = a«|\n        self._b = b»\n        self._c = c\n"
    ),
    "branches": "def f(a):\n    if ‹|not ›a:\n        «one|two»()\n    else:\n        «two|one»()\n",
    "elif": "def f(a):\n    if ‹|not ›a:\n        one()\n    elif b:\n        two()\n    else:\n        three()\n",
    "a comment": "x = 1  # ‹old|new› x\nold = 1\nprint(old, x)\n",
}
OTHERS = {
    "javascript": "function f() {\n  const ‹sum|total› = 1;\n  return { sum: «sum|total», b: a.sum };\n}\n",
    "typescript": "function f(‹a|b›: number): number {\n  return «a|b» + 1;\n}\n",
    "go": "package a\n\nfunc f() int {\n\t‹sum|total› := 1\n\treturn «sum|total»\n}\n",
    "java": (
        "class A {\n    int ‹area|space›() { return 1; }\n"
        "    int g() { return «area|space»() + this.«area|space»(); }\n}\n"
    ),
    "rust": "fn f() -> i32 {\n    let ‹sum|total› = 1;\n    g(«sum|total»)\n}\n",
    "c": "int f(int ‹a|first›) {\n    return «a|first»;\n}\n",
    "csharp": "class A {\n    int F(int ‹a|first›) { \n        return «a|first»; }\n}\n",
}


@pytest.mark.parametrize("text", PYTHON.values(), ids=PYTHON)
def test_what_follows_in_python(text: str) -> None:
    check(text)


@pytest.mark.parametrize("text", PYTHON.values(), ids=PYTHON)
def test_line_ends_make_no_difference(text: str) -> None:
    unix, windows = places(change(text)), places(change(text.replace("\n", "\r\n")))
    assert [(place.kind, place.proposals) for place in windows] == [(place.kind, place.proposals) for place in unix]


@pytest.mark.parametrize(("language", "text"), OTHERS.items(), ids=OTHERS)
def test_what_follows_in_other_languages(language: str, text: str) -> None:
    check(text, language)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_every_language_is_planned(path: Path) -> None:
    """Any word replaced: places are code of the document, a handful, and none overlaps another."""
    text = path.read_text(encoding="utf-8")
    for found in list(re.finditer(r"\b\w+\b", text))[::17]:
        now = text[: found.start()] + "other_name" + text[found.end() :]
        ordered = sorted(
            places(Change(Document(text, name=path.name, language=""), Document(now, name=path.name, language=""))),
            key=lambda place: place.start,
        )
        assert len(ordered) <= MOST_PLACES
        assert all(0 <= place.start < place.end <= len(now) for place in ordered)
        assert all(one.end <= other.start for one, other in pairwise(ordered))


@pytest.mark.parametrize(
    "text", ["", "\n", "def f(\n", "‹|x›", "‹x|›", "‹|def f(a›\n", "if ‹|not ›", "class A:\n ‹|x›"]
)
def test_what_is_not_finished_is_planned(text: str) -> None:
    assert len(places(change(text))) <= MOST_PLACES


def test_a_place_is_a_line_without_indentation_and_line_end() -> None:
    found = change("def f():\n    ‹x|y› = 1\r\n    return x  \r\n")
    (place,) = [place for place in places(found) if place.kind is Kind.RENAME]
    assert (found.now.text[place.start : place.end], place.proposals) == ("return x", ("return y",))


def test_lines_near_the_change_are_in_its_block() -> None:
    text = "a = 1\n\n\ndef f(b):\n    c = 2\n\n    # c\n    d = ‹1|3›\n    return 'c'\n\n\ne = 1\n"
    found = change(text)
    near = [found.now.text[place.start : place.end] for place in places(found) if place.kind is Kind.NEAR]
    assert near == ["return 'c'", "c = 2"]


def test_a_long_file_is_planned_as_fast_as_a_short_one() -> None:
    """10,000 lines take far less than 100 ms on a machine that does nothing else."""
    text = "".join(f"def f{n}(a, b):\n    c = a + b\n    return c * {n}\n\n\n" for n in range(2000))
    found = change(
        text.replace("def f1000(a", "def f1000(‹a|x›").replace(
            "f1000(‹a|x›, b):\n    c = a", "f1000(‹a|x›, b):\n    c = «a|x»"
        )
    )
    places(found)
    begun = time.perf_counter()
    assert [place.proposals for place in places(found) if place.kind is Kind.RENAME] == [("c = x + b",)]
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize(
    ("one", "other", "opposite"),
    [
        ("a", "not a", True),
        ("!a", "a", True),
        ("not (a == b)", "a == b", True),
        ("a == b", "a != b", True),
        ("a < b", "a >= b", True),
        ("x in y", "x not in y", True),
        ("a", "b", False),
        ("a and b == c", "a and b != c", False),
        ("a", "a", False),
    ],
)
def test_opposites(one: str, other: str, opposite: bool) -> None:
    assert are_opposite(one, other) == are_opposite(other, one) == opposite


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a", True), ("f(a, b)", True), ("'a, b'", True), ("a, b", False), ("a)", False), ("", False), ("f(", False)],
)
def test_one_argument(text: str, is_one: bool) -> None:
    assert is_one_argument(text) == is_one


def test_what_changed_stands_close_above_a_place_that_is_far_away() -> None:
    text = "def f():\n    ‹x|y› = 1\n" + "    print('something long')\n" * 40 + "    return x\n"
    found = change(text)
    (place,) = [place for place in places(found) if place.kind is Kind.RENAME]
    now, before = prompt_now(found, place, [], 4000), prompt_before(found, place, 4000)
    assert before is not None
    assert "y = 1" in now.prefix[-300:]
    assert "x = 1" in before.prefix[-300:]
    assert now.prefix.endswith("\n    ")
    assert now.suffix == before.suffix == "\n"
