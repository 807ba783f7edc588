"""Where a vLLM server listens."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dgls.errors import SettingError


@dataclass(frozen=True)
class Endpoint:
    """`url` is http(s)://host:port or unix:///path/of/the.sock; `key` is its bearer key, empty when it wants none."""

    url: str
    key: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The address for people: no folders, no user and password."""
        parts = urlsplit(self.url)
        return parts.path.rpartition("/")[2] if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "unix" or parts.hostname in ("localhost", "127.0.0.1", "::1")

    @property
    def is_overheard(self) -> bool:
        """Whether others on the way could read the key."""
        return bool(self.key) and not self.is_here and urlsplit(self.url).scheme == "http"


def checked(url: str) -> str:
    """The address in one spelling. Raises SettingError when it is none."""
    hint = "write http://host:port, https://host:port or unix:///path/of/the.sock"
    try:
        parts = urlsplit(url.strip())
        usable = bool(parts.path if parts.scheme == "unix" else parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable or parts.scheme not in ("http", "https", "unix"):
        raise SettingError(f"{without_user(url)!r} is no address of a server", hint)
    # The paths of the API are added here: addresses are often copied with them.
    return url.strip().rstrip("/").removesuffix("/v1")


def without_user(url: str) -> str:
    """An address as it may be shown: its user and password left out, also where it is misspelled."""
    return re.sub(r"^(\s*https?://)[^/]*@", r"\1", url)
