"""Five everyday gaps for the model card, filled by the command that users run; good or bad, nothing is retouched."""

import subprocess
import sys
import tempfile
from pathlib import Path

CURSOR = "‸"
FOLDER = Path(__file__).parent / "examples"


def filled(model: Path) -> str:
    """Each example as it looks after `dgls fill`, the fill between ⟦ and ⟧."""
    return "\n".join(f"{path.stem}.py\n\n{_indented(_filled(path, model))}" for path in sorted(FOLDER.glob("*.txt")))


def _filled(path: Path, model: Path) -> str:
    """One example with its fill."""
    before, after = path.read_text(encoding="utf-8").split(CURSOR)
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{path.stem}.py"
        source.write_text(before + after, encoding="utf-8")
        command = [sys.executable, "-m", "dgls", "fill", f"{source}:{line}:{column}", "--model", str(model)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return f"{before}⟦{done.stdout.removesuffix(chr(10))}⟧{after}"


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())
