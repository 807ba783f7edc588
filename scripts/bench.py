"""Measures what dgls costs, in counts and in ratios of one run; wall times are noisy and only reported.

    python scripts/bench.py [startup] [overhead] [forwards] [keystrokes] [clip] [--json]
    python scripts/bench.py overrun [--files PATH ...] [--gaps 8] [--seed 0]

startup     a real server process: time to the answer of `initialize`, memory before a model is asked for
overhead    the server's own time for a request on 4,000 lines, with an engine that answers at once
forwards    passes of the bundled model for each fill
keystrokes  prefix tokens that a key typed into a 2,000-line file encodes anew, and how many are reused
clip        processor time of one clip by language and file length, the very first one of a language included
overrun     how much of what models write too much the clip takes back: a Markdown table for each policy, by language;
            gaps in real files, whose middles are spoilt in known ways, clipped, and compared
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clipping.shares import sources_of, table
from clipping.times import clip_times
from figures import show, summary

URI = "file:///bench/module.py"
CODE = """\
def total(items, tax):
    result = 0
    for item in items:
        result += item.price * tax
    return result


"""


class Server:
    """A server process and the barest client there can be: one frame out, frames in until the answer."""

    def __init__(self, *options: str) -> None:
        self.begun = time.perf_counter()
        command = [sys.executable, "-m", "dgls", "serve", "--set", "log_level=error", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._n_requests = 0

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        """Writes a notification, or a request when it has a number."""
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if number else {})
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def ask(self, method: str, params: Any) -> Any:
        """The result of a request."""
        self._n_requests += 1
        self.send(method, params, self._n_requests)
        while (message := self._read()).get("id") != self._n_requests or "method" in message:
            pass
        return message["result"]

    def open(self, text: str) -> None:
        """The handshake, and one open document."""
        self.ask("initialize", {"capabilities": {}, "processId": None, "rootUri": None})
        self.send("initialized", {})
        document = {"uri": URI, "languageId": "python", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": document})

    def change(self, text: str, version: int) -> None:
        """The whole text anew."""
        identity = {"uri": URI, "version": version}
        self.send("textDocument/didChange", {"textDocument": identity, "contentChanges": [{"text": text}]})

    def complete(self, line: int, character: int) -> list[dict[str, Any]]:
        """The items of an invoked request."""
        place = {"textDocument": {"uri": URI}, "position": {"line": line, "character": character}}
        answer = self.ask("textDocument/inlineCompletion", {**place, "context": {"triggerKind": 1}})
        items: list[dict[str, Any]] = answer["items"]
        return items

    def close(self) -> None:
        """Shutdown and exit."""
        self.ask("shutdown", None)
        self.send("exit", None)
        self.process.wait(timeout=10)

    def _read(self) -> dict[str, Any]:
        """One message."""
        out = self.process.stdout
        assert out is not None
        length = 0
        while (line := out.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(out.read(length))
        return message


def startup(n_runs: int = 7) -> dict[str, Any]:
    """Seconds from process start to the answer of `initialize`, beside a bare import of lsprotocol; MB of memory."""
    seconds, imports, megabytes = [], [], []
    for _ in range(n_runs):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import lsprotocol.types"], check=True)
        imports.append(time.perf_counter() - begun)
        server = Server("--engine", "local")
        server.ask("initialize", {"capabilities": {}, "processId": None, "rootUri": None})
        seconds.append(time.perf_counter() - server.begun)
        server.send("initialized", {})
        server.ask("shutdown", None)
        megabytes.append(_resident_mb(server.process.pid))
        server.send("exit", None)
        server.process.wait(timeout=10)
    return {
        "initialize_s": summary(seconds),
        "import_lsprotocol_s": summary(imports),
        "ratio_to_import": round(statistics.median(seconds) / statistics.median(imports), 2),
        "resident_mb": summary(megabytes),
    }


def overhead(n_lines: int = 4000, n_requests: int = 300) -> dict[str, Any]:
    """Milliseconds from a request to its answer, with and without a change of the whole text before it."""
    lines = (CODE * (n_lines // CODE.count("\n") + 1)).split("\n")[:n_lines]
    middle = n_lines // 2 // 7 * 7 + 3
    with _script("item.count") as script:
        server = Server("--engine", "scripted", "--set", f"script={script}", "--set", "pause_ms=0")
        server.open("\n".join(lines))
        while not server.complete(middle, 8):
            time.sleep(0.05)
        with_change, alone = [], []
        for number in range(n_requests):
            lines[middle] = f"        result += {number} * "
            text = "\n".join(lines)
            begun = time.perf_counter()
            server.change(text, number + 2)
            sent = time.perf_counter()
            assert server.complete(middle, len(lines[middle]))
            with_change.append((time.perf_counter() - begun) * 1000)
            server.change(text + "\n", number + 2)
            server.ask("dgls/documentHash", {"textDocument": {"uri": URI}})
            sent = time.perf_counter()
            assert server.complete(middle, len(lines[middle]))
            alone.append((time.perf_counter() - sent) * 1000)
        server.close()
    return {"n_lines": n_lines, "request_ms": summary(alone), "change_and_request_ms": summary(with_change)}


def forwards() -> dict[str, Any]:
    """Passes, steps and milliseconds of the bundled model for fills in this repository's own files."""
    filler = _bundled()
    n_forwards, n_steps, milliseconds = [], [], []
    for prefix, suffix in _gaps():
        begun = time.perf_counter()
        *_, last = filler.drafts(_prompt(prefix, suffix))
        milliseconds.append((time.perf_counter() - begun) * 1000)
        n_forwards.append(last.cost.n_forwards)
        n_steps.append(last.cost.n_steps)
    return {
        "n_fills": len(n_forwards),
        "forwards": summary(n_forwards),
        "steps": summary(n_steps),
        "fill_ms": summary(milliseconds),
    }


def keystrokes(n_lines: int = 2000) -> dict[str, Any]:
    """Prefix tokens encoded anew and reused, key by key, while three statements are typed into a large file."""
    filler = _bundled()
    lines = (CODE * (n_lines // 7 + 1)).split("\n")[:n_lines]
    before, after = "\n".join(lines[:1001]) + "\n", "\n".join(lines[1001:])
    typed = "    total = result * 2\n    print(total, items)\n    return total + tax\n"
    encoded, reused = [], []
    for n_typed in range(len(typed) + 1):
        *_, last = filler.drafts(_prompt(before + typed[:n_typed], after))
        encoded.append(last.cost.n_encoded_tokens)
        reused.append(last.cost.n_reused_tokens)
    total = sum(encoded[1:]) + sum(reused[1:])
    return {
        "n_keys": len(typed),
        "cold_encoded_tokens": encoded[0],
        "encoded_tokens_per_key": summary(encoded[1:]),
        "reused_share": round(sum(reused[1:]) / total, 4),
    }


def _bundled() -> Any:
    """The bundled model on one CPU thread."""
    from dgls.engines.filler import load_filler
    from dgls.settings import Settings, with_settings

    return load_filler(with_settings(Settings(), {"device": "cpu", "threads": 1}))


def _prompt(prefix: str, suffix: str) -> Any:
    """The prompt that the server would make."""
    from dgls.text.document import Document
    from dgls.text.gap import gap_at
    from dgls.text.prompt import prompt

    return prompt(gap_at(Document(prefix + suffix), len(prefix)), 32768)


def _gaps() -> Iterator[tuple[str, str]]:
    """Prefix and suffix of the rest of every ninth line of a few files."""
    for path in sorted(Path(__file__).parent.parent.glob("dgls/text/*.py"))[:5]:
        lines = path.read_text(encoding="utf-8").split("\n")
        for index in range(4, len(lines), 9):
            keep = len(lines[index]) // 2
            if lines[index].strip():
                yield "\n".join([*lines[:index], lines[index][:keep]]), "\n" + "\n".join(lines[index + 1 :])


@contextmanager
def _script(text: str) -> Iterator[Path]:
    """A script file that answers everything with one text at once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.json"
        path.write_text(json.dumps({"default": {"drafts": [text]}}), encoding="utf-8")
        yield path


def _resident_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


MEASUREMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "startup": startup,
    "overhead": overhead,
    "forwards": forwards,
    "keystrokes": keystrokes,
    "clip": clip_times,
}


def main() -> None:
    """Prints the wanted measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choices = [[], *MEASUREMENTS, "overrun"]
    parser.add_argument("what", nargs="*", choices=choices, default=[], help="all but overrun, if none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    overrun = parser.add_argument_group("overrun")
    overrun.add_argument("--files", nargs="+", metavar="PATH", help="files and folders; this repository if not given")
    overrun.add_argument("--gaps", type=int, default=8, help="gaps in each file")
    overrun.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if "overrun" in chosen.what:
        root = Path(__file__).parent.parent
        places = chosen.files or [str(root / place) for place in ("dgls", "editors", "fixtures", "scripts", "tests")]
        print(table(sources_of(places), chosen.gaps, chosen.seed))
    named = [name for name in chosen.what if name != "overrun"]
    show({name: MEASUREMENTS[name]() for name in (named if chosen.what else MEASUREMENTS)}, as_json=chosen.json)


if __name__ == "__main__":
    main()
