#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reports that are longer than any other message, and those that outlive the daemon; docs/protocol.md
§10."""

import json
import pathlib
import struct
import subprocess

import wire
from peer import Daemon, Peer, program, run
from test_hangs import OPTIONS
from test_operator import until
from test_priorities import Lane, fills
from test_sizes import FOR_EVER, spin
from tools import report

CONTEXTS = 5000


def thousands_of_contexts_are_listed_while_others_work(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        for _ in range(CONTEXTS):
            peer.context(device)
        peer.sync()
        listed = subprocess.run(
            [program("penstockctl"), "--server", f"unix:{daemon.socket}", "--json", "contexts"],
            capture_output=True, text=True, check=True, timeout=50)
        tables = json.loads(listed.stdout)
        assert any(len(table) == CONTEXTS for table in tables.values()), list(tables)
        peer.sync()


def E7_reports_are_there_after_kill_9(_daemon):
    """Those of the run before, in a file that only the daemon reads, which holds no client's bytes."""
    with Daemon(*OPTIONS) as daemon:
        with Peer(daemon) as peer:
            device = peer.device()
            context = peer.context(device)
            memory = peer.allocation(device, 4096)
            peer.upload(memory, b"payload!" * 512)
            command = wire.update(0, 0, struct.unpack("<8I", b"payload!" * 4)) + spin(FOR_EVER)
            pending = peer.submit(wire.submission(context, command, [(memory, True)]))
            peer.wait_fence(context, pending.serial)
            before = report(daemon, "reports")["reports"]
            whole = report(daemon, "report", before[0]["id"])
        assert [row["event"] for row in before] == ["hung"], before
        assert "data=[8 dwords]" in whole["disassembly"], whole
        kept = pathlib.Path(daemon.directory) / "state" / "reports"
        until(kept.exists)
        assert kept.stat().st_mode & 0o7777 == 0o600 and b"payload" not in kept.read_bytes()
        daemon.kill()
        daemon.start()
        age = lambda row: row.pop("age_s")
        after = report(daemon, "reports")["reports"]
        assert age(after[0]) >= age(before[0]) and after == before, (before, after)
        again = report(daemon, "report", before[0]["id"])
        again["report"].pop("age_s"), whole["report"].pop("age_s")
        assert again == whole, (whole, again)
        # what goes wrong now is another one
        with Peer(daemon) as peer:
            lane = Lane(peer, 0)
            peer.wait_fence(lane.context, lane.submit(fills(1, 4) + spin(FOR_EVER)))
            rows = report(daemon, "reports")["reports"]
            assert [row["id"] for row in rows] == [before[0]["id"], before[0]["id"] + 1], rows


if __name__ == "__main__":
    run([thousands_of_contexts_are_listed_while_others_work,
         E7_reports_are_there_after_kill_9], Daemon)
