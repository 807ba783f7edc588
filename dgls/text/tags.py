"""Start and end tags in markup and in JSX."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Closing slash, name and slash at the end of a tag, past comments; JSX has braces for values.
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(/?)([A-Za-z][\w.:-]*)(?:\"[^\"]*\"|'[^']*'|\{(?:[^{}]|\{[^{}]*\})*\}|[^<>\"'{])*?(/?)>",
    re.DOTALL,
)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)


@dataclass(frozen=True)
class Tag:
    """A start or end tag, where it begins, and the indentation of its line."""

    name: str
    closing: bool
    at: int
    indent: int


def tags_of(text: str) -> Iterator[Tag]:
    """The tags of a text, without those of elements that have no end tag."""
    for found in _TAG.finditer(text):
        closing, name, alone = found.groups()
        if name and not alone and name.lower() not in _VOID:
            line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
            yield Tag(name, bool(closing), found.start(), len(line) - len(line.lstrip(" \t")))


def unmatched(tags: Iterator[Tag]) -> tuple[list[Tag], list[Tag]]:
    """The end tags without a start tag, and the start tags without an end tag; a start tag alone in between is over."""
    closers: list[Tag] = []
    openers: list[Tag] = []
    for tag in tags:
        if not tag.closing:
            openers.append(tag)
        elif not close(openers, tag.name):
            closers.append(tag)
    return closers, openers


def close(openers: list[Tag], name: str) -> bool:
    """Drops the last start tag of a name and all behind it; whether there was one."""
    last = next((index for index in range(len(openers) - 1, -1, -1) if openers[index].name == name), None)
    if last is not None:
        del openers[last:]
    return last is not None


def end_tags(text: str) -> str:
    """The end tags of the elements that a text leaves open."""
    return "".join(f"</{tag.name}>" for tag in reversed(unmatched(tags_of(text))[1]))
