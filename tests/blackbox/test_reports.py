#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reports that are longer than any other message; docs/protocol.md §10."""

import json
import subprocess

from peer import Daemon, Peer, program, run

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


if __name__ == "__main__":
    run([thousands_of_contexts_are_listed_while_others_work], Daemon)
