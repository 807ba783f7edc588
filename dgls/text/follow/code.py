"""The code around a change with its tree, and what a rule asks of it. A plan costs the same in a file of any length."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dgls.text.document import Document
from dgls.text.edit import Change
from dgls.text.languages import language_of
from dgls.text.syntax import SyntaxNode, tree_of

# On either side of the change: a parse of all of it takes some 20 ms.
AROUND_CHARS = 40_000
_MOST_USES = 100
_DEEPEST = 60
_NAME = re.compile(r"identifier$|^(?:name|constant|variable_name)$")


@dataclass(frozen=True, eq=False)
class Code:
    """A part of a document, or all of it; offsets of its tree count from `offset`. The user changed `[first, last)`."""

    text: str
    offset: int
    root: SyntaxNode
    language: str
    first: int
    last: int
    is_whole: bool

    def of(self, node: SyntaxNode | None) -> str:
        """The text of a node; nothing of none."""
        return "" if node is None else self.text[node.start_byte : node.end_byte]

    def around(self, first: int, last: int) -> SyntaxNode:
        """The smallest node around a range."""
        return self.root.named_descendant_for_byte_range(first, last) or self.root

    def named(self, first: int, last: int) -> SyntaxNode | None:
        """The name that is exactly this range."""
        found = self.around(first, last)
        return found if is_name(found) and (found.start_byte, found.end_byte) == (first, last) else None

    def names(self, name: str) -> Iterator[SyntaxNode]:
        """The places of a name nearest to the change, whatever it stands for; nothing in strings and comments."""
        found = re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", self.text)
        starts = sorted((at.start() for at in found), key=lambda at: abs(at - self.first))
        for start in sorted(starts[:_MOST_USES]):
            node = self.named(start, start + len(name))
            if node is not None:
                yield node

    def line(self, at: int) -> tuple[int, int]:
        """Where the code of a line begins and ends: without its indentation and its line end."""
        start = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        row = self.text[start : end if end >= 0 else len(self.text)]
        return start + len(row) - len(row.lstrip()), start + len(row.rstrip())


def upwards(node: SyntaxNode) -> Iterator[SyntaxNode]:
    """A node and those around it, innermost first; not all of them where code is nested deeper than people write."""
    at: SyntaxNode | None = node
    for _ in range(_DEEPEST):  # each step costs as much as the node lies deep
        if at is None:
            return
        yield at
        at = at.parent


def is_name(node: SyntaxNode) -> bool:
    """Whether a node is a name and nothing else."""
    return node.is_named and node.child_count == 0 and bool(_NAME.search(node.type))


def both(change: Change) -> tuple[Code, Code] | None:
    """How the code was and how it is; None where there is no grammar, or no change."""
    edit = change.edit
    if not edit.before and not edit.text:
        return None
    before = _code(change.before, edit.start, edit.end)
    now = _code(change.now, edit.start, edit.start + len(edit.text))
    return (before, now) if before and now else None


def _code(document: Document, start: int, end: int) -> Code | None:
    """Whole lines around a range, parsed."""
    text = document.text
    first = max(start - AROUND_CHARS, 0)
    first = text.find("\n", first, start) + 1 if first else 0
    last = text.find("\n", end + AROUND_CHARS)
    part = text[first : last if last >= 0 else len(text)]
    language = language_of(document.language, document.name).name
    root = tree_of(part, language)
    is_whole = len(part) == len(text)
    return Code(part, first, root, language, start - first, end - first, is_whole) if root else None
