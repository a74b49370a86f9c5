"""Write harvesters and transforms for loglite in Python.

A harvester brings entries in:

    import loglite

    class Hello(loglite.Harvester):
        def run(self, config):
            while not loglite.sleep(config.get("interval", 5)):
                loglite.ingest([{"level": "INFO", "message": "hello"}])

    Harvester = loglite.export_harvester(Hello)

A transform looks at each entry on its way to the table:

    import loglite

    class NoDebug(loglite.Transform):
        def apply(self, entry):
            return loglite.drop() if entry.get("level") == "DEBUG" else loglite.keep()

    Transform = loglite.export_transform(NoDebug)

`componentize-py` makes a component of such a file; see README.md. Outside of a component, `loglite.testing` stands in for
loglite, so that a plugin can be tested as any Python code.
"""

from loglite import _preload, http, log  # noqa: F401
from loglite.errors import EntryTooLarge, Failure, InvalidConfig, Stopping
from loglite.harvester import Harvester, export_harvester, sleep, stopping
from loglite.ingestor import Receipt, Refusal, ingest, last_checkpoint, last_checkpoint_bytes
from loglite.transform import Transform, Verdict, drop, export_transform, keep, refuse, replace, split

__version__ = "0.1.0"

__all__ = [
    "EntryTooLarge",
    "Failure",
    "Harvester",
    "InvalidConfig",
    "Receipt",
    "Refusal",
    "Stopping",
    "Transform",
    "Verdict",
    "drop",
    "export_harvester",
    "export_transform",
    "http",
    "ingest",
    "keep",
    "last_checkpoint",
    "last_checkpoint_bytes",
    "log",
    "refuse",
    "replace",
    "sleep",
    "split",
    "stopping",
]
