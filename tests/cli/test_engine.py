"""`dgls engine`: each command as a person types it, with a stand-in for vLLM."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgls.engines.serving.place import is_held, place_of
from tests.cli.conftest import ROOT
from tests.serving.conftest import Machine, gone, machine, program, running, until

__all__ = ["machine"]

SMALL = ("--model", "org/small")


def dgls(machine: Machine, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `dgls engine`, with nobody at the keyboard."""
    command = [sys.executable, "-m", "dgls", "engine", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=machine.folder, env=environment
    )


def check(done: "subprocess.CompletedProcess[str]", line: str, code: int = 1) -> None:
    """Exactly one line on stderr, which begins like this."""
    assert done.returncode == code
    assert done.stderr.startswith(f"dgls: {line}")
    assert done.stderr.count("\n") == 1


def test_a_servers_life(machine: Machine) -> None:
    done = dgls(machine, "start", *SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout.splitlines()
    assert told[0] == "starting a vLLM server"
    assert told[-1].startswith("ready: org/small at unix:///")
    assert dgls(machine, "start", *SMALL).stdout.startswith("already running: org/small at unix:///")
    seen = dgls(machine, "status")
    assert seen.returncode == 0
    rows = {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in seen.stdout.splitlines()}
    assert (rows["state"], rows["model"]) == ("ready", "org/small")
    assert rows["canvases"] == "40 done, 0 running, 0 waiting"
    assert rows["steps"] == "2.5 per canvas"
    assert rows["cache"] == "50% of the prompt tokens were cached"
    assert dgls(machine, "logs", "-n", "1", *SMALL).stdout == "dgls: ready\n"
    assert dgls(machine, "stop").stdout.startswith("stopped: org-small-")
    assert machine.started() == ["org/small"]
    assert "INFO:     Application startup complete." in dgls(machine, "logs", "-n", "500").stdout


def test_status_for_programs(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", "echo 0, GPU-0a, NVIDIA H200, 9.0, 143771, 43771")
    dgls(machine, "start", *SMALL)
    (found,) = json.loads(dgls(machine, "status", "--json").stdout)
    record = running(place_of("org/small"))
    assert (found["state"], found["healthy"], found["max_model_tokens"]) == ("ready", True, 16384)
    assert (found["pid"], found["server_pid"]) == (record.supervisor.pid, record.server.pid)
    assert found["uptime_s"] > 0
    assert found["metrics"]["n_requests"] == 40
    assert found["gpus"][0]["free_bytes"] == 43771 * 2**20


def test_nothing_runs(machine: Machine) -> None:
    for action in ("stop", "status"):
        check(dgls(machine, action), "no vLLM server runs: start one with dgls engine start")
    check(dgls(machine, "logs"), "there is no log of a vLLM server: start one with dgls engine start")
    done = dgls(machine, "status", "--json")
    assert (done.returncode, done.stdout) == (1, "[]\n")


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("memory", "the GPU has too little free memory for org/small: free GPU memory, or set model to a smaller"),
        ("crash", "the server ended with code 1 (RuntimeError: something broke inside): see dgls engine logs"),
    ],
)
def test_a_start_that_fails(machine: Machine, how: str, line: str) -> None:
    machine.set(FAKE_VLLM=how)
    check(dgls(machine, "start", *SMALL), line)
    shown = dgls(machine, "status").stdout
    assert "failed" in shown
    assert "next step" in shown


def test_a_server_that_has_ended_is_shown_and_can_be_forgotten(machine: Machine) -> None:
    """No window starts it again then."""
    dgls(machine, "start", *SMALL, "--set", "engine_idle_s=1")
    place = place_of("org/small")
    until(lambda: not is_held(place.lock))
    done = dgls(machine, "status")
    assert done.returncode == 1
    assert "idle" in done.stdout
    assert "nobody asked for anything in 1 s" in done.stdout
    assert dgls(machine, "stop").stdout == f"had ended already: {place.name}\n"
    assert not place.record.exists()
    check(dgls(machine, "stop"), "no vLLM server runs")


def test_no_card_and_no_model(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", "exit 9")
    check(dgls(machine, "start"), "nvidia-smi finds no GPU")
    program(machine.folder / "bin" / "nvidia-smi", "echo 0, GPU-0a, Tesla T4, 7.5, 15360, 14900")
    check(dgls(machine, "start"), "no checkpoint runs on compute capability 7.5 (Tesla T4): the nearest, cyankiwi/")
    assert machine.started() == []


def test_a_card_chooses_the_model(machine: Machine) -> None:
    program(machine.folder / "bin" / "nvidia-smi", "echo 3, GPU-3a, NVIDIA GeForce RTX 4090, 8.9, 24564, 23900")
    assert "ready: cyankiwi/diffusiongemma-26B-A4B-it-AWQ-INT4 at" in dgls(machine, "start").stdout
    record = running(place_of(""))
    assert record.revision in record.command
    assert "--gpu-memory-utilization 0.9" in " ".join(record.command)
    assert b"CUDA_VISIBLE_DEVICES=3\0" in Path(f"/proc/{record.server.pid}/environ").read_bytes()


def test_which_of_several_must_be_said(machine: Machine) -> None:
    dgls(machine, "start", *SMALL)
    dgls(machine, "start", "--model", "org/large")
    check(dgls(machine, "stop"), "several servers run (org-large-")
    assert dgls(machine, "stop", *SMALL).returncode == 0
    dgls(machine, "start", *SMALL)
    assert dgls(machine, "stop", "--all").stdout.count("stopped: ") == 2


def test_what_was_left_behind_is_shown_and_removed(machine: Machine) -> None:
    machine.set(FAKE_VLLM="deaf")
    starting = subprocess.Popen(
        [sys.executable, "-m", "dgls", "engine", "start", *SMALL], cwd=ROOT, stdout=-3, stderr=-3
    )
    until(machine.started)
    place = place_of("org/small")
    until(lambda: running(place).server.pid)
    record = running(place)
    os.kill(record.supervisor.pid, signal.SIGKILL)
    assert starting.wait(timeout=60) == 1
    assert record.server.is_alive
    shown = dgls(machine, "status").stdout
    assert "left behind" in shown
    assert "run dgls engine stop" in shown
    assert dgls(machine, "stop").returncode == 0
    until(gone(record.server))
    check(dgls(machine, "status"), "no vLLM server runs")


def test_ctrl_c_leaves_the_server_loading(machine: Machine) -> None:
    machine.holds_loading()
    command = (
        "import signal; signal.signal(2, signal.default_int_handler); from dgls.cli.main import main; exit(main())"
    )
    start = subprocess.Popen(
        [sys.executable, "-c", command, "engine", "start", *SMALL], cwd=ROOT, stdout=-1, stderr=-1, text=True
    )
    assert start.stdout is not None
    while start.stdout.readline() != "capturing CUDA graphs: 40 %\n":
        pass
    start.send_signal(signal.SIGINT)
    assert start.communicate(timeout=60)[1] == "dgls: the server goes on loading: dgls engine stop ends it\n"
    assert start.returncode == 130
    machine.go.touch()
    assert dgls(machine, "start", *SMALL).returncode == 0
    assert machine.started() == ["org/small"]


def test_a_log_is_followed(machine: Machine) -> None:
    machine.holds_loading()
    starting = subprocess.Popen([sys.executable, "-m", "dgls", "engine", "start", *SMALL], cwd=ROOT, stdout=-3)
    until(machine.started)
    following = subprocess.Popen(
        [sys.executable, "-m", "dgls", "engine", "logs", "--follow", *SMALL], cwd=ROOT, stdout=-1, text=True
    )
    assert following.stdout is not None
    assert following.stdout.readline().startswith("dgls: $ ")
    machine.go.touch()
    while following.stdout.readline() != "dgls: ready\n":
        pass
    following.kill()
    following.communicate()
    assert starting.wait(timeout=60) == 0


def test_a_log_outlives_the_machines_runtime_folder(machine: Machine) -> None:
    """Which is gone after a restart of the machine, when people want to know why."""
    log = place_of("org/small").log
    log.parent.mkdir(parents=True)
    log.write_text("before the restart\n")
    assert dgls(machine, "logs").stdout == dgls(machine, "logs", *SMALL).stdout == "before the restart\n"
    check(dgls(machine, "logs", "--model", "org/other"), "there is no log of a vLLM server")


def test_a_server_that_does_not_answer_is_not_shown_as_one_that_does(machine: Machine) -> None:
    dgls(machine, "start", *SMALL)
    server = running(place_of("org/small")).server
    os.kill(server.pid, signal.SIGSTOP)
    done = dgls(machine, "status")
    os.kill(server.pid, signal.SIGCONT)
    assert done.returncode == 1
    assert "ready, but it does not answer" in done.stdout


def test_installing_needs_a_yes(machine: Machine) -> None:
    done = dgls(machine, "install")
    assert done.stdout.startswith("vLLM 0.32.0 takes about 12 GB in ")
    check(done, "nobody is there to agree: use dgls engine install --yes", code=2)


def test_an_action_is_needed(machine: Machine) -> None:
    check(dgls(machine), "the following arguments are required: ACTION: see dgls engine --help", code=2)
    check(dgls(machine, "paint"), "argument ACTION: invalid choice: 'paint'", code=2)
