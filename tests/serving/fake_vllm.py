"""A stand-in for `vllm serve`, as a process of its own: it loads for a moment, logs as vLLM does, and answers.

What goes wrong is told by FAKE_VLLM in its environment: `crash`, `memory`, `hang` (never ready), `deaf` (hangs, and
SIGTERM does not end it), `refuse` (answers completions with 400), `chatty` (a log without end). FAKE_VLLM_LOG names a
file that gets a line for each start, FAKE_VLLM_GO one without which loading does not end; FAKE_VLLM_WRITES is a list of
token ids (JSON) that it writes into each gap.
"""

import argparse
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

LOADING = """\
(APIServer pid=1) INFO 11-21 13:00:00 [api_utils.py:347]  ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.32.0
(EngineCore pid=2) INFO 11-21 13:00:01 [model_runner.py:392] Loading model from scratch...
Loading safetensors checkpoint shards:   0% Completed | 0/2 [00:00<?, ?it/s]\r\
Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01,  1.00s/it]\r\
Loading safetensors checkpoint shards: 100% Completed | 2/2 [00:02<00:00,  1.00s/it]
(EngineCore pid=2) INFO 11-21 13:00:03 [default_loader.py:430] Loading weights took 2.00 seconds
(EngineCore pid=2) INFO 11-21 13:00:04 [kv_cache_utils.py:1] GPU KV cache size: 100,000 tokens
Capturing CUDA graphs (decode, FULL):  40%|####      | 2/5 [00:00<00:00,  9.00it/s]
"""
CRASHES = {
    "crash": "(EngineCore pid=2) ERROR 11-21 13:00:05 [core.py:1] RuntimeError: something broke inside",
    "memory": "(EngineCore pid=2) ERROR 11-21 13:00:05 [core.py:1] torch.OutOfMemoryError: CUDA out of memory. Tried"
    " to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.20 GiB is free.",
}

VALUED = (
    *("revision", "tokenizer-revision", "served-model-name", "limit-mm-per-prompt", "max-model-len", "max-num-seqs"),
    *("diffusion-config", "max-logprobs", "prefix-cache-retention-interval", "generation-config"),
    *("gpu-memory-utilization", "scheduler-cls"),
)

Counts = dict[str, float]


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """The server on a socket that is bound long before anyone listens on it, as vLLM's is."""

    daemon_threads = True

    def __init__(self, options: argparse.Namespace) -> None:
        self.address_family = socket.AF_UNIX if options.uds else socket.AF_INET
        self.options = options
        self.counts: Counts = dict.fromkeys(("requests", "steps", "positions", "committed", "queries", "hits"), 0)
        address: Any = options.uds or (options.host, options.port)
        super().__init__(address, Handler, bind_and_activate=False)
        self.server_bind()


class Handler(BaseHTTPRequestHandler):
    """The paths that a client needs."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Health, models, metrics."""
        if self.path == "/health":
            self.answer(200, "")
        elif self.path == "/metrics":
            self.answer(200, metrics(self.server.counts))
        elif self.path == "/v1/models" and self.is_allowed():
            name, root = self.server.options.served_model_name, self.server.options.model
            self.answer(200, json.dumps({"data": [{"id": name, "root": root, "max_model_len": 16384}]}))

    def do_POST(self) -> None:
        """Completions of a canvas."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.is_allowed():
            return
        given = body["vllm_xargs"]
        width, counts = given["diffusion_canvas_length"], self.server.counts
        if width > json.loads(self.server.options.diffusion_config)["canvas_length"]:
            self.answer(400, json.dumps({"error": {"message": "diffusion_canvas_length is too large"}}))
            return
        fits = len(given["diffusion_seed_canvas"]) == width == body["max_tokens"]
        if os.environ.get("FAKE_VLLM") == "refuse" or not fits:
            self.answer(400, json.dumps({"error": {"message": "unknown sampling arguments: diffusion_seed_canvas"}}))
            return
        counts["requests"] += 1
        counts["steps"] += given["diffusion_max_steps"]
        counts["positions"] += given["diffusion_max_steps"] * width
        counts["committed"] += width
        counts["queries"] += len(body["prompt"])
        counts["hits"] += len(body["prompt"]) // 2
        self.answer(200, json.dumps({"choices": [written(body)], "usage": {"prompt_tokens": len(body["prompt"])}}))

    def is_allowed(self) -> bool:
        """Whether the key is right; answers if it is not."""
        if self.headers.get("Authorization") == f"Bearer {os.environ['VLLM_API_KEY']}":
            return True
        self.answer(401, json.dumps({"error": "Unauthorized"}))
        return False

    def answer(self, status: int, text: str) -> None:
        """Sends an answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def address_string(self) -> str:
        """A unix socket has no address."""
        return "local"

    def log_message(self, *arguments: Any) -> None:
        """Access lines are turned off."""


def written(body: dict[str, Any]) -> dict[str, Any]:
    """A canvas with the same tokens in every gap; all that is asked for is equally likely."""
    given = body["vllm_xargs"]
    ids, pinned = list(given["diffusion_seed_canvas"]), set(given.get("diffusion_pinned", ()))
    gap = [place for place in range(len(ids)) if place not in pinned]
    for place, token in zip(gap, json.loads(os.environ.get("FAKE_VLLM_WRITES", "[]")), strict=False):
        ids[place] = token
    asked = body.get("logprob_token_ids", [])
    told = [{f"token_id:{token}": -0.1 for token in (token, *asked)} for token in ids]
    logprobs = {"token_logprobs": [-0.1] * len(ids), "top_logprobs": told}
    return {"text": "", "token_ids": ids, "logprobs": logprobs}


def metrics(counts: Counts) -> str:
    """The Prometheus text, as far as it matters."""
    return f"""\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="dg"}} {counts.get("running", 0)}
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="dg"}} 0.0
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{{engine="0",model_name="dg"}} {counts["queries"]}
# TYPE vllm:prefix_cache_hits_total counter
vllm:prefix_cache_hits_total{{engine="0",model_name="dg"}} {counts["hits"]}
# TYPE vllm:request_success_total counter
vllm:request_success_total{{engine="0",finished_reason="stop",model_name="dg"}} 0.0
vllm:request_success_total{{engine="0",finished_reason="length",model_name="dg"}} {counts["requests"]}
# TYPE vllm:diffusion_num_denoising_steps_total counter
vllm:diffusion_num_denoising_steps_total{{engine="0",model_name="dg"}} {counts["steps"]}
# TYPE vllm:diffusion_num_canvas_positions_total counter
vllm:diffusion_num_canvas_positions_total{{engine="0",model_name="dg"}} {counts["positions"]}
# TYPE vllm:diffusion_num_committed_tokens_total counter
vllm:diffusion_num_committed_tokens_total{{engine="0",model_name="dg"}} {counts["committed"]}
"""


def parsed() -> argparse.Namespace:
    """The options that the launcher gives; an unknown one is an error, as it is in vLLM."""
    parser = argparse.ArgumentParser("vllm", allow_abbrev=False)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--uds")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    for name in VALUED:
        parser.add_argument(f"--{name}")
    flags = "enable-prefix-caching", "enable-prompt-tokens-details", "enable-per-request-metrics"
    for name in (*flags, "disable-uvicorn-access-log"):
        parser.add_argument(f"--{name}", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Loads, perhaps breaks, and serves."""
    how = os.environ.get("FAKE_VLLM", "")
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = Server(parsed())
    # As vLLM's engine: a process of its own that outlives a killed server, and holds on to its output.
    subprocess.Popen(["sleep", "1000"])
    sys.stdout.write(LOADING)
    sys.stdout.flush()
    if "FAKE_VLLM_LOG" in os.environ:  # only now: it would break over this output if nobody were left to read it
        with Path(os.environ["FAKE_VLLM_LOG"]).open("a") as log:
            log.write(f"{os.getpid()} {server.options.model}\n")
    if how in CRASHES:
        print(CRASHES[how], flush=True)
        sys.exit(1)
    while how in ("hang", "deaf") or not Path(os.environ.get("FAKE_VLLM_GO", "/")).exists():
        time.sleep(0.01)
    while how == "chatty":
        print("INFO a line of the log, one of very many " * 8)
    server.server_activate()
    print("(APIServer pid=1) INFO:     Application startup complete.", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
