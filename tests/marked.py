"""Text as data. Marked: in `return «a + b»` the marks enclose what is to be filled in, and is not there yet."""

from typing import Any

from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at

# What other libraries split lines at and LSP does not, what takes more than one unit, and every line end.
ODD_PIECES = ("\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x85", "\u2028", "\u2029", "é", "𝄞", "👩‍👩‍👧", "\ud83d")


def marked(text: str, **document: Any) -> tuple[Gap, str]:
    """The gap in the text without what the marks enclose, and what they enclose."""
    before, rest = text.split("«")
    fill, after = rest.split("»")
    return gap_at(Document(before + after, **document), len(before)), fill
