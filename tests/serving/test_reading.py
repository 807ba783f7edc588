"""What vLLM says, read: its log while it loads and when it breaks, and its metrics."""

from pathlib import Path

import pytest

from dgls.engines.serving.journal import Journal
from dgls.engines.serving.metrics import counts, is_busy, metrics_of, totals
from dgls.engines.serving.progress import last_lines, last_phrase, phrase_of, why
from tests.serving.fake_vllm import metrics

WORKER = "(EngineCore pid=2) INFO 05-06 20:59:57 "


@pytest.mark.parametrize(
    ("line", "phrase"),
    [
        ("Loading safetensors checkpoint shards:  56% Completed | 5/9 [00:13<00:11]", "reading the weights: 56 %"),
        ("Loading fastsafetensors checkpoint shards: 100% Completed | 5/5", "reading the weights: 100 %"),
        ("Multi-thread loading shards:  47% Completed | 15/32 [00:21<00:20]", "reading the weights: 47 %"),
        ("model-00001-of-00011.safetensors:  12%|#2 | 600M/4.9G", "downloading the weights: 12 %"),
        (WORKER + "[core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: model='x'", "starting the engine"),
        (WORKER + "[model_runner.py:392] Loading model from scratch...", "loading the model"),
        (WORKER + "[gpu_model_runner.py:1] Starting to load model google/x...", "loading the model"),
        (WORKER + "[backends.py:1148] Dynamo bytecode transform time: 8.52 s", "compiling the model"),
        ("Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  14%|#4 |", "capturing CUDA graphs: 14 %"),
        (WORKER + "[kv_cache_utils.py:1] GPU KV cache size: 1,024 tokens", "making room for the prefix cache"),
        (WORKER + "[entry.py:140] Starting vLLM server on unix:/tmp/x.sock", "beginning to listen"),
        (WORKER + "[default_loader.py:384] Loading weights took 24.84 seconds", None),
        (
            WORKER + "[vllm.py:1703] Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup.",
            None,
        ),
        (WORKER + "[core.py:402] init engine (profile, create kv cache, warmup model) took 0.54 s", None),
        ('INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200 OK', None),
    ],
)
def test_phrases(line: str, phrase: str | None) -> None:
    assert phrase_of(line) == phrase


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("ValueError: No available memory for the cache blocks.", 1, "the GPU has too little free memory for org/m"),
        (
            "ValueError: Free memory on device (3.1/23.6 GiB) on startup is less than desired GPU memory utilization",
            1,
            "the GPU has too little free memory for org/m",
        ),
        ("OSError: [Errno 98] Address already in use", 1, "the port or socket is in use"),
        ("api_server.py: error: unrecognized arguments: --diffusion-config", 2, "this vLLM is too old"),
        ("ValueError: Model Runner V1 does not support: diffusion models", 1, "this vLLM is too old"),
        ("RuntimeError: Failed to infer device type", 1, "vLLM finds no GPU that it can use"),
        ("huggingface_hub.errors.GatedRepoError: 401 Client Error.", 1, "the hub does not give org/m away"),
        ("huggingface_hub.errors.RepositoryNotFoundError: 404", 1, "there is no model org/m"),
        ("OSError: [Errno 28] No space left on device", 1, "the disk is full"),
        ("/usr/bin/python: No module named vllm", 1, "vLLM is not installed where the command looks for it"),
        ("Segmentation fault", -11, "the server was killed by signal 11"),
        ("ERROR 01-01 [x.py:1] KeyError: 'a'", 1, "the server ended with code 1 (KeyError: 'a')"),
        ("", 0, "the server ended with code 0 (it said nothing)"),
    ],
)
def test_why_a_server_ended(line: str, code: int, told: str) -> None:
    found = why(["INFO all is well", line] if line else [], code=code, model="org/m", log="/l/x.log")
    assert found.problem.startswith(told)
    assert found.next_step
    assert "/l/x.log" in found.next_step


def test_the_root_of_a_failure_is_told() -> None:
    lines = [
        "INFO the NVIDIA driver is mentioned, but not blamed",
        "(EngineCore pid=2) ERROR 11-21 14:26:45 [core.py:1510] EngineCore failed to start.",
        "(EngineCore pid=2) ERROR 11-21 14:26:45 [core.py:1510] Traceback (most recent call last):",
        "(EngineCore pid=2) ERROR 11-21 14:26:45 [core.py:1510] ValueError: the interval must be a multiple",
        "(EngineCore pid=2) ERROR 11-21 14:27:44 [multiproc_executor.py:315] Worker proc VllmWorker-0 died",
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        "  warnings.warn('resource_tracker: There appear to be %d '",
    ]
    found = why(lines, code=1, model="org/m", log="x.log")
    assert found.problem == "the server ended with code 1 (ValueError: the interval must be a multiple)"


def test_a_log_is_cut_into_lines_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "x.log"
    journal = Journal(path, 2000)
    journal.begin(["vllm", "serve", "a b"])
    for data in (b"one\ntw", b"o\r", b"three \xff\r\nfo", b"ur"):
        journal.take(data)
    assert last_lines(path, 9) == ["dgls: $ vllm serve 'a b'", "one", "two", "three \ufffd"]
    for number in range(200):
        journal.take(b"line %d of very many\n" % number)
    journal.close()
    assert all(file.stat().st_size <= 1000 for file in path.parent.iterdir())
    assert len(list(path.parent.iterdir())) == 2
    assert last_lines(path, 2) == ["line 198 of very many", "line 199 of very many"]
    assert len(last_lines(path, 60)) == 60  # also from the one that was put aside


def test_the_phrases_of_the_run_before_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("dgls: $ vllm\nStarting to load model\ndgls: $ vllm\nhello\n")
    assert last_phrase(path) == ""
    path.write_text("dgls: $ vllm\nStarting to load model\nhello\n")
    assert last_phrase(path) == "loading the model"


IDLE = {"requests": 4.0, "steps": 22, "positions": 700, "committed": 128, "queries": 200, "hits": 150}


def test_metrics() -> None:
    found = metrics_of(totals(metrics({**IDLE, "running": 1})))
    assert (found.n_running, found.n_waiting, found.n_requests, found.n_steps) == (1, 0, 4, 22)
    assert (found.cache_hit, found.steps_per_canvas, found.n_committed_tokens) == (0.75, 700 / 128, 128)


def test_a_server_that_never_worked_has_no_shares() -> None:
    found = metrics_of(totals(metrics(dict.fromkeys(IDLE, 0.0))))
    assert (found.cache_hit, found.steps_per_canvas) == (None, None)
    assert metrics_of({}).n_steps is None


@pytest.mark.parametrize(("change", "busy"), [({}, False), ({"running": 1.0}, True), ({"steps": 23.0}, True)])
def test_who_is_busy(change: dict[str, float], busy: bool) -> None:
    assert is_busy(totals(metrics({**IDLE, **change})), totals(metrics(IDLE))) is busy


def test_a_server_that_counts_nothing_is_not_taken_for_an_idle_one() -> None:
    """As with --disable-log-stats: what it is asked is not seen."""
    found = totals("# TYPE python_info gauge\npython_info 1.0\n")
    assert not counts(found)
    assert is_busy(found, found)
    assert counts(totals(metrics(IDLE)))
