"""What can go wrong between a plugin and loglite, as exceptions."""

from __future__ import annotations

import os
import traceback
from types import CodeType


class Failure(Exception):
    """Raise it from `run` or `configure` when the plugin can't go on, such as when a server can't be reached.

    loglite writes the text to its log and starts the plugin again after a pause that grows from failure to failure.
    Any other exception is taken for a failure as well, with its type and place in the text.
    """


class InvalidConfig(Failure):
    """Raise it from `run` or `configure` when the plugin's `config:` can't be used: name the key, and what was expected.

    The plugin is not started again before its configuration or its component has changed.

    >>> raise InvalidConfig("`interval` must be a number above 0, not 'often'")
    Traceback (most recent call last):
    loglite.errors.InvalidConfig: `interval` must be a number above 0, not 'often'
    """


class Stopping(Exception):
    """Raised by `ingest` when loglite is stopping, or a new version of the component waits. Let it pass through `run`.

    What is behind the last checkpoint is to be fetched again at the next start.
    """


class EntryTooLarge(ValueError):
    """Raised by `ingest` for an entry that no call can carry: leave it out or shorten it."""

    def __init__(self, index: int, size: int, limit: int) -> None:
        super().__init__(
            f"entry {index} and the checkpoint take {size} bytes, and one call may take {limit}; "
            "shorten the entry or raise `bytes_per_call` in the plugin's `limits:`"
        )
        self.index = index
        self.size = size
        self.limit = limit


class TooManyEntries(Exception):
    """The host's answer to a call with more entries than it allows. `ingest` handles it."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"at most {limit} entries per call")
        self.limit = limit


class TooManyBytes(Exception):
    """The host's answer to a call with more bytes than it allows. `ingest` handles it."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"at most {limit} bytes per call")
        self.limit = limit


def _folder(code: CodeType) -> str:
    return os.path.dirname(code.co_filename) + "/"


def describe(error: BaseException) -> str:
    """One line for loglite's log: the text of a `Failure`; of any other exception its type, text and place.

    >>> describe(Failure("the server is away"))
    'the server is away'
    """
    if isinstance(error, Failure):
        return str(error)
    text = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return text
    # The plugin's own line tells more than the one in here, or in Python's library, that it led to.
    place = next((frame for frame in reversed(frames) if not frame.filename.startswith(_NOT_THE_PLUGIN)), frames[-1])
    return f"{text} ({os.path.basename(place.filename)}, line {place.lineno})"


_NOT_THE_PLUGIN = (_folder(describe.__code__), _folder(traceback.extract_tb.__code__))
