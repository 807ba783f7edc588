"""What the editor is told beside its answers: the engine's status, its progress, and failures once."""

import logging
import re
from concurrent.futures import Future
from functools import partial
from typing import Any
from uuid import uuid4

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from dgls.errors import DglsError
from dgls.lsp import messages

logger = logging.getLogger(__name__)

# The folders of an absolute path: "/a/" of "/a/b.json", "C:\\a\\" of "C:\\a\\b.json", nothing of "https://a/b" or
# "google/gemma". In quotation marks a folder's name may have spaces.
_FOLDERS = re.compile(
    r"""(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:(?<=['"][/\\])(?:[^/\\'"\n]*[/\\])*|(?:[^/\\'"\s]*[/\\])*)(?=[^/\\\s'"])"""
)


class Editor:
    """The editor at the other end of a server's connection."""

    def __init__(self, server: LanguageServer) -> None:
        self.wanted: frozenset[str] = frozenset()  # which of our own notifications it asked for
        self._server = server
        self._said: set[str] = set()

    def status(self, state: messages.State, engine: str, detail: str) -> None:
        """Tells how far the engine is."""
        logger.log(logging.ERROR if state == "failed" else logging.INFO, "%s is %s: %s", engine, state, detail)
        if "status" in self.wanted:
            told = messages.Status(state, without_folders(engine), without_folders(detail), percent_of(detail))
            self._server.protocol.notify(messages.STATUS, told)

    def draft(self, told: messages.Draft) -> None:
        """Tells what of a fill has settled."""
        self._server.protocol.notify(messages.DRAFT, told)

    def outcome(self, told: messages.Outcome) -> None:
        """Tells what became of a request."""
        self._server.protocol.notify(messages.OUTCOME, told)

    def say(self, message: str, kind: lsp.MessageType = lsp.MessageType.Info) -> None:
        """Shows a message, as the answer to what the user did on purpose."""
        self._server.window_show_message(lsp.ShowMessageParams(kind, f"dgls: {message}"))

    def apply(self, edit: lsp.WorkspaceEdit, label: str) -> None:
        """Has the editor apply edits; nothing waits for that, but a refusal is told."""
        asked = lsp.ApplyWorkspaceEditParams(edit, f"dgls: {label}")
        self._server.workspace_apply_edit(asked).add_done_callback(partial(self._applied, label))

    def _applied(self, label: str, answer: "Future[lsp.ApplyWorkspaceEditResult]") -> None:
        """Tells that the editor did not apply what it was given."""
        failed = answer.cancelled() or answer.exception() is not None
        if failed or not answer.result().applied:
            self.say(f"{label}: the editor did not apply it", lsp.MessageType.Warning)

    def say_once(self, message: str, kind: lsp.MessageType = lsp.MessageType.Error) -> None:
        """Shows a message, unless the same one was shown before."""
        if message not in self._said:
            self._said.add(message)
            self.say(message, kind)

    def progress(self, title: str) -> "Progress":
        """A progress bar; one that shows nothing in an editor without them."""
        window = self._server.client_capabilities.window
        return Progress(self._server, title, shown=bool(window and window.work_done_progress))


class Progress:
    """A progress bar that appears once the editor has agreed to it; nothing ever waits for that."""

    def __init__(self, server: LanguageServer, title: str, *, shown: bool) -> None:
        self._server = server
        self._title = title
        self._token = f"dgls-{uuid4()}"
        self._phrase = ""
        self._begun = self._ended = False
        if shown:
            create = lsp.WorkDoneProgressCreateParams(self._token)
            agreed = server.protocol.send_request(lsp.WINDOW_WORK_DONE_PROGRESS_CREATE, create)
            agreed.add_done_callback(self._begin)

    def report(self, phrase: str) -> None:
        """Shows the stage that has begun."""
        self._phrase = phrase
        if self._begun:
            self._show(lsp.WorkDoneProgressReport(message=phrase))

    def end(self, phrase: str) -> None:
        """Takes the bar away."""
        if self._begun and not self._ended:
            self._show(lsp.WorkDoneProgressEnd(message=phrase))
        self._ended = True

    def _begin(self, agreed: "Future[Any]") -> None:
        """Shows the bar, if the editor agreed and there still is something to wait for."""
        if not self._ended and not agreed.cancelled() and agreed.exception() is None:
            self._begun = True
            self._show(lsp.WorkDoneProgressBegin(title=self._title, message=self._phrase))

    def _show(self, value: lsp.WorkDoneProgressBegin | lsp.WorkDoneProgressReport | lsp.WorkDoneProgressEnd) -> None:
        self._server.progress(lsp.ProgressParams(self._token, value))


def sentence(error: Exception) -> str:
    """One line about an error for the editor: no folders, no traceback, and nothing but the kind of a surprise."""
    if isinstance(error, DglsError):
        return without_folders(str(error))
    return f"something inside failed ({type(error).__name__}): see the log"


def percent_of(phrase: str) -> int | None:
    """The figure in a phrase about loading, such as `reading the weights: 40 %`; None without one."""
    found = re.search(r"\b(\d{1,3}) %", phrase)
    return int(found[1]) if found else None


def without_folders(text: str) -> str:
    """The text with absolute paths cut to their last part."""
    return _FOLDERS.sub("", text)
