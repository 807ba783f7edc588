"""One server for each model of a machine: real processes, started, found, killed and stopped."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from dgls.errors import LaunchError
from dgls.serving import record as records
from dgls.serving.own import find, launch, own_endpoint, stop, waiting
from dgls.serving.place import Place, is_held, place_of, private
from dgls.serving.process import Process
from dgls.serving.record import read
from dgls.settings import Settings
from tests.serving.conftest import MODEL, Machine, free, gone, running, until

ROOT = Path(__file__).parents[2]
START = "import asyncio, sys; from tests.serving.test_own import started; from dgls.settings import Settings; "
START += "started(Settings(model=sys.argv[1]))"


def started(settings: Settings = MODEL) -> list[str]:
    """Waits until the server is ready; what was told meanwhile."""

    async def collect() -> list[str]:
        return [phrase async for phrase in waiting(settings, start=True)]

    return asyncio.run(collect())


def test_a_server_is_started_warmed_up_and_found(machine: Machine) -> None:
    assert own_endpoint(MODEL) is None
    told = started()
    assert told[0] == "starting a vLLM server"
    assert "dgls: warming up for 128 tokens (4 of 4)\n" in place_of("org/small").log.read_text()
    found = own_endpoint(MODEL)
    assert found is not None
    assert found.url.startswith("unix://")
    assert found.key
    assert machine.started() == ["org/small"]
    assert started() == []  # the second window waits for nothing, and starts nothing
    assert own_endpoint(MODEL) == found
    assert machine.started() == ["org/small"]


def test_four_windows_at_once_start_one_server(machine: Machine) -> None:
    command = [sys.executable, "-c", START, "org/small"]
    windows = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [window.wait(timeout=60) for window in windows] == [0, 0, 0, 0]
    assert machine.started() == ["org/small"]


def test_loading_is_told(machine: Machine) -> None:
    machine.holds_loading()

    async def collect() -> list[str]:
        told = []
        async for phrase in waiting(MODEL, start=True):
            told.append(phrase)
            if phrase == "capturing CUDA graphs: 40 %":
                assert own_endpoint(MODEL) is None
                machine.go.touch()
        return told

    told = asyncio.run(collect())
    assert told[0] == "starting a vLLM server"
    assert "capturing CUDA graphs: 40 %" in told
    assert all(one != two for one, two in pairwise(told))


def test_nobody_but_the_owner_can_read_or_enter(machine: Machine) -> None:
    started()
    place = place_of("org/small")
    assert place.socket is not None
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (place.folder, place.folder.parent, place.key)}
    assert modes == {place.folder: 0o700, place.folder.parent: 0o700, place.key: 0o600}
    assert stat.S_IMODE(place.record.stat().st_mode) == stat.S_IMODE(place.log.stat().st_mode) == 0o600
    assert place.socket.parent == place.folder or stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700
    key = place.key.read_text()
    pids = [running(place).server.pid, running(place).supervisor.pid]
    assert all(key.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
    assert key not in place.log.read_text()


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(LaunchError, match="somebody else's: set XDG_RUNTIME_DIR"):
        private(tmp_path / "link")


def test_two_models_are_two_servers(machine: Machine) -> None:
    other = replace(MODEL, model="org/large")
    started()
    started(other)
    assert sorted(machine.started()) == ["org/large", "org/small"]
    assert own_endpoint(MODEL) != own_endpoint(other)
    stop(place_of("org/large"))
    assert own_endpoint(other) is None
    assert own_endpoint(MODEL) is not None


def test_a_window_without_a_model_finds_a_listed_one(machine: Machine) -> None:
    listed = Settings(model="google/diffusiongemma-26B-A4B-it")
    started()
    assert own_endpoint(Settings()) is None  # org/small is somebody's experiment
    started(listed)
    assert own_endpoint(Settings()) == own_endpoint(listed) is not None


def test_stopping_leaves_nothing_but_the_log(machine: Machine) -> None:
    started()
    place = place_of("org/small")
    record = running(place)
    stop(place)
    assert not record.server.is_alive
    assert not record.supervisor.is_alive
    assert own_endpoint(MODEL) is None
    assert sorted(path.name for path in place.folder.iterdir()) == ["config", "lock"]
    assert place.log.exists()


def test_an_idle_server_ends(machine: Machine) -> None:
    place = launch(replace(MODEL, engine_idle_s=1))
    until(machine.started)
    until(free(place))
    assert "nobody asked for anything in 1 s" in place.log.read_text()
    assert read(place) is None


def test_none_is_started_unless_a_setting_says_so(machine: Machine) -> None:
    async def wait(settings: Settings) -> None:
        async for _ in waiting(settings):
            pass

    with pytest.raises(LaunchError, match="no vLLM server runs for org/small: run dgls engine start, or set engine_"):
        asyncio.run(wait(MODEL))
    assert machine.started() == []
    asyncio.run(wait(replace(MODEL, engine_start="auto")))
    assert own_endpoint(MODEL) is not None


def test_a_killed_server_is_told_and_can_be_started_again(machine: Machine) -> None:
    started()
    place = place_of("org/small")
    os.kill(running(place).server.pid, signal.SIGKILL)
    until(free(place))
    assert own_endpoint(MODEL) is None
    failed = read(place)
    assert failed is not None
    assert failed.detail == "the server was killed by signal 9"
    started()
    assert own_endpoint(MODEL) is not None
    assert len(machine.started()) == 2


def test_a_killed_supervisor_takes_its_server_along(machine: Machine) -> None:
    started()
    place = place_of("org/small")
    record = running(place)
    os.kill(record.supervisor.pid, signal.SIGKILL)
    until(gone(record.supervisor))
    assert own_endpoint(MODEL) is None
    until(gone(record.server))  # the kernel tells it, on Linux
    started()
    assert own_endpoint(MODEL) is not None


@pytest.mark.parametrize("again", [True, False])
def test_what_a_killed_supervisor_leaves_behind_is_ended(machine: Machine, again: bool) -> None:
    machine.set(FAKE_VLLM="deaf")
    place = launch(MODEL)
    until(lambda: machine.started())
    record = running(place)
    os.kill(record.supervisor.pid, signal.SIGKILL)
    until(gone(record.supervisor))
    assert record.server.is_alive
    machine.set(FAKE_VLLM="")
    if again:
        started()
        assert own_endpoint(MODEL) is not None
    else:
        stop(place)
        assert not is_held(place.lock)
    assert not record.server.is_alive


def test_a_process_with_the_same_number_is_left_alone(machine: Machine) -> None:
    bystander = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        place = place_of("org/small")
        launch(MODEL)
        stop(place)
        left = _left_behind(place, Process(bystander.pid, "of another time"))
        records.write(place, left)
        stop(place)
        records.write(place, left)
        started()
        assert own_endpoint(MODEL) is not None
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def _left_behind(place: Place, one: Process) -> records.Record:
    """Word of a server whose processes are gone, and whose numbers somebody else has now."""
    return records.Record("org/small", "", "unix:///nowhere", str(place.log), (), one, one, 0.0, "ready")


def test_a_stale_socket_and_a_broken_record_are_replaced(machine: Machine) -> None:
    place = place_of("org/small")
    private(place.folder)
    assert place.socket is not None
    private(place.socket.parent)
    place.socket.touch()
    place.record.write_text("{")
    place.key.write_text("old")
    place.lock.touch()
    assert own_endpoint(MODEL) is None
    started()
    assert own_endpoint(MODEL) is not None
    assert place.key.read_text() != "old"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("crash", "the server ended with code 1 .*RuntimeError: something broke inside.*: see dgls engine logs"),
        ("memory", "the GPU has too little free memory for org/small: free GPU memory, or set model to a smaller"),
        ("refuse", "the server refuses to fill a canvas .400: .*unknown sampling arguments.*vLLM 0.32 or newer"),
    ],
)
def test_a_failure_says_what_to_do(machine: Machine, how: str, told: str) -> None:
    machine.set(FAKE_VLLM=how)
    with pytest.raises(LaunchError, match=told):
        started()
    assert own_endpoint(MODEL) is None
    until(free(place_of("org/small")))
    machine.set(FAKE_VLLM="")
    started()  # a failure is no reason not to try again
    assert own_endpoint(MODEL) is not None


def test_a_command_that_is_not_there(machine: Machine) -> None:
    with pytest.raises(LaunchError, match=r"/nowhere/vllm cannot be run \(No such file or directory\)"):
        started(replace(MODEL, engine_command="/nowhere/vllm serve"))


def test_a_hanging_server_can_be_stopped(machine: Machine) -> None:
    machine.set(FAKE_VLLM="hang")
    place = launch(MODEL)
    until(lambda: machine.started())
    assert find(MODEL) == place
    stop(place)
    assert find(MODEL) is None


def test_who_waits_is_told_when_it_is_stopped(machine: Machine) -> None:
    machine.set(FAKE_VLLM="hang")

    async def wait() -> None:
        async for phrase in waiting(MODEL, start=True):
            if phrase == "capturing CUDA graphs: 40 %":
                await asyncio.to_thread(stop, place_of("org/small"))

    with pytest.raises(LaunchError, match="was stopped while it was loading: run dgls engine start"):
        asyncio.run(wait())


def test_without_sockets_it_listens_on_this_machine_only(machine: Machine) -> None:
    started(replace(MODEL, engine_listen="port"))
    found = own_endpoint(MODEL)
    assert found is not None
    assert found.url.startswith("http://127.0.0.1:")


def test_a_path_too_long_for_a_socket_is_shortened(machine: Machine) -> None:
    deep = machine.folder / ("d" * 100)
    deep.mkdir(mode=0o700)
    machine.set(XDG_RUNTIME_DIR=str(deep))
    started()
    found = own_endpoint(MODEL)
    assert found is not None
    assert len(found.url.removeprefix("unix://").encode()) <= 103
    stop(place_of("org/small"))
    assert not Path(found.url.removeprefix("unix://")).exists()


def test_the_log_has_an_end(machine: Machine) -> None:
    machine.set(FAKE_VLLM="chatty")
    place = launch(MODEL)
    aside = place.log.with_name(f"{place.log.name}.1")
    until(aside.exists)
    assert aside.stat().st_size <= 4 * 2**20
    stop(place)


def test_a_module_in_the_project_is_not_run(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.folder / "asyncio.py").write_text("raise SystemExit('the project ran')")
    (machine.folder / "json.py").write_text("raise SystemExit('the project ran')")
    monkeypatch.chdir(machine.folder)
    started()
    assert own_endpoint(MODEL) is not None
