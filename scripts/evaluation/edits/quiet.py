"""Changes that nothing follows: the file is as its authors left it once the user is done."""

import ast
import io
import random
import re
import tokenize

from evaluation.edits.case import EditCase, File, swapped

_Found = list[tuple[int, int, str]]


def statement(file: File, rng: random.Random) -> EditCase | None:
    """A line of code written anew."""
    kinds = (ast.Assign, ast.Expr, ast.Return, ast.AugAssign, ast.Raise, ast.Assert)
    found: _Found = []
    for node in ast.walk(file.tree):
        if isinstance(node, kinds) and node.lineno == node.end_lineno and not isinstance(_value(node), ast.Constant):
            start, end = file.starts[node.lineno - 1], file.starts[node.lineno]
            found.append((start, end, ""))
    return _one(file, rng, "quiet: statement", found)


def literal(file: File, rng: random.Random) -> EditCase | None:
    """A number or the words of a string."""
    found: _Found = []
    for token in _tokens(file, tokenize.NUMBER):
        found.append((*token, str(rng.randint(2, 99))))
    for start, end in _tokens(file, tokenize.STRING):
        word = re.search(r"(?<=\w )\w+", file.text[start:end])
        if word and "\n" not in file.text[start:end]:
            found.append((start + word.start(), start + word.end(), "other"))
    return _one(file, rng, "quiet: literal", found)


def comment(file: File, rng: random.Random) -> EditCase | None:
    """A comment behind or above code."""
    found: _Found = [(start, end, "# TODO") for start, end in _tokens(file, tokenize.COMMENT)]
    return _one(file, rng, "quiet: comment", found)


def docstring(file: File, rng: random.Random) -> EditCase | None:
    """A word of a docstring."""
    found: _Found = []
    for start, end in _tokens(file, tokenize.STRING):
        text = file.text[start:end]
        words = list(re.finditer(r"(?<= )[a-z]+(?= )", text)) if text.startswith('"""') else []
        if words:
            word = rng.choice(words)
            found.append((start + word.start(), start + word.end() + 1, ""))
    return _one(file, rng, "quiet: docstring", found)


def layout(file: File, rng: random.Random) -> EditCase | None:
    """Blank lines, or the blanks around an operator."""
    found: _Found = [(one.start(), one.end(), "") for one in re.finditer(r"(?<=\n)\n", file.text)]
    found += [(one.start() + 1, one.end() - 1, "=") for one in re.finditer(r"\w = \w", file.text)]
    return _one(file, rng, "quiet: layout", found)


QUIET = {"quiet: statement": statement, "quiet: literal": literal, "quiet: comment": comment}
QUIET |= {"quiet: docstring": docstring, "quiet: layout": layout}


def _value(node: ast.AST) -> ast.AST | None:
    """What a statement is about."""
    value = getattr(node, "value", None)
    return value if isinstance(value, ast.AST) else None


def _one(file: File, rng: random.Random, kind: str, found: _Found) -> EditCase | None:
    """One of these places as it was."""
    found = [one for one in found if file.text[one[0] : one[1]] != one[2]]
    if not found:
        return None
    return EditCase(file.name, kind, swapped(file.text, [rng.choice(found)]), file.text)


def _tokens(file: File, kind: int) -> list[tuple[int, int]]:
    """Where tokens of a kind stand."""
    found = tokenize.generate_tokens(io.StringIO(file.text).readline)
    return [(file.at(*token.start), file.at(*token.end)) for token in found if token.type == kind]
