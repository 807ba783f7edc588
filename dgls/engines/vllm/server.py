"""One vLLM server over HTTP: its requests, and what may go wrong with them as one-liners."""

import asyncio
import json
import os
import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx

from dgls.engines.endpoint import Endpoint
from dgls.errors import EngineError, RefusedError, ServerError

# Uvicorn drops a connection after 5 s without a request. A dropped one is seen before it is used again in almost all
# cases; the rest are asked once more.
_KEPT_S = 60.0
_REACHED_S = 5.0
_MAX_ANSWER_BYTES = 64 * 2**20
_UPDATE = "use vLLM 0.31 or later and a model that it can denoise; see its log"


class Server:
    """The connections to one server; closing one is how a request is cancelled."""

    def __init__(self, endpoint: Endpoint, *, within_s: float = 60.0) -> None:
        self.endpoint, self.shown = endpoint, endpoint.shown
        self._within_s, self._reach_s = within_s, min(_REACHED_S, within_s)
        self._client = _client(endpoint, httpx.Timeout(within_s, connect=self._reach_s))

    async def is_healthy(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            return (await self._client.get("/health", timeout=2.0)).status_code == 200
        except (httpx.HTTPError, OSError):
            return False

    async def models(self) -> list[dict[str, Any]]:
        """What the server serves. Raises EngineError."""
        answer = await self._asked("GET", "/v1/models")
        data = answer.get("data") if isinstance(answer, dict) else None
        if (
            not isinstance(data, list)
            or not data
            or not all(isinstance(card, dict) and card.get("id") for card in data)
        ):
            raise EngineError(f"{self.shown} lists no models", "give the address of a vLLM server in url")
        return data

    async def complete(self, body: dict[str, Any]) -> Any:
        """The answer to a canvas, as it was sent. Raises EngineError; cancelling closes the connection."""
        return await self._asked("POST", "/v1/completions", body)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON of an answer; once more where a kept connection turns out to be closed. Raises EngineError."""
        try:
            try:
                return await self._once(method, path, body)
            except httpx.RemoteProtocolError as error:
                if "without sending a response" not in str(error):
                    raise
                return await self._once(method, path, body)
        except httpx.ConnectTimeout as error:
            hint = "start it, or correct url; a firewall or a missing VPN looks like this, too"
            raise ServerError(f"{self.shown} cannot be reached (no answer within {self._reach_s:g} s)", hint) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            hint = "see its log; a large queue needs more servers"
            raise ServerError(f"{self.shown} did not answer within {self._within_s:g} s", hint) from error
        except httpx.ConnectError as error:
            cause = _cause(error)
            if isinstance(cause, ssl.SSLError):
                hint = "correct url, or name the file with its authority's certificate in SSL_CERT_FILE"
                raise ServerError(f"{self.shown} cannot be trusted ({_words(cause)})", hint) from error
            raise ServerError(
                f"{self.shown} cannot be reached ({_words(cause)})", "start it, or correct url"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = str(error) or type(error).__name__
            raise ServerError(f"{self.shown} broke off ({reason})", "it is asked again; see its log") from error

    async def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """One request. Raises EngineError, TimeoutError and httpx.HTTPError."""
        async with asyncio.timeout(self._within_s), self._client.stream(method, path, json=body) as response:
            content = bytearray()
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _MAX_ANSWER_BYTES:
                    raise ServerError(f"{self.shown} answers without end", "give the address of a vLLM server in url")
        if response.status_code != 200:
            raise self._refusal(response, bytes(content))
        try:
            return json.loads(content)
        except ValueError as error:
            raise ServerError(f"{self.shown} answered no JSON", "give the address of a vLLM server in url") from error

    def _refusal(self, response: httpx.Response, content: bytes) -> EngineError:
        """What a status means, and what to do about it."""
        code, told = response.status_code, _message(content)
        reason = f"{code}, {told}" if told else str(code)
        match code:
            case 401 | 403:
                return EngineError(
                    f"{self.shown} does not take the key ({code})", "set DGLS_KEY or key_file to its key"
                )
            case 404:
                return EngineError(f"{self.shown} does not have it ({reason})", "correct url, or model")
            case 429:
                return ServerError(f"{self.shown} has too many requests ({reason})", "wait, or add a server to url")
            case _ if code >= 500:
                return ServerError(f"{self.shown} failed ({reason})", "see its log")
            case _:
                return RefusedError(f"{self.shown} refuses the request ({reason})", _UPDATE)


def _client(endpoint: Endpoint, timeout: httpx.Timeout) -> httpx.AsyncClient:
    """The connections to an endpoint; proxies of the environment only count for other machines. Raises EngineError."""
    parts = urlsplit(endpoint.url)
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=_KEPT_S)
    socket = httpx.AsyncHTTPTransport(uds=parts.path, limits=limits) if parts.scheme == "unix" else None
    try:
        return httpx.AsyncClient(
            base_url="http://vllm" if socket else endpoint.url,
            headers={"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {},
            timeout=timeout,
            transport=socket,
            verify=parts.scheme == "https",  # reading the certificates takes longer than a request
            limits=limits,
            trust_env=not endpoint.is_here,
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:  # a proxy of a kind that httpx does not know
        hint = "correct ALL_PROXY, HTTP_PROXY, HTTPS_PROXY and NO_PROXY in the environment, or unset them"
        raise EngineError(f"{endpoint.shown} cannot be asked with these proxies ({error})", hint) from error


def _message(content: bytes) -> str:
    """The reason in the body of a refusal, in one short line."""
    try:
        data = json.loads(content)
        found = data.get("error", data)
        told = found.get("message") if isinstance(found, dict) else found
    except (ValueError, AttributeError):
        return ""
    return " ".join(str(told or "").split())[:200]


def _cause(error: BaseException) -> BaseException:
    """The system's error behind one of a connection, or that one."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.errno and inner.errno > 0:
            return inner
        inner = inner.__cause__ or inner.__context__
    return error


def _words(cause: BaseException) -> str:
    """Why a connection failed, in the system's words; TLS has numbers of its own."""
    if isinstance(cause, ssl.SSLError):
        reason = str(getattr(cause, "verify_message", "") or cause.reason)
        return reason.lower().replace("_", " ")
    if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        return os.strerror(cause.errno)
    return str(cause) or type(cause).__name__
