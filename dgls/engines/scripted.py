"""The engine that writes what it is told: for tests, demos and editor development.

Its script is a JSON file:

    {"default": {"drafts": ["..."], "delay_ms": 0},
     "rules": [{"prefix_ends": "def a", "drafts": ["...", "..."], "delay_ms": 30}]}

The first rule whose `prefix_ends` ends the prefix answers, else the default. Each draft comes after its delay, the
last one is final; as far as a draft agrees with the last one, it has settled. `alternatives` (optional) stand beside
the last draft as further candidates. From the character `unsure_from` (optional) on, the engine is 40 % sure. Where
text is pinned inside the gap, it stands between as many copies of the draft.

    {"standing": {"total = a": "total = a + b"}}

says what code that stands there should be: what is not named is right as it is. `delay_ms` beside it holds for each.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cattrs

from dgls.engines import Cost, Draft, Drafts, Reading, Token
from dgls.errors import ScriptError
from dgls.text.prompt import Open, Pinned, Prompt, Standing


@dataclass(frozen=True)
class Rule:
    """What to answer when the prefix ends with `prefix_ends`."""

    drafts: list[str]
    delay_ms: float = 0
    prefix_ends: str = ""
    alternatives: list[str] = ()  # type: ignore[assignment] # an empty tuple is the only immutable empty default
    unsure_from: int | None = None


@dataclass(frozen=True)
class Script:
    """The rules in the order in which they are tried, and what to answer when none fits."""

    default: Rule = Rule([""])
    rules: list[Rule] = ()  # type: ignore[assignment] # as above
    standing: dict[str, str] = field(default_factory=dict)
    delay_ms: float = 0


class ScriptedEngine:
    """Answers from a script."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._script = Script()

    @property
    def name(self) -> str:
        """What fills."""
        return f"scripted ({self._path.name})"

    async def start(self) -> AsyncIterator[str]:
        """Reads the script. Raises ScriptError."""
        yield f"reading {self._path.name}"
        self._script = read_script(self._path)

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The drafts of the first rule that fits; for code that stands there, what that should be."""
        if any(isinstance(piece, Standing) for piece in prompt.middle):
            await asyncio.sleep(self._script.delay_ms / 1000)
            text = "".join(self._right(piece.text) for piece in prompt.middle if not isinstance(piece, Open))
            yield Drafts((_draft(text, len(text)),), final=True, cost=Cost(n_steps=1))
            return
        rule = next(
            (rule for rule in self._script.rules if prompt.prefix.endswith(rule.prefix_ends)), self._script.default
        )
        for n_steps, text in enumerate(rule.drafts, start=1):
            await asyncio.sleep(rule.delay_ms / 1000)
            final = n_steps == len(rule.drafts)
            whole, last = _laid(prompt, text), _laid(prompt, rule.drafts[-1])
            first = _draft(whole, _n_alike(whole, last), rule.unsure_from, parts=_parts(prompt, text))
            others = [
                _draft(_laid(prompt, other), len(_laid(prompt, other)), parts=_parts(prompt, other))
                for other in (rule.alternatives if final else ())
            ]
            yield Drafts((first, *others), final, Cost(n_steps=n_steps))

    async def read(self, prompt: Prompt) -> tuple[Reading, ...]:
        """What of the standing code is not as it should be is unlikely."""
        await asyncio.sleep(self._script.delay_ms / 1000)
        (piece,) = prompt.middle
        assert isinstance(piece, Standing)
        here, right = _words(piece.text), _words(self._right(piece.text))
        right = [*right[: len(here) - 1], "".join(right[len(here) - 1 :])] if len(right) > len(here) else right
        right += [""] * (len(here) - len(right))
        return tuple(
            Reading(one, 1.0 if one == other else 0.01, other) for one, other in zip(here, right, strict=False)
        )

    async def weigh(self, prompt: Prompt, texts: Sequence[str]) -> tuple[float, ...]:
        """What the script says should be something else is unlikely."""
        await asyncio.sleep(self._script.delay_ms / 1000)
        return tuple(0.0 if self._right(text) == text else -10.0 for text in texts)

    def _right(self, text: str) -> str:
        """What code that stands there should be; blanks around it stay."""
        code = text.strip()
        return text.replace(code, self._script.standing.get(code, code)) if code else text

    async def close(self) -> None:
        """Nothing to free."""


def read_script(path: Path) -> Script:
    """The script in a file. Raises ScriptError."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        script = cattrs.Converter(forbid_extra_keys=True).structure(data, Script)
    except OSError as error:
        raise ScriptError(f"cannot read the script {path.name}", error.strerror or "check the path") from error
    except (ValueError, AttributeError, cattrs.BaseValidationError) as error:  # AttributeError: not an object
        raise ScriptError(
            f"the script {path.name} is broken", 'it looks like {"default": {"drafts": ["..."]}}'
        ) from error
    if not all(rule.drafts for rule in (script.default, *script.rules)):
        raise ScriptError(f"a rule in {path.name} has no drafts", 'give each at least one: "drafts": ["..."]')
    return script


def _n_alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _laid(prompt: Prompt, text: str) -> str:
    """The middle of a prompt with the same text in each of its gaps."""
    return "".join(piece.text if isinstance(piece, Pinned) else text for piece in prompt.middle)


def _parts(prompt: Prompt, text: str) -> tuple[str, ...]:
    """The same text for each of its gaps."""
    return tuple(text for piece in prompt.middle if isinstance(piece, Open))


def _words(text: str) -> list[str]:
    """The text in words and what stands between them."""
    return re.findall(r"\w+|\W+", text)


def _draft(text: str, n_settled: int, unsure_from: int | None = None, *, parts: tuple[str, ...] = ()) -> Draft:
    """A draft in as few tokens as it takes to say what has settled and what is sure."""
    cuts = sorted({0, n_settled, len(text) if unsure_from is None else min(unsure_from, len(text)), len(text)})
    tokens = [
        Token(text[begin:end], 1.0 if unsure_from is None or begin < unsure_from else 0.4, begin < n_settled)
        for begin, end in pairwise(cuts)
    ]
    settled = n_settled == len(text)
    return Draft(text, tuple(tokens) or (Token("", 1.0, settled),), settled=settled, gap_tokens=1, parts=parts)
