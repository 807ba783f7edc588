"""The key of a server: from the environment, a file, or the keyring."""

import os
from pathlib import Path

from dgls.errors import EngineError
from dgls.settings import Settings

VARIABLE = "DGLS_KEY"


def key_for(url: str, settings: Settings) -> str:
    """The key: of the file that is set, else of the environment, else of the keyring; empty when there is none.

    Raises EngineError when the file cannot be read, and for what no request can carry: a library would quote it.
    """
    if settings.key_file:
        key = _from_file(Path(settings.key_file).expanduser())
    else:
        key = os.environ.get(VARIABLE, "").strip() or _from_keyring(url)
    if not (key.isascii() and key.isprintable()):
        raise EngineError(
            "the key has line ends or letters that no request can carry", "set the key alone, in one line"
        )
    return key


def _from_file(path: Path) -> str:
    """The first line of a file. Raises EngineError."""
    try:
        return path.read_text(encoding="ascii").strip().split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not ASCII"
        raise EngineError(f"the key file {path.name} cannot be read ({reason})", "correct key_file") from error


def _from_keyring(url: str) -> str:
    """What the user put there with `keyring set dgls URL`; empty without the library or an entry."""
    try:
        import keyring
    except ImportError:
        return ""
    try:
        return keyring.get_password("dgls", url) or ""
    except Exception:  # a locked or missing keyring must not keep a server without a key from being used
        return ""
