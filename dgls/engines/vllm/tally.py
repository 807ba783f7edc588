"""What a fill took, as far as the server tells: one line for the log, and counts."""

from collections.abc import Sequence

from dgls.engines import Cost
from dgls.engines.vllm.wire import Read


class Tally:
    """Adds up the requests of one fill."""

    def __init__(self, n_prompt: int) -> None:
        self._n_prompt = n_prompt
        self._n_rows = 0
        self._n_steps = 0
        self._n_cached: int | None = None
        self._queue_ms: float | None = None
        self._parts: list[str] = []

    @property
    def cost(self) -> Cost:
        """The counts; steps are the most that were allowed, as the server does not tell how many it took."""
        n_reused = self._n_cached or 0
        return Cost(self._n_steps, self._n_steps, self._n_prompt - n_reused, n_reused)

    def add(self, reads: Sequence[Read], n_steps: int, ms: float) -> None:
        """Takes note of canvases that were asked for side by side."""
        if not self._parts:  # later ones find what the first ones left in the cache
            self._n_cached = min((read.n_cached for read in reads if read.n_cached is not None), default=None)
        waited = [read.queue_ms for read in reads if read.queue_ms is not None]
        self._queue_ms = max([*waited, self._queue_ms or 0.0]) if waited else self._queue_ms
        self._n_rows += len(reads)
        self._n_steps += n_steps
        width = len(reads[0].ids) if reads else 0
        served = [read.served_ms for read in reads if read.served_ms is not None]
        there = f", {max(served):.1f} there" if served else ""
        steps = "1 step" if n_steps == 1 else f"at most {n_steps} steps"
        self._parts.append(f"{len(reads)} x {width} {steps} {ms:.1f} ms{there}")

    def __str__(self) -> str:
        """Names, counts and milliseconds; no source text."""
        cached = "cached tokens not told" if self._n_cached is None else f"{self._n_cached} cached"
        queue = "" if self._queue_ms is None else f", queue {self._queue_ms:.1f} ms"
        return f"{self._n_rows} canvases, prompt {self._n_prompt} tokens ({cached}){queue}: {'; '.join(self._parts)}"
