"""Measures what dgls costs, in counts and in ratios of one run; wall times are noisy and only reported.

    python scripts/bench.py [startup] [overhead] [forwards] [keystrokes] [clip] [--json]

startup     a real server process: time to the answer of `initialize`, memory before a model is asked for
overhead    the server's own time for a request on 4,000 lines, with an engine that answers at once
forwards    passes of the bundled model for each fill
keystrokes  prefix tokens that a key typed into a 2,000-line file encodes anew, and how many are reused
clip        milliseconds of one clip by language and file length, the very first one of a language included
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


def clip(n_gaps: int = 150) -> dict[str, Any]:
    """Milliseconds of a clip by language and lines of the file; the first one of each imports its grammar."""
    from dgls.text.clip import clip as clipped
    from dgls.text.languages import language_of

    found = {}
    for path in sorted((Path(__file__).parent.parent / "fixtures/clip").iterdir()):
        text, language = path.read_text(encoding="utf-8"), language_of("", path.name).name
        for n_lines in (100, 1_000, 10_000):
            milliseconds = []
            for gap, raw in _overruns(
                "\n".join((text * (n_lines // text.count("\n") + 1)).split("\n")[:n_lines]), n_gaps
            ):
                begun = time.perf_counter()
                clipped(raw, _gap(gap, language))
                milliseconds.append((time.perf_counter() - begun) * 1000)
            found[f"{language} {n_lines}"] = summary(milliseconds)
    return found


def _overruns(text: str, n: int) -> Iterator[tuple[tuple[str, int], str]]:
    """Text and offset of gaps of a few lines spread over a file, and what a model might write: the middle and more."""
    lines = text.split("\n")
    for number in range(n):
        first = number * (len(lines) - 12) // n
        middle, below = "\n".join(lines[first : first + 4]), "\n".join(lines[first + 4 :])
        above = "".join(f"{line}\n" for line in lines[:first])
        raw = (middle, f"{middle}\n{below[:300]}", f"{middle}\n}})", f"{middle}\nother code (")[number % 4]
        yield (f"{above}\n{below}", len(above)), raw


def _gap(given: tuple[str, int], language: str) -> Any:
    """The gap at an offset of a text."""
    from dgls.text.document import Document
    from dgls.text.gap import gap_at

    return gap_at(Document(given[0], language=language), given[1])


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


def summary(numbers: list[float] | list[int]) -> dict[str, float]:
    """Median, 95th percentile, least and most."""
    ordered = sorted(numbers)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    named = {"p50": statistics.median(ordered), "p95": p95, "least": ordered[0], "most": ordered[-1]}
    return {name: round(value, 3) for name, value in named.items()}


MEASUREMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "startup": startup,
    "overhead": overhead,
    "forwards": forwards,
    "keystrokes": keystrokes,
    "clip": clip,
}


def main() -> None:
    """Prints the wanted measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], *MEASUREMENTS], default=[], help="all, if none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    chosen = parser.parse_args()
    results = {name: MEASUREMENTS[name]() for name in chosen.what or MEASUREMENTS}
    if chosen.json:
        print(json.dumps(results, indent=1))
        return
    for name, figures in results.items():
        for key, value in figures.items():
            shown = " ".join(f"{part} {number}" for part, number in value.items()) if isinstance(value, dict) else value
            print(f"{name:11} {key:24} {shown}")


if __name__ == "__main__":
    main()
