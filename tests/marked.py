"""Marked text as data: in `return «a + b»` the marks enclose what is to be filled in, and is not there yet."""

from typing import Any

from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at


def marked(text: str, **document: Any) -> tuple[Gap, str]:
    """The gap in the text without what the marks enclose, and what they enclose."""
    before, rest = text.split("«")
    fill, after = rest.split("»")
    return gap_at(Document(before + after, **document), len(before)), fill
