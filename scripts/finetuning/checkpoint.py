"""A checkpoint after training, written as a whole folder that dgls loads."""

import json
import shutil
from pathlib import Path
from typing import Any

# What lies beside the weights and holds for the tuned model too. A model card does not: its figures are others.
_COPIED = frozenset({".json", ".jinja", ".model"})


def save_merged(loaded: Any, origin: Path, out: Path) -> None:
    """Writes the weights, and copies config, tokenizer and the rest of the origin's small files."""
    loaded.save_pretrained(out)
    for path in origin.iterdir():
        if path.suffix in _COPIED and not path.name.endswith(".index.json") and path.name != "config.json":
            shutil.copyfile(path, out / path.name)
    config = json.loads((origin / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = str(loaded.dtype).removeprefix("torch.")
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
