"""One measurement: a subject under one load, and the figures of it.

What counts are rows found in the table, not answers. A server that answers before it commits still has a
backlog when the load ends, so its clock runs on until the last row is there:

    rows per second = rows in the table / (seconds of load + seconds of drain)

The drain ends with the last commit. Of that time only what the server worked (its CPU seconds) is
charged, not what it waited for its flush timer; this favours the one that flushes on a timer.
`drain_wall_seconds` keeps the whole. CPU seconds are the server's from the start of the load to the end of
the drain, per 100 000 rows.
`answered_per_second` is what wrk saw: for a server that commits before it answers it is the same figure.
"""

import json
import shutil
import subprocess
import time

from workload import ARRAY_LENGTH

IDLE_SECONDS = 2
POLL_SECONDS = 0.02
# Longer than the flush interval of a server that stores later than it answers.
QUIET_SECONDS = 2.5
# How long acknowledged rows may be missing, with no work seen, before they count as lost.
MISSING_SECONDS = 10
LOADS = {"single": (64, 1), "array": (8, ARRAY_LENGTH)}


def measure_server(server, load, wrk, files, idle_seconds=IDLE_SECONDS):
    """Puts `load` on a server started `idle_seconds` ago; `files` is (script, directory of bodies, seconds)."""
    script, bodies, seconds = files
    connections, entries_per_request = LOADS[load]
    time.sleep(idle_seconds)
    idle_mb, _ = server.memory_mb()
    cpu_before = server.cpu_seconds()
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script]
    url = f"http://127.0.0.1:{server.port}/logs"
    command = [wrk, *options, url, "--", bodies / f"{load}.bodies"]
    answer = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    load_ended, cpu_load_ended = time.monotonic(), server.cpu_seconds()
    client = json.loads(answer.splitlines()[-1])
    acknowledged = (client["requests"] - client["refused"]) * entries_per_request
    drain_wall, drain_cpu = drain(server, acknowledged, (load_ended, cpu_load_ended))
    cpu = server.cpu_seconds() - cpu_before
    after_mb, peak_mb = server.memory_mb()
    stored = count_rows(server)
    if not stored:
        raise RuntimeError(
            f"no row was stored; {client['refused']} requests refused, {client['broken']} broken"
        )
    return {
        "stored": stored,
        "acknowledged": acknowledged,
        # Requests in flight when wrk stops are stored, too, without having been counted by it.
        "lost": max(0, acknowledged - stored),
        "load_seconds": client["seconds"],
        "drain_wall_seconds": round(drain_wall, 3),
        "drain_cpu_seconds": round(drain_cpu, 3),
        "rows_per_second": stored / (client["seconds"] + min(drain_wall, drain_cpu)),
        "answered_per_second": acknowledged / client["seconds"],
        "cpu_seconds_per_100k": cpu * 100_000 / stored,
        "p50_ms": client["p50_ms"],
        "p99_ms": client["p99_ms"],
        "max_ms": client["max_ms"],
        "refused": client["refused"],
        "broken": client["broken"],
        "idle_mb": round(idle_mb, 1),
        "after_mb": round(after_mb, 1),
        "peak_mb": round(peak_mb, 1),
    }


def measure_idle(server):
    """The memory of a server that nobody uses."""
    time.sleep(IDLE_SECONDS)
    idle_mb, _ = server.memory_mb()
    return {"idle_mb": round(idle_mb, 1)}


def measure_harvester(server, seconds):
    """How fast a harvester that is running already fills the table: rows between two looks at it."""
    time.sleep(IDLE_SECONDS)
    reader = server.reader()
    first, begun, cpu_before = newest_id(reader), time.monotonic(), server.cpu_seconds()
    time.sleep(seconds)
    last, ended, cpu = newest_id(reader), time.monotonic(), server.cpu_seconds() - cpu_before
    reader.close()
    if last == first:
        raise RuntimeError("the harvester stored nothing")
    after_mb, peak_mb = server.memory_mb()
    return {
        "stored": last - first,
        "lost": 0,
        "rows_per_second": (last - first) / (ended - begun),
        "cpu_seconds_per_100k": cpu * 100_000 / (last - first),
        "after_mb": round(after_mb, 1),
        "peak_mb": round(peak_mb, 1),
    }


def drain(server, acknowledged, load_end):
    """Waits until no row comes any more; (wall, CPU) seconds from `load_end`, such a pair, to then."""
    reader = server.reader()
    newest, (at, cpu) = newest_id(reader), load_end
    patience = {True: QUIET_SECONDS, False: MISSING_SECONDS}
    while time.monotonic() < at + patience[newest >= acknowledged] or is_working(server):
        server.check_alive()
        time.sleep(POLL_SECONDS)
        now_newest = newest_id(reader)
        if now_newest != newest:
            newest, at, cpu = now_newest, time.monotonic(), server.cpu_seconds()
    reader.close()
    return at - load_end[0], cpu - load_end[1]


def is_working(server):
    """Whether the server uses CPU at the moment: a backlog can take long to commit in one transaction."""
    before = server.cpu_seconds()
    time.sleep(0.2)
    return server.cpu_seconds() - before > 0.05


def newest_id(reader):
    # The newest id, since counting a million rows fifty times a second would itself be a load.
    return reader.execute("SELECT max(id) FROM Log").fetchone()[0] or 0


def count_rows(server):
    reader = server.reader()
    try:
        return reader.execute("SELECT count(*) FROM Log").fetchone()[0]
    finally:
        reader.close()


def measure_bare_loop(program, directory, entries, options):
    """Runs the bare loop on a new database; `options` is (seconds, rows per INSERT)."""
    seconds, rows_per_insert = options
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    command = [
        program,
        directory / "logs.db",
        entries,
        "--seconds",
        str(seconds),
        "--rows-per-insert",
        str(rows_per_insert),
    ]
    answer = json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout)
    return {
        "stored": answer["rows"],
        "rows_per_second": answer["rows_per_second"],
        "cpu_seconds_per_100k": answer["cpu_seconds"] * 100_000 / answer["rows"],
        "sqlite": answer["sqlite"],
    }
