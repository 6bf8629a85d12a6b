# SPDX-License-Identifier: MIT
"""Running the programs: penstock, penstockctl and penstockd as a person does, as another user too,
and waiting for what /proc tells of processes."""

import atexit
import functools
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile

from peer import BUILD, PATIENCE_S, Skip, program

NOBODY = 65534


@functools.cache
def everybodys_folder():
    """A folder that every user may look into, which the build folder need not be."""
    folder = tempfile.mkdtemp(prefix="penstock-everybody-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    for library in (BUILD / ".libs").glob("libpenstock.so.0"):
        shutil.copy(library, folder)
    return pathlib.Path(folder)


def program_for_everybody(name):
    """The program itself: what stands in the build folder may be libtool's script around it."""
    inside = BUILD / ".libs" / name
    copy = everybodys_folder() / name
    if not copy.exists():
        shutil.copy(inside if inside.exists() else program(name), copy)
    return str(copy)


def run_tool(name, *arguments, uid=None, text=None, **options):
    """Runs a program to its end; returns what it said. `text` is its standard input."""
    path, environment = program(name), dict(os.environ)
    if uid is not None:
        if os.geteuid() != 0:
            raise Skip("needs root")
        path = program_for_everybody(name)
        environment["LD_LIBRARY_PATH"] = str(everybodys_folder())
    return subprocess.run([path, *map(str, arguments)], capture_output=True, text=True,
                          env=environment, input=text if text is not None else "", timeout=PATIENCE_S * 2,
                          check=False, user=uid, group=uid, extra_groups=None if uid is None else [],
                          **options)


def penstock(daemon, *arguments, **options):
    return run_tool("penstock", f"--server=unix:{daemon.socket}", *arguments, **options)


def script(text, name="script.pasm"):
    """A script in a folder of its own."""
    folder = tempfile.TemporaryDirectory(prefix="penstock-tools-")
    path = pathlib.Path(folder.name, name)
    path.write_text(text)
    return folder, path


def run_script(daemon, text, *options):
    folder, path = script(text)
    with folder:
        return penstock(daemon, "run", *options, path)


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
