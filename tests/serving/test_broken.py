"""What breaks: killed servers and supervisors, what they leave behind, crashes while loading."""

import asyncio
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dgls.engines.serving import own
from dgls.engines.serving import record as records
from dgls.engines.serving.own import find, launch, own_endpoint, stop, waiting
from dgls.engines.serving.place import Place, held, is_held, place_of, private
from dgls.engines.serving.plan import plan_of
from dgls.engines.serving.process import Process
from dgls.engines.serving.record import read
from dgls.errors import LaunchError
from tests.serving.conftest import MODEL, Machine, free, gone, running, started, until, workers


def test_a_killed_server_is_told_and_can_be_started_again(machine: Machine) -> None:
    started()
    place = place_of("org/small")
    os.kill(running(place).server.pid, signal.SIGKILL)
    until(free(place))
    assert own_endpoint(MODEL) is None
    assert workers(machine.pids()[0]) == []
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


def test_workers_without_a_server_and_a_supervisor_are_ended(machine: Machine) -> None:
    started()
    place = place_of("org/small")
    record = running(place)
    os.kill(record.supervisor.pid, signal.SIGSTOP)  # it cannot do it
    os.kill(record.server.pid, signal.SIGKILL)
    os.kill(record.supervisor.pid, signal.SIGKILL)
    until(gone(record.supervisor))
    until(gone(record.server))
    assert workers(record.server.pid) != []
    stop(place)
    until(lambda: workers(record.server.pid) == [])


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


def test_a_lock_that_outlives_its_supervisor_is_waited_for(machine: Machine) -> None:
    place = place_of("org/small")
    private(place.folder)
    records.write(place, _left_behind(place, Process(2**22 + 1, "of another time")))

    async def wait() -> list[str]:
        said = []
        with held(place.lock, within_s=0) as got:
            assert got
            assert own_endpoint(MODEL) is None
            phrases = waiting(MODEL, start=True)
            said.append(await anext(phrases))
        return [*said, *[phrase async for phrase in phrases]]

    said = asyncio.run(wait())
    assert said[:2] == ["waiting until the last server has ended", "starting a vLLM server"]
    assert own_endpoint(MODEL) is not None


def test_a_place_whose_lock_comes_free_while_it_is_looked_at_is_nobodys(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of("org/small")
    private(place.folder)
    records.write(place, _left_behind(place, Process(2**22 + 1, "of another time")))
    looks = iter([place])  # the first look comes while the killed supervisor's lock is not free yet
    monkeypatch.setattr(own, "find", lambda settings: next(looks, None) or find(settings))
    assert "starting a vLLM server" in started()
    assert own_endpoint(MODEL) is not None


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
        ("crash", "the server ended with code 1 .RuntimeError: something broke inside.: see dgls engine logs"),
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


@contextmanager
def full_at(n_bytes: int) -> Iterator[None]:
    """Lets no file grow beyond this, here and in what is started from here, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_log_without_room_ends_no_server(machine: Machine) -> None:
    place = place_of("org/small")
    private(place.log.parent)
    place.log.write_bytes(b"." * 2**16)
    with full_at(2**16):
        started()
        assert own_endpoint(MODEL) is not None
    stop(place)
    assert place.log.stat().st_size == 2**16


def test_no_room_for_a_servers_files_is_told(machine: Machine) -> None:
    with (
        full_at(0),
        pytest.raises(LaunchError, match=r"files cannot be written in .*File too large.*: free some space"),
    ):
        launch(MODEL)
    config = place_of("org/small").config
    assert list(config.iterdir()) == []


def test_a_server_whose_folder_is_removed_is_ended_all_the_same(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some systems do it with a user's runtime folder when the user logs out."""
    monkeypatch.setattr(own, "plan_of", lambda *given: replace(plan_of(*given), grace_s=0.2))
    machine.set(FAKE_VLLM="deaf")
    place = launch(MODEL)
    until(lambda: running(place).server.pid and machine.started())
    record = running(place)
    shutil.rmtree(place.folder)
    os.kill(record.supervisor.pid, signal.SIGTERM)
    until(gone(record.supervisor))
    assert not record.server.is_alive


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
