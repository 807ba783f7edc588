"""Names in a tree: where they are bound, in which scope, and what the others stand for.

Rules of Python first; other languages by the names that their grammars give to nodes and fields.
"""

import re
from itertools import pairwise
from typing import Literal

from dgls.text.follow.code import Code, upwards
from dgls.text.syntax import SyntaxNode

Role = Literal["binding", "use", "member", "keyword", "key"]
SELF = frozenset({"self", "cls", "this", "super()"})
_ASSIGNING = frozenset({"python", "ruby", "php", "bash", "lua"})  # where to assign is to declare
_FUNCTION = re.compile(r"function|method|lambda|closure|constructor|initializer|func_literal|init_declaration")
_CLASS = re.compile(r"class|interface|struct|impl_item|trait|enum|object_declaration|^module$|record")
_INLINE = re.compile(r"comprehension|generator_expression")
_BINDER = re.compile(
    r"declar|defin|param|_item$|_spec$|let_|binding|class|function|method|enum|catch|for_|variable|property|field"
    r"|range_clause|named_expression|as_pattern_target|aliased_import|import|case_pattern"
)
_ASSIGNMENT = re.compile(r"^(?:assignment|variable_assignment|assignment_expression|assignment_statement)$")
_NO_BINDER = re.compile(r"augmented|field_expression|field_access|^call|invocation|type$|field_initializer")
_PASSED = re.compile(r"_pattern$|_list$|declarator$|^pattern|dotted_name|variable_name|expression_list|^var_spec$")
_VALUES = frozenset({"value", "type", "right", "default_value", "size"})
_BOUND_FIELDS = frozenset({"name", "left", "pattern", "declarator", "alias", "parameter", "declarators"})
_FIELDS = (*_BOUND_FIELDS, *_VALUES, "key", "method", "attribute", "property", "field", "object")
_BARE = re.compile(
    r"^(?:parameters|lambda_parameters|identifier_list|typed_parameter|formal_parameters|variable_declaration"
    r"|parameter|closure_parameters|as_pattern_target|class_declaration|function_declaration|method_parameters"
    r"|block_parameters|case_pattern)$"
)
_ACCESS = re.compile(r"attribute|member|selector|field_expression|field_access|navigation|scoped_|qualified|dot_index")


def role(node: SyntaxNode, language: str) -> Role:
    """What a name does where it stands."""
    parent = node.parent
    if parent is None:
        return "use"
    if parent.type == "keyword_argument" and field_of(node) == "name":
        return "keyword"
    if "shorthand" in node.type or (parent.type == "pair" and field_of(node) == "key"):
        return "key"
    if _ACCESS.search(parent.type) and parent.children[0] != node:
        return "member"
    if parent.child_by_field_name("object") not in (None, node) and field_of(node) in ("name", "method"):
        return "member"
    return "binding" if binder(node, language) is not None else "use"


def binder(node: SyntaxNode, language: str) -> SyntaxNode | None:
    """The definition, parameter, assignment, ... that binds a name; None where the name is used."""
    parent = node.parent
    while parent is not None:
        field = field_of(node)
        if field in _BOUND_FIELDS or _is_bare(parent, node, field):
            if _BINDER.search(parent.type) and not _NO_BINDER.search(parent.type):
                return parent
            if language in _ASSIGNING and _ASSIGNMENT.match(parent.type):
                return parent
        if not _PASSED.search(parent.type) or field in _VALUES:
            return None
        node, parent = parent, parent.parent
    return None


def field_of(node: SyntaxNode) -> str | None:
    """The name that the grammar gives to a node in its parent, of those that matter here."""
    parent = node.parent
    if parent is None:
        return None
    for name in _FIELDS:
        first = parent.child_by_field_name(name)  # quick where a long list has no such field
        if first is not None and (first == node or node in parent.children_by_field_name(name)):
            return name
    return None


def is_function(node: SyntaxNode) -> bool:
    """Whether a node is a function with a body, whatever its language calls it."""
    return bool(_FUNCTION.search(node.type)) and _has_body(node)


def is_class(node: SyntaxNode) -> bool:
    """Whether a node is a class or what a language has in place of one."""
    return bool(_CLASS.search(node.type)) and _has_body(node)


def scopes(node: SyntaxNode) -> list[SyntaxNode]:
    """The scopes around a node, innermost first; the last one is the whole text."""
    around = [*upwards(node)][1:]
    return [one for one in around[:-1] if is_function(one) or is_class(one) or _INLINE.search(one.type)] + around[-1:]


def scope_of(node: SyntaxNode) -> SyntaxNode:
    """The scope that a binding is valid in; the name of a function or class belongs to the scope around that."""
    around = scopes(node)
    return around[1] if len(around) > 1 and _names(node, around[0]) else around[0]


def seen_from(node: SyntaxNode, language: str) -> list[SyntaxNode]:
    """The scopes whose names a use can mean, innermost first: in Python a method does not see its class's names."""
    around = scopes(node)
    if language != "python":
        return around
    return [scope for place, scope in enumerate(around) if not place or not is_class(scope)]


def receiver(code: Code, member: SyntaxNode) -> str:
    """What a member is taken of: `self` of `self.name`."""
    parent = member.parent
    assert parent is not None
    held = parent.child_by_field_name("object") or parent.children[0]
    return code.of(held)


def class_around(node: SyntaxNode) -> SyntaxNode | None:
    """The innermost class around a node."""
    return next((scope for scope in scopes(node) if is_class(scope)), None)


def _has_body(node: SyntaxNode) -> bool:
    """Whether there is a body, as a field or as a child that is called so; a body itself has none."""
    if node.type.endswith(("body", "list")):
        return False
    if node.child_by_field_name("body") is not None:
        return True
    return any("body" in child.type or child.type in ("block", "declaration_list") for child in node.children)


def _is_bare(parent: SyntaxNode, node: SyntaxNode, field: str | None) -> bool:
    """Whether a parent binds a child that has no field: any parameter of a list, else the first child."""
    if field is not None or not _BARE.match(parent.type):
        return False
    return parent.type.endswith(("parameters", "_list")) or parent.named_children[0] == node


def _names(node: SyntaxNode, definition: SyntaxNode) -> bool:
    """Whether a node is the name of a function or class, which C has inside a declarator."""
    for at, parent in pairwise(upwards(node)):
        field = field_of(at)
        if parent == definition:
            return field in ("name", "declarator") or _is_bare(definition, at, field)
        if field not in ("name", "declarator"):
            return False
    return False
