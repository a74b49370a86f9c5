"""loglite's own log, for what an operator should know. Log entries do not belong here: see `loglite.ingest`."""

from __future__ import annotations

import logging

from loglite import _host


def debug(message: str) -> None:
    """For finding out why something happens; not shown unless loglite runs with `debug: true`."""
    _host.current().log("debug", message)


def info(message: str) -> None:
    """What normally happens.

    >>> from loglite.testing import FakeHost
    >>> with FakeHost() as host:
    ...     info("connected")
    >>> host.messages
    [('info', 'connected')]
    """
    _host.current().log("info", message)


def warning(message: str) -> None:
    """What should be looked at."""
    _host.current().log("warn", message)


def error(message: str) -> None:
    """What an operator must act on."""
    _host.current().log("error", message)


class Handler(logging.Handler):
    """Brings Python's `logging` there: `logging.basicConfig(handlers=[loglite.log.Handler()], level="INFO")`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its traceback if it has one."""
        try:
            _host.current().log(_level(record.levelno), self.format(record))
        except Exception:  # noqa: BLE001 - as all handlers of the standard library do
            self.handleError(record)


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"
