"""What every subject of the benchmark is given: the schema, the entries and the configuration files."""

import json
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMA = HERE / "schema.sql"
ENTRY_COUNT = 1000
ARRAY_LENGTH = 100
# Prebuilt bodies can't carry a rising clock. Entries in bursts of one timestamp come close to it: like a
# clock they touch few index pages at a time, where 1000 timestamps in turn would dirty a page per row.
BURST_LENGTH = 50

LEVELS = ["DEBUG"] * 3 + ["INFO"] * 12 + ["WARNING"] * 3 + ["ERROR"] * 2
SERVICES = ["checkout", "catalog", "identity", "billing", "search", "shipping"]
PLACES = [
    ("handlers.py", "get_order", "GET /api/v1/orders/{n} answered 200 in {ms} ms"),
    ("payments.py", "authorize", "payment {n} authorized by the provider after {ms} ms"),
    ("session.py", "refresh", "session of user {n} refreshed, token valid for 900 s"),
    ("stock.py", "reserve", "reserved 3 items of product {n} in warehouse west"),
    ("jobs.py", "run_once", "job {n} finished in {ms} ms, next run in 60 s"),
]


def write_workload(directory):
    """Writes the same entries as rows for the bare loop and as bodies for wrk."""
    entries = [make_entry(number) for number in range(ENTRY_COUNT)]
    arrays = [entries[start : start + ARRAY_LENGTH] for start in range(0, ENTRY_COUNT, ARRAY_LENGTH)]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "entries.json").write_text(compact(entries))
    (directory / "single.bodies").write_text("".join(compact(entry) + "\n" for entry in entries))
    (directory / "array.bodies").write_text("".join(compact(array) + "\n" for array in arrays))


def write_config(path, port, sqlite_dir, options):
    """Writes a configuration file that either generation takes; `options` is (synchronous, extra lines[, schema])."""
    synchronous, extra_lines, *other_schema = options
    schema = other_schema[0] if other_schema else SCHEMA
    lines = [
        "host: 127.0.0.1",
        f"port: {port}",
        "log_table_name: Log",
        "auto_rollout: true",
        f"sqlite_dir: {json.dumps(str(sqlite_dir))}",
        *extra_lines,
        "sqlite_params:",
        "  journal_mode: WAL",
        f"  synchronous: {synchronous}",
        "  cache_size: -32000",
        "  temp_store: MEMORY",
        "migrations:",
        "  - version: 1",
        "    rollout:",
    ]
    for statement in schema.read_text().split(";\n"):
        if statement.strip():
            lines.append("      - |")
            lines.extend(f"        {line}" for line in statement.strip().splitlines())
    lines += ["    rollback:", "      - DROP TABLE Log"]
    path.write_text("\n".join(lines) + "\n")


def make_entry(number):
    """One entry of about 330 bytes; the same number gives the same entry on every machine."""
    chance = random.Random(number)
    service = chance.choice(SERVICES)
    filename, function, message = chance.choice(PLACES)
    burst = number // BURST_LENGTH
    return {
        "timestamp": f"2025-03-14T09:26:{burst:02}.589793",
        "message": message.format(n=chance.randint(10_000, 99_999), ms=chance.randint(2, 90)),
        "level": chance.choice(LEVELS),
        "service": service,
        "filename": filename,
        "path": f"/srv/{service}/app/{filename}",
        "line": chance.randint(12, 640),
        "function": function,
        "pid": chance.randint(1000, 9999),
        "process_name": "gunicorn",
        "extra": {
            "request_id": f"{chance.getrandbits(64):016x}",
            "tenant": f"t-{chance.randint(1, 40)}",
            "attempt": 1,
        },
    }


def compact(value):
    return json.dumps(value, separators=(",", ":"))
