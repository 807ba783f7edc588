"""The canvas coming into focus, for `dgls fill --watch`.

In a terminal: pinned code is plain, noise dim, what may still change yellow, what has settled bold. Elsewhere: one
frame per step as plain text, with the gap between « and ».
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager, nullcontext
from dataclasses import replace

from rich.live import Live
from rich.text import Text

from dgls.cli.terminal import Terminal
from dgls.engines import Draft, Drafts, Engine, Token
from dgls.infill import Answer, Stopwatch, infill
from dgls.settings import Settings
from dgls.text.fill import Silence
from dgls.text.gap import Gap

_N_CONTEXT_LINES = 4
# An eye needs about this long for a frame; models settle faster than that.
_FRAME_S = 0.08
_NOISE_BELOW = 0.3

Show = Callable[[Text], None]
Piece = tuple[str, str]  # text and rich style


async def watch(gap: Gap, engine: Engine, settings: Settings) -> Answer:
    """The answer, after showing every draft that led to it; there is no deadline, as the user looks on."""
    terminal = Terminal()
    stopwatch = Stopwatch()
    with _live(terminal) if terminal.is_live else nullcontext(_printer(terminal)) as show:
        async for phrase in engine.start():
            if terminal.is_live:
                show(Text(f"{phrase} ...", style="dim"))
        stopwatch.lap("load")
        found = await _watched(gap, infilling=(engine, settings), show=show, marks=not terminal.is_live)
    return replace(found, ms=stopwatch.ms | found.ms)


async def _watched(gap: Gap, *, infilling: tuple[Engine, Settings], show: Show, marks: bool) -> Answer:
    """Shows each draft for at least the time of a frame, last the fill."""
    found, shown_at = Answer(silence=Silence.EMPTY), 0.0
    async with aclosing(infill(gap, *infilling)) as items:
        async for item in items:
            if not marks:
                await asyncio.sleep(shown_at + _FRAME_S - time.monotonic())
            if isinstance(item, Answer):
                found = item
                show(fill_frame(gap, found, marks=marks))
            else:
                show(draft_frame(gap, item, marks=marks))
            shown_at = time.monotonic()
    return found


def draft_frame(gap: Gap, drafts: Drafts, *, marks: bool = False) -> Text:
    """The best draft between its code, and where the engine stands."""
    draft = drafts.candidates[0] if drafts.candidates else Draft("")
    facts = [
        _counted(drafts.cost.n_steps, "step"),
        _counted(drafts.cost.n_forwards, "forward"),
        f"gap of {_counted(draft.gap_tokens, 'token')}",
        _counted(len(drafts.candidates), "candidate"),
        f"{_mean(token.sureness for token in draft.tokens):.0%} sure",
    ]
    return _frame(gap, _pieces(draft), " · ".join(facts), marks=marks)


def fill_frame(gap: Gap, found: Answer, *, marks: bool = False) -> Text:
    """The best fill between its code, and what it took."""
    text = found.fills[0].text if found.fills else ""
    facts = [_counted(found.cost.n_steps, "step"), _counted(found.cost.n_forwards, "forward")]
    facts.append(f"{found.fills[0].sureness:.0%} sure" if found.fills else "nothing to show")
    return _frame(gap, [(text, "bold")], "filled · " + " · ".join(facts), marks=marks)


def _pieces(draft: Draft) -> list[Piece]:
    """The draft's tokens with their styles; a draft that came without tokens is one."""
    tokens = draft.tokens or (Token(draft.text, 1.0, draft.settled),)
    return [(_calm(token), _style(token)) for token in tokens]


def _style(token: Token) -> str:
    """How a token is drawn."""
    if token.settled:
        return "bold"
    return "dim" if token.sureness < _NOISE_BELOW else "yellow"


def _calm(token: Token) -> str:
    """The token's text; the line ends of noise are drawn as signs, so that the lines below do not jump."""
    return token.text.replace("\n", "⏎") if _style(token) == "dim" else token.text


def _frame(gap: Gap, pieces: list[Piece], footer: str, *, marks: bool) -> Text:
    """Numbered lines of code around the gap with the pieces in it, and a footer."""
    before = _lines(gap.prefix)
    after = _lines(gap.suffix)[: _N_CONTEXT_LINES + 1]
    kept = before[-_N_CONTEXT_LINES - 1 :]
    code = Text()
    code.append("\n".join(kept) + "«" * marks)
    for text, style in pieces:
        code.append(_visible(text), style)
    code.append("»" * marks + "\n".join(after))
    numbered = Text()
    for number, line in enumerate(code.split("\n", allow_blank=True), start=len(before) - len(kept) + 1):
        numbered.append(f"{number:5} │ ", "dim").append_text(line).append("\n")
    return numbered.append(f"      ╰ {footer}", "dim").append("\n" * marks)


def _lines(text: str) -> list[str]:
    """The lines of a text, ready for a terminal."""
    return _visible(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")


def _visible(text: str) -> str:
    """The text without signs that would move the cursor or colour the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else _sign(char) for char in text)


def _sign(char: str) -> str:
    """What is drawn for a character that cannot be printed: spaces for a tab, else a sign."""
    if char in "\t\r":
        return "    " if char == "\t" else ""
    return chr(0x2400 + ord(char)) if char < " " else "�"


def _counted(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _mean(values: Iterable[float]) -> float:
    """The mean; 0 of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else 0.0


@contextmanager
def _live(terminal: Terminal) -> Iterator[Show]:
    """Draws each frame over the last one."""
    with Live(console=terminal, auto_refresh=False) as live:
        yield lambda frame: live.update(frame, refresh=True)


def _printer(terminal: Terminal) -> Show:
    """Prints each frame below the last one, in lines as long as they are."""
    return lambda frame: terminal.print(frame, soft_wrap=True)
