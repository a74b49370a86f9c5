"""One server under test: started on an empty database, observed from outside, ended by its pid."""

import os
import shutil
import socket
import sqlite3
import subprocess
import time

from workload import write_config

START_DEADLINE_SECONDS = 15
STOP_DEADLINE_SECONDS = 60
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server. `with Server(...)` ends it in any case. It begins with an empty database, or with what `directory` keeps."""

    def __init__(self, command, directory, options, keep=False):
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
        # The last run's dirty pages are not this run's work.
        os.sync()
        self.port = free_port()
        self.database = directory / "db" / "logs.db"
        self.log = directory / "server.log"
        config = directory / "config.yaml"
        write_config(config, self.port, directory / "db", options)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, "-c", config], stdout=log, stderr=log, cwd=directory)

    def __enter__(self):
        try:
            self._wait_until_listening()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self):
        """User and kernel time of all its threads so far (fields 14 and 15 of proc_pid_stat(5))."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def memory_mb(self):
        """Resident memory as (now, at most so far), in MB of 1024 kB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        return tuple(int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))

    def reader(self):
        """A read-only connection to its database; it holds no transaction open between statements."""
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, isolation_level=None, timeout=30)

    def check_alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with code {self.process.returncode}:\n{self._log_tail()}")

    def _wait_until_listening(self):
        deadline = time.monotonic() + START_DEADLINE_SECONDS
        while time.monotonic() < deadline:
            self.check_alive()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(
            f"the server does not listen after {START_DEADLINE_SECONDS} s:\n{self._log_tail()}"
        )

    def _log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def free_port():
    """A loopback port that was free a moment ago: with port 0, 1.4.0 doesn't say which port it got."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
