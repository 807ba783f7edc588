"""The only place for tree-sitter: how many syntax errors a fill leaves around its gap."""

import re
from functools import cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser

from dgls.text.gap import Gap

# A line that starts a top-level statement: what precedes it can be parsed without it.
_TOP_LEVEL = re.compile(r"^[^\s#)\]}]", re.MULTILINE)
_MAX_WINDOW_CHARS = 20_000

_GRAMMARS = {"python": tree_sitter_python.language}


def n_errors(gap: Gap, text: str) -> int | None:
    """How many ERROR and MISSING nodes a window around the gap has once it is filled with `text`.

    The window reaches from the top-level statement before the gap to the second one after it, so that the cost does
    not grow with the file. None for a language without a grammar.
    """
    parser = _parser(gap.document.language)
    if parser is None:
        return None
    before, after = _window(gap)
    root = parser.parse((before + text + after).encode("utf-8", "replace")).root_node
    return _count_errors(root) if root.has_error else 0


def _window(gap: Gap) -> tuple[str, str]:
    """The text of the window before and after the gap."""
    source = gap.document.text
    before = source[max(gap.start - _MAX_WINDOW_CHARS, 0) : gap.start]
    starts = [found.start() for found in _TOP_LEVEL.finditer(before)]
    after = source[gap.end : gap.end + _MAX_WINDOW_CHARS]
    first_line_end = after.find("\n") + 1
    ends = _TOP_LEVEL.finditer(after, first_line_end) if first_line_end else iter(())
    next(ends, None)
    end = next(ends, None)
    # Two statements before: a decorator or an `if` belongs to the line below it.
    return before[starts[-2] if len(starts) > 1 else 0 :], after[: end.start() if end else len(after)]


@cache
def _parser(language: str) -> Parser | None:
    """The parser of a language; None without a grammar."""
    grammar = _GRAMMARS.get(language)
    return Parser(Language(grammar())) if grammar else None


def _count_errors(root: Node) -> int:
    """ERROR and MISSING nodes at or below `root`; a loop, as brackets may nest deeper than Python's stack."""
    n_found, nodes = 0, [root]
    while nodes:
        node = nodes.pop()
        n_found += node.is_error or node.is_missing
        nodes += [child for child in node.children if child.has_error]
    return n_found
