"""Writes what is made from settings.py: README's table, and the server's settings in the extension for VS Code.

With --check it only says whether both are up to date.
"""

import json
import sys
from pathlib import Path

from dgls.settings import schema, table

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- settings -->", "<!-- /settings -->"


def main() -> int:
    """Writes or checks; the exit code is 1 when a file is not up to date."""
    stale = 0
    for name, wanted in (("README.md", with_table), ("editors/vscode/package.json", with_schema)):
        path = ROOT / name
        found = path.read_text(encoding="utf-8")
        if found == wanted(found):
            continue
        if "--check" in sys.argv[1:]:
            print(f"{name} is not up to date: run python scripts/docs.py", file=sys.stderr)
            stale = 1
        else:
            path.write_text(wanted(found), encoding="utf-8")
    return stale


def with_table(text: str) -> str:
    """The text with the table of today between its markers."""
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def with_schema(text: str) -> str:
    """The manifest with the server's settings of today, none of which an untrusted folder may set."""
    manifest = json.loads(text)
    _, servers = manifest["contributes"]["configuration"]
    servers["properties"] = {f"dgls.{name}": entry for name, entry in schema().items()}
    trusted = ["dgls.command", *servers["properties"]]
    manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = trusted
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
