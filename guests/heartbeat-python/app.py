"""A heartbeat: one entry per interval, so that a silent log means a dead service and not a quiet one.

Configuration: `interval` in seconds (5), `service` (heartbeat), `level` (INFO), `message` (heartbeat N).
"""

from datetime import datetime, timezone

import loglite

KEYS = {"interval", "service", "level", "message"}


class Heartbeat(loglite.Harvester):
    """Ingests an entry, then waits."""

    def run(self, config):
        """Beat until loglite stops. The number of beats is the checkpoint, so counting goes on after a restart."""
        interval = interval_of(config)
        beats = loglite.last_checkpoint(default=0)
        while not loglite.stopping():
            beats += 1
            loglite.ingest([entry_of(config, beats)], checkpoint=beats)
            loglite.sleep(interval)


def interval_of(config):
    """Return the seconds between two beats."""
    unknown = sorted(config.keys() - KEYS)
    if unknown:
        raise loglite.InvalidConfig(f"unknown key `{unknown[0]}`; there are: {', '.join(sorted(KEYS))}")
    interval = config.get("interval", 5)
    if isinstance(interval, bool) or not isinstance(interval, (int, float)) or not 0 < interval <= 86_400:
        raise loglite.InvalidConfig(f"`interval` must be a number of seconds above 0, up to 86400, not {interval!r}")
    return interval


def entry_of(config, beats):
    """Return one beat."""
    return {
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": config.get("level", "INFO"),
        "service": config.get("service", "heartbeat"),
        "message": config.get("message", f"heartbeat {beats}"),
    }


Harvester = loglite.export_harvester(Heartbeat)
