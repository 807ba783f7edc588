"""Framing: what surrounds a prompt's code in the model's input, and where the code lies on the canvas.

Three small strategies behind one shape. `base`: plain code, suffix pinned on the canvas (the bundled model). `chat`:
the turns of an instruction-tuned model with an empty thought and an open code fence, suffix pinned. `prompted`: the
same, but the suffix is only told in the prompt, and the model ends the gap itself.

Token healing: half a symbol is never fixed. What is typed of it is taken off the prefix, and only tokens that agree
with it may stand at the start of the gap.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from dgls.engines.tokens import Tokens
from dgls.errors import EngineError
from dgls.text.prompt import Begun, Open, Piece, Pinned, Prompt, Standing, kept_from

# About how many characters a token has at least, so that a text of the budget rarely exceeds it in tokens.
_CHARS_PER_TOKEN = 3

# The symbol at the end of a line, with the one sign before it that a token may join to it: ` ret`, `.app`, `(`, ` `.
# From right to left: a search for what ends a line begins anew at each of its letters.
_TYPED = re.compile(r"\w*[^\w\s]?(?:[ \t]+(?=\S))?")
# More tokens of a symbol than a name has: a line of a script without blanks is one symbol, and so is encoded data.
_MOST_TYPED_TOKENS = 16


@dataclass(frozen=True)
class Part:
    """A piece of the middle in tokens; of standing code, `strength` of it is written anew.

    All of it is to be written where `ids` is None: `n` tokens, or as many as it takes.
    """

    ids: Sequence[int] | None = None
    strength: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Framed:
    """A prompt in tokens: `prefix` for the encoder; `head`, `middle` and `tail` for the canvas.

    `typed` is what the gap must begin with, `end` the token that fills a canvas up behind the tail, `ends` tokens by
    which the model itself may end the gap, `pinned` whether the tail is laid on the canvas.
    """

    prefix: Sequence[int]
    head: Sequence[int]
    tail: Sequence[int]
    typed: bytes
    end: int
    ends: frozenset[int] = frozenset()
    pinned: bool = True
    middle: tuple[Part, ...] = (Part(),)
    begun: tuple[tuple[Part, ...], ...] = ()

    @property
    def forced(self) -> bytes:
        """What the model must begin with; nothing where the middle begins with pinned text, which has it already."""
        is_given = self.middle[0].ids is not None and self.middle[0].strength is None
        return b"" if is_given else self.typed


def framed(prompt: Prompt, tokens: Tokens, strategy: str, context_tokens: int) -> Framed:
    """The prompt in tokens; `auto` takes `chat` where the vocabulary has turns, else `base`. Raises EngineError."""
    has_turns = tokens.id_of("<|turn>") is not None
    strategy = ("chat" if has_turns else "base") if strategy == "auto" else strategy
    if strategy == "chat" and not has_turns:
        raise EngineError("this model has no chat turns", "use --set strategy=base")
    code, typed = divided(prompt.prefix, tokens)
    # A cut text begins with the line end before it: that is how the bundled model has seen the middle of files.
    code = code[max(kept_from(code, context_tokens * _CHARS_PER_TOKEN) - 1, 0) :]
    pinned = strategy != "prompted"
    if not pinned and prompt.middle != (Open(),):
        raise EngineError("with the suffix in the prompt, code cannot be edited", "use --set strategy=auto")
    is_chat = has_turns and strategy != "base"
    frame = (_chat if is_chat else _base)(prompt, tokens, code, typed, pinned=pinned)
    begun = tuple(tuple(_begun(fill, tokens, typed)) for fill in prompt.begun) if pinned else ()
    return replace(frame, middle=tuple(_parts(prompt.middle, tokens, typed)), begun=begun)


def healed(prefix: str) -> tuple[str, str]:
    """The prefix up to the symbol at its end, and what is typed of that symbol.

    Indentation counts as fixed. An empty line has none yet: there the line end is typed, as vocabularies have tokens
    of a line end with the indentation behind it.
    """
    line = prefix[prefix.rfind("\n") + 1 :]
    if not line:
        return (prefix[:-1], "\n") if prefix else ("", "")
    found = _TYPED.match(line.lstrip(" \t")[::-1])
    n_typed = found.end() if found else 0
    return prefix[: len(prefix) - n_typed], prefix[len(prefix) - n_typed :]


def divided(prefix: str, tokens: Tokens) -> tuple[str, str]:
    """The prefix healed; of a symbol of very many tokens, only the last ones count as typed."""
    code, typed = healed(prefix)
    pieces = tokens.pieces(tokens.encode(typed))
    n_fixed = len("".join(pieces[:-_MOST_TYPED_TOKENS]))
    return code + typed[:n_fixed], "".join(pieces[-_MOST_TYPED_TOKENS:])


def shown_suffix(prompt: Prompt) -> str:
    """The suffix as it stands on the canvas: a gap that is whole lines ends before its last line end.

    So the suffix begins as in all other gaps; vocabularies have tokens of a line end with the indentation behind it.
    """
    is_line_start = not prompt.prefix or prompt.prefix.endswith("\n")
    if is_line_start and prompt.suffix and not prompt.suffix.startswith("\n"):
        return "\n" + prompt.suffix
    return prompt.suffix


def _parts(middle: Sequence[Piece], tokens: Tokens, typed: str) -> Iterator[Part]:
    """The pieces of the middle in tokens; code that is given in the first place has what was taken off the prefix."""
    for place, piece in enumerate(middle):
        before = "" if place else typed
        match piece:
            case Open():
                yield Part()
            case Pinned(text):
                yield Part(tokens.encode(before + text))
            case Standing(text, strength):
                yield Part(tokens.encode(before + text), strength)


def _begun(fill: Begun, tokens: Tokens, typed: str) -> Iterator[Part]:
    """A fill that is gone on with: tokens that stay side by side are one piece of standing code. What is typed takes as
    many places as it has tokens: its own or first place is one of them.
    """
    before = typed
    for stays, group in groupby(fill.tokens, key=lambda token: token[1]):
        texts = [text for text, _ in group]
        if stays:
            yield Part(tokens.encode(before + "".join(texts)), 0.0)
        else:
            yield Part(n=len(texts) + max(len(tokens.encode(before)) - 1, 0))
        before = ""


def _base(prompt: Prompt, tokens: Tokens, code: str, typed: str, *, pinned: bool) -> Framed:
    """`<bos> code | gap | suffix <eos> <eos> ...`; prompted, the suffix stands before the code instead."""
    bos, eos = _id(tokens, "<bos>"), _id(tokens, "<eos>")
    tail = tokens.encode(shown_suffix(prompt))
    if pinned:
        return Framed([bos, *tokens.encode(code)], [], tail, typed.encode(), eos)
    told = [bos, *_optional(tokens, "<|suffix|>"), *tail[:64], *_optional(tokens, "<|prefix|>"), *tokens.encode(code)]
    return Framed(told, [], [], typed.encode(), eos, frozenset({eos}), pinned=False)


def _chat(prompt: Prompt, tokens: Tokens, code: str, typed: str, *, pinned: bool) -> Framed:
    """A user turn that asks, then the model's turn with an empty thought and the code up to the gap."""
    turn, turn_end = _id(tokens, "<|turn>"), _id(tokens, "<turn|>")
    told = "" if pinned else f"\nThe missing part is followed by:\n```{prompt.language}\n{prompt.suffix[:2000]}\n```"
    wish = f" {prompt.instruction.strip()}" if prompt.instruction.strip() else ""
    ask = (
        f"user\nWrite the file {prompt.name or 'of code'} ({prompt.language}).{wish} Answer with the code alone.{told}"
    )
    thought = [*_optional(tokens, "<|channel>"), *tokens.encode("thought\n"), *_optional(tokens, "<channel|>")]
    prefix = [
        *[_id(tokens, "<bos>"), turn, *tokens.encode(ask), turn_end, *tokens.encode("\n")],
        *[turn, *tokens.encode("model\n"), *(thought if tokens.id_of("<|channel>") is not None else [])],
        *tokens.encode(f"```{prompt.language}\n{code}"),
    ]
    if pinned:
        tail = [*tokens.encode(shown_suffix(prompt).rstrip("\n") + "\n```"), turn_end]
        return Framed(prefix, [], tail, typed.encode(), turn_end)
    return Framed(prefix, [], [], typed.encode(), turn_end, frozenset({turn_end}), pinned=False)


def _id(tokens: Tokens, name: str) -> int:
    """The id of a special token that the framing needs. Raises EngineError."""
    found = tokens.id_of(name)
    if found is None:
        raise EngineError(f"the model's vocabulary has no {name}", "use a DiffusionGemma checkpoint")
    return found


def _optional(tokens: Tokens, name: str) -> list[int]:
    """The special token, if the vocabulary has it."""
    found = tokens.id_of(name)
    return [] if found is None else [found]
