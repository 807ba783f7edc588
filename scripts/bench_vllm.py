"""Measures what the client of a vLLM server costs, against a server that answers at once (scripts/fake_vllm.py).

    python scripts/bench_vllm.py [--n 300] [--json]

canvas   a request through the engine's client beside the same request through a bare socket, one after the other; the
         processor time is that of the asking thread, and does not depend on what else the machine does
side     canvases per second with several under way, and over how many connections
"""

import argparse
import asyncio
import json
import socket
import statistics
import time
from typing import Any

from dgls.engines.checkpoint import BUNDLED
from dgls.engines.endpoint import Endpoint
from dgls.engines.vllm.server import Server
from dgls.engines.vllm.wire import Asked, body_of, read_of
from fake_vllm import FakeVllm
from figures import show, summary

WIDTH = 64


def request(n_prompt: int = 1000) -> dict[str, Any]:
    """A canvas behind a prompt of usual length."""
    return body_of(Asked([7] * n_prompt, [9] * WIDTH, [*range(32, WIDTH)], 16, told=[*range(8)]), "dg")


def bare(fake: FakeVllm, n: int) -> list[float]:
    """Milliseconds of the request over one socket with nothing between, its JSON made and read included."""
    host, port = fake.url.removeprefix("http://").split(":")
    milliseconds = []
    with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as answers:
        for _ in range(n):
            begun = time.perf_counter()
            body = json.dumps(request()).encode()
            connection.sendall(b"POST /v1/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            length = 0
            while (line := answers.readline().strip()) or not length:
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            read_of(json.loads(answers.read(length)), WIDTH)
            milliseconds.append((time.perf_counter() - begun) * 1000)
    return milliseconds


async def through_client(fake: FakeVllm, n: int) -> list[float]:
    """Milliseconds of the request through the client."""
    server = Server(Endpoint(fake.url))
    milliseconds = []
    for _ in range(n):
        begun = time.perf_counter()
        read_of(await server.complete(request()), WIDTH)
        milliseconds.append((time.perf_counter() - begun) * 1000)
    await server.close()
    return milliseconds


def canvas(fake: FakeVllm, n: int) -> dict[str, Any]:
    """What the client adds to a canvas, in milliseconds and as a ratio."""
    asyncio.run(through_client(fake, 20))
    begun = time.thread_time()
    alone = bare(fake, n)
    between = time.thread_time()
    client = asyncio.run(through_client(fake, n))
    cpu_ms = [(between - begun) * 1000 / n, (time.thread_time() - between) * 1000 / n]
    medians = statistics.median(alone), statistics.median(client)
    return {
        "bare_ms": summary(alone),
        "client_ms": summary(client),
        "added_ms": round(medians[1] - medians[0], 3),
        "ratio": round(medians[1] / medians[0], 2),
        "bare_cpu_ms": round(cpu_ms[0], 3),
        "client_cpu_ms": round(cpu_ms[1], 3),
        "added_cpu_ms": round(cpu_ms[1] - cpu_ms[0], 3),
        "per_cpu_s": round(1000 / cpu_ms[1]),
    }


def side(fake: FakeVllm, n: int) -> dict[str, Any]:
    """Canvases per second by how many are under way."""
    found: dict[str, Any] = {}
    for n_under_way in (1, 3, 8):
        before = fake.n_connections
        begun = time.perf_counter()
        asyncio.run(_under_way(fake, n // n_under_way, n_under_way))
        rate = n // n_under_way * n_under_way / (time.perf_counter() - begun)
        found[f"{n_under_way} under way"] = {"per_s": round(rate), "connections": fake.n_connections - before}
    return found


async def _under_way(fake: FakeVllm, n_each: int, n_under_way: int) -> None:
    """Asks in several chains over one client."""
    server = Server(Endpoint(fake.url))

    async def chain() -> None:
        for _ in range(n_each):
            read_of(await server.complete(request()), WIDTH)

    await asyncio.gather(*(chain() for _ in range(n_under_way)))
    await server.close()


def main() -> None:
    """Prints the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=300, help="canvases of each measurement")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    chosen = parser.parse_args()
    with FakeVllm(BUNDLED, canvas_length=WIDTH) as fake:
        results = {"canvas": canvas(fake, chosen.n), "side": side(fake, chosen.n)}
        results["connections"] = {"accepted": fake.n_connections, "requests": len(fake.asked)}
    show(results, as_json=chosen.json)


if __name__ == "__main__":
    main()
