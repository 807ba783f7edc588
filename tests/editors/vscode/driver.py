"""A VS Code window in a headless browser, driven by keys and read from what it draws."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

T = TypeVar("T")

# The machine may be busy with other things; nothing here waits for time alone.
PATIENCE_S = 90.0

_QUICK_INPUT = ".quick-input-widget:not([style*='display: none']) input"

# Text of the ghost as it is drawn: pieces inside the line, then the lines below it.
_GHOST = """() => {
  const text = (element) => element.textContent.replace(/\\u00a0/g, ' ').replace(/\\u200b/g, '');
  const inline = [...document.querySelectorAll('.view-line [class*="ghost-text-decoration"]')];
  const below = [...document.querySelectorAll('.view-zones .suggest-preview-text .view-line')];
  const top = (element) => parseInt(element.style.top || '0');
  below.sort((a, b) => top(a) - top(b));
  return [inline.map(text).join(''), ...below.map(text)].join('\\n');
}"""

# What is drawn by decorations behind the cursor: a live draft.
_DRAFT = """() => [...document.querySelectorAll('.view-line [class*="ced-"]')]
  .map((element) => getComputedStyle(element, '::after').content)
  .filter((content) => content.startsWith('"'))
  .map((content) => content.slice(1, -1).replace(/\\u00a0/g, ' ')).join('')"""

# An edit as decorations draw it, or as VS Code itself does.
_EDIT = """() => {
  const pieces = [...document.querySelectorAll('.view-line [class*="ced-"]')];
  const removed = pieces.filter((piece) => getComputedStyle(piece).textDecorationLine.includes('line-through'));
  const contents = pieces.map((piece) => getComputedStyle(piece, '::after').content);
  const behind = contents.filter((text) => text.startsWith('"'));
  const isShown = [...document.querySelectorAll('.inline-edits-view-gutter-indicator')].some((one) => one.textContent);
  const native = [...document.querySelectorAll(isShown ? '.inline-edits-view' : 'none')];
  const texts = [...removed.map((piece) => piece.textContent + ' > '), ...behind.map((text) => text.slice(1, -1))];
  return [...texts, ...native.map((one) => one.textContent + '\\n')].join('').replace(/\\u00a0/g, ' ');
}"""


class Window:
    """One window with one folder."""

    def __init__(self, context: BrowserContext, address: str, folder: Path, pictures: Path) -> None:
        self.folder = folder
        self.pictures = pictures
        self.page: Page = context.new_page()
        self._address = address

    # -- opening

    def open(self, name: str, text: str) -> None:
        """Opens a file with this text (line ends as they are) and puts the cursor at its end."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        file = f"vscode-remote://{self._address}{path}"
        payload = quote(json.dumps([["openFile", file]]))
        self.page.goto(f"http://{self._address}/?folder={self.folder}&payload={payload}")
        self.page.wait_for_selector(".monaco-editor .view-lines")
        self.focus()
        self.press("Control+End")

    def switch(self, name: str, text: str) -> None:
        """Opens another file in the same window, and puts the cursor at its end."""
        (self.folder / name).write_bytes(text.encode())
        self.press("Control+P")
        self.page.wait_for_selector(_QUICK_INPUT)
        self.page.keyboard.insert_text(str(self.folder / name))  # a whole path needs no search
        self.page.wait_for_selector(f".quick-input-list .monaco-list-row.focused[aria-label^='{name}']")
        self.press("Enter")
        self.page.wait_for_selector(f".tab.active[data-resource-name='{name}']")
        self.focus()
        self.press("Control+End")

    def focus(self) -> None:
        """Puts the focus into the text."""
        self.page.click(".editor-group-container.active .monaco-editor .view-lines")

    def ready(self, within_s: float = PATIENCE_S) -> None:
        """Waits until the status bar says that the engine is ready."""
        self.until(self.status, lambda found: found.endswith(": ready"), within_s)

    def close(self) -> None:
        """Closes the window."""
        self.page.close()

    # -- keys

    def type(self, text: str) -> None:
        """Types, a key at a time."""
        self.page.keyboard.type(text, delay=30)

    def press(self, *keys: str) -> None:
        """Presses keys such as `Control+ArrowRight`."""
        for key in keys:
            self.page.keyboard.press(key)

    def command(self, title: str) -> None:
        """Runs a command from the palette."""
        self.press("F1")
        self.page.wait_for_selector(_QUICK_INPUT)
        self.page.keyboard.type(title)
        self.page.wait_for_selector(f".quick-input-list .monaco-list-row.focused[aria-label^='{title}']")
        self.press("Enter")

    def pick(self, label: str) -> None:
        """Chooses from a list that is shown."""
        self.page.click(f'.quick-input-list .monaco-list-row[aria-label*="{label}"]')

    def menu(self, label: str) -> None:
        """Chooses from what a click on our item in the status bar offers."""
        self.page.click(".statusbar-item[id^='dgls']")
        self.pick(label)

    # -- reading

    def ghost(self) -> str:
        """The ghost text on the screen; empty if there is none."""
        return str(self.page.evaluate(_GHOST))

    def draft(self) -> str:
        """The live draft on the screen; empty if there is none."""
        return str(self.page.evaluate(_DRAFT))

    def edit(self) -> str:
        """The edit on the screen: what goes and what comes, and where it is if that is far away; empty without one."""
        return str(self.page.evaluate(_EDIT))

    def position(self) -> str:
        """Where the status bar says that the cursor is."""
        found = self.page.query_selector(".statusbar [id='status.editor.selection']")
        return found.inner_text() if found else ""

    def text(self) -> str:
        """The text on the screen, without its line numbers."""
        lines = self.page.inner_text(".editor-group-container.active .monaco-editor .view-lines")
        return lines.replace("\u00a0", " ")

    def status(self) -> str:
        """What the item in the status bar says."""
        found = self.page.query_selector(".statusbar [aria-label^='dgls:']")
        return (found.get_attribute("aria-label") or "") if found else ""

    def messages(self) -> list[str]:
        """The messages on the screen."""
        return [str(found.inner_text()) for found in self.page.query_selector_all(".notification-list-item-message")]

    def wait_saved(self, name: str, expected: bytes) -> None:
        """Saves the file, and waits until exactly this is in it."""
        self.press("Control+S")
        self.until((self.folder / name).read_bytes, lambda found: found == expected)

    def wait_ghost(self, text: str) -> None:
        """Waits until exactly this ghost text is shown."""
        self.until(self.ghost, lambda found: found == text)

    def picture(self, name: str) -> None:
        """Keeps a picture of the window."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(self.pictures / f"{name}.png"))

    def until(self, read: Callable[[], T], accept: Callable[[T], Any], within_s: float = PATIENCE_S) -> T:
        """What is read once it is accepted; fails with the last reading."""
        deadline = time.monotonic() + within_s
        while not accept(found := read()):
            if time.monotonic() > deadline:
                self.picture("failed")
                raise AssertionError(f"after {within_s:.0f} s it still is {found!r}; status: {self.status()!r}")
            self.page.wait_for_timeout(30)
        return found
