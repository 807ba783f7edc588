"""A real Neovim: keys go in, what a user sees on the screen comes out. Waits for conditions, not for time."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pynvim

PATIENCE_S = 60.0
COLUMNS, LINES = 90, 24


class Screen:
    """The grid of a terminal, as Neovim draws it."""

    def __init__(self) -> None:
        self._cells = [[(" ", 0)] * COLUMNS for _ in range(LINES)]
        self._groups: dict[int, list[str]] = {}

    def redraw(self, batches: list[Any]) -> None:
        """Follows one redraw event."""
        for name, *calls in batches:
            for arguments in calls:
                handler = getattr(self, f"_{name}", None)
                if handler is not None:
                    handler(*arguments)

    def text(self) -> str:
        """All that stands on the screen."""
        return "\n".join("".join(char for char, _ in row).rstrip() for row in self._cells).rstrip()

    def drawn_as(self, group: str) -> str:
        """What is drawn with a highlight group, line by line."""
        rows = ("".join(char for char, number in row if group in self._groups.get(number, ())) for row in self._cells)
        return "\n".join(row for row in rows if row)

    def _grid_clear(self, grid: int) -> None:
        self._cells = [[(" ", 0)] * COLUMNS for _ in range(LINES)]

    def _grid_line(self, grid: int, row: int, column: int, cells: list[Any], *more: Any) -> None:
        number = 0
        for char, *rest in cells:
            number = rest[0] if rest else number
            for _ in range(rest[1] if len(rest) > 1 else 1):
                self._cells[row][column] = (char, number)
                column += 1

    def _grid_scroll(self, grid: int, top: int, bottom: int, left: int, right: int, rows: int, columns: int) -> None:
        moved = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in moved:
            self._cells[row][left:right] = self._cells[row + rows][left:right]

    def _hl_attr_define(self, number: int, rgb: Any, cterm: Any, info: list[dict[str, Any]]) -> None:
        self._groups[number] = [part.get("hi_name", "") for part in info]


class Neovim:
    """One Neovim with a user interface of ours."""

    def __init__(self, program: Path, init: Path, file: Path) -> None:
        argv = [str(program), "--embed", "-i", "NONE", "-n", "-u", str(init), str(file)]
        self.screen = Screen()
        self._nvim = pynvim.attach("child", argv=argv)
        self._nvim.ui_attach(COLUMNS, LINES, rgb=True, ext_linegrid=True, ext_hlstate=True)

    def lua(self, code: str, *arguments: Any) -> Any:
        """The result of a piece of Lua."""
        return self._nvim.exec_lua(code, *arguments)

    def command(self, line: str) -> None:
        """Runs an Ex command."""
        self._nvim.command(line)

    def type(self, keys: str) -> None:
        """Presses keys, in one piece, as a fast typist."""
        self._nvim.input(keys)

    def lines(self) -> list[str]:
        """The current buffer."""
        return list(self._nvim.current.buffer[:])

    def cursor(self) -> tuple[int, int]:
        """Line from 1, column in bytes from 0."""
        row, column = self._nvim.current.window.cursor
        return row, column

    def ghost(self) -> str:
        """The ghost text on the screen."""
        self.draw()
        return self.screen.drawn_as("ComplHint")

    def draft(self) -> str:
        """The draft on the screen."""
        self.draw()
        return self.screen.drawn_as("DglsDraft")

    def diff(self) -> tuple[str, str]:
        """What the suggested edits on the screen would take away and bring."""
        self.draw()
        return self.screen.drawn_as("DglsRemoved"), self.screen.drawn_as("DglsAdded")

    def messages(self) -> str:
        """What was said so far."""
        return str(self._nvim.command_output("messages"))

    def draw(self) -> None:
        """Follows what Neovim has drawn since the last time."""

        def heard(name: str, arguments: list[Any]) -> None:
            if name == "redraw":
                self.screen.redraw(arguments)

        stop = threading.Timer(0.02, lambda: self._nvim.async_call(self._nvim.stop_loop))
        stop.start()
        self._nvim.run_loop(None, heard)
        stop.join()

    def wait(self, found: Callable[[], Any], what: str = "") -> Any:
        """What is found once it is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not (value := found()):
            assert time.monotonic() < deadline, self._missing(what)
            self.draw()
        return value

    def _missing(self, what: str) -> str:
        """What to say of something that never came."""
        return f"{what or 'it'} never came; the screen:\n{self.screen.text()}\n{self.messages()}"

    def wait_ghost(self, text: str) -> None:
        """Waits until exactly this ghost text is on the screen."""
        self.wait(lambda: self.ghost() == text, f"the ghost text {text!r}")

    def wait_diff(self, removed: str, added: str) -> None:
        """Waits until exactly these edits are on the screen."""
        self.wait(
            lambda: self.diff() == (removed, added), f"the edits {removed!r} -> {added!r} in place of {self.diff()!r}"
        )

    def wait_lines(self, *lines: str) -> None:
        """Waits until the buffer holds exactly these lines."""
        self.wait(lambda: self.lines() == list(lines), f"the buffer {lines!r} instead of {self.lines()!r}")

    def wait_ready(self) -> None:
        """Waits until the engine is ready."""
        state = "local c = require('dgls.client').of(); return c and (require('dgls.status').of(c) or {}).state"
        self.wait(lambda: self.lua(state) == "ready", "the engine")

    def close(self) -> None:
        """Ends it, whatever is unsaved."""
        with suppress(OSError, EOFError):  # it is gone before it can answer
            self._nvim.command("qa!")
        self._nvim.close()
