"""The way of a harvester's entries into the log table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from loglite import _host
from loglite.errors import EntryTooLarge, TooManyBytes, TooManyEntries
from loglite.model import Receipt, Refusal

__all__ = ["Receipt", "Refusal", "ingest", "last_checkpoint", "last_checkpoint_bytes"]


def ingest(entries: Iterable[Mapping[str, Any] | str], checkpoint: Any = None) -> Receipt:
    """Store entries, and with them the checkpoint. Returns once all of it is committed.

    An entry is a mapping of fields to JSON values, or the text of one JSON object. An entry without a timestamp gets
    the time of arrival. The checkpoint is any JSON value, or bytes, that tells where to go on after a restart; without
    one, the last one stays. It is committed in the same transaction as the entries, so each is in the table exactly
    once even after a crash.

    Entries that are too many for one call (10 000 entries or 4 MB, unless the plugin's `limits:` say otherwise) are cut
    into several, and the checkpoint goes with the last. What the earlier ones stored is then stored again if loglite
    crashes before the last: give smaller lists, each with its checkpoint, to avoid that.

    Raises `Stopping` when the plugin should end, and `EntryTooLarge` for an entry that fits into no call; the calls
    before it are stored then, without the checkpoint.

    >>> from loglite.testing import FakeHost
    >>> with FakeHost() as host:
    ...     receipt = ingest([{"message": "one"}, '{"message": "two"}'], checkpoint={"page": 2})
    >>> receipt.stored
    2
    >>> host.stored
    [{'message': 'one'}, {'message': 'two'}]
    """
    texts = [text_of(entry) for entry in entries]
    last = _bytes(checkpoint)
    stored, dropped, refused, start = 0, 0, [], 0
    while True:
        end = _end(texts, start, len(last or b""))
        receipt = _call(texts[start:end], last if end == len(texts) else None)
        if receipt is None:
            continue
        stored += receipt.stored
        dropped += receipt.dropped
        refused += [Refusal(start + refusal.index, refusal.reason) for refusal in receipt.refused]
        start = end
        if end == len(texts):
            return Receipt(stored, dropped, refused)


def last_checkpoint(default: Any = None) -> Any:
    """Return the last checkpoint that was committed under this harvester's name, or `default` at the first start.

    Raises `ValueError` if it was given to `ingest` as bytes that are no JSON: see `last_checkpoint_bytes`.

    >>> from loglite.testing import FakeHost
    >>> with FakeHost():
    ...     first = last_checkpoint(default=0)
    ...     _ = ingest([], checkpoint=17)
    ...     print(first, last_checkpoint())
    0 17
    """
    raw = _host.current().last_checkpoint()
    return default if raw is None else json.loads(raw)


def last_checkpoint_bytes() -> bytes | None:
    """Return the last checkpoint as it was given to `ingest` as bytes; none at the first start."""
    return _host.current().last_checkpoint()


class _Limits:
    """What one call may carry, as far as it is known: the host tells when it is asked for more."""

    def __init__(self) -> None:
        self.entries: int | None = None
        self.size: int | None = None


_limits = _Limits()


def forget_limits() -> None:
    """Start anew with another host."""
    _limits.entries = _limits.size = None


def _shrunk(limit: int, known: int | None, refused: Exception) -> int:
    """Take over a limit; one that does not get smaller would be asked for without end."""
    if limit < 1 or (known is not None and limit >= known):
        raise refused
    return limit


def _call(texts: list[str], checkpoint: bytes | None) -> Receipt | None:
    """One call; none if it was too large, which teaches the limit."""
    try:
        return _host.current().ingest(texts, checkpoint)
    except TooManyEntries as refused:
        _limits.entries = _shrunk(refused.limit, _limits.entries, refused)
    except TooManyBytes as refused:
        _limits.size = _shrunk(refused.limit, _limits.size, refused)
    return None


def _end(texts: list[str], start: int, reserved: int) -> int:
    """Where the call that begins at `start` ends. Room for the checkpoint is left in each, to keep it simple."""
    end = len(texts) if _limits.entries is None else min(start + _limits.entries, len(texts))
    if _limits.size is None:
        return end
    size = reserved
    for index in range(start, end):
        length = len(texts[index].encode("utf-8"))
        if reserved + length > _limits.size:
            raise EntryTooLarge(index, reserved + length, _limits.size)
        size += length
        if size > _limits.size:
            return index
    return end


def text_of(entry: Mapping[str, Any] | str) -> str:
    """Return an entry as the text of a JSON object; dates, paths and the like become text."""
    if isinstance(entry, str):
        return entry
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """Mappings and sets of other kinds as JSON, anything else by its text: dates, paths, decimals."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


def _bytes(checkpoint: Any) -> bytes | None:
    if checkpoint is None or isinstance(checkpoint, bytes):
        return checkpoint
    return json.dumps(checkpoint, separators=(",", ":")).encode()
