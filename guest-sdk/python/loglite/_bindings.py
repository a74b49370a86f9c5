"""What componentize-py generates, behind plain functions; without it, in a test, the package's own values.

The two worlds offer different imports, and a component has only those of its own.
"""

from __future__ import annotations

from typing import Any

from loglite import _host, errors, http_errors
from loglite.model import Receipt, Refusal, Request, Response

try:
    from componentize_py_types import Err
    from wit_world.imports import http as wit_http
    from wit_world.imports import logging as wit_logging
    from wit_world.imports import types as wit_types
except ImportError:
    wit_logging = None

try:
    from wit_world.imports import ingestor as wit_ingestor
    from wit_world.imports import lifecycle as wit_lifecycle
except ImportError:
    wit_ingestor = wit_lifecycle = None

try:
    from wit_world.exports import transform as wit_transform
except ImportError:
    wit_transform = None


class PluginFailure(Exception):
    """Outside of a component, what stands for the failure that loglite is told."""

    def __init__(self, text: str, invalid_config: bool) -> None:
        super().__init__(text)
        self.invalid_config = invalid_config


def failure(text: str, *, invalid_config: bool) -> Exception:
    """Return the exception that makes an export fail."""
    if wit_logging is None:
        return PluginFailure(text, invalid_config)
    case = wit_types.Failure_InvalidConfig if invalid_config else wit_types.Failure_Failed
    return Err(case(text))


def verdict(value: Any) -> Any:
    """Return a verdict as the bindings take it."""
    if wit_transform is None:
        return value
    make = _VERDICTS[value.case]
    return make if value.value is None else make(value.value)


if wit_transform is not None:
    _VERDICTS = {
        "keep": wit_transform.Verdict_Keep(),
        "drop": wit_transform.Verdict_Drop(),
        "replace": wit_transform.Verdict_Replace,
        "split": wit_transform.Verdict_Split,
        "refuse": wit_transform.Verdict_Refuse,
    }


class ComponentHost:
    """loglite, as a component reaches it."""

    def log(self, level: str, message: str) -> None:
        """See `Host`."""
        wit_logging.log(wit_logging.Level[level.upper()], message)

    def stopping(self) -> bool:
        """See `Host`."""
        return _of_harvester(wit_lifecycle).stopping()

    def sleep(self, milliseconds: int) -> bool:
        """See `Host`."""
        return _of_harvester(wit_lifecycle).sleep(milliseconds)

    def ingest(self, entries: list[str], checkpoint: bytes | None) -> Receipt:
        """See `Host`."""
        try:
            receipt = _of_harvester(wit_ingestor).ingest(entries, checkpoint)
        except Err as refused:
            raise _ingest_error(refused.value) from None
        refusals = [Refusal(refusal.index, refusal.reason) for refusal in receipt.refused]
        return Receipt(receipt.stored, receipt.dropped, refusals)

    def last_checkpoint(self) -> bytes | None:
        """See `Host`."""
        return _of_harvester(wit_ingestor).last_checkpoint()

    def send(self, request: Request) -> Response:
        """See `Host`."""
        try:
            response = wit_http.send(
                wit_http.Request(request.method, request.url, request.headers, request.body, request.timeout_ms)
            )
        except Err as refused:
            raise _http_error(refused.value) from None
        return Response(response.status, response.headers, response.body)


def _of_harvester(module: Any) -> Any:
    if module is None:
        raise RuntimeError("only a harvester can ingest, sleep and stop: this component is a transform")
    return module


def _ingest_error(value: Any) -> Exception:
    if isinstance(value, wit_ingestor.IngestError_TooManyEntries):
        return errors.TooManyEntries(value.value)
    if isinstance(value, wit_ingestor.IngestError_TooManyBytes):
        return errors.TooManyBytes(value.value)
    return errors.Stopping("loglite asks the harvester to end")


def _http_error(value: Any) -> Exception:
    if isinstance(value, wit_http.HttpError_Denied):
        return http_errors.Denied(value.value)
    if isinstance(value, wit_http.HttpError_InvalidRequest):
        return http_errors.InvalidRequest(value.value)
    if isinstance(value, wit_http.HttpError_Timeout):
        return http_errors.Timeout("there was no whole response in time")
    if isinstance(value, wit_http.HttpError_TooLarge):
        return http_errors.TooLarge(value.value)
    return http_errors.Unreachable(value.value)


if wit_logging is not None:
    _host.install(ComponentHost())
