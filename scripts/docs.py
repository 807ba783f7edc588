"""Writes the settings table into README.md; with --check only says whether it is up to date."""

import sys
from pathlib import Path

from dgls.settings import table

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- settings -->", "<!-- /settings -->"


def main() -> int:
    """Writes or checks; the exit code is 1 when the file is not up to date."""
    found = README.read_text(encoding="utf-8")
    wanted = with_table(found)
    if found == wanted:
        return 0
    if "--check" in sys.argv[1:]:
        print("README.md is not up to date: run python scripts/docs.py", file=sys.stderr)
        return 1
    README.write_text(wanted, encoding="utf-8")
    return 0


def with_table(text: str) -> str:
    """The text with the table of today between its markers."""
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
