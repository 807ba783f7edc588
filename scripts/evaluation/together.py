"""Dependent gaps: whether two places that must agree do so, filled together and filled one by one."""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from dgls.edits import filled
from dgls.engines import EditingEngine
from dgls.settings import Settings
from dgls.text.document import Document

_ASSIGNED = re.compile(r"^[ \t]+(?P<name>[a-z_]\w{2,}) = .+\n", re.MULTILINE)
_NEAR_CHARS = 160  # both places have to lie on one canvas
_MOST_OF_A_TEXT = 4


@dataclass(frozen=True)
class Pair:
    """A file in which a name is missing where it is assigned and where it is used next."""

    name: str
    before: str
    between: str
    after: str

    def text(self, first: str, second: str) -> str:
        """The file with these texts in its two places."""
        return self.before + first + self.between + second + self.after


@dataclass(frozen=True)
class Filled:
    """What stands in the two places."""

    first: str
    second: str
    truth: str

    @property
    def agree(self) -> bool:
        """Whether both have the same name."""
        return bool(self.first) and self.first == self.second

    @property
    def right(self) -> bool:
        """Whether it is the name that was there."""
        return self.agree and self.first == self.truth


def pairs(texts: Iterable[tuple[str, str]], n: int, seed: int) -> list[Pair]:
    """`n` pairs of named texts, at most a few of each, in random order."""
    rng = random.Random(seed)
    found = [pair for _, text in texts for pair in islice(_pairs(text, rng), _MOST_OF_A_TEXT)]
    rng.shuffle(found)
    return found[:n]


def _pairs(text: str, rng: random.Random) -> Iterator[Pair]:
    """Assignments whose name is used once more near below."""
    matches = list(_ASSIGNED.finditer(text))
    rng.shuffle(matches)
    for match in matches:
        name, end = match["name"], match.end("name")
        use = re.search(rf"(?<![\w.]){name}\b(?!\s*=[^=])", text[end : end + _NEAR_CHARS])
        if use and use.start() > match.end() - end:
            start = end + use.start()
            yield Pair(name, text[: match.start("name")], text[end:start], text[start + len(name) :])


async def together(pair: Pair, engine: EditingEngine, settings: Settings) -> Filled:
    """Both places on one canvas."""
    return await _filled(pair, "...", "...", engine, settings)


async def one_by_one(pair: Pair, engine: EditingEngine, settings: Settings) -> Filled:
    """Each place alone, the other one still a placeholder."""
    hidden = replace(settings, placeholders=("@@",))
    first = await _filled(pair, "@@", "...", engine, hidden)
    second = await _filled(pair, "...", "@@", engine, hidden)
    return Filled(first.first, second.second, pair.name)


async def _filled(pair: Pair, first: str, second: str, engine: EditingEngine, settings: Settings) -> Filled:
    """What the two places have once all placeholders are filled."""
    text = pair.text(first, second)
    places = (len(pair.before), len(pair.before) + len(first) + len(pair.between))
    found = await filled(Document(text, name="a.py"), places[0], places[1] + len(second), engine, settings)
    texts = {edit.start: edit.text for edit in found.edits}
    return Filled(texts.get(places[0], ""), texts.get(places[1], ""), pair.name)
