"""The flows that write code anew on demand: a selection, placeholders together, a gap with something required."""

import asyncio
import re
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, permutations

from dgls.engines import Cost, Draft, EditingEngine, final_drafts
from dgls.errors import TooLongError
from dgls.infill import Stopwatch, asked
from dgls.settings import Settings
from dgls.text.clip import clip
from dgls.text.document import Document, with_lf
from dgls.text.edit import Edit
from dgls.text.fill import Silence
from dgls.text.gap import Gap
from dgls.text.placeholders import placeholders
from dgls.text.prompt import Open, Piece, Pinned, Standing
from dgls.text.syntax import syntax_of

_MOST_SHARED = 4  # candidates whose names are tried in other gaps


@dataclass(frozen=True)
class Suggestion:
    """Edits of one document at one version, none overlapping another, in its order; or why there are none."""

    edits: tuple[Edit, ...] = ()
    silence: Silence | None = None
    cost: Cost = field(default_factory=Cost)
    ms: dict[str, float] = field(default_factory=dict)


async def rewritten(
    selection: Gap, strength: float, instruction: str, engine: EditingEngine, settings: Settings
) -> Suggestion:
    """One edit that writes `strength` (0..1) of a selection anew, as instructed. Raises EngineError."""
    if not selection.document.text[selection.start : selection.end].strip():
        return Suggestion(silence=Silence.NO_PLACE)
    work = _Work(engine, settings)
    return await work.suggestion(_rewritten(selection, work, strength, instruction), Silence.FITS)


async def filled(document: Document, start: int, end: int, engine: EditingEngine, settings: Settings) -> Suggestion:
    """One edit for each placeholder between two offsets, filled together so that they agree. Raises EngineError."""
    gaps = placeholders(document, start, end, settings.placeholders)
    if not gaps:
        return Suggestion(silence=Silence.NO_PLACE)
    work = _Work(engine, settings)
    return await work.suggestion(_filled(gaps, work), Silence.EMPTY)


async def filled_with(gap: Gap, required: str, engine: EditingEngine, settings: Settings) -> Suggestion:
    """One edit that fills a gap with something that has the required text in it. Raises EngineError."""
    if not required.strip():
        return Suggestion(silence=Silence.NO_PLACE)
    work = _Work(engine, settings)
    return await work.suggestion(_filled_with(gap, with_lf(required), work), Silence.BROKEN)


class _Work:
    """The engine at work for one request, and what it took so far."""

    def __init__(self, engine: EditingEngine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._watch = Stopwatch()
        self._cost = Cost()

    async def drafts(self, gap: Gap, middle: tuple[Piece, ...], instruction: str = "") -> tuple[Draft, ...]:
        """The candidates for a gap that consists of these pieces. Raises EngineError."""
        prompt = replace(asked(gap, self._settings), middle=middle, instruction=instruction)
        last = await final_drafts(self._engine, prompt)
        self._cost += last.cost
        return last.candidates

    async def weigh(self, gap: Gap, texts: Sequence[str]) -> tuple[float, ...]:
        """The score of each text in a gap. Raises EngineError."""
        return await self._engine.weigh(asked(gap, self._settings), texts)

    async def suggestion(self, edits: Awaitable[Sequence[Edit]], otherwise: Silence) -> Suggestion:
        """The edits within the deadline, or why there are none. Raises EngineError."""
        found: Sequence[Edit] = ()
        try:
            async with asyncio.timeout(self._settings.deadline_ms / 1000):
                found = await edits
        except TimeoutError:
            otherwise = Silence.LATE
        self._watch.lap("engine")
        return Suggestion(tuple(found), None if found else otherwise, self._cost, self._watch.ms)


async def _rewritten(selection: Gap, work: _Work, strength: float, instruction: str) -> list[Edit]:
    """The selection written anew, if that changes it."""
    text = await _anew(selection, work, strength, instruction)
    edit = Edit(selection.document, selection.start, selection.end, _in_style(text, selection.document))
    return [edit.minimal()] if with_lf(edit.text) != with_lf(edit.before) else []


async def _filled(gaps: Sequence[Gap], work: _Work) -> list[Edit]:
    """The gaps that were filled."""
    texts = await _together(gaps, work)
    return [Edit(gap.document, gap.start, gap.end, text) for gap, text in zip(gaps, texts, strict=True) if text]


async def _filled_with(gap: Gap, required: str, work: _Work) -> list[Edit]:
    """The gap filled, what is required at its beginning, at its end, or between."""
    pinned = Pinned(required)
    layouts: list[tuple[Piece, ...]] = [(Open(), pinned, Open()), (pinned, Open()), (Open(), pinned)]
    drafts = [draft for layout in layouts for draft in await work.drafts(gap, layout)]
    text = _best_with(required, gap, drafts)
    return [Edit(gap.document, gap.start, gap.end, _in_style(text, gap.document))] if text else []


async def _anew(selection: Gap, work: _Work, strength: float, instruction: str) -> str:
    """The code of a selection written anew; in halves, the second behind the new first, if it is too long for one."""
    gap = _trimmed(selection)
    document, before = gap.document, gap.document.text[selection.start : gap.start]
    behind = document.text[gap.end : selection.end]
    standing = with_lf(document.text[gap.start : gap.end])
    try:
        drafts = await work.drafts(gap, (Standing(standing, strength),), instruction)
    except TooLongError:
        middle = (gap.start + gap.end) // 2
        cut = 1 + max(document.text.find("\n", middle, gap.end), document.text.rfind("\n", gap.start, middle))
        if cut == 0:
            raise
        first = await _anew(Gap(document, gap.start, cut), work, strength, instruction)
        now = replace(document, text=document.text[: gap.start] + first + document.text[cut:])
        second = Gap(now, gap.start + len(first), gap.end + len(now.text) - len(document.text))
        return before + first + await _anew(second, work, strength, instruction) + behind
    return before + _likeliest(gap, standing, drafts) + behind


def _trimmed(selection: Gap) -> Gap:
    """The selection without the blanks at its ends."""
    text = selection.document.text[selection.start : selection.end]
    n_before = len(text) - len(text.lstrip())
    return Gap(selection.document, selection.start + n_before, selection.start + max(len(text.rstrip()), n_before))


def _likeliest(gap: Gap, standing: str, drafts: Sequence[Draft]) -> str:
    """The best other text with no more errors than what stands there; that itself without one."""
    syntax = syntax_of(gap)
    n_now = syntax.n_errors(standing)
    texts = [draft.text for draft in sorted(drafts, key=lambda draft: -draft.score)]
    kept = [text for text in texts if text != standing and (syntax.n_errors(text) or 0) <= (n_now or 0)]
    return kept[0] if kept else standing


async def _together(gaps: Sequence[Gap], work: _Work) -> list[str]:
    """A text for each gap, in the document's line ends, empty for none; on one canvas, or in halves, the second
    behind the first as it is filled by then, where they lie too far apart for one.
    """
    document = gaps[0].document
    pieces: list[Piece] = [Open()]
    for one, other in pairwise(gaps):
        pieces += [Pinned(with_lf(document.text[one.end : other.start])), Open()]
    whole = Gap(document, gaps[0].start, gaps[-1].end)
    try:
        written = await work.drafts(whole, tuple(pieces))
        drafts = [*written, *await _shared(whole, pieces, written, work)]
    except TooLongError:
        if len(gaps) == 1:
            raise
        half = len(gaps) // 2
        first = await _together(gaps[:half], work)
        texts = [text or _standing(gap) for gap, text in zip(gaps, first, strict=False)]
        return [*first, *await _together(_moved(gaps, texts)[half:], work)]
    return _agreeing(gaps, drafts)


async def _shared(whole: Gap, pieces: Sequence[Piece], drafts: Sequence[Draft], work: _Work) -> list[Draft]:
    """The best candidates with a name of one gap also in another that has a name: places that depend on each other
    are written side by side, and neither has seen the other. The engine weighs what comes of it.
    """
    known = {draft.parts for draft in drafts}
    best = sorted(drafts, key=lambda draft: -draft.score)[:_MOST_SHARED]
    parts = dict.fromkeys(found for draft in best for found in _with_one_name(draft.parts) if found not in known)
    texts = [_joined(pieces, found) for found in parts]
    scores = await work.weigh(whole, texts) if texts else ()
    return [Draft(text, score=score, parts=found) for found, text, score in zip(parts, texts, scores, strict=True)]


def _with_one_name(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The parts with the name that one of them is in the place of that which another one is."""
    names = [place for place, part in enumerate(parts) if part.strip().isidentifier()]
    for one, other in permutations(names, 2):
        blank = parts[other][: len(parts[other]) - len(parts[other].lstrip())]
        yield (*parts[:other], blank + parts[one].strip(), *parts[other + 1 :])


def _joined(pieces: Sequence[Piece], parts: Sequence[str]) -> str:
    """The pieces of a middle as one text."""
    left = iter(parts)
    return "".join(next(left) if isinstance(piece, Open) else piece.text for piece in pieces)


def _standing(gap: Gap) -> str:
    """What stands in a gap."""
    return gap.document.text[gap.start : gap.end]


def _moved(gaps: Sequence[Gap], texts: Sequence[str]) -> list[Gap]:
    """The gaps in the document as it is once the first of them have these texts."""
    document, off = gaps[0].document, 0
    moved = []
    text = document.text
    for n, gap in enumerate(gaps):
        new = texts[n] if n < len(texts) else _standing(gap)
        text = text[: gap.start + off] + new + text[gap.end + off :]
        moved.append((gap.start + off, gap.start + off + len(new)))
        off += len(new) - (gap.end - gap.start)
    return [Gap(replace(document, text=text), *span) for span in moved]


def _agreeing(gaps: Sequence[Gap], drafts: Sequence[Draft]) -> list[str]:
    """The clipped texts of the best candidate: most gaps filled, then fewest errors, then the engine's score."""
    whole = syntax_of(Gap(gaps[0].document, gaps[0].start, gaps[-1].end))

    def rank(texts: Sequence[str]) -> tuple[int, int]:
        moved = _moved(gaps, [text or _standing(gap) for gap, text in zip(gaps, texts, strict=True)])
        filled = moved[0].document.text[moved[0].start : moved[-1].end]
        return texts.count(""), whole.n_errors(with_lf(filled)) or 0

    best = sorted(drafts, key=lambda draft: -draft.score)
    return min((_clipped(gaps, draft.parts) for draft in best), key=rank, default=[""] * len(gaps))


def _clipped(gaps: Sequence[Gap], parts: Sequence[str]) -> list[str]:
    """Each part as far as it is worth showing, with the others in place."""
    return [clip(part, gap).text for part, gap in zip(parts, _moved(gaps, parts), strict=True)]


def _best_with(required: str, gap: Gap, drafts: Sequence[Draft]) -> str:
    """The best clipped candidate that has the required text, as words of its own; the text itself where none has."""
    edge = r"(?<!\w)" * required[0].isalnum() + re.escape(required) + r"(?!\w)" * required[-1].isalnum()
    clipped = [with_lf(clip(draft.text, gap).text) or draft.text for draft in drafts]
    pairs = [
        (draft.score, text if required in text else draft.text) for draft, text in zip(drafts, clipped, strict=True)
    ]
    syntax = syntax_of(gap)
    kept = [(syntax.n_errors(text) or 0, -score, text) for score, text in pairs if re.search(edge, text)]
    return min([*kept, (syntax.n_errors(required) or 0, float("inf"), required)], key=lambda found: found[:2])[2]


def _in_style(text: str, document: Document) -> str:
    """The text in a document's line ends."""
    return with_lf(text).replace("\n", document.line_end)
