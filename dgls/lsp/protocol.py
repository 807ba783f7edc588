"""What dgls does differently from pygls: every request is answered, and no answer tells more than one sentence."""

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls import exceptions
from pygls.protocol import LanguageServerProtocol

from dgls.lsp import messages

logger = logging.getLogger(__name__)

Refusal = type[exceptions.JsonRpcException]
Wanted = TypeVar("Wanted")

_SENTENCES = {
    exceptions.JsonRpcParseError.CODE: "The message is not JSON.",
    exceptions.JsonRpcInvalidRequest.CODE: "This message cannot be answered, or not now.",
    exceptions.JsonRpcMethodNotFound.CODE: "dgls does not know this method.",
    exceptions.JsonRpcInvalidParams.CODE: "The parameters of this request are malformed.",
    exceptions.JsonRpcServerNotInitialized.CODE: "The server is not initialized yet.",
    exceptions.JsonRpcRequestCancelled.CODE: "The request was cancelled.",
}
_FAILED = "dgls failed inside; its log says more."

# Ours take the place of these: pygls' documents end lines at form feeds, its commands cannot be cancelled, its exit
# loses the exit code.
_REPLACED = (
    lsp.TEXT_DOCUMENT_DID_OPEN,
    lsp.TEXT_DOCUMENT_DID_CHANGE,
    lsp.TEXT_DOCUMENT_DID_CLOSE,
    lsp.NOTEBOOK_DOCUMENT_DID_OPEN,
    lsp.NOTEBOOK_DOCUMENT_DID_CHANGE,
    lsp.NOTEBOOK_DOCUMENT_DID_CLOSE,
    lsp.WORKSPACE_EXECUTE_COMMAND,
    lsp.EXIT,
)


class Protocol(LanguageServerProtocol):
    """pygls' protocol behind a door that checks each message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for method in _REPLACED:
            del self.fm.builtin_features[method]

    @property
    def shut_down(self) -> bool:
        """Whether the editor asked for a shutdown."""
        return self._shutdown

    def receive(self, body: bytes) -> None:
        """Handles one message, whatever it is."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            logger.warning("a message that is not JSON: %s", error)
            self._send_response(None, error=exceptions.JsonRpcParseError().to_response_error())
            return
        if refusal := self._refusal(message):
            self._refuse(message, refusal)
        elif self._concerns_us(message):
            self._handle(message)

    def argument(self, params: lsp.ExecuteCommandParams, wanted: type[Wanted]) -> Wanted:
        """The one argument of a command. Raises JsonRpcInvalidParams."""
        try:
            (given,) = params.arguments or ()
            return self._converter.structure(given, wanted)
        except Exception as error:
            raise exceptions.JsonRpcInvalidParams from error

    def _handle(self, message: dict[str, Any]) -> None:
        """Gives a message to its handler, once its parameters have the right types."""
        try:
            structured = self.structure_message(message)
        except exceptions.JsonRpcException as error:
            logger.debug("malformed parameters", exc_info=error)
            self._refuse(message, exceptions.JsonRpcInvalidParams)
            return
        self.handle_message(structured)

    def _refusal(self, message: Any) -> Refusal | None:
        """Why a message cannot be handled now; None if it can."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            return exceptions.JsonRpcInvalidRequest
        if "method" not in message:
            return None
        method = message["method"]
        if not isinstance(method, str) or not isinstance(message.get("id", 0), int | str):
            return exceptions.JsonRpcInvalidRequest
        if method == lsp.EXIT:
            return None
        if self._shutdown or (method == lsp.INITIALIZE and self._workspace is not None):
            return exceptions.JsonRpcInvalidRequest
        if self._workspace is None and method != lsp.INITIALIZE:
            return exceptions.JsonRpcServerNotInitialized
        return exceptions.JsonRpcMethodNotFound if "id" in message and not self._answers(method) else None

    def _refuse(self, message: Any, refusal: Refusal) -> None:
        """Logs why a message is not handled, and answers it if it is a request."""
        method = message.get("method") if isinstance(message, dict) else None
        logger.warning("%r is not handled: %s", method, refusal.MESSAGE)
        if isinstance(message, dict) and ("id" not in message or method is None):
            return
        asked = message.get("id") if isinstance(message, dict) else None
        self._send_response(asked if isinstance(asked, int | str) else None, error=refusal().to_response_error())

    def _knows(self, method: str) -> bool:
        """Whether a handler exists."""
        return method in self.fm.features or method in self.fm.builtin_features

    def _answers(self, method: str) -> bool:
        """Whether a method is one that is answered, and no notification."""
        is_request = method in messages.REQUESTS or self.get_result_type(method) is not None
        return is_request and self._knows(method)

    def _concerns_us(self, message: dict[str, Any]) -> bool:
        """Whether a message is more than a notification that nobody here listens to."""
        method = message.get("method")
        return method is None or "id" in message or method == lsp.CANCEL_REQUEST or self._knows(method)

    def _send_response(
        self, msg_id: int | str | None, result: Any | None = None, error: lsp.ResponseError | None = None
    ) -> None:
        """Sends a response; pygls puts tracebacks into its errors, here only a code and a sentence remain."""
        if error is None:
            super()._send_response(msg_id, result)  # type: ignore[arg-type] # only an error can lack the id
            return
        told = {"code": error.code, "message": _SENTENCES.get(error.code, _FAILED)}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": told})  # lsprotocol would leave out a null id

    def _execute_handler(
        self,
        msg_id: int | str,
        handler: Callable[..., Any],
        callback: Callable[..., Any],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Runs a handler; pygls would keep the future of every notification for good."""
        super()._execute_handler(msg_id, handler, callback, args, kwargs)
        future = self._request_futures.get(msg_id)
        if future is not None:
            future.add_done_callback(lambda _: self._request_futures.pop(msg_id, None))

    def get_message_type(self, method: str) -> type[Any] | None:  # type: ignore[override] # theirs is cached
        """The type of a message, also of those that only dgls has."""
        return messages.REQUESTS.get(method) or super().get_message_type(method)
