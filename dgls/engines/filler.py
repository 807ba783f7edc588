"""From a prompt to drafts on a loaded checkpoint: frame, sync the prefix, lay the canvas, denoise, choose."""

from collections.abc import Generator, Iterator, Sequence
from copy import copy
from dataclasses import replace

import torch

from dgls.diffusion.canvas import Canvas, lay_out, lay_rows
from dgls.diffusion.choose import Joined, Scorer, behind_the_surest, causal_scores, mean_sureness
from dgls.diffusion.denoise import Step, denoise
from dgls.diffusion.layout import Run
from dgls.diffusion.noise import SeededNoise
from dgls.diffusion.prefix import Prefix, PrefixCache, n_shared
from dgls.diffusion.renoise import Likely, likelihoods, steps_left
from dgls.diffusion.sampling import Kernel
from dgls.engines import Cost, Draft, Drafts, Reading
from dgls.engines.candidates import Row, best_first, draft_of, width_of
from dgls.engines.checkpoint import Facts, find, read_facts
from dgls.engines.framing import Framed, Part, framed
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.engines.masks import TypedText, banned_mask
from dgls.engines.middles import Laid, Slot, begun_rows, laid_of, parts_of, plans, runs_of
from dgls.engines.tokens import Tokens, read_tokens
from dgls.settings import Settings
from dgls.text.prompt import Prompt

_TEXTS_AT_ONCE = 8


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
        model, prefix, n_encoded = self._begun(frame)
        n_steps = 0
        found: list[Draft] = []

        def cost() -> Cost:
            return Cost(n_steps, model.n_forwards, n_encoded, len(frame.prefix) - n_encoded)

        middle: list[Run | Slot] = []
        for part in frame.middle:
            likely: list[float] = []
            for some in self._likely(model, frame, prefix, part):
                likely += some.p.tolist()
                yield Drafts((), final=False, cost=cost())
            middle += laid_of(part, likely, self.facts.sampling.kernel)
        for laid, plan in self._rounds(frame, middle, found):
            canvas = self._canvas(frame, [runs_of(*row, frame.end) for row in zip(laid, plan, strict=True)])
            last, ranks = None, None
            for last in self._steps(model, frame, prefix, canvas):
                n_steps += last.number > 0  # nothing was noise: there is no step to do
                # The order of the first step is kept, so that a draft that is shown does not jump from row to row.
                ranks = ranks or mean_sureness(last, canvas).tolist()
                yield Drafts(best_first(self._drafts(last, canvas, frame, ranks)), final=False, cost=cost())
            assert last is not None  # max_denoising_steps is at least 1
            drafts = self._drafts(last, canvas, frame, self._scores(model, last, canvas, frame, prefix))
            for draft, one, lengths in zip(drafts, laid, plan, strict=False):  # prompted, one row is for all lengths
                if draft is not None:
                    found.append(replace(draft, lengths=lengths, parts=parts_of(draft, one, lengths)))
        yield Drafts(best_first(found), final=True, cost=cost())

    def _rounds(
        self, frame: Framed, middle: Laid, found: Sequence[Draft]
    ) -> Iterator[tuple[list[Laid], list[tuple[int, ...]]]]:
        """What is denoised side by side: a middle for each row, and the lengths of its slots.

        Where nothing is `found` by going on with what has begun, all of it begins anew.
        """
        begun = begun_rows(frame, self.facts)
        if begun[0]:
            yield begun
        if found:
            return
        for plan in plans(middle, frame, self.tokens, self.facts, found):
            yield [middle] * len(plan), plan

    def read(self, prompt: Prompt) -> Generator[tuple[Reading, ...], None, None]:
        """Every token of the standing code that the middle is, a few at a time. Raises TooLongError."""
        frame = framed(prompt, self.tokens, self._settings.strategy, self.facts.context_tokens)
        (part,) = frame.middle
        assert part.ids is not None
        model, prefix, _ = self._begun(frame)
        n_before, texts, typed = 0, self.tokens.pieces(part.ids), frame.typed.decode()
        for some in self._likely(model, frame, prefix, part):
            here = texts[n_before : n_before + len(some.p)]
            instead = [self.tokens.pieces([token])[0] for token in some.instead.tolist()]
            if not n_before and here:
                here[0], instead[0] = here[0].removeprefix(typed), instead[0].removeprefix(typed)
            n_before += len(here)
            yield tuple(Reading(*found) for found in zip(here, some.p.tolist(), instead, strict=True))

    def weigh(self, prompt: Prompt, texts: Sequence[str]) -> Generator[tuple[float, ...], None, None]:
        """The score of each text in the gap, a few at a time."""
        frame = framed(prompt, self.tokens, self._settings.strategy, self.facts.context_tokens)
        model, prefix, _ = self._begun(frame)
        typed, tail = frame.typed.decode(), self._scored_tail(frame)
        joined = [Joined(frame.head, self.tokens.encode(typed + text), tail) for text in texts]
        for first in range(0, len(joined), _TEXTS_AT_ONCE):
            yield tuple(self._scorer(model, prefix, joined[first : first + _TEXTS_AT_ONCE]))

    def _begun(self, frame: Framed) -> tuple[Gemma, Prefix, int]:
        """A model that counts its own passes, the prefix encoded, and how many of its tokens had to be."""
        model = copy(self.model)  # other requests may be stepped in between
        cache = self._cache_for(frame.prefix)
        n_encoded = cache.sync(frame.prefix)
        model.n_forwards = int(n_encoded > 0)
        return model, cache.prefix, n_encoded

    def _likely(self, model: Gemma, frame: Framed, prefix: Prefix, part: Part) -> Generator[Likely, None, None]:
        """How likely standing code is where it stands; nothing for what else may be in the gap."""
        if not part.ids or not part.strength:
            return
        before = [token for one in frame.middle[: frame.middle.index(part)] for token in one.ids or ()]
        behind = [token for one in frame.middle[frame.middle.index(part) + 1 :] for token in one.ids or ()]
        rows = [[Run(before, "pinned"), Run(part.ids, "warm"), Run(behind, "pinned")]]
        noise_id = self.facts.noise_id if self.facts.sampling.kernel is Kernel.ABSORBING else None
        seen = prefix.seen()
        canvas = self._canvas(frame, rows)
        yield from likelihoods(model, seen, len(prefix.ids), canvas, noise_id=noise_id, banned=self._banned)

    def _steps(self, model: Gemma, frame: Framed, prefix: Prefix, canvas: Canvas) -> Generator[Step, None, None]:
        """The denoising steps of a canvas behind a prefix."""
        noise = SeededNoise(self._settings.seed, model.vocab_size, model.device, self.facts.noise_id)
        banned = self._banned.clone()
        banned[list(frame.ends)] = False
        typed = TypedText(self.tokens, frame.forced, model.device) if frame.forced else None
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
            n_steps=steps_left(canvas, self.facts.sampling),
        )

    def _canvas(self, frame: Framed, rows: Sequence[Sequence[Run]]) -> Canvas:
        """The rows; behind the longest, `suffix_tokens` of the tail are pinned, or what fits. Raises TooLongError."""
        longest = max(sum(len(run.ids) for run in row) for row in rows)
        width = width_of(frame, longest, self._settings.suffix_tokens, self.facts)
        if not frame.pinned:
            return lay_out(frame.head, [width - len(frame.head)], [], end=frame.end, width=width)
        return lay_rows(frame.head, rows, frame.tail, end=frame.end, width=width)

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
        tail = self._scored_tail(frame)
        kept = torch.nonzero(~step.dropped).flatten().tolist()
        gaps = _gaps(step, canvas)
        found = self._scorer(model, prefix, [Joined(frame.head, gaps[row], tail) for row in kept])
        scores = [-torch.inf] * len(gaps)
        for row, score in zip(kept, found, strict=True):
            scores[row] = score
        return scores

    def _scored_tail(self, frame: Framed) -> Sequence[int]:
        """The first tokens behind the gap: how likely they are says how well it joins them."""
        return [*frame.tail, frame.end][: self.facts.score_tail_tokens] if frame.pinned else []

    def _drafts(self, step: Step, canvas: Canvas, frame: Framed, scores: Sequence[float]) -> list[Draft | None]:
        """The rows of a step as candidates; None for those that are dropped or give none."""
        return [
            None if dropped else draft_of(Row(ids, *_places(step, canvas, row)), frame, self.tokens, scores[row])
            for row, (ids, dropped) in enumerate(zip(_gaps(step, canvas), step.dropped.tolist(), strict=True))
        ]


def _gaps(step: Step, canvas: Canvas) -> list[list[int]]:
    """The tokens in the middle of every row."""
    return [ids[middle].tolist() for ids, middle in zip(step.draft.cpu(), canvas.middle, strict=True)]


def _places(step: Step, canvas: Canvas, row: int) -> tuple[list[float], list[bool]]:
    """Sureness and settledness of one row's middle."""
    middle = canvas.middle[row]
    settled = step.accepted[row].cpu()[middle] | bool(step.done[row])
    return step.sureness[row].cpu()[middle].tolist(), settled.tolist()


def load_filler(settings: Settings) -> Filler:
    """Loads the checkpoint that the settings name. Raises ModelError when it is missing, broken or too large."""
    folder = find(settings.model)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    model = Gemma(load_model(folder, settings))
    return Filler(model, read_tokens(folder, model.vocab_size), read_facts(folder, settings), settings)
