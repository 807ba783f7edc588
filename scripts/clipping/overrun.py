"""The over-run of models, made on purpose: correct middles of real code, spoilt in known ways."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from dgls.text.document import Document
from dgls.text.gap import Gap, gap_at
from dgls.text.nesting import indent_of

# Lines, several lines, ends and parts of lines, and parts of words are what somebody types; whole lines with their
# indentation and line end, and gaps from inside one line to inside another, are regions.
TYPED = ("line", "lines", "rest", "part", "word")
REGIONS = ("whole", "span")
_MAX_CHARS = 1200
_UNRELATED = {
    "python": "def unrelated(x):\n    return x * 2\n",
    "ruby": "def unrelated(x)\n  x * 2\nend\n",
    "lua": "local function unrelated(x)\n  return x * 2\nend\n",
    "bash": 'unrelated() {\n  echo "$1"\n}\n',
    "go": "func unrelated(x int) int {\n\treturn x * 2\n}\n",
    "json": '"unrelated": {\n  "x": 2\n}\n',
    "yaml": "unrelated:\n  x: 2\n",
    "toml": "[unrelated]\nx = 2\n",
    "html": "<section>\n  <p>unrelated</p>\n</section>\n",
    "css": ".unrelated {\n  color: red;\n}\n",
    "sql": "SELECT 2 AS unrelated;\n",
    "markdown": "## Unrelated\n\nSome text.\n",
}


@dataclass(frozen=True)
class Cut:
    """A text with a gap whose correct middle is known."""

    language: str
    kind: str
    text: str
    start: int
    end: int

    @property
    def middle(self) -> str:
        """What belongs into the gap."""
        return self.text[self.start : self.end]

    @property
    def suffix(self) -> str:
        """What stands behind the gap."""
        return self.text[self.end :]

    @cached_property
    def gap(self) -> Gap:
        """The gap in the text without its middle."""
        return gap_at(Document(self.text[: self.start] + self.suffix, language=self.language), self.start)

    @property
    def stays_in_block(self) -> bool:
        """Whether no line of the middle is indented less than the gap's."""
        first, *others = self.text[self.text.rfind("\n", 0, self.start) + 1 : self.end].split("\n")
        return all(indent_of(line) >= indent_of(first) for line in others if line.strip())


def cuts(language: str, text: str, n: int, rng: random.Random) -> Iterator[Cut]:
    """`n` gaps, or fewer, of all kinds."""
    rows = text.split("\n")
    n_found = 0
    for _ in range(n * 20):
        kind = rng.choice(TYPED + REGIONS)
        found = _cut(rows, kind, rng)
        if found and n_found < n:
            n_found += 1
            yield Cut(language, kind, text, *found)


def _cut(rows: list[str], kind: str, rng: random.Random) -> tuple[int, int] | None:
    """Start and end of a gap of a kind; None when the row that was drawn is not fit for it."""
    first = rng.randrange(len(rows))
    last = first + (rng.randrange(6) if kind in ("lines", "whole", "span") else 0)
    if last >= len(rows) or not rows[first].strip() or not rows[last].strip():
        return None
    begin = sum(len(row) + 1 for row in rows[:first])
    taken = "\n".join(rows[first : last + 1])
    found = _in_rows(rows[first], rows[last], len(taken), kind, rng)
    if found is None or not taken[slice(*found)].strip() or found[1] - found[0] > _MAX_CHARS:
        return None
    more = kind == "whole" and last + 1 < len(rows)  # its line end
    return begin + found[0], begin + found[1] + more


def _in_rows(first: str, last: str, length: int, kind: str, rng: random.Random) -> tuple[int, int] | None:
    """Start and end of a gap, counted from the beginning of its first row, in rows of a length."""
    indent = indent_of(first)
    if kind == "whole":
        return 0, length
    if kind in ("line", "lines"):
        return indent, length
    if kind == "word":
        return (indent, length) if length - indent < 2 else _pair(range(indent, length + 1), rng)
    starts = [at for at in range(indent + 1, len(first)) if _is_word_start(first[at - 1 : at + 1])]
    if kind == "span":
        ends = [at for at in range(1, len(last)) if _is_word_start(last[at - 1 : at + 1])]
        found = (rng.choice([indent, *starts]), length - len(last) + rng.choice([*ends, len(last)]))
        return found if found[0] < found[1] else None
    if len(starts) < 2:
        return None
    return _pair([*starts, length], rng) if kind == "part" else (rng.choice(starts), length)


def _pair(places: Sequence[int], rng: random.Random) -> tuple[int, int]:
    """Two of the places, in order."""
    start, end = sorted(rng.sample(places, 2))
    return start, end


def _is_word_start(pair: str) -> bool:
    """Whether no word goes on between two characters."""
    return not (pair[0].isalnum() and pair[1].isalnum()) and "_" not in pair


def spoilt(cut: Cut, rng: random.Random) -> Iterator[tuple[str, str, bool]]:
    """Name, model text and whether it ran out of room, for every way to spoil a middle."""
    middle, suffix = cut.middle, cut.suffix
    unrelated = _UNRELATED.get(cut.language, "function unrelated(x) {\n  return x * 2;\n}\n")
    line = cut.gap.prefix.rpartition("\n")[2]
    yield "correct", middle, False
    if suffix.strip():
        yield "whole suffix", middle + suffix[: suffix.find("\n", 2500) + 1 or None], False
        yield "cut suffix", middle + suffix[: rng.randint(5, 200)], True
        yield "suffix, then other code", middle + _lines(suffix, rng.randint(1, 3)) + "\n" + unrelated, False
    if line.strip():
        yield "echoed head", line + middle, False
    elif line:
        yield "indented twice", line + middle, False
    prose = "Here is the code:\n\n```\n", "\n```\nThis should work."
    yield "fence and prose", prose[0] + middle.rstrip("\n") + prose[1], False
    yield "a closer too many", middle.rstrip("\n") + rng.choice((")", "\n}")), False
    yield "other code", middle.rstrip("\n") + "\n\n" + unrelated, False


def _lines(suffix: str, n: int) -> str:
    """The rest of the gap's line and the next lines, of which `n` are not blank."""
    taken = []
    for index, row in enumerate(suffix.split("\n")):
        taken.append(row)
        n -= bool(index and row.strip())
        if n <= 0:
            break
    return "\n".join(taken)
