"""Finding messages in a stream of bytes."""

import io

import pytest

from dgls.lsp.stdio import next_body
from tests.lsp.client import framed


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\r\n\n\r\n",
        b"garbage\r\n",
        b"garbage without a line end",
        b"Content-Type: x\r\n",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 99999999999\r\n\r\n",
        b"x" * (1 << 21) + b"\n",
    ],
)
def test_the_next_body_is_found_behind_noise(noise: bytes) -> None:
    stream = io.BytesIO(noise + framed(b"first") + framed(b"second"))
    assert [next_body(stream) for _ in range(3)] == [b"first", b"second", None]


@pytest.mark.parametrize("rest", [b"", b"Content-Length: 5", b"Content-Length: 5\r\n\r\n1234", b"\x00" * 100])
def test_the_end_of_the_stream_is_no_message(rest: bytes) -> None:
    assert next_body(io.BytesIO(rest)) is None
