"""The values that pass between a plugin and loglite."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """An entry that is not stored: its position in the list that was given to `ingest`, and the reason."""

    index: int
    reason: str


@dataclass(frozen=True)
class Receipt:
    """What became of the entries that were given to `ingest`.

    Refused entries are kept by loglite as dead letters: don't send them again.
    """

    stored: int = 0
    """How many rows are committed. A transform that splits an entry makes it count more than once."""
    dropped: int = 0
    """How many entries a transform dropped, as configured."""
    refused: list[Refusal] = field(default_factory=list)
    """The entries that are not stored, by rising index."""


@dataclass(frozen=True)
class Request:
    """An HTTP request, as the host takes it."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    timeout_ms: int | None


@dataclass(frozen=True)
class Response:
    """An HTTP response, of any status. Names of headers are in lower case.

    >>> Response(200, [("content-type", "application/json")], b'{"page": 2}').json()
    {'page': 2}
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the status is from 200 to 299."""
        return 200 <= self.status < 300

    def header(self, name: str, default: str | None = None) -> str | None:
        """Return the first header of that name, in any case of letters."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), default)

    def text(self) -> str:
        """Return the body as UTF-8 text; what is no UTF-8 is replaced by a mark."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as a JSON value. Raises `ValueError` if it is none."""
        return json.loads(self.body)
