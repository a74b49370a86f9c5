"""The runs of native harvesters and of `loglite import`: the files they read, and how they are measured.

    ours-file         a file of JSON lines appears in a watched directory: rows per second until all are stored
    ours-import       `loglite import` of a big file: rows per second, and the most memory that was resident
    regex-lines       `loglite import --dry-run` of an access log by a regular expression, on one core: no storage
    ours-idle-files   a thousand files that are watched and don't grow: share of a core

The files are made by the workload's generator, so the same numbers give the same bytes on every machine; they are kept
and used again.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import time

from measure import IDLE_SECONDS, count_rows, newest_id
from prepare import Missing
from workload import ENTRY_COUNT, compact, make_entry, write_config

COMMAND_RUNS = ["ours-import", "regex-lines"]
# The servers' runs with the directory that each watches.
WATCHED = {"ours-file": "arriving", "ours-idle-files": "idle"}
FILE_ROWS = 1_000_000
ACCESS_LINES = 1_000_000
IDLE_FILES = 1_000
IDLE_FILE_LINES = 10
IDLE_MEASURED_SECONDS = 20
POLL_SECONDS = 0.02
# A file that is not read for this long is not going to be.
STALLED_SECONDS = 60
ACCESS_PATTERN = (
    r'^(?P<host>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<message>[^"]*)" '
    r'(?P<line>\d{3}) (?P<pid>\d+|-) "(?P<path>[^"]*)" "(?P<service>[^"]*)"$'
)
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8.14.1", "health-check/2.1"]


def prepare_files(runs, work, import_mb):
    """Makes what these runs read, unless it is there; returns the directory it is in."""
    directory = work / "harvest"
    directory.mkdir(parents=True, exist_ok=True)
    if "ours-file" in runs:
        keep(directory / f"rows-{FILE_ROWS}.jsonl", lambda file: write_rows(file, FILE_ROWS))
    if "ours-import" in runs:
        keep(directory / f"import-{import_mb}.jsonl", lambda file: write_bytes(file, import_mb << 20))
    if "regex-lines" in runs:
        keep(directory / f"access-{ACCESS_LINES}.log", write_access_log)
    if "regex-lines" in runs and not shutil.which("taskset"):
        raise Missing("`taskset` is missing, which holds regex-lines to one core: install the package `util-linux`")
    return directory


def keep(path, write):
    """Writes a file under another name first, so that one by this name is whole."""
    if path.exists():
        return
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        write(file)
    partial.rename(path)


def lines_of_entries():
    return [compact(make_entry(number)) + "\n" for number in range(ENTRY_COUNT)]


def write_rows(file, rows):
    lines = lines_of_entries()
    for start in range(0, rows, ENTRY_COUNT):
        file.write("".join(lines[: rows - start]))


def write_bytes(file, size):
    block = "".join(lines_of_entries())
    for _ in range(max(1, size // len(block))):
        file.write(block)


def write_access_log(file):
    """Lines as web servers write them, in their combined format."""
    chance = random.Random(1)
    block = [access_line(chance) for _ in range(ENTRY_COUNT)]
    for _ in range(ACCESS_LINES // ENTRY_COUNT):
        file.write("".join(block))


def access_line(chance):
    host = ".".join(str(chance.randint(1, 254)) for _ in range(4))
    moment = f"{chance.randint(10, 28)}/Mar/2025:09:26:{chance.randint(10, 59)} +0000"
    request = f"GET /api/v1/orders/{chance.randint(10_000, 99_999)} HTTP/1.1"
    status, size = chance.choice([200, 200, 200, 304, 404]), chance.randint(120, 90_000)
    return f'{host} - - [{moment}] "{request}" {status} {size} "https://shop.example/" "{chance.choice(AGENTS)}"\n'


def options(run, files):
    """The configuration lines of a server's run; its directory is made anew."""
    if run not in WATCHED:
        return []
    directory = files / WATCHED[run]
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    if run == "ours-idle-files":
        for number in range(IDLE_FILES):
            with (directory / f"{number}.log").open("w") as file:
                write_rows(file, IDLE_FILE_LINES)
    config = json.dumps({"path": f"{directory}/*.log", "start": "beginning"})
    return ["harvesters:", f"  - {{type: file, name: files, config: {config}}}"]


def measure_file(server, files):
    """Lets a file appear in the directory and waits until all its rows are stored: seeing it is part of the time."""
    time.sleep(IDLE_SECONDS)
    reader, cpu_before = server.reader(), server.cpu_seconds()
    begun = time.monotonic()
    os.link(files / f"rows-{FILE_ROWS}.jsonl", files / WATCHED["ours-file"] / "rows.log")
    ended = wait_for_rows(server, reader, FILE_ROWS)
    cpu = server.cpu_seconds() - cpu_before
    reader.close()
    stored = count_rows(server)
    after_mb, peak_mb = server.memory_mb()
    return {
        "stored": stored,
        "lost": max(0, FILE_ROWS - stored),
        "rows_per_second": stored / (ended - begun),
        "cpu_seconds_per_100k": cpu * 100_000 / stored,
        "after_mb": round(after_mb, 1),
        "peak_mb": round(peak_mb, 1),
    }


def wait_for_rows(server, reader, rows):
    """When the last of these rows was there, or when no row came for long."""
    newest, at = 0, time.monotonic()
    while newest < rows and time.monotonic() < at + STALLED_SECONDS:
        server.check_alive()
        time.sleep(POLL_SECONDS)
        now_newest = newest_id(reader)
        if now_newest != newest:
            newest, at = now_newest, time.monotonic()
    if not newest:
        raise RuntimeError("the harvester stored nothing")
    return at


def measure_idle_files(server):
    """What watching costs once all that the files hold is stored."""
    reader = server.reader()
    wait_for_rows(server, reader, IDLE_FILES * IDLE_FILE_LINES)
    reader.close()
    time.sleep(IDLE_SECONDS)
    cpu_before, begun = server.cpu_seconds(), time.monotonic()
    time.sleep(IDLE_MEASURED_SECONDS)
    cpu, seconds = server.cpu_seconds() - cpu_before, time.monotonic() - begun
    idle_mb, _ = server.memory_mb()
    return {"idle_mb": round(idle_mb, 1), "idle_cpu_percent": 100 * cpu / seconds}


def measure_command(loglite, directory, files, run_and_mb):
    """A run of `loglite import`; `run_and_mb` is its name and the size of the file of ours-import."""
    run, import_mb = run_and_mb
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    config = directory / "config.yaml"
    write_config(config, 0, directory / "db", ("NORMAL", []))
    if run == "ours-import":
        path = files / f"import-{import_mb}.jsonl"
        seconds, peak_mb = run_to_end([loglite, "import", "-c", config, path], directory)
        rows = stored_rows(directory)
        written = count_lines(path)
        return {
            "stored": rows,
            "lost": max(0, written - rows),
            "rows_per_second": rows / seconds,
            "peak_mb": round(peak_mb, 1),
        }
    path = files / f"access-{ACCESS_LINES}.log"
    command = ["taskset", "-c", "0", loglite, "import", "-c", config, "--dry-run"]
    command += ["--format", "regex", "--pattern", ACCESS_PATTERN, path]
    seconds, peak_mb = run_to_end(command, directory)
    return {"entries_per_second": ACCESS_LINES / seconds, "peak_mb": round(peak_mb, 1)}


def run_to_end(command, directory):
    """Runs a command; (seconds it took, the most memory that was resident, in MB)."""
    log = directory / "import.log"
    peak_kb, begun = 0, time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory)
    while process.poll() is None:
        peak_kb = max(peak_kb, peak_memory_kb(process.pid))
        time.sleep(POLL_SECONDS)
    seconds = time.monotonic() - begun
    if process.returncode != 0:
        raise RuntimeError(f"exit code {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    return seconds, peak_kb / 1024


def peak_memory_kb(pid):
    """0 for one that has just ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def count_lines(path):
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def stored_rows(directory):
    connection = sqlite3.connect(f"file:{directory / 'db' / 'logs.db'}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT count(*) FROM Log").fetchone()[0]
    finally:
        connection.close()
