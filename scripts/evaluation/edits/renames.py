"""Renames: the user gave a local variable, parameter, function or attribute the name that the authors chose.

What a name stands for is told by Python's own `ast`, not by the rules that are measured.
"""

import ast
import keyword
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from evaluation.edits.case import EditCase, File, Swap, left_out, swapped

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_INLINE = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def rename(file: File, rng: random.Random, names: Sequence[str], kind: str) -> EditCase | None:
    """A name replaced where it is bound; sometimes in the next line with a use, too. The other uses are left."""
    found = _drawn(file, rng, names, kind)
    if found is None:
        return None
    bound, uses = found
    uses.sort()
    n_done = 1 if len(uses) > 1 and rng.random() < 0.3 else 0
    done = [swap for swap in uses if _line(file, swap) == _line(file, uses[0])] if n_done else []
    rest = [swap for swap in uses if swap not in done]
    return left_out(file.name, kind, file.text, wrong=rest, first=[bound, *done])


def finished(file: File, rng: random.Random, names: Sequence[str]) -> EditCase | None:
    """A rename that the user has made everywhere."""
    found = _drawn(file, rng, names, rng.choice(list(_NAMES)))
    if found is None:
        return None
    bound, uses = found
    return EditCase(file.name, "quiet: rename", swapped(file.text, [bound, *uses]), file.text)


def _drawn(file: File, rng: random.Random, names: Sequence[str], kind: str) -> tuple[Swap, list[Swap]] | None:
    """A name of the file with another one in its place: where it is bound and where it is used."""
    options = _options(kind, file)
    if not options:
        return None
    bound, uses = rng.choice(options)
    name = file.text[bound[0] : bound[1]]
    fitting = [other for other in rng.sample(names, min(40, len(names))) if other not in file.words]
    if not fitting or any(file.text[start:end] != name for start, end in uses):
        return None
    old = rng.choice(fitting)
    return (*bound, old), [(*use, old) for use in uses]


_Option = tuple[tuple[int, int], list[tuple[int, int]]]


@cache
def _options(kind: str, file: File) -> tuple[_Option, ...]:
    """All names of a kind in a file."""
    return tuple(_NAMES[kind](file))


def _locals(file: File) -> Iterator[_Option]:
    """Variables that a function assigns once."""
    for function in functions(file.tree):
        stores = _names_in(function, ast.Store)
        parameters = {one.arg for one in _parameters(function)}
        for name in {one.id for one in stores} - parameters:
            bound = [one for one in stores if one.id == name]
            uses = [one for one in _names_in(function, ast.Load) if one.id == name]
            again = [one for one in ast.walk(function) if isinstance(one, ast.Name) and one.id == name]
            if len(bound) == 1 and uses and len(again) == 1 + len(uses) and _is_plain(function, name):
                yield file.span(bound[0]), [file.span(one) for one in uses]


def _given(file: File) -> Iterator[_Option]:
    """Parameters that nobody assigns to, and no call in the file names."""
    keywords = {one.arg for one in ast.walk(file.tree) if isinstance(one, ast.keyword)}
    for function in functions(file.tree):
        for parameter in _parameters(function):
            name, start = parameter.arg, file.span(parameter)[0]
            every = [one for one in ast.walk(function) if isinstance(one, ast.Name) and one.id == name]
            plain = name not in keywords and name not in ("self", "cls") and _is_plain(function, name)
            if plain and every and all(isinstance(one.ctx, ast.Load) for one in every):
                outside = [*function.decorator_list, *function.args.defaults, *function.args.kw_defaults]
                if not any(one in every for part in outside if part for one in ast.walk(part)):
                    yield (start, start + len(name)), [file.span(one) for one in every]


def _called(file: File) -> Iterator[_Option]:
    """Functions of the module that are bound once."""
    for function in file.tree.body:
        if isinstance(function, ast.FunctionDef) and _is_bound_once(file, function.name):
            uses = [one for one in ast.walk(file.tree) if isinstance(one, ast.Name) and one.id == function.name]
            if uses and all(isinstance(one.ctx, ast.Load) for one in uses):
                yield _named(file, function), [file.span(one) for one in uses]


def _attributes(file: File) -> Iterator[_Option]:
    """Attributes of `self` that are assigned once, and that the file takes of nothing but `self` in that class."""
    everywhere = Counter(one.attr for one in ast.walk(file.tree) if isinstance(one, ast.Attribute))
    for owner in (one for one in ast.walk(file.tree) if isinstance(one, ast.ClassDef)):
        inside = [one for one in ast.walk(owner) if isinstance(one, ast.Attribute)]
        defined = {one.name for one in owner.body if isinstance(one, Function)}
        for name in sorted({one.attr for one in inside if _is_own(one)} - defined):
            mine = [one for one in inside if one.attr == name]
            bound = [one for one in mine if not isinstance(one.ctx, ast.Load)]
            alone = all(map(_is_own, mine)) and len(mine) == everywhere[name]
            if len(bound) == 1 and isinstance(bound[0].ctx, ast.Store) and len(mine) > 1 and alone:
                yield _last(file, bound[0]), [_last(file, one) for one in mine if one is not bound[0]]


_NAMES = {"rename: local": _locals, "rename: parameter": _given, "rename: function": _called}
_NAMES["rename: attribute"] = _attributes
KINDS = tuple(_NAMES)


def names_of(text: str) -> list[str]:
    """Names of a file that others may be given."""
    found = re.findall(r"\b[a-z][a-z_]{2,15}\b", text)
    return sorted({name for name in found if not keyword.iskeyword(name)})


def functions(tree: ast.AST) -> Iterator[Function]:
    """All functions."""
    return (one for one in ast.walk(tree) if isinstance(one, Function))


def _parameters(function: Function) -> list[ast.arg]:
    """What a function takes by place or by name."""
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _names_in(function: Function, context: type[ast.expr_context]) -> list[ast.Name]:
    """The names of a function's body that are stored or loaded."""
    body = [node for statement in function.body for node in ast.walk(statement)]
    return [one for one in body if isinstance(one, ast.Name) and isinstance(one.ctx, context)]


def _is_plain(function: Function, name: str) -> bool:
    """Whether nothing further in binds the name, or says that it is another scope's."""
    for node in (one for statement in function.body for one in ast.walk(statement)):
        if isinstance(node, ast.Global | ast.Nonlocal | ast.ExceptHandler | ast.Import | ast.ImportFrom):
            return False
        if isinstance(node, _SCOPES) and not isinstance(node, ast.Lambda) and node.name == name:
            return False
        if isinstance(node, ast.arg) and node.arg == name:
            return False
        if isinstance(node, _SCOPES + _INLINE) and _stores(node, name):
            return False
    return True


def _stores(scope: ast.AST, name: str) -> bool:
    """Whether a name is stored inside."""
    names = (one for one in ast.walk(scope) if isinstance(one, ast.Name) and one.id == name)
    return any(isinstance(one.ctx, ast.Store) for one in names)


def _is_bound_once(file: File, name: str) -> bool:
    """Whether the file has one binding of a name, of any kind."""
    n_found = 0
    for node in ast.walk(file.tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                n_found += node.name == name
            case ast.arg():
                n_found += node.arg == name
            case ast.alias():
                n_found += (node.asname or node.name) == name
            case ast.Name():
                n_found += node.id == name and not isinstance(node.ctx, ast.Load)
            case ast.Global() | ast.Nonlocal():
                n_found += name in node.names
    return n_found == 1


def _named(file: File, function: ast.FunctionDef) -> tuple[int, int]:
    """Where a function's name stands."""
    start = file.text.index(f"def {function.name}", file.span(function)[0]) + 4
    return start, start + len(function.name)


def _is_own(node: ast.Attribute) -> bool:
    """Whether an attribute is taken of `self`."""
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _last(file: File, node: ast.Attribute) -> tuple[int, int]:
    """Where an attribute's name stands."""
    end = file.span(node)[1]
    return end - len(node.attr), end


def _line(file: File, swap: Swap) -> int:
    """The line of a swap."""
    return file.text.count("\n", 0, swap[0])
