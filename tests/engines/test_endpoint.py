"""Addresses of servers."""

import pytest

from dgls.engines.endpoint import Endpoint, checked
from dgls.errors import SettingError


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
