"""How much of what a model over-runs the clip takes back: shares of right outcomes, and a table of them."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from clipping.overrun import REGIONS, TYPED, Cut, cuts, spoilt
from dgls.text.clip import clip
from dgls.text.clip.place import Policy
from dgls.text.languages import language_of
from dgls.text.syntax import n_errors

POLICIES: tuple[Policy, ...] = ("ide", "infill")
QUESTIONS = (
    *("correct", "correct, in its block", "whole suffix", "cut suffix", "suffix, then other code", "echoed head"),
    *("indented twice", "fence and prose", "a closer too many", "other code", "no new error"),
)

# Language, and text.
Source = tuple[str, str]
# Policy and question.
Key = tuple[Policy, str]


class Tally:
    """How often each thing was asked of a clip, and how often the answer was right."""

    def __init__(self) -> None:
        self.n_gaps = 0
        self.asked: Counter[Key] = Counter()
        self.right: Counter[Key] = Counter()

    def add(self, policy: Policy, question: str, right: bool) -> None:
        """One more answer."""
        self.asked[policy, question] += 1
        self.right[policy, question] += right

    def share(self, policy: Policy, question: str) -> float:
        """The share of right answers; NaN when it was never asked."""
        asked = self.asked[policy, question]
        return self.right[policy, question] / asked if asked else float("nan")


# By the kind of a gap.
Tallies = dict[str, Tally]


def tallies(sources: Iterable[Source], n: int, seed: int = 0) -> Tallies:
    """The answers for `n` gaps in each source."""
    found: Tallies = {kind: Tally() for kind in TYPED + REGIONS}
    for number, (language, text) in enumerate(sources):
        for cut in cuts(language, text, n, random.Random(number + 1_000_003 * seed)):
            found[cut.kind].n_gaps += 1
            for policy in POLICIES:
                for question, right in outcomes(cut, policy):
                    found[cut.kind].add(policy, question, right)
    return found


def merged(tallies: Iterable[Tally]) -> Tally:
    """The answers of all of them."""
    found = Tally()
    for one in tallies:
        found.n_gaps += one.n_gaps
        found.asked.update(one.asked)
        found.right.update(one.right)
    return found


def of_policy(found: Tallies, policy: Policy) -> Tally:
    """The answers for the gaps that a policy is for: what somebody types for `ide`, regions too for `infill`."""
    return merged(found[kind] for kind in (TYPED if policy == "ide" else TYPED + REGIONS))


def outcomes(cut: Cut, policy: Policy) -> Iterator[tuple[str, bool]]:
    """What was asked of a clip, and whether it was so: the middle alone is shown, but for white space at its end."""
    true_errors = n_errors(cut.gap, cut.middle) or 0
    for way, raw, truncated in spoilt(cut, random.Random(cut.start)):
        found = clip(raw, cut.gap, policy=policy, truncated=truncated)
        right = found.text.rstrip() == cut.middle.rstrip()
        yield way, right
        if way == "correct" and cut.stays_in_block:
            yield "correct, in its block", right
        if found.text:
            yield "no new error", (found.n_errors or 0) <= true_errors


def sources_of(places: Iterable[str]) -> dict[str, list[Source]]:
    """By language, the texts of files, and of all files in folders, whose language is known."""
    found: dict[str, list[Source]] = {}
    for path in (file for place in places for file in _files(Path(place))):
        language = language_of("", path.name)
        if language.shape != "plain":
            text = path.read_text(encoding="utf-8", errors="replace")
            found.setdefault(language.name, []).append((language.name, text))
    return found


def _files(place: Path) -> list[Path]:
    """The file itself, or all below a folder but those of hidden ones."""
    if place.is_file():
        return [place]
    below = (path for path in sorted(place.rglob("*")) if path.is_file())
    return [path for path in below if not any(part.startswith(".") for part in path.relative_to(place).parts[:-1])]


def table(sources: dict[str, list[Source]], n: int, seed: int = 0) -> str:
    """Two Markdown tables for each policy: per cent of right outcomes by language and in all, and by kind of gap."""
    found = {language: tallies(texts, n, seed) for language, texts in sorted(sources.items())}
    by_kind = {kind: merged(one[kind] for one in found.values()) for kind in TYPED + REGIONS}
    return "\n\n".join(
        _table({name: of_policy(one, policy) for name, one in {**found, "all": by_kind}.items()}, policy)
        + "\n\n"
        + _table(by_kind, policy)
        for policy in POLICIES
    )


def _table(rows: dict[str, Tally], policy: Policy) -> str:
    """The table of one policy."""
    head = f"| `{policy}`, % | gaps | " + " | ".join(QUESTIONS) + " |"
    lines = [head, "|---" * (len(QUESTIONS) + 2) + "|"]
    for name, row in rows.items():
        shares = (f"{100 * row.share(policy, question):.1f}".replace("nan", "-") for question in QUESTIONS)
        lines.append(f"| {name} | {row.n_gaps} | " + " | ".join(shares) + " |")
    return "\n".join(lines)
