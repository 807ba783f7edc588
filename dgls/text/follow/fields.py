"""A constructor that keeps its parameters, and not the one that the user added."""

import re
from collections.abc import Iterator

from dgls.text.follow.calls import name_of, signature
from dgls.text.follow.code import Code
from dgls.text.follow.place import Kind, Place

_KEPT = r"(?:self|this)\.(_?){0}\b[^=\n]*=\s*{0}\s*;?[ \t]*\r?$"


def fields(before: Code, now: Code) -> Iterator[Place]:
    """The line that keeps the parameter before the new one, else the one after it; the new one's below or above."""
    was, found = signature(before), signature(now)
    if was is None or found is None or found.owner is None or found.name not in ("__init__", "constructor"):
        return
    names = [name_of(one) for one in found.parameters]
    added = [name for name in names if name not in [name_of(one) for one in was.parameters]]
    body = now.of(found.node)
    if len(added) != 1 or not added[0].isidentifier() or re.search(rf"\b_?{added[0]}\b\s*=", body.split(":\n")[-1]):
        return
    place = names.index(added[0])
    for name in [*reversed(names[:place]), *names[place + 1 :]]:
        kept = re.search(_KEPT.format(re.escape(name)), body, re.MULTILINE) if name.isidentifier() else None
        if kept:
            start, end = now.line(found.node.start_byte + kept.start())
            yield _kept_too(now, start, end, (name, added[0]), below=name in names[:place])
            return


def _kept_too(code: Code, start: int, end: int, names: tuple[str, str], *, below: bool) -> Place:
    """The line of one parameter together with the same line for another."""
    line = code.text[start:end]
    more = re.sub(rf"\b(_?){re.escape(names[0])}\b", lambda found: found.group(1) + names[1], line)
    indent = code.text[code.text.rfind("\n", 0, start) + 1 : start]
    both = [line, more] if below else [more, line]
    return Place(start, end, Kind.FIELD, (f"\n{indent}".join(both),))
