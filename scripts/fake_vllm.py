"""A server that speaks vLLM's JSON and denoises nothing: for tests and for measuring the client.

    with FakeVllm(folder) as fake:     # a model folder: its tokenizer and vocabulary are what is served
        fake.url, fake.asked, fake.n_connections, ...

It refuses what vLLM 0.32 refuses, in its words, and writes `fake.text` into every gap. `faults` are taken one by one by
the next canvases: what goes wrong with each.
"""

import argparse
import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dgls.engines.checkpoint import read_json
from dgls.engines.tokens import read_tokens

SURE, DOUBTFUL, UNLIKELY = -0.1, -2.0, -9.0
MOST_TOP, MOST_TOLD = 20, 128


@dataclass(frozen=True)
class Fault:
    """How a canvas goes wrong: another status, other bytes, a pause before the answer, or a body cut off."""

    status: int = 200
    body: bytes | None = None
    pause_s: float = 0.0
    kept_bytes: int | None = None
    trickles: bool = False  # a byte every now and then
    drop: bool = False  # the connection is closed without a word
    edit: Callable[[dict[str, Any]], None] | None = None


class RefusedError(Exception):
    """A request that vLLM would refuse, in its words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class FakeVllm:
    """One server in a thread of its own; everything asked and every connection is kept."""

    def __init__(
        self, folder: Path, *, key: str = "", canvas_length: int = 32, uds: Path | None = None, port: int = 0
    ) -> None:
        config = read_json(folder / "config.json")
        self.tokens = read_tokens(folder, int(config["text_config"]["vocab_size"]))
        self.cards: list[dict[str, Any]] = [
            {"id": "dg", "object": "model", "owned_by": "vllm", "root": str(folder), "max_model_len": 4096}
        ]
        self.canvas_length = canvas_length
        self.key = key
        self.knows_canvases = True
        self.text = "x = 1\n" * 64
        self.step_ms = 0.0
        self.n_together = 1  # no canvas is answered before so many have been under way at once
        self.faults: deque[Fault] = deque()
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.n_connections = self.n_open = self.n_running = self.n_most_running = self.n_cancelled = 0
        self._cached: list[int] = []
        self._uds = uds
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_up = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self._uds}" if self._uds else f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_up.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        """Serves until it is told to stop."""
        self._loop.run_until_complete(self._listen())
        self._is_up.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _listen(self) -> None:
        """Opens the port or the socket."""
        if self._uds:
            self._server: asyncio.Server = await asyncio.start_unix_server(self._connected, self._uds)
            return
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._connected, sock=listener)

    async def _close(self) -> None:
        """Closes the port and waits for what still runs."""
        self._server.close()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*running, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection, until it is closed."""
        self.n_connections += 1
        self.n_open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = lines[0].split(" ")
                answer = self._answer(f"{method} {path}", headers, body)
                if not await self._unless_gone(answer, reader, writer):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.n_open -= 1
            writer.close()

    async def _unless_gone(
        self, answer: Coroutine[Any, Any, Fault], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Sends the answer, unless the client hangs up before; whether the connection is good for another request."""
        task = asyncio.ensure_future(answer)
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            self.n_cancelled += 1
            await asyncio.gather(task, return_exceptions=True)
            return False
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        found = task.result()
        if found.drop:
            return False
        content = found.body or b""
        head = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (found.status, len(content))
        # In one piece: a second one may wait 40 ms until the first is acknowledged.
        writer.write(head + (b"" if found.trickles else content[: found.kept_bytes]))
        for byte in content if found.trickles else b"":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        await writer.drain()
        return found.kept_bytes is None

    async def _answer(self, what: str, headers: dict[str, str], body: bytes) -> Fault:
        """What is sent for a request."""
        self.paths.append(what)
        try:
            if what == "GET /health":
                return Fault()
            if self.key and headers.get("authorization") != f"Bearer {self.key}":
                raise RefusedError(401, "Unauthorized")
            if what == "GET /v1/models":
                return Fault(body=json.dumps({"object": "list", "data": self.cards}).encode())
            if what != "POST /v1/completions":
                raise RefusedError(404, "Not Found")
            return await self._denoised(json.loads(body))
        except RefusedError as refused:
            error = {"error": {"message": refused.message, "type": "BadRequestError", "code": refused.status}}
            return Fault(refused.status, json.dumps(error).encode())

    async def _denoised(self, request: dict[str, Any]) -> Fault:
        """The answer to a canvas, or what goes wrong with it."""
        self.asked.append(request)
        self.n_running += 1
        self.n_most_running = max(self.n_most_running, self.n_running)
        try:
            is_first_question = request["prompt"] == [0]
            fault = self.faults.popleft() if self.faults and not is_first_question else Fault()
            self._check(request)
            n_steps = request["vllm_xargs"].get("diffusion_max_steps", 1)
            await asyncio.sleep(fault.pause_s + (0 if is_first_question else n_steps * self.step_ms / 1000))
            while self.n_most_running < self.n_together and not is_first_question:
                await asyncio.sleep(0.001)
        finally:
            self.n_running -= 1
        answer = self._written(request)
        if fault.edit is not None:
            fault.edit(answer)
        told = {"error": {"message": "as it was told", "code": fault.status}}
        content = json.dumps(answer if fault.status == 200 else told).encode() if fault.body is None else fault.body
        return Fault(fault.status, content, kept_bytes=fault.kept_bytes, trickles=fault.trickles, drop=fault.drop)

    def _check(self, request: dict[str, Any]) -> None:
        """Raises RefusedError for what vLLM refuses: `validate_diffusion_sampling_params`, and its limits."""
        if request["model"] not in [card["id"] for card in self.cards]:
            raise RefusedError(404, f"The model `{request['model']}` does not exist.")
        if not self.knows_canvases:
            return
        given = request["vllm_xargs"]
        width = given.get("diffusion_canvas_length", self.canvas_length)
        seed, pins = given.get("diffusion_seed_canvas"), given.get("diffusion_pinned", [])
        if not 0 < width <= self.canvas_length:
            raise RefusedError(
                400, "diffusion_canvas_length must be a positive integer no larger than the served canvas."
            )
        if seed is not None and len(seed) != width:
            raise RefusedError(400, f"diffusion_seed_canvas must hold exactly {width} ids, got {len(seed)}.")
        if seed is not None and not all(0 <= token < self.tokens.vocab_size for token in seed):
            raise RefusedError(400, f"diffusion_seed_canvas ids must be in [0, {self.tokens.vocab_size}).")
        if pins and (seed is None or not all(0 <= place < width for place in pins)):
            raise RefusedError(400, "diffusion_pinned positions must lie inside the canvas.")
        told = request.get("logprob_token_ids")
        if told and not len(told) == request["logprobs"] <= MOST_TOLD:
            raise RefusedError(400, f"logprobs must equal len(logprob_token_ids) and be at most {MOST_TOLD}")
        if not told and request["logprobs"] > MOST_TOP:
            raise RefusedError(
                400, f"Requested sample logprobs of {request['logprobs']}, which is greater than {MOST_TOP}"
            )
        if len(request["prompt"]) + request["max_tokens"] > self.cards[0]["max_model_len"]:
            raise RefusedError(400, "This model's maximum context length is exceeded.")

    def _written(self, request: dict[str, Any]) -> dict[str, Any]:
        """The text of this server in the gap; at pinned places a doubtful guess, as vLLM shows its own there."""
        given = request["vllm_xargs"]
        pinned = set(given.get("diffusion_pinned", []))
        width = min(given.get("diffusion_canvas_length", request["max_tokens"]), request["max_tokens"])
        text = [*self.tokens.encode(self.text)[:width], *[0] * width]
        ids = [0 if place in pinned else text[place] for place in range(width)]
        log_p = [DOUBTFUL if place in pinned else SURE for place in range(width)]
        others = [self._others(request, place, ids[place], log_p[place]) for place in range(width)]
        n_cached = _n_shared(self._cached, request["prompt"]) // 16 * 16
        self._cached = request["prompt"]
        logprobs = {
            "tokens": [f"token_id:{token}" for token in ids],
            "token_logprobs": log_p,
            "top_logprobs": others,
            "text_offset": [],
        }
        return {
            "id": "cmpl-0",
            "model": request["model"],
            "choices": [{"index": 0, "text": "", "token_ids": ids, "logprobs": logprobs, "finish_reason": "length"}],
            "usage": {
                "prompt_tokens": len(request["prompt"]),
                "completion_tokens": width,
                "prompt_tokens_details": {"cached_tokens": n_cached},
            },
            "metrics": {"queue_time_ms": 0.5, "time_to_first_token_ms": 1.5},
        }

    def _others(self, request: dict[str, Any], place: int, token: int, log_p: float) -> dict[str, float]:
        """The log-probabilities that were asked for at a place; a pinned token is as likely as doubtful."""
        seed = request["vllm_xargs"].get("diffusion_seed_canvas") or [0] * (place + 1)
        told = request.get("logprob_token_ids") or range(request["logprobs"])
        found = {number: DOUBTFUL if number == seed[place] else UNLIKELY for number in told}
        return {f"token_id:{number}": value for number, value in (found | {token: log_p}).items()}


def _n_shared(one: list[int], other: list[int]) -> int:
    """How many tokens two prompts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def main() -> None:
    """Serves a model folder's vocabulary until it is ended; the first line that it prints is its address."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with config.json and tokenizer.json")
    parser.add_argument("--port", type=int, default=0, help="any free one, if none is named")
    parser.add_argument("--step-ms", type=float, default=0.0, help="how long a denoising step takes")
    chosen = parser.parse_args()
    with FakeVllm(chosen.folder, port=chosen.port) as fake:
        fake.step_ms = chosen.step_ms
        print(fake.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
