"""Functions whose parameters changed, and the calls of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dgls.text.follow.code import Code, upwards
from dgls.text.follow.names import SELF, class_around, is_class, is_function, receiver, role, scope_of, scopes
from dgls.text.syntax import SyntaxNode

_PARAMETERS = re.compile(r"parameters$|parameter_list$")
_SPLAT = re.compile(r"splat|spread|variadic")


@dataclass(frozen=True, eq=False)
class Signature:
    """A definition that the user changed; parameters as they are written, `self` left out."""

    node: SyntaxNode
    name: str
    owner: SyntaxNode | None
    parameters: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """A call: its arguments' node, and the arguments, first those by position."""

    arguments: SyntaxNode
    positional: tuple[SyntaxNode, ...]
    keywords: tuple[SyntaxNode, ...]
    is_open: bool  # a list of arguments is passed on: how many is not known


def signature(code: Code) -> Signature | None:
    """The function whose parameters the change lies in."""
    around = upwards(code.around(code.first, code.last))
    node = next((node for node in around if _PARAMETERS.search(node.type) and _function(node)), None)
    function = _function(node) if node is not None else None
    if node is None or function is None or not (node.start_byte < code.last + 1 and code.first < node.end_byte):
        return None
    owner = class_around(function)
    owner = owner if owner is not None and scopes(function)[0] == owner else None
    written = tuple(code.of(one) for one in node.named_children if "comment" not in one.type)
    if owner is not None and written and written[0] in SELF:
        written = written[1:]
    return Signature(function, _name(code, function), owner, written)


def name_of(parameter: str) -> str:
    """The name of a parameter as it is written; Python's."""
    return re.split(r"[:=]", parameter, maxsplit=1)[0].strip()


def calls(code: Code, found: Signature) -> Iterator[Call]:
    """The calls of a function in the code; of a method through `self`, of a constructor by its class's name."""
    name = found.name
    if found.owner is not None and name in ("__init__", "constructor"):
        name = code.of(found.owner.child_by_field_name("name"))
    elif found.owner is not None:
        yield from _method_calls(code, found)
        return
    if not name or sum(role(node, code.language) == "binding" for node in code.names(name)) != 1:
        return
    for node in code.names(name):
        if role(node, code.language) == "use":
            yield from _call(node, node)


def _method_calls(code: Code, found: Signature) -> Iterator[Call]:
    """The calls of a method of its own object."""
    bound = [node for node in code.names(found.name) if role(node, code.language) == "binding"]
    if sum(scope_of(node) == found.owner for node in bound) != 1:
        return
    for node in code.names(found.name):
        kind = role(node, code.language)
        is_own = kind == "member" and receiver(code, node) in SELF and found.owner in scopes(node)
        if is_own and node.parent is not None:
            yield from _call(node, node.parent)
        elif kind == "use" and code.language != "python" and found.owner in scopes(node):
            yield from _call(node, node)


def _call(name: SyntaxNode, callee: SyntaxNode) -> Iterator[Call]:
    """The call that a name is called by, if it is."""
    call = callee if callee.child_by_field_name("arguments") else callee.parent
    arguments = call.child_by_field_name("arguments") if call is not None else None
    if arguments is None or arguments.start_byte != name.end_byte:
        return
    given = [one for one in arguments.named_children if "comment" not in one.type]
    keywords = tuple(one for one in given if one.type == "keyword_argument")
    is_open = any(_SPLAT.search(one.type) for one in given) or any("generator" in one.type for one in given)
    yield Call(arguments, tuple(one for one in given if one not in keywords), keywords, is_open)


def _function(parameters: SyntaxNode) -> SyntaxNode | None:
    """The function that takes these parameters; C has a declarator between."""
    parent = parameters.parent
    while parent is not None and "declarator" in parent.type:
        parent = parent.parent
    return parent if parent is not None and is_function(parent) and not is_class(parent) else None


def _name(code: Code, function: SyntaxNode) -> str:
    """What a function is called."""
    named = function.child_by_field_name("name")
    if named is None and (held := function.child_by_field_name("declarator")) is not None:
        named = held.child_by_field_name("declarator")
    return code.of(named)
