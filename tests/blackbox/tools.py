# SPDX-License-Identifier: MIT
"""Running the programs: penstock, penstockctl and penstockd as a person does, as another user too,
and waiting for what /proc tells of processes."""

import json
import os
import pathlib
import select
import subprocess

from peer import PATIENCE_S, Skip, program

NOBODY = 65534


def run_tool(name, *arguments, uid=None, text=None, **options):
    """Runs a program to its end; returns what it said. `text` is its standard input."""
    if uid is not None and os.geteuid() != 0:
        raise Skip("needs root")
    return subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True,
                          input=text if text is not None else "", timeout=PATIENCE_S * 2,
                          check=False, user=uid, group=uid, extra_groups=None if uid is None else [],
                          **options)


def penstock(daemon, *arguments, **options):
    return run_tool("penstock", f"--server=unix:{daemon.socket}", *arguments, **options)


def control(daemon, *arguments, **options):
    return run_tool("penstockctl", f"--server=unix:{daemon.socket}", *arguments, **options)


def report(daemon, *arguments):
    """A report of penstockctl --json."""
    result = control(daemon, "--json", *arguments)
    assert result.returncode == 0 and result.stderr == "", result
    return json.loads(result.stdout)


def expect(result, code, *words):
    """It ended with that code and said one line, in which all of the words stand."""
    lines = result.stderr.splitlines()
    assert result.returncode == code and len(lines) == 1, result
    for word in words:
        assert word in lines[0], (word, result)


def wait_for_end(pid):
    """Until that process is gone or a zombie."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready = select.select([descriptor], [], [], PATIENCE_S)[0]
        assert ready, f"process {pid} does not end"
    finally:
        os.close(descriptor)


def gpu_processes_of(directory):
    """Processes of penstock-gpu that hold a file below that folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() != "penstock-gpu":
                continue
            files = [os.readlink(path) for path in (entry / "fd").iterdir()]
            if any(file.startswith(f"{directory}/") for file in files):
                found.append(int(entry.name))
        except OSError:
            pass  # it went while we looked
    return found
