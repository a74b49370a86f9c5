"""The runs of column compression and of retention.

    ours-plain, ours-compressed      a million entries by POST, then filters: size, rows per second, ms per filter
    theirs-plain, theirs-compressed  the same entries; size only
    ours-keeping, ours-retention     arrays of 100 beside a million old rows, which are kept or deleted meanwhile

Plain and compressed are the same table: five columns are declared INTEGER and hold text, or ids of a dictionary. Sizes
are pages in use, without the write-ahead log, per row. A filter's time is the median of some requests for
the newest 100 matches, which count all matches, over one connection. `ours-retention` ends when no old row is left; its
latencies are those of the load, which begins a second before the first pass; with few seconds of it, deleting takes
longer than the load.
"""

import datetime
import http.client
import json
import queue
import threading
import time
from statistics import median

from measure import IDLE_SECONDS, count_rows, drain, measure_server
from server import Server
from workload import ARRAY_LENGTH, ENTRY_COUNT, HERE, compact, make_entry

COLUMNS = ["level", "service", "filename", "path", "function"]
SCHEMA = HERE / "compressed.sql"
ROWS = 1_000_000
CONNECTIONS = 8
COMPRESSION = "compression: {enabled: true, columns: [" + ", ".join(COLUMNS) + "]}"
MILLION_RUNS = ["theirs-plain", "theirs-compressed", "ours-plain", "ours-compressed"]
RETENTION_RUNS = ["ours-keeping", "ours-retention"]
RUNS = [*MILLION_RUNS, *RETENTION_RUNS]
# Selective and not, with an index (level, service) and without; the column and its condition.
FILTERS = {
    "level_ms": ("level", "=ERROR"),
    "service_ms": ("service", "=billing"),
    "function_ms": ("function", "=run_once"),
    "unequal_ms": ("function", "!=run_once"),
    "contains_ms": ("path", "~=BILLING"),
    "pair_ms": ("level", "=ERROR"),
}
# What `pair_ms` asks for besides.
SECOND_FILTER = ("function", "=authorize")
# Fewer leave differences of a few per cent to chance.
REQUESTS_PER_FILTER = 25
RETENTION_SECONDS = 120


def options(run, their_options):
    """(synchronous, extra lines, schema) of a run's configuration."""
    extra = list(their_options) if run.startswith("theirs") else []
    if run.endswith("-compressed"):
        extra.append(COMPRESSION)
    if run in RETENTION_RUNS:
        extra += ["vacuum_max_days: " + ("30" if run == "ours-retention" else "36500"), "task_vacuum_interval: 1"]
        return "NORMAL", extra
    return "NORMAL", extra, SCHEMA


def measure_million(command, run, directory, their_options):
    with Server(command, directory, options(run, their_options)) as server:
        time.sleep(IDLE_SECONDS)
        cpu_before = server.cpu_seconds()
        begun = time.monotonic()
        acknowledged = post_rows(server.port)
        load_ended, cpu_load_ended = time.monotonic(), server.cpu_seconds()
        drain_wall, drain_cpu = drain(server, acknowledged, (load_ended, cpu_load_ended))
        stored = count_rows(server)
        _, peak_mb = server.memory_mb()
        sample = {
            "stored": stored,
            "lost": max(0, acknowledged - stored),
            "rows_per_second": stored / (load_ended - begun + min(drain_wall, drain_cpu)),
            "cpu_seconds_per_100k": (server.cpu_seconds() - cpu_before) * 100_000 / stored,
            "bytes_per_row": used_bytes(server) / stored,
            "peak_mb": round(peak_mb, 1),
        }
        if run.startswith("ours"):
            sample |= {name: time_filter(server.port, name) for name in FILTERS}
    return sample


def entry(number):
    """As in the other runs, but only what went wrong has its context with it, as services mostly log."""
    made = make_entry(number)
    if made["level"] not in ("WARNING", "ERROR"):
        del made["extra"]
    return made


def post_rows(port):
    """Posts the rows as arrays over some connections; returns how many were acknowledged."""
    entries = [entry(number) for number in range(ENTRY_COUNT)]
    arrays = [entries[start : start + ARRAY_LENGTH] for start in range(0, ENTRY_COUNT, ARRAY_LENGTH)]
    bodies = [compact(array).encode() for array in arrays]
    turns, acknowledged = queue.SimpleQueue(), []
    for turn in range(ROWS // ARRAY_LENGTH):
        turns.put(bodies[turn % len(bodies)])
    senders = [
        threading.Thread(target=send, args=(port, turns, acknowledged)) for _ in range(CONNECTIONS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return sum(acknowledged)


def send(port, turns, acknowledged):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    count = 0
    try:
        while True:
            body = turns.get_nowait()
            connection.request("POST", "/logs", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                count += ARRAY_LENGTH
    except queue.Empty:
        pass
    finally:
        connection.close()
        acknowledged.append(count)


def used_bytes(server):
    """Pages in use of the database file, in bytes."""
    reader = server.reader()
    try:
        pages, free, size = (
            reader.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    finally:
        reader.close()
    return (pages - free) * size


def time_filter(port, name):
    """The median milliseconds of a query."""
    conditions = [FILTERS[name]] + ([SECOND_FILTER] if name == "pair_ms" else [])
    path = "/logs?" + "&".join(f"{column}={condition}" for column, condition in conditions)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    for _ in range(REQUESTS_PER_FILTER):
        begun = time.monotonic()
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        times.append((time.monotonic() - begun) * 1000)
        if not answer["result"]["total"]:
            raise RuntimeError(f"{path} found nothing")
    connection.close()
    return median(times)


def measure_retention(loglite, run, directory, loads):
    """`loads` is (wrk, work, seconds)."""
    wrk, work, seconds = loads
    bodies = write_current_bodies(work / "current")
    command = [loglite, "serve"]
    with Server(command, directory, options("ours-keeping", [])) as server:
        # Old rows: their timestamps are of 2025.
        if post_rows(server.port) != ROWS:
            raise RuntimeError("the old rows were not stored")
    with Server(command, directory, options(run, []), keep=True) as server:
        sample = measure_server(server, "array", wrk, (HERE / "load.lua", bodies, seconds), idle_seconds=0)
        sample["stored"] -= count_old(server)
        sample["lost"] = max(0, sample["acknowledged"] - sample["stored"])
        sample["rows_per_second"] = sample["stored"] / sample["load_seconds"]
        if run == "ours-retention":
            # The first pass comes a second after the start, when the load is there.
            sample["deleted_while_loaded"] = ROWS - count_old(server)
            wait_until_deleted(server)
    return sample


def write_current_bodies(directory):
    """The workload's arrays with today's timestamps."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
    entries = [make_entry(number) | {"timestamp": now} for number in range(ENTRY_COUNT)]
    arrays = [entries[start : start + ARRAY_LENGTH] for start in range(0, ENTRY_COUNT, ARRAY_LENGTH)]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "array.bodies").write_text("".join(compact(array) + "\n" for array in arrays))
    return directory


def count_old(server):
    reader = server.reader()
    try:
        return reader.execute(f"SELECT count(*) FROM Log WHERE id <= {ROWS}").fetchone()[0]
    finally:
        reader.close()


def wait_until_deleted(server):
    deadline = time.monotonic() + RETENTION_SECONDS
    while count_old(server):
        server.check_alive()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{count_old(server)} old rows are left after {RETENTION_SECONDS} s")
        time.sleep(0.1)


def measure(run, programs, directory, loads):
    """One sample of any run here; `programs` is (ours, their command, their options)."""
    loglite, rival, their_options = programs
    if run in RETENTION_RUNS:
        return measure_retention(loglite, run, directory, loads)
    command = [rival, "server", "run"] if run.startswith("theirs") else [loglite, "serve"]
    return measure_million(command, run, directory, their_options)
