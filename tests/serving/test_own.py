"""One server for each model of a machine: real processes, started, found, killed and stopped."""

import asyncio
import os
import stat
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from dgls.engines.serving import record as records
from dgls.engines.serving.own import comes_back, find, is_left_behind, launch, own_endpoint, stop, waiting
from dgls.engines.serving.place import place_of, private
from dgls.engines.serving.record import current, read
from dgls.errors import LaunchError
from dgls.settings import Settings
from tests.serving.conftest import FAKE, MODEL, Machine, free, gone, program, running, started, until

ROOT = Path(__file__).parents[2]
START = "import sys; from tests.serving.conftest import started; from dgls.settings import Settings; "
START += "started(Settings(model=sys.argv[1]))"


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


def test_a_folder_or_link_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setattr(os, "getuid", lambda: (tmp_path / "real").stat().st_uid + 1)
    for name in ("real", "link"):
        with pytest.raises(LaunchError, match="somebody else's: make it yours, or set XDG_RUNTIME_DIR"):
            private(tmp_path / name)
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o755


def test_a_link_to_another_disk_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    (tmp_path / "dgls").symlink_to(tmp_path / "disk")
    assert private(tmp_path / "dgls") == tmp_path / "dgls"
    assert stat.S_IMODE((tmp_path / "disk").stat().st_mode) == 0o700


def test_two_models_are_two_servers(machine: Machine) -> None:
    other = replace(MODEL, model="org/large")
    started()
    started(other)
    assert sorted(machine.started()) == ["org/large", "org/small"]
    assert own_endpoint(MODEL) != own_endpoint(other)
    stop(place_of("org/large"))
    assert own_endpoint(other) is None
    assert own_endpoint(MODEL) is not None


def test_a_folder_is_one_model_however_it_is_spelled(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell spells the home folder out, an editor does not; another project's folder of that name is another one."""
    folders = machine.folder / "home" / "model", machine.folder / "project" / "model"
    for folder in folders:
        folder.mkdir(parents=True)
    machine.set(HOME=str(folders[0].parent))
    here, there = (place_of(str(folder)) for folder in folders)
    assert place_of("~/model") == place_of(f"{folders[0]}/") == here
    monkeypatch.chdir(folders[0].parent)
    assert place_of("model") == here
    monkeypatch.chdir(folders[1].parent)
    assert place_of("./model") == there != here


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
    left = read(place)
    assert left is not None
    assert (left.phase, left.detail) == ("idle", "nobody asked for anything in 1 s")
    assert not is_left_behind(place)
    assert find(replace(MODEL, engine_idle_s=1)) is None


def test_a_window_brings_back_what_ended_by_itself(machine: Machine) -> None:
    """One that was stopped on purpose stays so; one that broke comes back only to who has seen it work."""
    auto = replace(MODEL, engine_start="auto")
    started()
    place, url = place_of("org/small"), running(place_of("org/small")).url
    assert comes_back(auto, url, after_crash=True) is None  # it runs
    stop(place)
    assert comes_back(auto, url, after_crash=True) is None
    machine.holds_loading()
    launch(MODEL)
    until(lambda: (record := current(place)) is not None and record.server.pid)
    assert comes_back(MODEL, url, after_crash=False) == "begun"  # somebody starts it
    record = running(place)
    stop(place)
    ends = {"idle": ("idle", "idle"), "failed": ("broken", None), "ready": ("broken", None), "stopping": (None, None)}
    for phase, (after, before) in ends.items():
        records.write(place, replace(record, phase=phase))  # type: ignore[arg-type] # one of its phases
        assert comes_back(auto, url, after_crash=True) == after
        assert comes_back(auto, url, after_crash=False) == before
        assert comes_back(MODEL, url, after_crash=True) is None


def test_none_is_started_unless_a_setting_says_so(machine: Machine) -> None:
    async def wait(settings: Settings) -> None:
        async for _ in waiting(settings):
            pass

    with pytest.raises(LaunchError, match="no vLLM server runs for org/small: run dgls engine start, or set engine_"):
        asyncio.run(wait(MODEL))
    assert machine.started() == []
    asyncio.run(wait(replace(MODEL, engine_start="auto")))
    assert own_endpoint(MODEL) is not None


def test_without_sockets_it_listens_on_this_machine_only(machine: Machine) -> None:
    started(replace(MODEL, engine_listen="port"))
    found = own_endpoint(MODEL)
    assert found is not None
    assert found.url.startswith("http://127.0.0.1:")


def test_a_container_serves(machine: Machine) -> None:
    """A program in place of docker, which keeps the environment out as docker does, but for what it is told to pass."""
    script = 'echo "$@" >"$FAKE_VLLM_LOG.docker"; while [ "$1" != an/image ]; do shift; done; shift; '
    script += 'exec env -i PATH="$PATH" VLLM_API_KEY="$VLLM_API_KEY" FAKE_VLLM_LOG="$FAKE_VLLM_LOG" '
    program(machine.folder / "bin" / "docker", f'{script} "{sys.executable}" "{FAKE}" serve "$@"')
    command = "docker run --rm --network host -e VLLM_API_KEY -v '{folder}:{folder}:ro' an/image"
    started(replace(MODEL, engine_command=command, engine_listen="port"))
    place = place_of("org/small")
    told = machine.starts.with_name(f"{machine.starts.name}.docker").read_text()
    assert f"-v {place.folder}:{place.folder}:ro an/image org/small --served-model-name dg --host 127.0.0.1" in told
    assert f"--generation-config {place.folder}/" in told
    record = running(place)
    stop(place)
    until(gone(record.server))
    assert own_endpoint(MODEL) is None


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
