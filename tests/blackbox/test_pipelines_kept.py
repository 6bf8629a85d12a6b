#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pipelines of leased sessions over the end of a daemon: killed, told to stop while it makes them, and
without the memory that it knew."""

import os
import shutil
import signal
import struct

import graphics
import wire
from peer import PATIENCE_S, Daemon, Peer, Skip, refused, run, shader
from test_pipelines import ALL, PLACE, create

PATTERN = 0x5a00ffa5
MANY = 12


class Leased:
    """A leased session with a device, a context, 64 words, and pipelines that invert them."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.peer = Peer(daemon, lease_s=60)
        if not self.peer.welcome.adapters[0].pipelines:
            raise Skip("built without Vulkan")
        self.id = self.peer.id
        self.device = self.peer.device()
        self.context = self.peer.context(self.device)
        self.words = self.peer.allocation(self.device, 256)
        self.peer.sync()
        self.now = 0

    def make(self, name=None, pattern=PATTERN):
        return self.peer.pipeline(self.device, shader("invert.comp"), name=name,
                                  constants=[(3, 4, pattern)])

    def resume(self):
        self.peer.close()
        self.peer = Peer(self.daemon, **self.id)
        assert self.peer.welcome.resumed
        return self.peer.welcome.last_serial

    def invert(self, pipeline, pattern=PATTERN):
        command = wire.bind_pipeline(0) + wire.bind_buffer(1, 0, 256) + wire.dispatch((64, 1, 1))
        self.peer.wait(self.peer.submit(wire.submission(
            self.context, command, [(pipeline, False), (self.words, True)])))
        self.now ^= pattern
        assert self.peer.read(self.words, 256) == struct.pack("<I", self.now) * 64

    def state(self):
        return self.peer.wait(self.peer.request("QUERY_DEVICE",
                                                name=self.device)).answer.execution_state


def an_index_that_a_refused_one_had_is_there_after_a_kill(daemon):
    client = Leased(daemon)
    name, pending = client.peer.pipeline(client.device, b"no module at all ...")
    refused(client.peer, pending, "INVALID_PARAMETER")
    daemon.kill()
    daemon.start()
    client.resume()
    # the index behind it
    client.peer.wait(client.peer.request("CREATE_ALLOCATION", name=name + 1, device=client.device,
                                         size_bytes=64))


def one_that_was_acknowledged_is_there_after_a_kill(daemon):
    client = Leased(daemon)
    name, pending = client.make()
    client.peer.wait(pending)
    client.invert(name)
    for _ in range(2):
        daemon.kill()
        daemon.start()
        client.resume()
        assert client.state() == 1
        client.invert(name)
        short = wire.bind_pipeline(0) + wire.bind_buffer(1, 0, 256, write=False) + \
            wire.dispatch((1, 1, 1))
        refusal = refused(client.peer, client.peer.submit(wire.submission(
            client.context, short, [(name, False), (client.words, True)])), "INVALID_PARAMETER")
        assert "needs bind_buffer_write" in refusal.sentence, refusal
        for request, fields, status in (
                ("SHARE_ALLOCATION", {"name": name}, "GRAPHICS_INVALID_ALLOCATION_USAGE"),
                ("READ_BACK", {"allocation": name, "size_bytes": 1},
                 "GRAPHICS_INVALID_ALLOCATION_USAGE"),
                ("OFFER_ALLOCATIONS", {"allocations": [name], "priority": 1}, "ACCESS_DENIED")):
            refused(client.peer, client.peer.request(request, **fields), status)
        refused(client.peer, client.peer.upload(name, b"1234"), "ACCESS_DENIED")
    client.peer.close()


def one_of_graphics_is_there_after_a_kill(daemon):
    client = Leased(daemon)
    name, pending = create(client.peer, client.device, ALL, graphics.state(**PLACE))
    client.peer.wait(pending)
    for _ in range(2):
        daemon.kill()
        daemon.start()
        client.resume()
        assert client.state() == 1
        listed = client.peer.wait(client.peer.submit(wire.submission(
            client.context, wire.nop(), [(name, False)])))
        assert client.peer.wait_fence(client.context, listed.serial) == 0
        refusal = refused(client.peer, client.peer.submit(wire.submission(
            client.context, wire.bind_pipeline(0) + wire.dispatch((1, 1, 1)), [(name, False)])),
                          "INVALID_PARAMETER")
        assert "another kind" in refusal.sentence, refusal
        refused(client.peer, client.peer.upload(name, b"1234"), "ACCESS_DENIED")
    client.peer.wait(client.peer.request("DESTROY", name=name))
    client.peer.close()


def stop_while_they_are_made(daemon, end):
    """Many are under way, with an upload and a submission behind them; the client hears nothing of
    them, and sends again what the next run says that it does not have."""
    client = Leased(daemon)
    first = client.peer.serial + 1
    names = [client.peer.name() for _ in range(MANY)]
    sent = [lambda name=name, number=number: client.make(name, 1 << number)[1]
            for number, name in enumerate(names)]
    sent.append(lambda: client.peer.upload(client.words, bytes(256)))
    sent.append(lambda: client.peer.request("CREATE_CONTEXT", name=MANY + 4 | 1 << 32,
                                            device=client.device))
    for send in sent:
        send()
    end(client)
    daemon.start()
    last = client.resume()
    assert first - 1 <= last < first + len(sent), (first, last)
    for send in sent[last - first + 1:]:
        client.peer.wait(send())
    assert client.state() == 1
    for number, name in enumerate(names):
        client.invert(name, 1 << number)
    client.peer.close()
    return last - first + 1


def those_that_are_being_made_at_a_stop_are_made_in_the_next_run(daemon):
    def orderly(_):
        assert daemon.stop() == 0

    def at_once(client):
        os.truncate(daemon.log, 0)
        daemon.process.send_signal(signal.SIGTERM)
        while "draining signal" not in daemon.tail():
            daemon.check_alive()
        client.peer.close()  # whom it says goodbye to for a while otherwise
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(PATIENCE_S) == 0

    counts = [stop_while_they_are_made(daemon, end) for end in
              (orderly, at_once, lambda _: daemon.kill())]
    print(f"# executed of {MANY + 2}: {counts} after a stop, a stop at once, a kill")


def without_its_memory_the_device_is_lost_and_says_so(daemon):
    client = Leased(daemon)
    name, pending = client.make()
    client.peer.wait(pending)
    daemon.kill()
    shutil.rmtree(f"{daemon.directory}/memory")
    os.mkdir(f"{daemon.directory}/memory", 0o700)
    daemon.start()
    client.resume()
    assert client.state() != 1
    command = wire.bind_pipeline(0) + wire.bind_buffer(1, 0, 256) + wire.dispatch((1, 1, 1))
    refused(client.peer, client.peer.submit(wire.submission(
        client.context, command, [(name, False), (client.words, True)])), "DEVICE_REMOVED")
    client.peer.wait(client.peer.request("DESTROY", name=client.device))
    client.peer.close()


if __name__ == "__main__":
    run([an_index_that_a_refused_one_had_is_there_after_a_kill,
         one_that_was_acknowledged_is_there_after_a_kill, one_of_graphics_is_there_after_a_kill,
         those_that_are_being_made_at_a_stop_are_made_in_the_next_run,
         without_its_memory_the_device_is_lost_and_says_so], lambda: Daemon("--paranoid"))
