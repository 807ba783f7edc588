"""What a server serves, found out before it is used: which model, how long a context, how wide a canvas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dgls.diffusion.layout import WIDTHS
from dgls.engines.vllm.server import Server
from dgls.engines.vllm.wire import Asked, body_of
from dgls.errors import EndedError, EngineError, RefusedError
from dgls.settings import OTHER_RUNTIMES

# Wider than any canvas: a server that knows the argument refuses it, one that does not answers.
_TOO_WIDE = 2**24


@dataclass(frozen=True)
class Served:
    """`model` is the name in requests, `root` the folder or hub id that the server loaded it from.

    `max_model_len` counts prompt and canvas; `canvas_length` is the widest canvas.
    """

    model: str
    root: str
    max_model_len: int
    canvas_length: int


async def look(server: Server, wanted: str) -> Served:
    """What a server serves: the wanted model if it is one of them, else its only one. Raises EngineError."""
    cards = await server.models()
    _check_runtime(server, cards)
    card = _card(server, cards, wanted)
    model = str(card["id"])
    width = await _canvas_length(server, model)
    return Served(model, str(card.get("root") or model), int(card.get("max_model_len") or 2**20), width)


def check_alike(server: Server, served: Served, first: Served) -> None:
    """Raises EndedError when a server cannot stand in for the one that the vocabulary was read for."""
    hint = "the engine starts anew with it; servers that stand side by side in url must be alike"
    if _name(served) != _name(first):
        raise EndedError(f"{server.shown} serves another model, {_name(served)}", hint)
    if served.canvas_length < first.canvas_length or served.max_model_len < first.max_model_len:
        raise EndedError(f"{server.shown} takes shorter prompts or canvases than before", hint)


def _name(served: Served) -> str:
    """What a model is called wherever its folder is."""
    return served.root.rpartition("/")[2]


def _check_runtime(server: Server, cards: Sequence[Mapping[str, Any]]) -> None:
    """Raises EngineError when it is another runtime than vLLM that lists these models."""
    owner = "".join(char for char in str(cards[0].get("owned_by", "")).lower() if char.isalnum())
    owner = {"library": "ollama", "mlxlm": "mlx", "mlxvlm": "mlx"}.get(owner, owner)
    if owner in OTHER_RUNTIMES:
        raise EngineError(f"{server.shown} is no vLLM server", OTHER_RUNTIMES[owner])


def _card(server: Server, cards: Sequence[Mapping[str, Any]], wanted: str) -> Mapping[str, Any]:
    """The entry of the wanted model. Raises EngineError when there are several and none is it."""
    fitting = [card for card in cards if wanted and wanted in (card["id"], card.get("root"))]
    if fitting or len(cards) == 1:
        return (fitting or cards)[0]
    raise EngineError(
        f"{server.shown} serves several models", f"set model to one of {', '.join(str(card['id']) for card in cards)}"
    )


async def _canvas_length(server: Server, model: str) -> int:
    """The widest of our canvas widths that a server takes; asking for each also makes it compile for each.

    Raises EngineError when it takes none.
    """
    if await _takes(server, model, _TOO_WIDE):
        raise EngineError(
            f"{server.shown} cannot pin code on a canvas",
            "update it to vLLM 0.31 or later, with a DiffusionGemma model",
        )
    widest = 0
    for width in WIDTHS:
        if not await _takes(server, model, width):
            break
        widest = width
    if not widest:
        raise EngineError(f"{server.shown} takes no canvas of {WIDTHS[0]} tokens", "serve a DiffusionGemma model")
    return widest


async def _takes(server: Server, model: str, width: int) -> bool:
    """Whether the server takes a canvas of this width. Raises EngineError for everything but a yes and a no."""
    body = body_of(Asked([0], [0] * min(width, WIDTHS[-1]), [], n_steps=1), model)
    if width > WIDTHS[-1]:
        del body["vllm_xargs"]["diffusion_seed_canvas"]
        body["max_tokens"] = 1
    body["vllm_xargs"]["diffusion_canvas_length"] = width
    try:
        await server.complete(body)
    except RefusedError as error:
        if "diffusion_canvas_length" in error.problem:
            return False
        raise
    return True
