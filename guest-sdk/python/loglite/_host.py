"""The seam between this package and what is on the other side: loglite in a component, a fake in tests.

Everything else in the package goes through `current()`, so a plugin's code is the same in both.
"""

from __future__ import annotations

from typing import Protocol

from loglite.model import Receipt, Request, Response


class Host(Protocol):
    """What loglite offers to a plugin."""

    def log(self, level: str, message: str) -> None:
        """Write a message to loglite's log; `level` is `debug`, `info`, `warn` or `error`."""

    def stopping(self) -> bool:
        """Tell whether the harvester should end."""

    def sleep(self, milliseconds: int) -> bool:
        """Wait, and tell what `stopping` then says."""

    def ingest(self, entries: list[str], checkpoint: bytes | None) -> Receipt:
        """Store entries. Raises `Stopping`, `TooManyEntries` or `TooManyBytes`."""

    def last_checkpoint(self) -> bytes | None:
        """Return the last checkpoint that was committed."""

    def send(self, request: Request) -> Response:
        """Exchange one HTTP request for its response. Raises an `HttpError`."""


def _outside() -> Host:
    raise RuntimeError(
        "there is no loglite here; in a test, wrap the call in `with loglite.testing.FakeHost() as host:`"
    )


_current: Host | None = None


def current() -> Host:
    """Return the other side.

    >>> current()
    Traceback (most recent call last):
    RuntimeError: there is no loglite here; in a test, wrap the call in `with loglite.testing.FakeHost() as host:`
    """
    return _current if _current is not None else _outside()


def install(host: Host | None) -> Host | None:
    """Put another host in the place of the current one, and return that."""
    global _current
    previous, _current = _current, host
    return previous
