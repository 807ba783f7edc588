"""The sandbox for code that a model wrote."""

import pytest

from evaluation.sandbox import passes


@pytest.mark.parametrize(
    ("code", "is_fine"),
    [
        ("assert 1 + 1 == 2", True),
        ("import math, re, typing, collections", True),
        ("assert False", False),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", False),
        ("import os; os.system('true')", False),
        ("import subprocess; subprocess.run(['true'])", False),
        ("open('x', 'w')", False),
        ("x = bytearray(1 << 31)", False),
        ("import sys; sys.exit(3)", False),
    ],
)
def test_ordinary_code_passes_the_sandbox_and_network_processes_files_and_much_memory_do_not(
    code: str, is_fine: bool
) -> None:
    assert passes(code) is is_fine


def test_the_sandbox_ends_what_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.sandbox.TIME_S", 1)
    assert not passes("while True: pass")
