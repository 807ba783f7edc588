"""`dgls doctor`: says what this machine has, what is amiss and the next step for each thing."""

import json
from collections.abc import Callable
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from dgls.cli.checks import Check, checks_for
from dgls.cli.terminal import Terminal
from dgls.settings import Settings

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Prints every check; the exit code is 1 when one of them is a problem."""
    checks = [_guarded(name, look) for name, look in checks_for(settings).items()]
    if as_json:
        print(json.dumps([asdict(check) for check in checks]))
    else:
        _print(checks)
    return int(any(check.status == "problem" for check in checks))


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    """The check, or what kept it from being made: a broken package may raise anything, the rest still matters."""
    try:
        return look()
    except Exception as error:
        return Check(name, "problem", f"{type(error).__name__}: {error}", "install the package anew")


def _print(checks: list[Check]) -> None:
    """The checks as a table, each next step below what is amiss."""
    table = Table.grid(padding=(0, 2))
    for check in checks:
        detail = Text(check.detail)
        if check.next_step:
            detail.append(f"\n→ {check.next_step}", "bold")
        table.add_row(check.name, Text(check.status, _STYLES[check.status]), detail)
    Terminal().print(table)
