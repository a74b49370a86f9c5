"""What a harvester is, and how long it lives."""

from __future__ import annotations

import json
import traceback
from abc import ABC, abstractmethod
from typing import Any

from loglite import _bindings, _host, log
from loglite.errors import InvalidConfig, Stopping, describe


class Harvester(ABC):
    """Brings entries into loglite. Derive from it, and export the class with `export_harvester`."""

    @abstractmethod
    def run(self, config: dict[str, Any]) -> None:
        """Harvest until `stopping()`, or until there is nothing left. `config` is the plugin's `config:`.

        It is called once, in a fresh instance. After an exception loglite calls it again in a new one, after a pause;
        what it knew is gone but for `last_checkpoint()`. Raise `InvalidConfig` or `Failure` to say what is wrong.
        """


def stopping() -> bool:
    """Tell whether `run` should hand over what it holds and return; it has a few seconds for that."""
    return _host.current().stopping()


def sleep(seconds: float) -> bool:
    """Wait, or less if the harvester is asked to end meanwhile. Returns what `stopping()` then says.

    >>> from loglite.testing import FakeHost
    >>> with FakeHost(stop_after_sleeps=2) as host:
    ...     while not sleep(0.5):
    ...         print("working")
    working
    >>> host.slept
    1.0
    """
    return _host.current().sleep(max(0, round(seconds * 1000)))


def export_harvester(plugin: type[Harvester]) -> type:
    """Make the class that loglite looks for in a plugin: `Harvester = loglite.export_harvester(MyHarvester)`."""
    if not (isinstance(plugin, type) and issubclass(plugin, Harvester)):
        raise TypeError(f"export_harvester takes a class derived from loglite.Harvester, not {plugin!r}")

    class ExportedHarvester:
        """Called by the bindings."""

        def run(self, config: str) -> None:
            """Run the plugin; what it raises becomes the failure that loglite understands."""
            try:
                plugin().run(json.loads(config))
            except Stopping:
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, loglite should hear of it and not trap
                raise failure(error) from error

    return ExportedHarvester


def failure(error: Exception) -> Exception:
    """Turn what a plugin raised into what the bindings raise. The traceback is for those who look closer."""
    log.debug("".join(traceback.format_exception(error)))
    return _bindings.failure(describe(error), invalid_config=isinstance(error, InvalidConfig))
