"""Writes the settings into README, the extension for VS Code and the help for Neovim, and a hash into PROTOCOL.md.

With --check it only says whether all are up to date.
"""

import json
import sys
import textwrap
from hashlib import sha256
from pathlib import Path
from typing import Any

from dgls.settings import schema, table

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- settings -->", "<!-- /settings -->"
HELP_BEGIN, HELP_END = "The server's settings ~\n", "\n" + "=" * 78 + "\n"
HASH = "messages.py: sha256 "


def main() -> int:
    """Writes or checks; the exit code is 1 when a file is not up to date."""
    stale = 0
    for name, wanted in MADE.items():
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


def with_help(text: str) -> str:
    """The help file with the settings of today in their section."""
    before, rest = text.split(HELP_BEGIN, 1)
    after = rest.split(HELP_END, 1)[1]
    return f"{before}{HELP_BEGIN}\n{''.join(map(_entry, schema().items()))}{HELP_END[1:]}{after}"


def with_hash(text: str) -> str:
    """The protocol with the hash of the messages that it describes; whoever changes them reads it again."""
    before, rest = text.split(HASH, 1)
    digest = sha256((ROOT / "dgls" / "lsp" / "messages.py").read_bytes()).hexdigest()
    return before + HASH + digest + rest[64:]


def _entry(named: tuple[str, dict[str, Any]]) -> str:
    """One setting as Vim's help has it."""
    name, entry = named
    tag = f"*dgls-setting-{name}*"
    head = f"{name} = {json.dumps(entry['default'])}"
    choices = f" One of {', '.join(entry['enum'])}." if "enum" in entry else ""
    sentence = textwrap.fill(entry["markdownDescription"].replace("`", '"') + choices, 74)
    gap = " " * max(1, 78 - len(head) - len(tag))
    return f"{head}{gap}{tag}\n{textwrap.indent(sentence, '    ')}\n\n"


MADE = {
    "README.md": with_table,
    "editors/vscode/package.json": with_schema,
    "editors/neovim/doc/dgls.txt": with_help,
    "editors/PROTOCOL.md": with_hash,
}

if __name__ == "__main__":
    sys.exit(main())
