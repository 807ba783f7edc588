"""Where a vLLM server listens."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """`url` is http(s)://host:port or unix:///path/of/the.sock; `key` is its bearer key, empty when it wants none."""

    url: str
    key: str = ""
