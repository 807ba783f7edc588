"""Plain requests to a server."""

import httpx

from dgls.engines.endpoint import Endpoint

_UNIX = "unix://"


def client(endpoint: Endpoint, *, timeout_s: float) -> httpx.AsyncClient:
    """A client for one endpoint; paths are relative to it. Proxies of the environment are not for this machine."""
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    path = endpoint.url.removeprefix(_UNIX) if endpoint.url.startswith(_UNIX) else None
    transport = httpx.AsyncHTTPTransport(uds=path) if path else None
    return httpx.AsyncClient(
        base_url="http://localhost" if path else endpoint.url,
        transport=transport,
        headers=headers,
        timeout=timeout_s,
        trust_env=False,
    )


async def is_healthy(http: httpx.AsyncClient) -> bool:
    """Whether the server says that it is ready for requests."""
    try:
        return (await http.get("/health")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
