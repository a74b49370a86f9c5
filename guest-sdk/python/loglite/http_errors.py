"""Why there is no HTTP response. `loglite.http` offers these names."""

from __future__ import annotations


class HttpError(Exception):
    """There is no response. Its subclasses say why."""


class Denied(HttpError):
    """The server is not granted. The text names it, and the grant that is missing in the plugin's `grant:`."""


class InvalidRequest(HttpError):
    """The request is malformed. The text says where."""


class Timeout(HttpError):
    """There was no whole response in time."""


class TooLarge(HttpError):
    """The response is larger than the plugin's limits allow."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the response is larger than {limit} bytes")
        self.limit = limit


class Unreachable(HttpError):
    """The server could not be reached, or broke off. The text says why."""
