"""Engines that fill in one way: a loaded checkpoint behind the engine's protocol."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from dgls.engines import Cost, Draft, Drafts
from dgls.text.prompt import Prompt
from evaluation.probe import Probe


class Probing:
    """A loaded filler as an engine, in this thread."""

    name = "local"

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    async def start(self) -> AsyncIterator[str]:
        """It is started."""
        yield "ready"

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The filler's drafts."""
        for item in self.probe.drafts(prompt):
            yield item

    async def close(self) -> None:
        """The model lives on."""


class Withholding(Probing):
    """Tells the model only a part of the suffix: each gap length on a canvas of its own that ends with that part."""

    def __init__(self, probe: Probe, part: str) -> None:
        super().__init__(probe)
        self._part = part

    async def drafts(self, prompt: Prompt) -> AsyncGenerator[Drafts, None]:
        """The candidates of all lengths at once; steps are those of the slowest one, forwards those of all."""
        probe = self.probe
        probe.n_behind = self._n_behind(prompt.suffix)
        lengths = sorted({min(length, probe.facts.canvas_length) for length in probe.facts.gap_lengths})
        n_scored = min(probe.facts.score_tail_tokens, probe.n_behind)
        candidates: list[Draft] = []
        cost = Cost()
        for length in lengths:
            probe.facts = replace(probe.facts, gap_lengths=(length,), score_tail_tokens=n_scored)
            *_, last = probe.drafts(prompt)
            candidates += last.candidates
            cost = _sum(cost, last.cost)
        if not probe.n_behind:
            candidates = [replace(draft, score=draft.score / max(draft.gap_tokens, 1)) for draft in candidates]
        yield Drafts(tuple(sorted(candidates, key=lambda draft: -draft.score)), final=True, cost=cost)

    def _n_behind(self, suffix: str) -> int:
        """How many tokens of the suffix are told; a line goes up to the token that holds its end."""
        if self._part == "line":
            return len(self.probe.tokens.encode(suffix[: suffix.find("\n") + 1] or suffix))
        return 0 if self._part == "none" else int(self._part)


def _sum(one: Cost, other: Cost) -> Cost:
    """What two fills of one gap took together."""
    return Cost(
        max(one.n_steps, other.n_steps),
        one.n_forwards + other.n_forwards,
        one.n_encoded_tokens + other.n_encoded_tokens,
        one.n_reused_tokens + other.n_reused_tokens,
    )
