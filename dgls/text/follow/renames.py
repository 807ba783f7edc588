"""Uses of a name that the user replaced where it is bound."""

import builtins
import re
from collections.abc import Iterable, Iterator

from dgls.text.follow.code import Code
from dgls.text.follow.names import (
    SELF,
    binder,
    class_around,
    is_class,
    is_function,
    receiver,
    role,
    scope_of,
    scopes,
    seen_from,
)
from dgls.text.follow.place import Kind, Place
from dgls.text.follow.touched import Renamed, renamed
from dgls.text.syntax import SyntaxNode

# A member's name that is short or one word may belong to anything: only one of `self` is sure.
_TELLING = re.compile(r"\w{2,}_\w{2,}|[a-z]+[A-Z]\w{3,}")
_MOST_CHARS = 500  # longer lines are not written by hand
_BUILTINS = frozenset(dir(builtins))


def renames(before: Code, now: Code) -> Iterator[Place]:
    """One place for each line that still has a replaced name."""
    pairs = renamed(before, now)
    left: dict[int, dict[int, Renamed]] = {}
    for pair in pairs:
        for use in _left(now, pair, pairs):
            left.setdefault(now.line(use.start_byte)[0], {})[use.start_byte] = pair
    for at, uses in left.items():
        start, end = now.line(at)
        if end - start > _MOST_CHARS:
            continue
        text, done = "", start
        for first, pair in sorted(uses.items()):
            text += now.text[done:first] + pair.new
            done = first + len(pair.old)
        yield Place(start, end, Kind.RENAME, (text + now.text[done:end],))


def _left(code: Code, pair: Renamed, pairs: Iterable[Renamed]) -> Iterable[SyntaxNode]:
    """The uses of the old name that the new one was to replace, too."""
    node = code.named(pair.at, pair.at + len(pair.new))
    if node is None:
        return []
    match role(node, code.language):
        case "member":
            parent = node.parent
            assert parent is not None
            owner = class_around(node)
            if owner is None or receiver(code, node) not in SELF or binder(parent, code.language) is None:
                return []
            return _members(code, pair, owner)
        case "binding":
            touched = {one.at for one in pairs if one.new == pair.new}
            return _bound(code, pair, node, touched)
        case "use":
            return _unbound(code, pair, node)
    return []


def _bound(code: Code, pair: Renamed, node: SyntaxNode, touched: set[int]) -> Iterator[SyntaxNode]:
    """Uses of a name in the scope where it was bound; nothing where either name is bound there besides."""
    scope = scope_of(node)
    again = [one for one in _bindings(code, pair.new) if scope_of(one) == scope and one.start_byte not in touched]
    if again or any(scope_of(one) == scope for one in _bindings(code, pair.old)):
        return
    yield from _unresolved(code, pair.old, scope)
    function = scope if is_function(scope) else None
    if is_class(scope):
        yield from _members(code, pair, scope)
    elif function is not None and _is_parameter(node):
        yield from _keywords(code, pair.old, function)


def _unbound(code: Code, pair: Renamed, node: SyntaxNode) -> Iterator[SyntaxNode]:
    """Other uses of a name that nothing binds, where the user put one that is bound in its place.

    Only Python says of a single file that a name is bound nowhere.
    """
    if code.language != "python" or pair.old in _BUILTINS or re.search(r"^from .* import \*", code.text, re.MULTILINE):
        return
    if not code.is_whole or any(True for _ in _bindings(code, pair.old)):
        return
    owners = [scope_of(one) for one in _bindings(code, pair.new)]
    scope = next((scope for scope in seen_from(node, code.language) if scope in owners), None)
    if scope is not None:
        yield from _unresolved(code, pair.old, scope)


def _bindings(code: Code, name: str) -> Iterator[SyntaxNode]:
    """Where a name is bound, members left out."""
    return (node for node in code.names(name) if role(node, code.language) == "binding")


def _unresolved(code: Code, name: str, scope: SyntaxNode) -> Iterator[SyntaxNode]:
    """The uses of a name in a scope that no binding holds any more, neither around it nor further in."""
    owners = [scope_of(one) for one in _bindings(code, name)]
    for node in code.names(name):
        inside = scope.start_byte <= node.start_byte and node.end_byte <= scope.end_byte
        if inside and role(node, code.language) == "use":
            seen = seen_from(node, code.language)
            if scope in seen and not any(owner in seen for owner in owners):
                yield node


def _members(code: Code, pair: Renamed, owner: SyntaxNode) -> Iterator[SyntaxNode]:
    """The members of that name taken of an object of the class; of other objects where the name is telling."""
    members = [node for node in code.names(pair.old) if role(node, code.language) == "member"]
    kept = [node for node in members if _is_assigned(code, node) and class_around(node) == owner]
    bound = [scope_of(one) for one in _bindings(code, pair.old)]
    if owner in bound or kept:
        return
    is_sure = bool(_TELLING.match(pair.old)) and not any(map(is_class, bound))
    name = code.of(owner.child_by_field_name("name"))
    for node in members:
        own = receiver(code, node) in SELF and owner in scopes(node)
        if own or receiver(code, node) == name or (is_sure and not _is_assigned(code, node)):
            yield node


def _is_assigned(code: Code, member: SyntaxNode) -> bool:
    """Whether a member is assigned to."""
    return member.parent is not None and binder(member.parent, code.language) is not None


def _is_parameter(node: SyntaxNode) -> bool:
    """Whether a binding is a parameter."""
    parent = node.parent
    while parent is not None and not is_function(parent):
        if "parameter" in parent.type:
            return True
        parent = parent.parent
    return False


def _keywords(code: Code, name: str, function: SyntaxNode) -> Iterator[SyntaxNode]:
    """Arguments that are given by a parameter's name to calls of a function."""
    called = code.of(function.child_by_field_name("name"))
    for node in code.names(name):
        if role(node, code.language) != "keyword":
            continue
        call = node.parent.parent.parent if node.parent and node.parent.parent else None
        callee = call.child_by_field_name("function") if call else None
        if callee is not None and called and re.search(rf"(?:^|\b(?:self|cls)\.){re.escape(called)}$", code.of(callee)):
            yield node
