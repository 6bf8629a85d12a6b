#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A working set that is larger than local memory: the bytes are those of one that fits, nobody is
refused, and nobody waits for ever. docs/protocol.md §7, §8."""

import hashlib
import random
import struct

import wire
from peer import Daemon, Peer, run

MIB = 1 << 20
LOCAL_ONLY = 1


class Scene:
    """Four contexts on both nodes, each with 32 allocations of 1 MiB of its own: 128 MiB."""

    def __init__(self, peer):
        self.peer = peer
        self.device = peer.device()
        self.contexts = [peer.context(self.device, node_ordinal=i % 2) for i in range(4)]
        self.sets = [[peer.allocation(self.device, MIB, segment_set=LOCAL_ONLY)
                      for _ in range(32)] for _ in self.contexts]

    def draw(self, seed, rounds):
        """Fills and copies in an order that the seed says; some of what is read was uploaded."""
        rng = random.Random(seed)
        for context, mine in zip(self.contexts, self.sets):
            for allocation in mine[::4]:
                self.peer.upload(allocation, rng.randbytes(1 << 16), rng.randrange(15) << 16)
        for _ in range(rounds):
            for context, mine in zip(self.contexts, self.sets):
                chosen = rng.sample(mine, 3)
                command = wire.fill(0, rng.randrange(200) << 12, 1 << rng.randrange(6, 17),
                                    rng.getrandbits(32))
                command += wire.copy(1, rng.randrange(15) << 16, 0, rng.randrange(15) << 16, 1 << 16)
                command += wire.copy(0, rng.randrange(15) << 16, 2, rng.randrange(15) << 16, 1 << 15)
                self.peer.submit(wire.submission(
                    context, command, [(chosen[0], True), (chosen[1], False), (chosen[2], True)]))

    def digest(self):
        digest = hashlib.sha256()
        for mine in self.sets:
            for allocation in mine:
                digest.update(self.peer.read(allocation, MIB))
        return digest.hexdigest()


def picture(local, seed):
    with Daemon(f"--local-memory={local}", "--principal-memory=512M") as daemon, \
            Peer(daemon) as peer:
        scene = Scene(peer)
        scene.draw(seed, 150)
        return scene.digest()


def B2_128_MiB_of_allocations_in_16_MiB_of_local_memory_give_the_same_bytes(_daemon):
    seed = random.SystemRandom().getrandbits(32)
    assert picture("16M", seed) == picture("256M", seed), f"seed {seed:#x}"


def B2_sessions_that_each_need_most_of_local_memory_all_get_on(daemon):
    """Four of them, two allocations of 6 MiB each, all queued at once."""
    peers = [Peer(daemon) for _ in range(4)]
    for index, peer in enumerate(peers):
        peer.dev = peer.device()
        peer.ctx = peer.context(peer.dev, node_ordinal=index % 2)
        peer.mem = [peer.allocation(peer.dev, 6 * MIB, segment_set=LOCAL_ONLY) for _ in range(2)]
    for turn in range(8):
        for index, peer in enumerate(peers):
            command = wire.fill(0, turn << 12, 1 << 12, index << 8 | turn)
            command += wire.copy(0, turn << 12, 1, turn << 12, 1 << 12)
            peer.submit(wire.submission(peer.ctx, command, [(peer.mem[0], True),
                                                            (peer.mem[1], True)]))
    for index, peer in enumerate(peers):
        expected = b"".join(struct.pack("<I", index << 8 | turn) * 1024 for turn in range(8))
        for allocation in peer.mem:
            assert peer.read(allocation, 8 << 12) == expected
        peer.close()


def B4_a_client_that_dribbles_pins_nobody_elses_place(daemon):
    """It has filled local memory, and is in the middle of an upload and a read-back of it."""
    with Peer(daemon) as slow, Peer(daemon) as other:
        device = slow.device()
        context = slow.context(device)
        hog = [slow.allocation(device, 7 * MIB, segment_set=LOCAL_ONLY) for _ in range(2)]
        slow.wait(slow.submit(wire.submission(context, wire.fill(0, 0, 64, 7),
                                              [(hog[0], True), (hog[1], True)])))
        slow.read(hog[0], 64)
        for _ in range(4):
            slow.read_back(hog[1], 7 * MIB)  # and does not take it
        upload = wire.frame("UPLOAD", slow.serial + 1, bytes(MIB), allocation=hog[0], offset=0)
        slow.send(upload[:len(upload) // 2])
        device = other.device()
        context = other.context(device)
        needed = other.allocation(device, 14 * MIB, segment_set=LOCAL_ONLY)
        other.submit(wire.submission(context, wire.fill(0, 0, 4096, 9), [(needed, True)]))
        assert other.read(needed, 4096) == struct.pack("<I", 9) * 1024
        slow.reset()


def small():
    return Daemon("--local-memory=16M", "--principal-memory=512M")


TESTS = [
    B2_128_MiB_of_allocations_in_16_MiB_of_local_memory_give_the_same_bytes,
    B2_sessions_that_each_need_most_of_local_memory_all_get_on,
    B4_a_client_that_dribbles_pins_nobody_elses_place,
]

if __name__ == "__main__":
    run(TESTS, small)
