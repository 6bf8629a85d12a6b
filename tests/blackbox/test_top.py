#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""penstockctl top and segments: who has the GPU, and what is where; docs/protocol.md §10. Shares of
time are by the daemon's own clock, so that a slow machine changes nothing."""

import json
import os
import pty
import re
import select
import subprocess
import termios

from peer import PATIENCE_S, Daemon, Peer, die_with_us, program, run
from test_operator import context_row, kill_gpu_processes, until
from test_priorities import Lane, fills, overtakes
from test_sizes import FOR_EVER, spin
from tools import NOBODY, control, expect, report

MIB = 1 << 20


def documents(text):
    """JSON objects, one behind the other."""
    decoder, found = json.JSONDecoder(), []
    while text.strip():
        document, end = decoder.raw_decode(text.lstrip())
        found.append(document)
        text = text.lstrip()[end:]
    return found


def top(daemon, *arguments):
    result = control(daemon, "--json", "top", *arguments)
    assert result.returncode == 0 and result.stderr == "", result
    return documents(result.stdout)


def row_of(rows, **wanted):
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    assert len(found) == 1, (rows, wanted)
    return found[0]


# ---------------------------------------------------------------- top


def who_has_the_gpu_is_first_with_his_share(daemon):
    with Peer(daemon) as peer:
        idle, busy = Lane(peer, 0), Lane(peer, 0)
        idle.ends(idle.submit(fills(1, 4)))
        busy.submit(spin(FOR_EVER))
        waiting = [busy.submit(fills(1, 4)) for _ in range(3)]
        peer.sync()
        numbers = [context_row(daemon, lane).id for lane in (idle, busy)]
        first, second, third = top(daemon, "-n", "3", "-d", "0.2")
        kill_gpu_processes(daemon)
        peer.wait_fence(busy.context, waiting[-1])
    for document in (second, third):
        contexts = document["contexts"]
        assert contexts[0]["context"] == numbers[1], contexts
        assert 99.0 <= contexts[0]["gpu"] <= 101.0, contexts[0]
        assert contexts[0]["queued"] == 4 and contexts[0]["submissions_s"] == 0, contexts[0]
        assert row_of(contexts, context=numbers[0])["gpu"] == 0, contexts
        shares = [row["gpu"] for row in contexts]
        assert shares == sorted(shares, reverse=True), shares
        principal = row_of(document["principals"], principal=peer.welcome.principal)
        assert 99.0 <= principal["gpu_node0"] <= 101.0 and principal["gpu_node1"] == 0, principal
        assert principal["held"] == 4 and principal["resident"] > 0, principal
        assert 0 < document["top"]["interval_ns"] and document["truncated"] is False
    # the first one is since the daemon began, which is before the work did
    assert row_of(first["contexts"], context=numbers[1])["gpu"] > 0, first


def preemptions_are_counted_between_refreshes(daemon):
    with Peer(daemon) as peer:
        low, high = Lane(peer, -1), Lane(peer, 5)
        overtakes(low, high)
        rows = [context_row(daemon, lane) for lane in (low, high)]
        first, second = top(daemon, "-n", "2", "-d", "0.1")
        shown = row_of(first["contexts"], context=rows[0].id)
        assert shown["preemptions"] == rows[0].preemptions > 0, (shown, rows)
        assert shown["priority"] == -1 and shown["state"] == "active", shown
        assert row_of(first["contexts"], context=rows[1].id)["preemptions"] == 0, first
        assert row_of(first["principals"], principal=peer.welcome.principal)["preemptions"] > 0
        assert all(row["preemptions"] == 0 for row in second["contexts"]), second
        assert all(row["submissions_s"] == 0 for row in second["contexts"]), second


def a_terminal_is_drawn_anew_until_q(daemon):
    with Peer(daemon) as peer:
        Lane(peer, 0)
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        tool = subprocess.Popen(
            [program("penstockctl"), f"--server=unix:{daemon.socket}", "top", "-d", "0.1"],
            stdin=slave, stdout=slave, stderr=subprocess.PIPE, preexec_fn=die_with_us)
        text = b""
        while text.count(b"\x1b[H\x1b[J") < 3:
            assert select.select([master], [], [], PATIENCE_S)[0], text
            text += os.read(master, 65536)
        os.write(master, b"xq")
        while tool.poll() is None:
            if select.select([master], [], [], 0.1)[0]:
                os.read(master, 65536)
        assert tool.returncode == 0 and tool.stderr.read() == b"", tool.returncode
        assert termios.tcgetattr(slave) == before
        assert peer.welcome.principal.encode() in text, text
        os.close(master)
        os.close(slave)


def in_a_pipe_it_is_tables_one_below_the_other(daemon):
    with Peer(daemon) as peer:
        Lane(peer, 0)
        result = control(daemon, "top", "-b", "-n", "2", "-d", "0.1")
    assert result.returncode == 0 and "\x1b" not in result.stdout, result
    assert result.stdout.count("gpu_node0") == 2 and result.stdout.count("interval_ns") == 2, result
    assert re.search(rf"^{re.escape(peer.welcome.principal)} +\d+\.\d ", result.stdout, re.M), result


def top_ends_with_its_daemon(_daemon):
    with Daemon() as daemon:
        tool = subprocess.Popen(
            [program("penstockctl"), f"--server=unix:{daemon.socket}", "top", "-b", "-d", "0.05"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_us)
        assert tool.stdout.readline()
        daemon.stop()
        err = tool.communicate(timeout=PATIENCE_S)[1]
        assert tool.returncode == 1 and err.startswith("penstockctl: "), (tool.returncode, err)
        daemon.start()


def options_of_the_others_are_faults(daemon):
    for words, word in ((("top", "-n", "0"), "0"), (("top", "-d", "soon"), "soon"),
                        (("top", "-d", "-1"), "-1"), (("top", "1"), "top"),
                        (("status", "-b"), "status"), (("segments", "-n", "1"), "segments"),
                        (("top", "-v"), "top")):
        expect(control(daemon, *words), 2, word)
    for command in ("top", "segments"):
        expect(control(daemon, command, uid=NOBODY), 1, "uid 0")


# ---------------------------------------------------------------- segments


def placed(peer, size):
    """A lane whose allocation, of that size, was written in local memory."""
    lane = Lane(peer, 0)
    lane.memory = peer.allocation(lane.device, size, segment_set=1)
    lane.ends(lane.submit(fills(3, 16)))
    return lane


def every_place_of_a_segment_is_on_its_map(daemon):
    with Peer(daemon) as peer:
        sizes = (MIB, 2 * MIB, 4096)
        lanes = [placed(peer, size) for size in sizes]
        shown = report(daemon, "segments")
        table, drawing = control(daemon, "segments", "-v").stdout, control(daemon, "segments").stdout
        assert lanes
    segments = {(row["adapter"], row["id"]): row for row in shown["segments"]}
    end = (0, 0, 0)
    for row in shown["map"]:
        segment = segments[row["adapter"], row["segment"]]
        assert segment["base"] <= row["address"], row
        assert row["address"] + row["size"] <= segment["base"] + segment["size"], row
        assert end <= (row["adapter"], row["segment"], row["address"]), "they overlap"
        end = (row["adapter"], row["segment"], row["address"] + row["size"])
        assert hex(row["address"]) in table, (row, table)
    mine = [row for row in shown["map"] if row["principal"] == peer.welcome.principal]
    for size in sizes:
        row = max((row for row in mine if row["size"] == size), key=lambda row: row["id"])
        assert row["dirty"] and row["offered"] == "" and not row["moving"], row
        assert row["priority"] == 0x78000000, row
    # what was used later is younger
    ages = [max((row for row in mine if row["size"] == size), key=lambda row: row["id"])["age"]
            for size in sizes]
    assert ages == sorted(ages, reverse=True) and ages[0] > ages[-1], ages
    maps = re.findall(r"^0 (local|aperture) +\[([A-Z.*]{64})\]$", drawing, re.M)
    assert [kind for kind, _ in maps] == ["local", "aperture"], drawing
    letter = re.search(rf"^([A-Z]) {re.escape(peer.welcome.principal)}, \d+ KiB$", drawing, re.M)
    assert letter and letter.group(1) in maps[0][1] and "." in maps[0][1], drawing


def what_leaves_a_segment_is_counted(daemon):
    with Peer(daemon) as peer:
        lane = placed(peer, MIB)
        before = row_of(report(daemon, "segments")["segments"], id=1)
        name = peer.welcome.principal
        resident = row_of(top(daemon, "-n", "1")[0]["principals"], principal=name)["resident"]
        assert resident >= MIB and before["placed"] > before["left"], (resident, before)
        assert control(daemon, "evict", "--principal", name).returncode == 0
        until(lambda: not [row for row in report(daemon, "segments")["map"]
                           if row["principal"] == name])
        after = row_of(report(daemon, "segments")["segments"], id=1)
        assert after["left"] > before["left"], (before, after)
        assert after["out_bytes"] >= before["out_bytes"] + MIB, (before, after)
        shown = row_of(top(daemon, "-n", "1")[0]["principals"], principal=name)
        assert shown["resident"] == 0 < MIB <= shown["memory"], shown
        assert lane.holds(3, 16)


if __name__ == "__main__":
    run([who_has_the_gpu_is_first_with_his_share,
         preemptions_are_counted_between_refreshes,
         a_terminal_is_drawn_anew_until_q,
         in_a_pipe_it_is_tables_one_below_the_other,
         top_ends_with_its_daemon,
         options_of_the_others_are_faults,
         every_place_of_a_segment_is_on_its_map,
         what_leaves_a_segment_is_counted],
        lambda: Daemon("--test-instructions"))
