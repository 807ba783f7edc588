"""Our plugin for vLLM, packed for vLLM's environment: dgls itself and what it needs stay out of there."""

import hashlib
import zipfile
from pathlib import Path

import dgls
from dgls import __version__

PACKAGE = "vllm_plugin"
SCHEDULER = f"dgls.{PACKAGE}.scheduler.CanvasesUncached"

_FOLDER = Path(dgls.__file__).parent
_ENTRY_POINTS = f"[vllm.general_plugins]\ndgls = dgls.{PACKAGE}:register\n"
_METADATA = f"Metadata-Version: 2.1\nName: dgls\nVersion: {__version__}\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: dgls\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def files() -> dict[str, bytes]:
    """The plugin's modules by their path in a package folder; none when this dgls has no plugin."""
    found = {path.name: path.read_bytes() for path in sorted((_FOLDER / PACKAGE).glob("*.py"))}
    if not found:
        return {}
    modules = {f"dgls/{PACKAGE}/{name}": data for name, data in found.items()}
    return {"dgls/__init__.py": (_FOLDER / "__init__.py").read_bytes(), **modules}


def digest(contents: dict[str, bytes]) -> str:
    """What tells one plugin from another; empty for none."""
    if not contents:
        return ""
    return hashlib.sha256(
        b"\0".join(part for item in contents.items() for part in (item[0].encode(), item[1]))
    ).hexdigest()


def write_wheel(folder: Path, contents: dict[str, bytes]) -> Path:
    """A wheel of the plugin in a folder, for pip."""
    path = folder / f"dgls-{__version__}-py3-none-any.whl"
    info = f"dgls-{__version__}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in contents.items():
            wheel.writestr(name, data)
        for name, text in (
            ("METADATA", _METADATA),
            ("WHEEL", _WHEEL),
            ("entry_points.txt", _ENTRY_POINTS),
            ("RECORD", ""),
        ):
            wheel.writestr(f"{info}/{name}", text)
    return path
