"""Other changes that something follows: a parameter added, a parameter to keep, a condition negated."""

import ast
import random
import re
from collections.abc import Iterator, Sequence
from functools import cache

from evaluation.edits.case import EditCase, File, Swap, left_out, swapped
from evaluation.edits.renames import Function, functions

_OPPOSITES = {ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in"}


def argument(file: File, rng: random.Random) -> EditCase | None:
    """A parameter added to a definition whose calls pass it in the authors' code: each call misses it."""
    options = _passed(file)
    if not options:
        return None
    parameter, calls = rng.choice(options)
    return left_out(file.name, "argument", file.text, wrong=calls, first=[parameter])


def field(file: File, rng: random.Random) -> EditCase | None:
    """A parameter added to a constructor that keeps the others: the line that keeps it is missing."""
    options = _kept(file)
    if not options:
        return None
    parameter, line = rng.choice(options)
    now = swapped(file.text, [line])
    return EditCase(file.name, "field", swapped(file.text, [parameter, line]), now, (file.text,))


def condition(file: File, rng: random.Random, *, fixed: bool = False) -> EditCase | None:
    """A condition negated, of an `if` with an `else`: the branches are to be swapped.

    `fixed`: the condition was wrong, and negating it was all.
    """
    options = _branched(file)
    if not options:
        return None
    negated, branches = rng.choice(options)
    if fixed:
        return EditCase(file.name, "quiet: condition", swapped(file.text, [negated]), file.text)
    now = swapped(file.text, branches)
    return EditCase(file.name, "condition", swapped(file.text, [negated, *branches]), now, (file.text,))


@cache
def _passed(file: File) -> tuple[tuple[Swap, list[Swap]], ...]:
    """Parameters without a default: how to take one away, and its argument from every call."""
    return tuple(_passed_in(file))


def _passed_in(file: File) -> Iterator[tuple[Swap, list[Swap]]]:
    """The same, one after another."""
    for function, owner in _owned(file):
        calls = _calls(file, function, owner)
        parameters = [one.arg for one in function.args.args][1 if owner and not _is_static(function) else 0 :]
        plain = parameters[: len(parameters) - len(function.args.defaults)]
        others = (function.args.posonlyargs, function.args.kwonlyargs, function.args.vararg, function.args.kwarg)
        if not calls or len(calls) > 8 or any(others):
            continue
        for place, name in enumerate(plain):
            gone = [_without(file, call, place, name) for call in calls]
            swap = _from_list(file, function, name)
            if swap and all(gone):
                yield swap, [one for one in gone if one]


def _owned(file: File) -> Iterator[tuple[Function, ast.ClassDef | None]]:
    """The functions of the module and of its classes; each name is defined once."""
    names = [one.name for one in functions(file.tree)]
    for node in file.tree.body:
        owner = node if isinstance(node, ast.ClassDef) else None
        for one in owner.body if owner else [node]:
            if isinstance(one, Function) and (names.count(one.name) == 1 or one.name == "__init__"):
                yield one, owner


def _calls(file: File, function: Function, owner: ast.ClassDef | None) -> list[ast.Call]:
    """All calls in the file, if they are plain: none where the function is also used otherwise."""
    wanted = owner.name if owner and function.name == "__init__" else function.name
    calls = [one for one in ast.walk(file.tree) if isinstance(one, ast.Call) and _callee(one) == wanted]
    own = function.name != "__init__" and owner is not None
    for call in calls:
        is_method = isinstance(call.func, ast.Attribute)
        if is_method != own or call.lineno != call.end_lineno or not _is_plain_call(call):
            return []
        if is_method and file.of(call.func) != f"self.{wanted}":
            return []
        if own and owner and not owner.lineno <= call.lineno <= (owner.end_lineno or 0):
            return []
    lines = [call.lineno for call in calls]
    return calls if len(set(lines)) == len(lines) else []


def _callee(call: ast.Call) -> str:
    """The last name of what is called."""
    match call.func:
        case ast.Name():
            return call.func.id
        case ast.Attribute():
            return call.func.attr
    return ""


def _is_plain_call(call: ast.Call) -> bool:
    """Whether all arguments of a call are told one by one."""
    return not any(isinstance(one, ast.Starred) for one in call.args) and all(one.arg for one in call.keywords)


def _without(file: File, call: ast.Call, place: int, name: str) -> Swap | None:
    """How to take an argument from a call; None where it is not there."""
    keywords = [file.span(one.value) for one in call.keywords]
    given = [file.span(one) for one in call.args]
    for one, (start, end) in zip(call.keywords, keywords, strict=True):
        given.append((start - len(one.arg or "") - 1, end))
    at = next((len(call.args) + n for n, one in enumerate(call.keywords) if one.arg == name), place)
    if at >= len(given) or (at >= len(call.args) and call.keywords[at - len(call.args)].arg != name):
        return None
    return _cut(given, at)


def _from_list(file: File, function: Function, name: str) -> Swap | None:
    """How to take a parameter from a definition; None of one with a default."""
    every = function.args.args
    at = [one.arg for one in every].index(name) if name in [one.arg for one in every] else len(every)
    if at >= len(every) - len(function.args.defaults):
        return None
    spans = [file.span(one) for one in every[: at + 2]]
    return _cut(spans, at)


def _cut(spans: Sequence[tuple[int, int]], at: int) -> Swap:
    """How to take one from a list of several with commas between them."""
    if at:
        return spans[at - 1][1], spans[at][1], ""
    return spans[0][0], spans[1][0] if len(spans) > 1 else spans[0][1], ""


def _is_static(function: Function) -> bool:
    """Whether a method gets no object."""
    return any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in function.decorator_list)


@cache
def _kept(file: File) -> tuple[tuple[Swap, Swap], ...]:
    """Parameters of constructors in one line that are kept below each other, at least two, of classes not called."""
    return tuple(_kept_in(file))


def _kept_in(file: File) -> Iterator[tuple[Swap, Swap]]:
    """The same, one after another."""
    for function, owner in _owned(file):
        if owner is None or function.name != "__init__":
            continue
        if file.text.count(f"{owner.name}(") > 1 or function.args.posonlyargs:
            continue
        lines = [one for one in function.body if isinstance(one, ast.Assign) and _keeps(file, one)]
        for one in lines if len(lines) > 1 else []:
            name = file.of(one.value)
            swap = _from_list(file, function, name)
            start = file.text.rfind("\n", 0, file.span(one)[0])
            if swap and file.text[file.span(one)[1] : file.span(one)[1] + 1] == "\n":
                yield swap, (start, file.span(one)[1], "")


def _keeps(file: File, line: ast.Assign) -> bool:
    """Whether a line is `self.name = name`."""
    return bool(re.fullmatch(r"self\._?(\w+) = \1", file.of(line)))


@cache
def _branched(file: File) -> tuple[tuple[Swap, list[Swap]], ...]:
    """Conditions and their negation, and both branches exchanged."""
    return tuple(_branched_in(file))


def _branched_in(file: File) -> Iterator[tuple[Swap, list[Swap]]]:
    """The same, one after another."""
    for node in (one for one in ast.walk(file.tree) if isinstance(one, ast.If)):
        first, last = node.body, node.orelse
        header = file.text[slice(*file.span(node))]
        if not last or header.startswith("elif") or file.text[file.span(last[0])[0] :].startswith(("elif",)):
            continue
        if isinstance(last[0], ast.If) and re.match(r"\s*elif", _line_of(file, last[0])):
            continue
        one = (file.span(first[0])[0], file.span(first[-1])[1])
        two = (file.span(last[0])[0], file.span(last[-1])[1])
        negated = _negated(file, node.test)
        inline = first[0].lineno == node.lineno or two[1] - one[0] > 500 or first[0].col_offset != last[0].col_offset
        if negated and not inline and file.text[slice(*one)] != file.text[slice(*two)]:
            swap = [(*one, file.text[slice(*two)]), (*two, file.text[slice(*one)])]
            yield (*file.span(node.test), negated), swap


def _line_of(file: File, node: ast.stmt) -> str:
    """The line that a statement begins in."""
    return file.text[file.starts[node.lineno - 1] : file.starts[node.lineno]]


def _negated(file: File, test: ast.expr) -> str:
    """The opposite of a condition; nothing where it takes more than an operator or a `not`."""
    match test:
        case ast.UnaryOp(op=ast.Not()):
            return file.of(test.operand)
        case ast.Compare(ops=[op], comparators=[right]) if type(op) in _OPPOSITES:
            return f"{file.of(test.left)} {_OPPOSITES[type(op)]} {file.of(right)}"
        case ast.Name() | ast.Attribute() | ast.Call():
            return f"not {file.of(test)}"
    return ""
