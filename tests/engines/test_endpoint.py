"""Addresses of servers, and their keys."""

import asyncio
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dgls.engines.endpoint import Endpoint, checked
from dgls.engines.vllm.keys import key_for
from dgls.engines.vllm.server import Server
from dgls.errors import EngineError, SettingError
from dgls.settings import Settings


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://gpu:8000", "http://gpu:8000"),
        (" https://gpu/v1/ ", "https://gpu"),
        ("https://gpu/dgls", "https://gpu/dgls"),
        ("unix:///run/user/1/vllm.sock", "unix:///run/user/1/vllm.sock"),
    ],
)
def test_addresses_have_one_spelling(given: str, url: str) -> None:
    assert checked(given) == url


@pytest.mark.parametrize(
    "given", ["", "gpu", "gpu:8000", "ftp://gpu", "http://", "http://gpu:x", "http://gpu:99999", "unix://"]
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(SettingError, match=r"is no address of a server: write http://host:port"):
        checked(given)


def test_what_is_no_address_is_told_without_its_password() -> None:
    with pytest.raises(SettingError, match=r"^'http://gpu:x' is no address"):
        checked("http://me:secret@gpu:x")


@pytest.mark.parametrize(
    ("url", "shown"),
    [("http://me:secret@gpu:8000", "gpu:8000"), ("unix:///home/me/vllm.sock", "vllm.sock"), ("https://gpu/x", "gpu")],
)
def test_people_see_neither_folders_nor_passwords(url: str, shown: str) -> None:
    endpoint = Endpoint(url, "secret-key")
    assert endpoint.shown == shown
    assert "secret-key" not in repr(endpoint)


def test_a_key_can_be_overheard_on_the_way_alone() -> None:
    assert Endpoint("http://gpu:8000", "k").is_overheard
    assert not Endpoint("https://gpu:8000", "k").is_overheard
    assert not Endpoint("http://127.0.0.1:8000", "k").is_overheard
    assert not Endpoint("http://gpu:8000").is_overheard


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A keyring with one entry, in place of the machine's."""
    found = ModuleType("keyring")
    found.get_password = lambda service, name: {("dgls", "http://gpu:8000"): "ringed"}.get((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", found)
    monkeypatch.delenv("DGLS_KEY", raising=False)
    return found


def test_the_key_of_the_file_comes_before_the_environment_and_the_keyring(
    keyring: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_text("filed\nand a remark\n", encoding="ascii")
    assert key_for("http://gpu:8000", Settings()) == "ringed"
    assert key_for("http://other:8000", Settings()) == ""
    monkeypatch.setenv("DGLS_KEY", " in the air\n")
    assert key_for("http://gpu:8000", Settings()) == "in the air"
    assert key_for("http://gpu:8000", Settings(key_file=str(path))) == "filed"


@pytest.mark.parametrize("key", ["abc\ndef", "abc\x01", "abc\N{HORIZONTAL ELLIPSIS}"])
def test_a_key_that_no_request_can_carry_is_told_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGLS_KEY", key)
    with pytest.raises(EngineError, match="the key has line ends or letters that no request can carry") as raised:
        key_for("http://gpu:8000", Settings())
    assert "abc" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:9"), ("ALL_PROXY", "socks://127.0.0.1:9"), ("NO_PROXY", "::1/128,fe80::/10")],
)
def test_a_proxy_that_cannot_be_used_is_told(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts for other machines only."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv(name, value)
    with pytest.raises(EngineError, match=r"^gpu:8000 cannot be asked with these proxies \(.*: correct ALL_PROXY"):
        Server(Endpoint("http://gpu:8000"))
    asyncio.run(Server(Endpoint("http://127.0.0.1:8000")).close())


def test_a_keyring_that_breaks_is_no_key(keyring: ModuleType) -> None:
    def locked(service: str, name: str) -> str:
        raise RuntimeError("locked")

    keyring.get_password = locked  # type: ignore[attr-defined]
    assert key_for("http://gpu:8000", Settings()) == ""


def test_without_a_keyring_there_is_no_key(keyring: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert key_for("http://gpu:8000", Settings()) == ""


def test_a_key_file_that_cannot_be_read_is_told_without_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xff\x00")
    with pytest.raises(EngineError, match=r"^the key file key cannot be read \(not ASCII\): correct key_file$"):
        key_for("http://gpu:8000", Settings(key_file=str(path)))
