"""HTTP requests to the servers that the plugin's `grant: {http: […]}` names."""

from __future__ import annotations

from collections.abc import Mapping

from loglite import _host
from loglite.http_errors import Denied, HttpError, InvalidRequest, Timeout, TooLarge, Unreachable
from loglite.model import Request, Response

__all__ = [
    "Denied",
    "HttpError",
    "InvalidRequest",
    "Response",
    "Timeout",
    "TooLarge",
    "Unreachable",
    "get",
    "request",
]


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    timeout: float | None = None,
) -> Response:
    """Send a request and wait for the whole response. Any status is a response; redirects are not followed.

    `timeout` is for the whole exchange, in seconds; at most, and by default, what the plugin's limits say.
    Raises an `HttpError` when there is no response.

    >>> from loglite.testing import FakeHost
    >>> with FakeHost(respond=lambda request: Response(404)) as host:
    ...     request("GET", "https://api.example.com/items").status
    404
    """
    data = body.encode() if isinstance(body, str) else body
    timeout_ms = None if timeout is None else max(1, round(timeout * 1000))
    return _host.current().send(Request(method, url, list((headers or {}).items()), data, timeout_ms))


def get(url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None) -> Response:
    """Send a GET request: `request("GET", url, …)`."""
    return request("GET", url, headers=headers, timeout=timeout)
