"""Where a server's files are: a folder of its own, for its owner's eyes only.

RUNTIME/dgls/NAME/lock         held by the supervisor for as long as it lives; the kernel lets go of it
                  server.json  what the supervisor says about its server
                  key          what a client must know
                  vllm.sock    where the server listens, unless the path is too long for a socket
                  config/      the generation config that the server reads
"""

import hashlib
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_log_path, user_runtime_path

from dgls.errors import LaunchError

if sys.platform != "win32":
    import fcntl  # there is none on Windows, and no vLLM either

_LONGEST_SOCKET = 103  # bytes: sockaddr_un has 104 on macOS and 108 on Linux, with the zero at the end
_POLL_S = 0.02


@dataclass(frozen=True)
class Place:
    """The files of one server."""

    folder: Path

    @property
    def name(self) -> str:
        """What tells this server from the others."""
        return self.folder.name

    @property
    def lock(self) -> Path:
        """Held while a supervisor lives."""
        return self.folder / "lock"

    @property
    def record(self) -> Path:
        """What the supervisor says."""
        return self.folder / "server.json"

    @property
    def key(self) -> Path:
        """The bearer key."""
        return self.folder / "key"

    @property
    def config(self) -> Path:
        """The folder with the generation config."""
        return self.folder / "config"

    @property
    def socket(self) -> Path | None:
        """The path of the socket, a shorter one where the folder's is too long; None when both are."""
        short = Path(tempfile.gettempdir()) / f"dgls-{os.getuid()}" / f"{_digest(str(self.folder))}.sock"
        return next((path for path in (self.folder / "vllm.sock", short) if fits_a_socket(path)), None)

    @property
    def log(self) -> Path:
        """Where the server's output goes; it outlives the machine's runtime folder."""
        return user_log_path("dgls") / f"vllm-{self.name}.log"


def place_of(model: str, revision: str = "") -> Place:
    """The place of the server for a model; without one, of that for whichever model suits the machine."""
    if not model:
        return Place(runtime_folder() / "auto")
    model = spelled(model)
    words = re.sub(r"[^A-Za-z0-9]+", "-", model).strip("-")[-40:]
    return Place(runtime_folder() / f"{words}-{_digest(model, revision)}")


def spelled(model: str) -> str:
    """A model in one spelling: a folder by its whole path, whatever the current folder is, a hub id as it is."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if folder.is_dir() else model


def places() -> list[Place]:
    """The places of all servers that this user has or had."""
    return [Place(folder) for folder in sorted(runtime_folder().iterdir()) if folder.is_dir()]


def runtime_folder() -> Path:
    """The folder of all places. Raises LaunchError when it cannot be private."""
    with warnings.catch_warnings():  # platformdirs tells of each fallback; all of them are good enough for us
        warnings.simplefilter("ignore")
        return private(user_runtime_path("dgls"))


def private(folder: Path) -> Path:
    """The folder, made if need be, which only its owner can enter. Raises LaunchError when that cannot be.

    A link of the owner's own counts as what it leads to: people keep what is large on another disk.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_dir() and {folder.lstat().st_uid, folder.stat().st_uid} == {os.getuid()}:
            folder.chmod(0o700)
            return folder
    except OSError as error:
        raise LaunchError(f"cannot make the folder {folder}", error.strerror or "check its permissions") from error
    hint = "make it yours, or set XDG_RUNTIME_DIR, XDG_STATE_HOME or XDG_DATA_HOME, whichever it is in, to one that is"
    raise LaunchError(f"the folder {folder} is somebody else's", hint)


def write_private(path: Path, text: str) -> None:
    """Replaces a file as a whole by one that only its owner can read."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:  # mode 0600
        try:
            file.write(text)
            file.flush()
        except OSError:  # the disk is full
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)


def fits_a_socket(path: Path) -> bool:
    """Whether a socket can have this path."""
    return len(os.fsencode(path)) <= _LONGEST_SOCKET


@contextmanager
def held(path: Path, *, within_s: float) -> Iterator[bool]:
    """Holds a lock, or yields False when somebody else holds it for all of this time.

    The kernel frees it when the process ends in whatever way, so that no lock is stale. Children do not inherit it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + within_s
        while not (got := _locked(descriptor, fcntl.LOCK_EX)) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        yield got
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _digest(*parts: str) -> str:
    """A few letters for any texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
