"""Runs code that a model wrote: in a process of its own, with little time and memory, without network or children."""

import resource
import subprocess
import sys
import tempfile

TIME_S = 10
MEMORY_BYTES = 1 << 30

# Python tells its audit hooks what it is about to do; a hook cannot be taken off again. It keeps accidents in, which is
# what a model produces: it is no wall against code that was written to break out.
_PRELUDE = """
import sys
def _guard(event, arguments):
    refused = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill",
               "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate",
               "shutil.", "ctypes.", "webbrowser.", "ftplib.", "http.", "urllib.")
    if event.startswith(refused):
        raise PermissionError(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise PermissionError("open for writing")
sys.addaudithook(_guard)
"""


def passes(code: str) -> bool:
    """Whether the code ends by itself and without an error."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-B", "-c", _PRELUDE + code],
                cwd=folder,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TIME_S,
                preexec_fn=_limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def _limit() -> None:
    """Bounds the process before its first line runs."""
    resource.setrlimit(resource.RLIMIT_CPU, (TIME_S, TIME_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
