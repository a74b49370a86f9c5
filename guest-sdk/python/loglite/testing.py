"""A stand-in for loglite, to test a plugin as any Python code.

>>> import loglite
>>> class Hello(loglite.Harvester):
...     def run(self, config):
...         while not loglite.sleep(config["interval"]):
...             loglite.ingest([{"message": "hello"}])
>>> with FakeHost(stop_after_sleeps=3) as host:
...     Hello().run({"interval": 5})
>>> host.stored
[{'message': 'hello'}, {'message': 'hello'}]
>>> host.slept
15.0
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from loglite import _host, http_errors, ingestor
from loglite.errors import Stopping, TooManyBytes, TooManyEntries
from loglite.model import Receipt, Refusal, Request, Response


class FakeHost:
    """Stands in for loglite within a `with` statement, and remembers what the plugin did.

    `sleep` does not wait. After `stop_after_sleeps` of them the plugin is asked to end.
    """

    def __init__(
        self,
        *,
        stop_after_sleeps: int = 1,
        checkpoint: bytes | None = None,
        refuse: Callable[[dict[str, Any]], str | None] = lambda entry: None,
        respond: Callable[[Request], Response] | None = None,
        max_entries: int = 10_000,
        max_bytes: int = 4 << 20,
    ) -> None:
        self.stored: list[dict[str, Any]] = []
        """The entries that are stored."""
        self.refused: list[str] = []
        """The texts of those that are not: no JSON objects, and those for which `refuse` gives a reason."""
        self.checkpoint = checkpoint
        """The last checkpoint; set it at first as if an earlier run had left it."""
        self.messages: list[tuple[str, str]] = []
        """Level and text of what the plugin logged."""
        self.requests: list[Request] = []
        """The HTTP requests that it sent; `respond` answers them, without it they are denied."""
        self.calls: list[int] = []
        """How many entries each call carried."""
        self.slept = 0.0
        """How long the plugin would have slept, in seconds."""
        self.is_stopping = False
        """Whether the plugin is asked to end."""
        self.cut_off = False
        """Set it to have `ingest` answer that loglite is stopping."""
        self._sleeps_left = stop_after_sleeps
        self._refuse = refuse
        self._respond = respond
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._previous: _host.Host | None = None

    def __enter__(self) -> FakeHost:
        """Take loglite's place."""
        ingestor.forget_limits()
        self._previous = _host.install(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the place back."""
        ingestor.forget_limits()
        _host.install(self._previous)

    def log(self, level: str, message: str) -> None:
        """Remember a message."""
        self.messages.append((level, message))

    def stopping(self) -> bool:
        """Tell what was arranged."""
        return self.is_stopping

    def sleep(self, milliseconds: int) -> bool:
        """Count the time."""
        self.slept += milliseconds / 1000
        self._sleeps_left -= 1
        self.is_stopping = self.is_stopping or self._sleeps_left <= 0
        return self.is_stopping

    def ingest(self, entries: list[str], checkpoint: bytes | None) -> Receipt:
        """Store as loglite would, within its limits."""
        if self.cut_off:
            raise Stopping("loglite asks the harvester to end")
        if len(entries) > self._max_entries:
            raise TooManyEntries(self._max_entries)
        if sum(len(text.encode()) for text in entries) + len(checkpoint or b"") > self._max_bytes:
            raise TooManyBytes(self._max_bytes)
        self.calls.append(len(entries))
        refused = [
            Refusal(index, reason)
            for index, text in enumerate(entries)
            if (reason := self._store(text)) is not None
        ]
        self.checkpoint = self.checkpoint if checkpoint is None else checkpoint
        return Receipt(len(entries) - len(refused), 0, refused)

    def last_checkpoint(self) -> bytes | None:
        """Tell the last one."""
        return self.checkpoint

    def send(self, request: Request) -> Response:
        """Answer as arranged."""
        self.requests.append(request)
        if self._respond is None:
            raise http_errors.Denied(f"`{request.url}` is not granted: no `respond` was given to FakeHost")
        return self._respond(request)

    def _store(self, text: str) -> str | None:
        """Store one entry, or return why not."""
        try:
            entry = json.loads(text)
            reason = self._refuse(entry) if isinstance(entry, dict) else "not a JSON object"
        except ValueError as error:
            reason = f"not JSON: {error}"
        if reason is None:
            self.stored.append(entry)
        else:
            self.refused.append(text)
        return reason
