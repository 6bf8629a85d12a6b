#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""penstock run --record and penstock replay, with a whole daemon: what was recorded is the same
again, what is not is named, and a recording that is damaged is refused."""

import os
import pathlib
import re
import subprocess
import tempfile

import peer
import wire

# Built without Vulkan, what needs pipelines fails, and test_examples.py says so.
EXAMPLES = [path for path in sorted((wire.SOURCE / "client" / "examples").glob("*.pasm"))
            if peer.shader_option() or "\npipeline " not in path.read_text()]
ALL_THE_SAME = re.compile(r"(\d+) requests, (\d+) of them submissions: (\d+) answers, "
                          r"(\d+) bytes read back, (\d+) fences compared; all the same\n")


def tool(server, *arguments, directory=None):
    return subprocess.run([peer.program("penstock"), "--server", server, *arguments],
                          capture_output=True, text=True, cwd=directory,
                          timeout=2 * peer.PATIENCE_S, check=False)


def record(daemon, script, directory):
    """Returns the recording's path."""
    path = f"{directory}/{pathlib.Path(script).stem}.rec"
    result = tool(f"unix:{daemon.socket}", "run", "--record", path, str(script),
                  directory=directory)
    assert result.returncode == 0, f"exit {result.returncode}:\n{result.stderr}"
    return path


def write(directory, name, text):
    path = pathlib.Path(directory) / name
    path.write_text(text)
    return path


def is_the_same(server, path):
    """Returns the numbers of the summary."""
    result = tool(server, "replay", path)
    match = ALL_THE_SAME.fullmatch(result.stdout)
    assert result.returncode == 0 and match and result.stderr == "", \
        f"exit {result.returncode}:\n{result.stdout}{result.stderr}"
    return [int(number) for number in match.groups()]


def every_example_is_recorded_and_replayed_twice(daemon):
    assert len(EXAMPLES) >= 6
    with tempfile.TemporaryDirectory() as directory:
        for script in EXAMPLES:
            path = record(daemon, script, directory)
            first = is_the_same(f"unix:{daemon.socket}", path)
            assert first[0] > 3 and first[1] >= 1 and first[2] > 3 and first[4] >= 1, first
            assert is_the_same(f"unix:{daemon.socket}", path) == first


def the_recordings_of_the_tests_are_the_same(daemon):
    """What is committed, from another day and another daemon."""
    paths = sorted((wire.SOURCE / "tests" / "recordings").glob("*.rec"))
    assert len(paths) >= 6
    for path in paths:
        for _ in range(2):
            is_the_same(f"unix:{daemon.socket}", str(path))


def refusals_are_the_same_again(daemon):
    with tempfile.TemporaryDirectory() as directory:
        script = write(directory, "refused.pasm", """device gpu
            context work
            allocation data size=4096
            submit work {
                list data:w
                fill destination=@data offset=0 size=4096 pattern=0x0a0b0c0d
            }
            expect SUCCESS
            submit work {
                register_write register=1 value=2
            }
            expect PRIVILEGED_INSTRUCTION
            submit work if_predecessor_ran {
                nop
            }
            expect PREDECESSOR_FAILED
            expect bytes data hex=[0d 0c 0b 0a]
            """)
        path = record(daemon, script, directory)
        assert is_the_same(f"unix:{daemon.socket}", path)[1] == 3


def a_gpu_that_does_nothing_is_a_difference(daemon):
    """The null backend accepts all of it and executes none."""
    with tempfile.TemporaryDirectory() as directory, peer.Daemon(backend="null") as null:
        path = record(daemon, wire.SOURCE / "client" / "examples" / "fill.pasm", directory)
        result = tool(f"unix:{null.socket}", "replay", path)
        assert result.returncode == 1
        assert re.fullmatch(r"penstock: .*/fill\.rec: request \d+ \(READ_BACK, byte 0x[0-9a-f]+\): "
                            r"byte 0x0 read back is 00, not [0-9a-f]{2}\n", result.stderr), \
            result.stderr
        assert re.search(r"[1-9]\d* different\n$", result.stdout), result.stdout


def a_token_from_elsewhere_is_a_difference(daemon):
    """What a recording needs and does not make is not there when it is replayed."""
    with tempfile.TemporaryDirectory() as directory, peer.Peer(daemon) as other:
        device = other.device()
        allocation = other.allocation(device, 64)
        token = other.share(allocation)
        script = write(directory, "open.pasm",
                       f"device gpu\nopen view token={token[0]:016x}{token[1]:016x} size=64\nsync\n")
        path = record(daemon, script, directory)
        is_the_same(f"unix:{daemon.socket}", path)
        other.wait(other.request("DESTROY", name=allocation))
        result = tool(f"unix:{daemon.socket}", "replay", path)
        assert result.returncode == 1 and "(OPEN_ALLOCATION, byte" in result.stderr \
            and ": NOT_FOUND: " in result.stderr, result.stderr


def a_run_that_fails_is_recorded_too(daemon):
    with tempfile.TemporaryDirectory() as directory:
        write(directory, "bad.pasm", "device gpu\nallocation a size=4\nexpect bytes a hex=01\n")
        result = tool(f"unix:{daemon.socket}", "run", "--record", "bad.rec", "bad.pasm",
                      directory=directory)
        assert result.returncode == 1 and "bad.pasm:3" in result.stderr
        is_the_same(f"unix:{daemon.socket}", f"{directory}/bad.rec")


def a_damaged_recording_is_named_with_the_byte(daemon):
    with tempfile.TemporaryDirectory() as directory:
        path = record(daemon, wire.SOURCE / "client" / "examples" / "fill.pasm", directory)
        good = pathlib.Path(path).read_bytes()
        middle = len(good) // 2
        for bad in (b"", good[:20], good[:middle], good[:-1], good + b"\0",
                    good[:middle] + bytes([good[middle] ^ 4]) + good[middle + 1:]):
            pathlib.Path(path).write_bytes(bad)
            result = tool(f"unix:{daemon.socket}", "replay", path)
            assert result.returncode == 2 and result.stdout == ""
            assert re.fullmatch(rf"{re.escape(path)}: byte 0x[0-9a-f]+: .+\n", result.stderr), \
                result.stderr
        result = tool(f"unix:{daemon.socket}", "replay", f"{directory}/none.rec")
        assert result.returncode == 2 and result.stderr.count("\n") == 1


def a_recording_that_cannot_be_written_fails_the_run(daemon):
    script = str(wire.SOURCE / "client" / "examples" / "fill.pasm")
    server = f"unix:{daemon.socket}"
    result = tool(server, "run", "--record", "/nowhere/r.rec", script)
    assert result.returncode == 2 and result.stderr == \
        "penstock: /nowhere/r.rec: No such file or directory\n"
    if os.path.exists("/dev/full"):
        result = tool(server, "run", "--record", "/dev/full", script)
        assert result.returncode == 1 and result.stderr == \
            "penstock: /dev/full: No space left on device\n"


def a_server_that_is_not_there_is_said(daemon):
    with tempfile.TemporaryDirectory() as directory:
        path = record(daemon, wire.SOURCE / "client" / "examples" / "fill.pasm", directory)
        result = tool(f"unix:{directory}/none", "replay", path)
        assert result.returncode == 1 and f"{directory}/none" in result.stderr


if __name__ == "__main__":
    peer.run([every_example_is_recorded_and_replayed_twice,
              the_recordings_of_the_tests_are_the_same, refusals_are_the_same_again,
              a_gpu_that_does_nothing_is_a_difference, a_token_from_elsewhere_is_a_difference,
              a_run_that_fails_is_recorded_too, a_damaged_recording_is_named_with_the_byte,
              a_recording_that_cannot_be_written_fails_the_run,
              a_server_that_is_not_there_is_said], peer.Daemon)
