"""The only place for tree-sitter: how many syntax errors a fill leaves around its gap, and the trees that plans walk.

Grammars are imported when they are first used. All 24 come as wheels of their own.
"""

import re
from functools import cache, cached_property
from importlib import import_module

from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser

from dgls.text.gap import Gap
from dgls.text.languages import Language, language_of
from dgls.text.literals import ending, literals
from dgls.text.tags import end_tags
from dgls.text.window import Window, window

# Language -> the grammar's module and function.
_GRAMMARS = {
    **{
        name: (f"tree_sitter_{name}", "language")
        for name in (
            *("python", "javascript", "go", "rust", "c", "cpp", "java", "ruby", "html", "css", "json", "yaml"),
            *("toml", "bash", "lua", "kotlin", "swift", "scala", "sql", "markdown"),
        )
    },
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "php": ("tree_sitter_php", "language_php"),
}
LANGUAGES = tuple(_GRAMMARS)
# What other files call a node of a tree, without knowing the library.
SyntaxNode = Node
# Preprocessor conditions: a window may have the beginning of one without its end.
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|else|endif)\b.*$", re.MULTILINE)
# One byte for one code point: so that the parser's offsets are ours. Letters of any script are letters.
_NON_ASCII = re.compile(r"[^\x00-\x7f]")


class Syntax:
    """Counts the syntax errors around one gap; each text is parsed once."""

    def __init__(self, around: Window, language: Language) -> None:
        self._before, self._after = _ascii(around.before), _ascii(around.after)
        self._parser = parser(language.name)
        self._language = language
        self._cut = around.cut
        self._counts: dict[str, int] = {}

    def n_errors(self, text: str) -> int | None:
        """How many ERROR and MISSING nodes the window has with `text` (LF) in the gap; None without a grammar."""
        if self._parser is None:
            return None
        if text not in self._counts:
            filled = _ascii(text) + self._after
            whole = self._before + filled + self._rest(filled)
            if self._language.name in ("c", "cpp", "csharp"):
                whole = _CONDITION.sub("", whole)
            root = self._parser.parse(whole.encode()).root_node
            self._counts[text] = _count_errors(root) if root.has_error else 0
        return self._counts[text]

    def _rest(self, filled: str) -> str:
        """What ends the elements, the string or the comment that a window ends in, with what stands from the gap on."""
        if self._language.shape == "markup":
            return end_tags(self._before + filled)
        if not self._cut:
            return ""
        line, inside = self._begun
        return ending(literals(line + filled, self._language, inside)[1], self._language)

    @cached_property
    def _begun(self) -> tuple[str, str]:
        """The gap's line before the gap, and the mark of the string or comment that it begins in."""
        at = self._before.rfind("\n") + 1
        return self._before[at:], literals(self._before[:at], self._language)[1]


def syntax_of(gap: Gap) -> Syntax:
    """What counts the errors around a gap."""
    language = language_of(gap.document.language, gap.document.name)
    return Syntax(window(gap, language), language)


def n_errors(gap: Gap, text: str) -> int | None:
    """How many ERROR and MISSING nodes a window around the gap has once it is filled with `text`.

    None for a language without a grammar.
    """
    return syntax_of(gap).n_errors(text.replace("\r\n", "\n"))


def tree_of(text: str, language: str) -> SyntaxNode | None:
    """The root of a text's tree, in which byte offsets are our code points; None for a language without a grammar."""
    found = parser(language)
    return None if found is None else found.parse(_ascii(text).encode()).root_node


@cache
def parser(name: str) -> Parser | None:
    """The parser of a language, by our name for it; None without a grammar, or where its wheel is missing or broken."""
    if name not in _GRAMMARS:
        return None
    module, function = _GRAMMARS[name]
    try:
        return Parser(Grammar(getattr(import_module(module), function)()))
    except (ImportError, AttributeError, ValueError):  # ValueError: made for another tree-sitter
        return None


def without_parser() -> list[str]:
    """The languages that should have a parser and have none."""
    return [name for name in LANGUAGES if parser(name) is None]


def _ascii(text: str) -> str:
    """The text with a letter in the place of every character beyond ASCII."""
    return text if text.isascii() else _NON_ASCII.sub("x", text.replace("\ufeff", " "))


def _count_errors(root: Node) -> int:
    """ERROR and MISSING nodes at or below `root`; a loop, as brackets may nest deeper than Python's stack."""
    n_found, nodes = 0, [root]
    while nodes:
        node = nodes.pop()
        n_found += node.is_error or node.is_missing
        nodes += [child for child in node.children if child.has_error]
    return n_found
