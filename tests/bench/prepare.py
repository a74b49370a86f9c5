"""Gets what the benchmark needs: the two programs built in release, the rival in a venv of its own, wrk."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from workload import HERE

RIVAL = "loglite==1.4.0"
ROOT = HERE.parent.parent


class Missing(Exception):
    """Something that the benchmark needs and could not get; the text says how to help."""


def target_directory():
    """Where cargo builds to: CARGO_TARGET_DIR and cargo's own configuration decide."""
    answer = output(["cargo", "metadata", "--format-version", "1", "--no-deps"])
    return Path(json.loads(answer)["target_directory"])


def programs(build):
    """The paths of (loglite, bare-loop). LOGLITE_BIN stands in for the first, which then isn't built."""
    given = os.environ.get("LOGLITE_BIN")
    packages = [["-p", "loglite-e2e", "--bin", "bare-loop"]]
    if not given:
        packages.append(["-p", "loglite", "--bin", "loglite"])
    for package in packages if build else []:
        if subprocess.run(["cargo", "build", "--release", *package], cwd=ROOT).returncode != 0:
            raise Missing(f"`cargo build --release {' '.join(package)}` failed, see above")
    release = target_directory() / "release"
    return Path(given or release / "loglite").resolve(), release / "bare-loop"


def rival(work):
    """The program of the rival, from PyPI, in `work`/venv; a venv with that version is used again."""
    venv = work / "venv"
    python = venv / "bin" / "python"
    name, version = RIVAL.split("==")
    query = [python, "-c", f"import importlib.metadata as m; print(m.version('{name}'))"]
    if python.exists() and output(query, check=False) == version:
        return venv / "bin" / name
    print(f"installing {RIVAL} into {venv}", file=sys.stderr)
    shutil.rmtree(venv, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", RIVAL]
        subprocess.run(install, check=True)
    except subprocess.CalledProcessError as error:
        raise Missing(
            f"{RIVAL} could not be installed into {venv} (exit code {error.returncode}): "
            "it needs python3-venv, the network, and a Python that the release has a wheel for"
        ) from error
    return venv / "bin" / name


def wrk():
    """The path of wrk, installed from Debian when it isn't there."""
    if not shutil.which("wrk") and shutil.which("apt-get"):
        print("installing wrk with apt-get", file=sys.stderr)
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for command in (["update", "-qq"], ["install", "-y", "-qq", "wrk"]):
            attempt([*sudo, "apt-get", *command])
    found = shutil.which("wrk")
    if not found:
        raise Missing(
            "`wrk` is missing and apt-get could not install it: install the package `wrk` "
            "(or build it from source) and put it on the PATH"
        )
    return found


def attempt(command):
    """Runs a command whose failure the caller notices by its missing result."""
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)


def output(command, check=True):
    """The trimmed output of a command run in the repository; empty if it fails and `check` is off."""
    try:
        answer = subprocess.run(
            command,
            cwd=ROOT,
            check=check,
            text=True,
            stdout=subprocess.PIPE,
            stderr=None if check else subprocess.DEVNULL,
        )
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        if not check:
            return ""
        raise Missing(f"`{command[0]}` is needed and failed: {error}") from error
    return answer.stdout.strip()
