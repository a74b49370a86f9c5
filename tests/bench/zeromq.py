"""The run of the ZeroMQ harvester: a million messages of one PUSH peer, through libzmq.

    ours-zmq   a peer pushes the workload's entries, one a message: rows per second until all are stored

The peer is a process of its own and on the same machine, so what it costs is part of the figure.
"""

import json
import shutil
import socket
import subprocess
import sys
import time

from measure import IDLE_SECONDS, count_rows, newest_id
from prepare import Missing
from workload import ENTRY_COUNT, compact, make_entry

ZMQ_RUNS = ["ours-zmq"]
PYZMQ = "pyzmq==27.1.0"
MESSAGES = 1_000_000
POLL_SECONDS = 0.02
# Messages that don't come for this long are lost.
STALLED_SECONDS = 60
PEER = """
import sys, zmq
endpoint, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
messages = open(path, "rb").read().splitlines()
push = zmq.Context().socket(zmq.PUSH)
push.connect(endpoint)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    push.send(messages[number % len(messages)])
push.close(linger=60_000)
push.context.term()
"""


def prepare_peer(runs, work):
    """The Python that the peer runs in, with pyzmq in a venv of its own; none if nothing needs it."""
    if not set(runs) & set(ZMQ_RUNS):
        return None
    venv = work / "venv-zmq"
    python, installed = venv / "bin" / "python", venv / PYZMQ
    if not installed.exists():
        shutil.rmtree(venv, ignore_errors=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYZMQ]
            subprocess.run(install, check=True)
        except subprocess.CalledProcessError as error:
            raise Missing(f"{PYZMQ} could not be installed into {venv}: it needs python3-venv and the network") from error
        installed.touch()
    with (work / "messages.jsonl").open("w") as file:
        file.writelines(compact(make_entry(number)) + "\n" for number in range(ENTRY_COUNT))
    return python


def options(run, work):
    """The configuration lines of a server's run."""
    if run not in ZMQ_RUNS:
        return []
    # Elsewhere than the port of the server, which is picked later.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    (work / "endpoint").write_text(endpoint)
    config = json.dumps({"endpoint": endpoint, "bind": True})
    return ["harvesters:", f"  - {{type: zmq, name: bus, config: {config}}}"]


def measure_zmq(server, python, work):
    """Lets the peer push all messages and waits until they are stored."""
    time.sleep(IDLE_SECONDS)
    command = [python, "-c", PEER, (work / "endpoint").read_text(), work / "messages.jsonl", str(MESSAGES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as peer:
        peer.stdout.readline()
        reader, cpu_before, begun = server.reader(), server.cpu_seconds(), time.monotonic()
        peer.stdin.write(b"go\n")
        peer.stdin.close()
        ended = wait_for_rows(server, reader)
        reader.close()
    cpu, stored = server.cpu_seconds() - cpu_before, count_rows(server)
    after_mb, peak_mb = server.memory_mb()
    return {
        "stored": stored,
        "lost": max(0, MESSAGES - stored),
        "rows_per_second": stored / (ended - begun),
        "cpu_seconds_per_100k": cpu * 100_000 / max(1, stored),
        "after_mb": round(after_mb, 1),
        "peak_mb": round(peak_mb, 1),
    }


def wait_for_rows(server, reader):
    """When the last row came."""
    newest, at = 0, time.monotonic()
    while newest < MESSAGES and time.monotonic() < at + STALLED_SECONDS:
        server.check_alive()
        time.sleep(POLL_SECONDS)
        found = newest_id(reader)
        if found != newest:
            newest, at = found, time.monotonic()
    return at
