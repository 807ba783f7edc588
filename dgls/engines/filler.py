"""From a prompt to drafts on a loaded checkpoint: frame, sync the prefix, lay the canvas, denoise, choose."""

from collections.abc import Generator, Sequence
from copy import copy
from dataclasses import replace

import torch

from dgls.diffusion.canvas import Canvas, lay_out
from dgls.diffusion.choose import Joined, Scorer, behind_the_surest, causal_scores, mean_sureness
from dgls.diffusion.denoise import Step, denoise
from dgls.diffusion.noise import SeededNoise
from dgls.diffusion.prefix import Prefix, PrefixCache, n_shared
from dgls.engines import Cost, Draft, Drafts
from dgls.engines.candidates import Row, best_first, draft_of, rounds, width_of
from dgls.engines.checkpoint import Facts, find, read_facts
from dgls.engines.framing import Framed, framed
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.engines.masks import TypedText, banned_mask
from dgls.engines.tokens import Tokens, read_tokens
from dgls.settings import Settings
from dgls.text.prompt import Prompt


class Filler:
    """A loaded checkpoint with its tokenizer and the prefix caches of the documents last worked on."""

    def __init__(
        self, model: Gemma, tokens: Tokens, facts: Facts, settings: Settings, *, scorer: Scorer = causal_scores
    ) -> None:
        self.model = model
        self.tokens = tokens
        self.facts = facts
        self._settings = settings
        self._scorer = scorer
        self._banned = banned_mask(tokens).to(model.device)
        self._caches: list[PrefixCache] = []  # the one used last stands first

    @property
    def place(self) -> str:
        """The device in words."""
        device = self.model.device
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    def with_lengths(self, gap_lengths: tuple[int, ...]) -> "Filler":
        """The same loaded model trying other gap lengths."""
        facts = replace(self.facts, gap_lengths=gap_lengths)
        return Filler(self.model, self.tokens, facts, self._settings, scorer=self._scorer)

    def drafts(self, prompt: Prompt) -> Generator[Drafts, None, None]:
        """The candidates after each denoising step; the last item has scores and is final."""
        frame = framed(prompt, self.tokens, self._settings.strategy, self.facts.context_tokens)
        model = copy(self.model)  # other requests may be stepped in between: this one counts its own passes
        cache = self._cache_for(frame.prefix)
        n_encoded = cache.sync(frame.prefix)
        prefix = cache.prefix
        model.n_forwards = int(n_encoded > 0)
        n_steps = 0
        found: list[Draft] = []

        def cost() -> Cost:
            return Cost(n_steps, model.n_forwards, n_encoded, len(frame.prefix) - n_encoded)

        for lengths in rounds(frame, self.tokens, self.facts, found):
            canvas = self._canvas(frame, lengths)
            last, ranks = None, None
            for last in self._steps(model, frame, prefix, canvas):
                n_steps += 1
                # The order of the first step is kept, so that a draft that is shown does not jump from row to row.
                ranks = ranks or mean_sureness(last, canvas).tolist()
                yield Drafts(self._read(last, canvas, frame, ranks), final=False, cost=cost())
            assert last is not None  # max_denoising_steps is at least 1
            found += self._read(last, canvas, frame, self._scores(model, last, canvas, frame, prefix))
        yield Drafts(best_first(found), final=True, cost=cost())

    def _steps(self, model: Gemma, frame: Framed, prefix: Prefix, canvas: Canvas) -> Generator[Step, None, None]:
        """The denoising steps of a canvas behind a prefix."""
        noise = SeededNoise(self._settings.seed, model.vocab_size, model.device, self.facts.noise_id)
        banned = self._banned.clone()
        banned[list(frame.ends)] = False
        typed = TypedText(self.tokens, frame.typed, model.device) if frame.typed else None
        return denoise(
            model,
            prefix.seen(),
            len(prefix.ids),
            canvas,
            sampling=self.facts.sampling,
            noise=noise,
            banned=banned,
            typed=typed,
            lagging=behind_the_surest(self.facts.effort.n_kept_lengths, self.facts.effort.least_shares),
        )

    def _canvas(self, frame: Framed, lengths: Sequence[int]) -> Canvas:
        """One row for each gap length; behind the longest, `suffix_tokens` of the tail are pinned, or what fits."""
        width = width_of(frame, lengths[-1], self._settings.suffix_tokens, self.facts)
        if not frame.pinned:
            return lay_out(frame.head, [width - len(frame.head)], [], end=frame.end, width=width)
        return lay_out(frame.head, lengths, frame.tail, end=frame.end, width=width)

    def _cache_for(self, ids: Sequence[int]) -> PrefixCache:
        """The cache that shares most with a prefix; a new one when none shares half of it and there is room."""
        best = max(self._caches, key=lambda cache: n_shared(cache.prefix.ids, ids), default=None)
        if best is None or n_shared(best.prefix.ids, ids) * 2 < len(ids):
            if best is not None and len(self._caches) >= self._settings.n_documents:
                self._caches.pop()
            best = PrefixCache(self.model)
        self._caches = [best, *(cache for cache in self._caches if cache is not best)]
        return best

    def _scores(self, model: Gemma, step: Step, canvas: Canvas, frame: Framed, prefix: Prefix) -> list[float]:
        """How well each row that was not dropped joins prefix and suffix, in nats; the others are never chosen."""
        tail = [*frame.tail, frame.end][: self.facts.score_tail_tokens] if frame.pinned else []
        kept = torch.nonzero(~step.dropped).flatten().tolist()
        gaps = _gaps(step, canvas)
        found = self._scorer(model, prefix, [Joined(frame.head, gaps[row], tail) for row in kept])
        scores = [-torch.inf] * len(gaps)
        for row, score in zip(kept, found, strict=True):
            scores[row] = score
        return scores

    def _read(self, step: Step, canvas: Canvas, frame: Framed, scores: Sequence[float]) -> tuple[Draft, ...]:
        """The rows of a step that are not dropped as candidates, best first."""
        found = [
            draft_of(Row(gap, *_places(step, canvas, row)), frame, self.tokens, scores[row])
            for row, gap in enumerate(_gaps(step, canvas))
            if not step.dropped[row]
        ]
        return best_first(found)


def _gaps(step: Step, canvas: Canvas) -> list[list[int]]:
    """The gap's tokens of every row."""
    return [ids[~pinned].tolist() for ids, pinned in zip(step.draft.cpu(), canvas.pinned, strict=True)]


def _places(step: Step, canvas: Canvas, row: int) -> tuple[list[float], list[bool]]:
    """Sureness and settledness of one row's gap."""
    gap = canvas.gap[row]
    settled = step.accepted[row].cpu()[gap] | bool(step.done[row])
    return step.sureness[row].cpu()[gap].tolist(), settled.tolist()


def load_filler(settings: Settings) -> Filler:
    """Loads the checkpoint that the settings name. Raises ModelError when it is missing, broken or too large."""
    folder = find(settings.model)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    model = Gemma(load_model(folder, settings))
    return Filler(model, read_tokens(folder, model.vocab_size), read_facts(folder, settings), settings)
