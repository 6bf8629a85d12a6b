#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A client that hangs the GPU again and again, beside one that draws; docs/protocol.md, DeviceState,
CreateDevice, AdminUnblock."""

import itertools
import os
import pathlib
import signal
import tempfile

from peer import STATUS, Daemon, Peer, Refused, refused, run
from test_hangs import HUNG, state, tcp_address
from test_priorities import Lane, fills
from test_sizes import FOR_EVER, spin
from test_service import wait_for_log
from tools import control, expect, report

STOPPED = 4
OPTIONS = ("--test-instructions", "--listen=127.0.0.1:0", "--tdr-delay=2000", "--tdr-limit-count=3",
           "--tdr-limit-time=86400")
TRIES = 100000  # of a condition that is asked for by a round trip each time


def hang(peer):
    """A device whose work never ends, and is ended."""
    lane = Lane(peer, 0)
    return lane, lane.submit(spin(FOR_EVER))


def principal(daemon, name):
    return next(row for row in report(daemon, "status")["principals"] if row["principal"] == name)


def log_lines(daemon, words):
    with open(daemon.log, encoding="utf-8") as log:
        return [line for line in log if words in line]


def draws(lane, number):
    lane.ends(lane.submit(fills(number, 16)))
    assert lane.holds(number, 16), number


def is_blocked(peer):
    name = peer.name()
    try:
        peer.wait(peer.request("CREATE_DEVICE", name=name, adapter=0))
    except Refused as refusal:
        peer.indices = itertools.chain([name], peer.indices)  # it names nothing
        assert refusal.status == STATUS["ACCESS_DENIED"], refusal
        assert "blocked from adapter 0 for " in str(refusal), refusal
        return True
    return False


def block(daemon, hog, beside):
    """Until it is blocked; meanwhile `beside` draws. Returns how many pictures that were."""
    pictures = 0
    for number in range(3):
        stuck, serial = hang(hog)
        hog.sync()
        while not stuck.is_ended(serial):
            draws(beside, pictures)
            pictures += 1
            hog.sync()
        assert hog.wait_fence(stuck.context, serial) == \
            STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]
        assert state(stuck).execution_state == HUNG
        assert principal(daemon, "loopback")["hangs"] == number + 1
    return pictures


def E5_who_hangs_again_and_again_is_named_and_blocked_and_nobody_else_sees_it():
    with Daemon(*OPTIONS) as daemon, Peer(daemon, address=tcp_address(daemon)) as hog, \
            Peer(daemon) as peer:
        beside, innocent = Lane(peer, 0), Lane(hog, 0)
        draws(innocent, 5)
        block(daemon, hog, beside)
        # the device that did nothing is its principal's
        lost = state(innocent)
        assert lost.execution_state == STOPPED, lost
        assert lost.reason.startswith("the principal is blocked from adapter 0 for 300 s"), lost
        refused(hog, hog.submit(innocent.submission(fills(1, 1))), "DEVICE_REMOVED")
        assert is_blocked(hog)
        assert len(log_lines(daemon, "principal blocked")) == 1
        assert "principal='loopback'" in log_lines(daemon, "principal blocked")[0]
        row = principal(daemon, "loopback")
        assert 0 < row["blocked_s"] <= 300, row
        metrics = peer.wait(peer.request("ADMIN_METRICS")).answer.text
        assert 'penstock_principal_hangs_total{principal="loopback"} 3' in metrics, metrics
        assert 'penstock_adapter_resets{adapter="0"} 0' in metrics, metrics
        assert principal(daemon, f"uid:{os.geteuid()}")["blocked_s"] == 0
        draws(beside, 7)
        with Peer(daemon, address=tcp_address(daemon)) as again:
            assert is_blocked(again)
        admitted(daemon, hog)


def admitted(daemon, hog):
    """By the operator, and it works as before."""
    expect(control(daemon, "unblock", "uid:4711"), 1, "no principal of that name is blocked")
    assert report(daemon, "unblock", "loopback")["unblock"] == \
        {"unblocked": "loopback", "adapters": 1}
    assert principal(daemon, "loopback")["blocked_s"] == 0
    again = Lane(hog, 0)
    draws(again, 3)


def E5_a_block_ends_by_itself_and_SIGHUP_says_how_long_it_is():
    with tempfile.TemporaryDirectory(prefix="penstock-blocks-") as folder:
        path = pathlib.Path(folder, "penstock.conf")
        path.write_text("[adapter]\ntdr-limit-count = 63\n")
        with Daemon(f"--config={path}", "--test-instructions", "--tdr-delay=2000") as daemon, \
                Peer(daemon) as peer:
            path.write_text("[adapter]\ntdr-limit-count = 1\ntdr-block-time = 2\n")
            os.kill(daemon.process.pid, signal.SIGHUP)
            wait_for_log(daemon, peer, "reloaded")
            stuck, serial = hang(peer)
            assert peer.wait_fence(stuck.context, serial) == \
                STATUS["GRAPHICS_GPU_EXCEPTION_ON_DEVICE"]
            wait_for_log(daemon, peer, "principal blocked", "seconds=2")
            for _ in range(TRIES):
                if not is_blocked(peer):
                    break
            draws(Lane(peer, 0), 9)


if __name__ == "__main__":
    run([E5_who_hangs_again_and_again_is_named_and_blocked_and_nobody_else_sees_it,
         E5_a_block_ends_by_itself_and_SIGHUP_says_how_long_it_is])
