"""Calls of a function that the user gave a parameter more, or took one from."""

import re
from collections.abc import Iterator, Mapping, Sequence

from dgls.text.follow.calls import Call, Signature, calls, name_of, signature
from dgls.text.follow.code import Code
from dgls.text.follow.names import role, scope_of, seen_from
from dgls.text.follow.place import Kind, Place, Slot
from dgls.text.syntax import SyntaxNode

_NO_ARGUMENT = re.compile(r"[*/&.]|self$|cls$")


def arguments(before: Code, now: Code) -> Iterator[Place]:
    """The line of each call that has not followed."""
    was, found = signature(before), signature(now)
    if was is None or found is None or was.name != found.name:
        return
    added, removed = _one_more(was.parameters, found.parameters), _one_more(found.parameters, was.parameters)
    seen = _seen(now, name_of(found.parameters[added])) if added is not None else {}
    for call in calls(now, found):
        if call.is_open or _nested(call):
            continue
        if added is not None:
            yield from _with(now, call, found, added, seen)
        elif removed is not None:
            yield from _without(now, call, was, removed)


def _one_more(fewer: tuple[str, ...], more: tuple[str, ...]) -> int | None:
    """Which one of the parameters is new; None unless exactly one is."""
    if len(more) != len(fewer) + 1:
        return None
    place = next((at for at, (one, other) in enumerate(zip(fewer, more, strict=False)) if one != other), len(fewer))
    return place if fewer[place:] == more[place + 1 :] else None


def _with(
    code: Code, call: Call, found: Signature, place: int, seen: Mapping[str, Sequence[SyntaxNode]]
) -> Iterator[Place]:
    """A call with an argument for the new parameter, unless it needs none or has it."""
    parameter = found.parameters[place]
    name = name_of(parameter)
    is_named = any(one.startswith("*") for one in found.parameters[:place])
    given = [*call.positional, *call.keywords]
    if "=" in parameter or _NO_ARGUMENT.match(parameter) or len(given) >= len(found.parameters):
        return
    if any(re.search(rf"(?<!\w){re.escape(name)}$|^{re.escape(name)}\s*=", code.of(one)) for one in given):
        return
    by_place = not is_named and place <= len(call.positional)
    at, left, right = _cut(call, place if by_place else None, name)
    start, end = code.line(at)
    slot = Slot(code.text[start:at] + left, right + code.text[at:end])
    here = seen_from(call.arguments, code.language)
    values = [value for value, owners in seen.items() if any(scope in owners for scope in here)]
    yield Place(start, end, Kind.ARGUMENT, tuple(slot.before + value + slot.after for value in values), slot)


def _cut(call: Call, place: int | None, name: str) -> tuple[int, str, str]:
    """Where a new argument goes, and what stands around it; without a place it is given by name, last."""
    given = [*call.positional, *call.keywords]
    if place is not None and place < len(given):
        return given[place].start_byte, "", ", "
    at = given[-1].end_byte if given else call.arguments.start_byte + 1
    return at, (", " if given else "") + ("" if place is not None else f"{name}="), ""


def _without(code: Code, call: Call, was: Signature, place: int) -> Iterator[Place]:
    """A call without the argument of a parameter that is gone."""
    name = name_of(was.parameters[place])
    given = [*call.positional, *call.keywords]
    gone = next((one for one in call.keywords if re.match(rf"{re.escape(name)}\s*=", code.of(one))), None)
    if gone is None and place < len(call.positional) and len(given) > len(was.parameters) - 1 - _n_optional(was):
        gone = call.positional[place]
    if gone is None:
        return
    at = given.index(gone)
    first = given[at - 1].end_byte if at else gone.start_byte
    last = gone.end_byte if at or len(given) == 1 else given[1].start_byte
    start, end = code.line(first)
    if last <= end:
        yield Place(start, end, Kind.REMOVED, (code.text[start:first] + code.text[last:end],))


def _n_optional(was: Signature) -> int:
    """How many parameters have a default."""
    return sum("=" in one for one in was.parameters)


def _seen(code: Code, name: str) -> dict[str, list[SyntaxNode]]:
    """What may be passed for a parameter: the name itself, or the object's; and the scopes in which each is bound."""
    owners = [scope_of(node) for node in code.names(name) if role(node, code.language) == "binding"]
    own = re.search(rf"(?<!\w)self\.{re.escape(name)}(?!\w)", code.text)
    selves = [scope_of(node) for node in code.names("self") if role(node, code.language) == "binding"] if own else []
    return {name: owners, f"self.{name}": selves}


def _nested(call: Call) -> bool:
    """Whether a call of several lines holds more than can be told from its line."""
    return call.arguments.end_byte - call.arguments.start_byte > 400


def is_one_argument(text: str) -> bool:
    """Whether a text is one argument of a call: brackets match, and no comma stands outside them."""
    depth, quote = 0, ""
    for char in text:
        if char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        elif not quote and char in "([{":
            depth += 1
        elif not quote and char in ")]}":
            depth -= 1
        if depth < 0 or (not depth and not quote and char == ",") or char == "\n":
            return False
    return bool(text.strip()) and not depth and not quote
