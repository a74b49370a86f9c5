"""The runs with plugins: the guests they need, how the server is configured, and `loglite plugin bench`."""

import json
import os
import subprocess

from prepare import Missing
from workload import HERE

ROOT = HERE.parent.parent
# The guest of each run; those of `loglite plugin bench` first.
PLUGIN_RUNS = {
    "plugin-identity": "identity",
    "plugin-redact": "redact",
    "plugin-heartbeat": "heartbeat",
    "plugin-heartbeat-python": "heartbeat-python",
}
GUESTS = {
    **PLUGIN_RUNS,
    "ours-identity-array": "identity",
    "ours-redact-array": "redact",
    "ours-harvester": "flood",
    "ours-hundred": "heartbeat",
}
HARVESTERS = 100


def build(runs):
    """Builds the guests of these runs; returns the directory they are in."""
    wanted = sorted({GUESTS[run] for run in runs if run in GUESTS})
    if wanted and subprocess.run([ROOT / "guests" / "build", *wanted]).returncode != 0:
        raise Missing(f"`guests/build {' '.join(wanted)}` failed, see above")
    return ROOT / "guests" / "dist"


def options(run, guests, workload):
    """The configuration lines of a server's run; components are in the cache, as at every start but the first."""
    guest = GUESTS.get(run)
    if not guest:
        return []
    cache = f"plugin_cache_dir: {json.dumps(str(workload.parent / 'plugin-cache'))}"
    return [cache, *plugin_lines(run, guest, guests, workload)]


def plugin_lines(run, guest, guests, workload):
    component = json.dumps(str(guests / f"{guest}.wasm"))
    if run == "ours-harvester":
        grant = json.dumps({"dirs": [{"host": str(workload), "guest": "/workload", "access": "read"}]})
        config = json.dumps({"entries": "/workload/entries.json"})
        return [
            "harvesters:",
            f"  - {{type: wasm, name: flood, component: {component}, config: {config}, grant: {grant}}}",
        ]
    if run == "ours-hundred":
        config = json.dumps({"interval": 86_400, "service": "idle"})
        lines = [
            f"  - {{type: wasm, name: idle-{number}, component: {component}, config: {config}}}"
            for number in range(HARVESTERS)
        ]
        return ["harvesters:", *lines]
    return ["transforms:", f"  - {{name: {guest}, component: {component}, config: {config_of(guest)}}}"]


def measure_plugin(loglite, guests, run):
    """What `loglite plugin bench` says of a guest, with its component in the cache."""
    guest = PLUGIN_RUNS[run]
    command = [loglite, "plugin", "bench", guests / f"{guest}.wasm", "--config", config_of(guest), "--json"]
    answer = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, env={**os.environ, "LOGLITE_LOG": "warn"}
    )
    report = json.loads(answer.stdout)
    figures = {"load_ms": report["load_cached_ms"], "instantiate_ms": report["start_ms"]}
    if "rates" in report:
        figures["entries_per_second"] = report["rates"][-1]["entries_per_second"]
    return figures


def config_of(guest):
    if guest == "redact":
        return json.dumps({"fields": ["password"]})
    return json.dumps({} if guest == "identity" else {"interval": 86_400, "service": "idle"})
