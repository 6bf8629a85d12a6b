#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""penstockd as a service: what it reads, where it listens, whom it shares its folders with, and how
it ends."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile

import wire
from peer import PATIENCE_S, Closed, Daemon, Peer, program, refused, run
from tools import NOBODY, control, expect, penstock, report, run_tool, wait_for_end

SPIN = 6
TRIES = 100000  # of a condition that is asked for by a round trip each time


def spin(microseconds):
    return wire.instruction(SPIN, microseconds.to_bytes(4, "little"))


def log_of(daemon):
    return pathlib.Path(daemon.log).read_text()


def wait_for_log(daemon, peer, *words):
    """Until a line of the log has all of the words."""
    for _ in range(TRIES):
        for line in log_of(daemon).splitlines():
            if all(word in line for word in words):
                return line
        peer.sync()
    raise AssertionError(f"{words} is not in the log:\n{daemon.tail()}")


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="penstock-service-") as name:
        yield pathlib.Path(name)


def start_second(*options):
    """A penstockd beside another one; the caller ends it."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind("")  # the kernel chooses an abstract name
    notify.settimeout(PATIENCE_S)
    address = "@" + notify.getsockname()[1:].decode()
    process = subprocess.Popen([program("penstockd"), *options], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                               env={**os.environ, "NOTIFY_SOCKET": address})
    return process, notify


def wait_ready(notify):
    while b"READY=1" not in notify.recv(4096):
        pass
    notify.close()


# ---------------------------------------------------------------- configuration


def check_config(text, *options):
    with folder() as directory:
        path = directory / "penstock.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return run_tool("penstockd", f"--config={path}", "--check-config", *options)


def a_good_configuration_is_said_to_be_good():
    result = check_config("; of the operator\n[daemon]\nlog-level = debug\nsocket = /tmp/x\n"
                          "[adapter]\nlocal-memory = 256M\nparanoid = yes\n"
                          "[limits]\nconnections = 10\n")
    assert result.returncode == 0 and "good" in result.stdout and not result.stderr, result


def a_bad_configuration_names_file_line_and_fault():
    for text, words in (
            ("[daemon]\n\nfly = yes\n", (":3:", "fly")),
            ("[daemon]\nlog-level = loud\n", (":2:", "log-level", "loud")),
            ("[adapter]\nlocal-memory = much\n", (":2:", "local-memory", "much")),
            ("[adapter]\nlocal-memory = 99999999999999999999G\n", (":2:", "local-memory")),
            ("[adapter]\nparanoid = perhaps\n", (":2:", "paranoid", "perhaps")),
            ("[adapter]\nbackend = real\n", (":2:", "backend", "real")),
            ("[limits]\nconnections = -1\n", (":2:", "connections")),
            ("[limits]\nconnections = 10\nconnections = 11\n", (":3:", "connections")),
            ("[nowhere]\nconnections = 10\n", (":2:", "nowhere")),
            ("[daemon\n", (":1:",)),
            ("socket\n", (":1:",)),
            ("[daemon]\n socket = /tmp/x\n", (":2:", "indented")),
            ("[daemon]\nsocket = /" + "x" * 5000 + "\n", (":2:", "long")),
            (b"[daemon]\nsocket = /tmp/\0x\n", (":2:", "NUL")),
            ("[daemon]\nsocket = /" + "x" * 120 + "\n", (":2:", "socket", "107")),
            ("[daemon]\nsocket-mode = 999\n", (":2:", "socket-mode")),
            ("[daemon]\nlisten = 0.0.0.0:1\n", (":2:", "listen")),
            ("[daemon]\nlisten = 127.0.0.1:70000\n", (":2:", "listen"))):
        result = check_config(text)
        assert result.returncode == 2, (text, result)
        expect(result, 2, "penstock.conf", *words)
    expect(run_tool("penstockd", "--config=/nonexistent/x.conf", "--check-config"), 2,
           "/nonexistent/x.conf")


def a_bad_option_is_named():
    for options, words in ((("--fly",), ("--fly",)), (("fly",), ("fly",)), (("--socket",), ("socket",)),
                           (("--log-level=loud",), ("log-level", "loud")),
                           (("--hw-queue-packet-cap", "many"), ("hw-queue-packet-cap", "many")),
                           (("--listen", "0.0.0.0:0"), ("listen", "0.0.0.0")),
                           (("--listen", "localhost"), ("listen", "localhost")),
                           (("--aperture-memory=1",), ("aperture-memory",))):
        expect(run_tool("penstockd", *options), 2, *words)


def help_and_version_are_success():
    for tool in ("penstock", "penstockctl", "penstockd"):
        for option in ("--help", "--version"):
            result = run_tool(tool, option)
            assert result.returncode == 0 and result.stdout and not result.stderr, result


def SIGHUP_reads_the_configuration_again():
    with folder() as directory:
        path = directory / "penstock.conf"
        path.write_text("[daemon]\nlog-level = info\n[limits]\nconnections = 100\n")
        with Daemon(f"--config={path}") as daemon, Peer(daemon) as peer:
            path.write_text("[daemon]\nlog-level = info\n[limits]\nconnections = 4\n")
            daemon.process.send_signal(signal.SIGHUP)
            wait_for_log(daemon, peer, "reloaded")
            more = [Peer(daemon)]
            try:
                for _ in range(10):
                    more.append(Peer(daemon))
                raise AssertionError("the new limit is not in force")
            except Closed as closed:
                assert closed.status == wire.STATUS["LIMIT_EXCEEDED"], closed
            for other in more:
                other.close()

            path.write_text("[limits]\n\nconnections = none\n")
            daemon.process.send_signal(signal.SIGHUP)
            wait_for_log(daemon, peer, "not reloaded", "penstock.conf:3", "connections")

            path.write_text("[daemon]\nlog-level = info\n[adapter]\nlocal-memory = 64M\n")
            daemon.process.send_signal(signal.SIGHUP)
            wait_for_log(daemon, peer, "local-memory", "next start")
            peer.sync()


# ---------------------------------------------------------------- folders and sockets


def options_of(daemon, **others):
    said = {"socket": f"{daemon.directory}/second", "state-dir": f"{daemon.directory}/second-state",
            "memory-dir": f"{daemon.directory}/second-memory",
            "gpu-program": program("penstock-gpu"), **others}
    return [f"--{name}={value}" for name, value in said.items()]


def fails_to_start(daemon, words, **others):
    """Another daemon with that in common; the first goes on."""
    result = run_tool("penstockd", *options_of(daemon, **others))
    assert result.returncode == 1, result
    last = result.stderr.splitlines()[-1]
    for word in words:
        assert word in last, (word, result)
    with Peer(daemon) as peer:
        peer.wait(peer.request("CREATE_DEVICE", name=peer.name()))


def a_second_daemon_waits_for_the_memory_of_the_first():
    with Daemon() as daemon:
        with Peer(daemon) as peer:
            second, notify = start_second(*options_of(daemon,
                                                      **{"memory-dir": f"{daemon.directory}/memory",
                                                         "state-dir": f"{daemon.directory}/state"}))
            try:
                peer.wait(peer.request("CREATE_DEVICE", name=peer.name()))
                assert not os.path.exists(f"{daemon.directory}/second")
                peer.close()
                assert daemon.stop() == 0
                wait_ready(notify)
            finally:
                second.terminate()
                output = second.communicate(timeout=PATIENCE_S)[0]
            assert second.returncode == 0, output
        daemon.start()


def a_second_daemon_has_no_part_in_the_database_of_the_first():
    with Daemon() as daemon:
        fails_to_start(daemon, ("cannot start", "state"),
                       **{"state-dir": f"{daemon.directory}/state"})


def a_second_daemon_does_not_take_a_socket_that_is_in_use():
    with Daemon() as daemon:
        fails_to_start(daemon, ("cannot start", daemon.socket), socket=daemon.socket)


def a_socket_that_a_dead_daemon_left_is_replaced():
    with Daemon() as daemon:
        daemon.kill()
        assert os.path.exists(daemon.socket)
        daemon.start()
        with Peer(daemon) as peer:
            peer.sync()


def a_file_that_is_no_socket_is_left_alone():
    with Daemon() as daemon:
        path = pathlib.Path(daemon.directory, "precious")
        path.write_text("kept")
        fails_to_start(daemon, ("cannot start", "precious"), socket=path)
        assert path.read_text() == "kept"


def a_folder_that_cannot_be_is_named():
    with Daemon() as daemon:
        pathlib.Path(daemon.directory, "file").write_text("")
        for key in ("state-dir", "memory-dir"):
            fails_to_start(daemon, ("cannot start", "file/below"),
                           **{key: f"{daemon.directory}/file/below"})


def the_socket_has_the_mode_that_was_said():
    with Daemon("--socket-mode=0600") as daemon:
        assert os.stat(daemon.socket).st_mode & 0o777 == 0o600
        if os.geteuid() == 0:
            expect(penstock(daemon, "info", uid=NOBODY), 1, daemon.socket)


def a_program_that_is_no_gpu_is_named():
    with Daemon() as daemon:
        fails_to_start(daemon, ("cannot start", "/nonexistent/gpu"),
                       **{"gpu-program": "/nonexistent/gpu"})


# ---------------------------------------------------------------- TCP


def over_TCP_the_principal_is_loopback():
    with Daemon("--listen=127.0.0.1:0") as daemon:
        port = int(re.search(r"address='127\.0\.0\.1:0' port=(\d+)", log_of(daemon)).group(1))
        server = f"--server=penstock://127.0.0.1:{port}"
        with Peer(daemon, address=("127.0.0.1", port)) as peer, Peer(daemon) as local:
            assert peer.welcome.principal == "loopback"
            assert local.welcome.principal == f"uid:{os.geteuid()}"
            device = peer.device()
            allocation = peer.allocation(device, 4096)
            peer.submit(wire.submission(peer.context(device), wire.fill(0, 0, 4096, 0x55555555),
                                        [(allocation, True)]))
            assert peer.read(allocation, 4096) == b"\x55" * 4096
            refused(peer, peer.request("ADMIN_STATUS"), "ACCESS_DENIED")
            names = {row["principal"] for row in report(daemon, "status")["principals"]}
            assert names == {"loopback", f"uid:{os.geteuid()}"}, names
        example = wire.SOURCE / "client" / "examples" / "fill.pasm"
        result = run_tool("penstock", server, "run", example)
        assert result.returncode == 0, result
        expect(run_tool("penstockctl", server, "status"), 1, "penstockctl:")


# ---------------------------------------------------------------- ending


def working(daemon, peer, microseconds):
    """A device whose context spins, which the hardware has taken, and a fill behind that."""
    device = peer.device()
    context = peer.context(device)
    allocation = peer.allocation(device, 4096)
    peer.submit(wire.submission(context, spin(microseconds)))
    last = peer.submit(wire.submission(context, wire.fill(0, 0, 4096, 0x77777777),
                                       [(allocation, True)]))
    peer.sync()
    for _ in range(TRIES):
        if report(daemon, "queues")["nodes"][0]["on_hardware"] > 0:
            return context, allocation, last
    raise AssertionError("the hardware takes nothing")


def SIGTERM_lets_work_end_that_was_accepted():
    with Daemon("--test-instructions") as daemon:
        with Peer(daemon) as peer:
            context, allocation, last = working(daemon, peer, 500000)
            read = peer.read_back(allocation, 4096)
            daemon.process.send_signal(signal.SIGTERM)
            assert peer.wait_fence(context, last.serial) == 0
            assert peer.wait(read).payload == b"\x77" * 4096
            peer.expect_closing("CONNECTION_DISCONNECTED")
        assert daemon.process.wait(PATIENCE_S) == 0, daemon.tail()
        assert not os.path.exists(daemon.socket)
        daemon.start()


def SIGTERM_does_not_wait_for_ever():
    with Daemon("--test-instructions", "--drain=1") as daemon:
        with Peer(daemon) as peer:
            working(daemon, peer, 0xffffffff)
            processes = daemon.children()
            assert processes
            assert daemon.stop() == 0, daemon.tail()
            for process in processes:
                wait_for_end(process)
        daemon.start()


def a_second_SIGTERM_ends_at_once():
    with Daemon("--test-instructions", "--drain=3600") as daemon:
        with Peer(daemon) as peer:
            working(daemon, peer, 0xffffffff)
            daemon.process.send_signal(signal.SIGTERM)
            wait_for_log(daemon, peer, "draining signal")
            assert daemon.stop() == 0, daemon.tail()
        daemon.start()


def an_idle_client_does_not_hold_up_the_end():
    with Daemon("--drain=3600") as daemon:
        with Peer(daemon) as peer:
            peer.sync()
            daemon.process.send_signal(signal.SIGTERM)
            peer.expect_closing("CONNECTION_DISCONNECTED")
        assert daemon.process.wait(PATIENCE_S) == 0, daemon.tail()
        daemon.start()


HELPERS = {"spin", "log_of", "wait_for_log", "folder", "start_second", "wait_ready", "check_config",
           "options_of", "fails_to_start", "working"}
TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         hasattr(value, "__code__") and value.__code__.co_argcount == 0 and name not in HELPERS]

if __name__ == "__main__":
    run(TESTS)
