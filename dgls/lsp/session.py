"""The state of one editor's session: its documents, requests, engine and settings."""

import logging
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from dgls import __version__
from dgls.errors import SettingError
from dgls.lsp import logs, options
from dgls.lsp.editor import Editor, sentence
from dgls.lsp.host import EngineHost
from dgls.lsp.latest import Latest
from dgls.lsp.protocol import Protocol
from dgls.lsp.workspace import Documents
from dgls.settings import Settings
from dgls.text.document import Encoding

logger = logging.getLogger(__name__)


class Session(LanguageServer):
    """What the handlers share."""

    protocol: Protocol

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            "dgls",
            __version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )
        self.settings = settings
        self.documents = Documents()
        self.latest = Latest()
        self.editor = Editor(self)
        self.host = EngineHost(self.editor)
        self.is_over = False

    @property
    def encoding(self) -> Encoding:
        """The position encoding that the editor and the server agreed on."""
        return lsp.PositionEncodingKind(self.workspace.position_encoding).value

    def wake(self) -> None:
        """Begins to start the engine, the first time."""
        if not self.host.is_wanted:
            self.host.start(self.settings)

    def take(self, given: Any) -> None:
        """Applies settings from the editor: bad ones are told once, good ones count at once."""
        before = self.settings
        self.settings, problems = options.applied(before, given)
        try:
            if (before.log_file, before.log_level) != (self.settings.log_file, self.settings.log_level):
                logs.configure(self.settings)
        except SettingError as error:
            problems.append(error)
        for problem in problems:
            logger.warning("%s", problem)
            self.editor.say_once(sentence(problem), lsp.MessageType.Warning)
        if self.settings != before:
            self.documents.forget()
        if self.host.is_wanted and (self.host.has_failed or options.needs_other_engine(before, self.settings)):
            self.latest.cancel()
            self.host.start(self.settings)

    def report_server_error(self, error: Exception, source: type[Exception]) -> None:
        """Logs what broke; pygls would show it in a popup."""
        data = getattr(error, "data", None)
        trace = "".join(data["traceback"]) if isinstance(data, dict) and "traceback" in data else ""
        logger.error("%s: %s\n%s", source.__name__, error, trace)
