"""The two branches of a condition that the user negated."""

import re
from collections.abc import Iterator
from itertools import pairwise

from dgls.text.document import with_lf
from dgls.text.follow.code import Code, upwards
from dgls.text.follow.place import Kind, Place
from dgls.text.syntax import SyntaxNode

_MOST_CHARS = 600
_OPPOSITES = (("==", "!="), ("<", ">="), (">", "<="), (" is ", " is not "), (" in ", " not in "), ("===", "!=="))
_NOT = re.compile(r"(?:not\b|!)\s*")


def branches(before: Code, now: Code) -> Iterator[Place]:
    """Both branches with what stands between them, the one in the other's place."""
    was, found = _condition(before), _condition(now)
    if was is None or found is None or not are_opposite(before.of(was), now.of(found)):
        return
    parent = found.parent
    assert parent is not None
    first = parent.child_by_field_name("consequence")
    other = parent.child_by_field_name("alternative")
    if other is not None and other.type == "else_clause":
        other = other.child_by_field_name("body") or other.named_children[-1]
    if first is None or other is None or other.type != first.type or other.end_byte - first.start_byte > _MOST_CHARS:
        return
    one, two = now.of(first), now.of(other)
    if one != two and parent.children_by_field_name("alternative")[-1].end_byte == other.end_byte:
        between = now.text[first.end_byte : other.start_byte]
        yield Place(first.start_byte, other.end_byte, Kind.BRANCHES, (with_lf(two + between + one),))


def are_opposite(one: str, other: str) -> bool:
    """Whether one condition is the other's negation, as far as its text tells."""
    one, other = (" ".join(_bare(text).split()) for text in (one, other))
    if one == other:
        return False
    if _without_not(one) == other or _without_not(other) == one:
        return True
    if re.search(r"\b(?:and|or)\b|&&|\|\|", one):
        return False
    return any(
        text.count(sign) == 1 and text.replace(sign, opposite) == rest
        for sign, opposite in _OPPOSITES
        for text, rest in ((one, other), (other, one))
    )


def _without_not(text: str) -> str | None:
    """What a condition negates; None where it negates nothing."""
    found = _NOT.match(text)
    return _bare(text[found.end() :]) if found else None


def _bare(text: str) -> str:
    """A condition without the parentheses around all of it."""
    text = text.strip()
    return text[1:-1].strip() if re.fullmatch(r"\([^()]*\)", text) else text


def _condition(code: Code) -> SyntaxNode | None:
    """The condition of an `if` that the change lies in."""
    for node, parent in pairwise(upwards(code.around(code.first, code.last))):
        if parent.type.startswith("if") and parent.child_by_field_name("condition") == node:
            return node
    return None
