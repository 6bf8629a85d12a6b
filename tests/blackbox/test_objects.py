#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Names, objects, sharing; docs/protocol.md §8, §9."""

import random

import wire
from peer import Daemon, Peer, refused, run

SEED = random.SystemRandom().randrange(1 << 32)


def A1_everything_is_created_and_used_without_one_wait(daemon):
    with Peer(daemon, hello=False) as peer:
        peer.send(wire.frame("HELLO", 0, major=1, isa_version=1))
        device = peer.device()
        context = peer.context(device)
        names = [peer.allocation(device, 4096) for _ in range(100)]
        for i, name in enumerate(names):
            peer.upload(name, bytes([i]) * 4096)
            peer.submit(wire.submission(context, wire.fill(0, 1024, 1024, 0x01010101 * (255 - i)),
                                        [(name, True)]))
        reads = [peer.read_back(name, 4096) for name in names]
        peer.take_welcome()
        for i, read in enumerate(reads):
            data = peer.wait(read).payload
            assert data == (bytes([i]) * 1024 + bytes([255 - i]) * 1024 + bytes([i]) * 2048), i
        assert peer.order == sorted(peer.order)


def A1_a_thousand_contexts_from_several_clients(daemon):
    peers = [Peer(daemon) for _ in range(5)]
    contexts = []
    for peer in peers:
        device = peer.device()
        contexts.append([peer.context(device, node_ordinal=i % 2) for i in range(200)])
        allocation = peer.allocation(device, 200 * 64)
        for i, context in enumerate(contexts[-1]):
            peer.submit(wire.submission(context, wire.fill(0, i * 64, 64, i), [(allocation, True)]))
        peer.last = peer.read_back(allocation, 200 * 64)
    expected = b"".join(i.to_bytes(4, "little") * 16 for i in range(200))
    for peer, names in zip(peers, contexts):
        assert peer.wait(peer.last).payload == expected
        state = peer.wait(peer.request("QUERY_CONTEXT", name=names[7])).answer
        assert state.dma_buffer_bytes and state.allocation_list and state.patch_location_list
        peer.close()


def A1_wishes_of_a_context_are_granted_or_cut(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device, dma_buffer_bytes=1 << 20, allocation_list=1000,
                               patch_location_list=5000)
        state = peer.wait(peer.request("QUERY_CONTEXT", name=context)).answer
        assert state.dma_buffer_bytes >= 1 << 20
        assert state.allocation_list >= 1000 and state.patch_location_list >= 5000
        huge = peer.context(device, dma_buffer_bytes=0xffffffff, allocation_list=0xffffffff,
                            patch_location_list=0xffffffff)
        state = peer.wait(peer.request("QUERY_CONTEXT", name=huge)).answer
        assert state.dma_buffer_bytes <= 16 << 20
        assert state.allocation_list <= 65536 and state.patch_location_list <= 1 << 20


def A1_contexts_that_are_not_offered_are_refused(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        name = 2 | 1 << 32
        for fields, status in (({"node_ordinal": 2}, "INVALID_PARAMETER"),
                               ({"engine_affinity": 3}, "INVALID_PARAMETER"),
                               ({"engine_affinity": 2}, "INVALID_PARAMETER"),
                               ({"priority": 8}, "INVALID_PARAMETER"),
                               ({"priority": -8}, "INVALID_PARAMETER"),
                               ({"flags": 1}, "NOT_SUPPORTED"),
                               ({"flags": 4}, "NOT_SUPPORTED"),
                               ({"flags": 0x80000000}, "NOT_SUPPORTED"),
                               ({"flags": 2, "node_ordinal": 1}, "INVALID_PARAMETER")):
            refused(peer, peer.request("CREATE_CONTEXT", name=name, device=device, **fields),
                    status)
        peer.context(device, name)
        peer.sync()


def everything_that_names_is_refused(peer, name, status="INVALID_HANDLE"):
    """Every request that takes a name, with this one."""
    device = peer.device()
    context = peer.context(device)
    fresh = peer.name()
    for kind, fields in (("CREATE_CONTEXT", {"name": fresh, "device": name}),
                         ("CREATE_ALLOCATION", {"name": fresh, "device": name,
                                                "size_bytes": 4096}),
                         ("SHARE_ALLOCATION", {"name": name}), ("DESTROY", {"name": name}),
                         ("READ_BACK", {"allocation": name, "size_bytes": 1}),
                         ("QUERY_DEVICE", {"name": name}), ("QUERY_CONTEXT", {"name": name})):
        refused(peer, peer.request(kind, **fields), status)
    refused(peer, peer.request("UPLOAD", b"x", allocation=name), status)
    refused(peer, peer.submit(wire.submission(name, wire.nop())), status)
    if name != 0:
        refused(peer, peer.submit(wire.submission(context, wire.fill(0, 0, 4, 0), [(name, True)])),
                status)
    peer.context(device, fresh)
    peer.sync()


def A3_another_sessions_names_are_invalid_handles(daemon):
    with Peer(daemon) as owner, Peer(daemon) as thief:
        device = owner.device()
        context = owner.context(device)
        allocation = owner.allocation(device, 4096)
        owner.upload(allocation, b"secret")
        extra = [owner.allocation(device, 4096) for _ in range(20)]
        owner.sync()
        everything_that_names_is_refused(thief, extra[-1])
        for name in (device, context, allocation):
            with Peer(daemon) as other:
                refused(other, other.read_back(name, 6), "INVALID_HANDLE")
                refused(other, other.request("DESTROY", name=name), "INVALID_HANDLE")
                refused(other, other.submit(wire.submission(name, wire.nop())), "INVALID_HANDLE")
        assert owner.read(allocation, 6) == b"secret"


def A3_old_generations_and_random_names_are_invalid_handles(daemon):
    print(f"seed {SEED}")
    generator = random.Random(SEED)
    with Peer(daemon) as peer:
        device = peer.device()
        old = peer.allocation(device, 4096)
        peer.sync()
        peer.wait(peer.request("DESTROY", name=old))
        everything_that_names_is_refused(peer, old)
        young = (old & 0xffffffff) | 9 << 32
        peer.allocation(device, 4096, name=young)
        everything_that_names_is_refused(peer, old)
        for _ in range(30):
            everything_that_names_is_refused(peer, generator.getrandbits(64) | 1 << 31)
        for name in (young ^ 1 << 32, young | 1 << 63, 0xffffffffffffffff, 1 << 32, 0xffffffff):
            everything_that_names_is_refused(peer, name)
        everything_that_names_is_refused(peer, 0)


def A3_a_name_of_the_wrong_kind_is_an_invalid_handle(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        for kind, field, names in (("QUERY_DEVICE", "name", (context, allocation)),
                                   ("QUERY_CONTEXT", "name", (device, allocation)),
                                   ("SHARE_ALLOCATION", "name", (device, context))):
            for name in names:
                refused(peer, peer.request(kind, **{field: name}), "INVALID_HANDLE")
        for name in (device, context):
            refused(peer, peer.read_back(name, 1), "INVALID_HANDLE")
            refused(peer, peer.upload(name, b"x"), "INVALID_HANDLE")
            refused(peer, peer.submit(wire.submission(context, wire.fill(0, 0, 4, 0),
                                                      [(name, True)])), "INVALID_HANDLE")
        for name in (device, allocation):
            refused(peer, peer.submit(wire.submission(name, wire.nop())), "INVALID_HANDLE")


def A3_an_opening_of_another_device_is_no_element_of_a_list(daemon):
    with Peer(daemon) as peer:
        first, second = peer.device(), peer.device()
        context = peer.context(first)
        allocation = peer.allocation(second, 4096)
        pending = peer.submit(wire.submission(context, wire.fill(0, 0, 4, 1), [(allocation, True)]))
        peer.settle(pending)
        assert pending.status in (wire.STATUS["INVALID_HANDLE"],
                                  wire.STATUS["GRAPHICS_WRONG_ALLOCATION_DEVICE"]), pending
        assert peer.read(allocation, 4) == bytes(4)


def names_are_dense_and_generations_grow(daemon):
    with Peer(daemon) as peer:
        for name in (2 | 1 << 32, 0x10 | 1 << 32, 0xffffffff, 1 << 32, 0):
            refused(peer, peer.request("CREATE_DEVICE", name=name), "INVALID_PARAMETER")
        peer.wait(peer.request("CREATE_DEVICE", name=1 | 5 << 32))
        refused(peer, peer.request("CREATE_DEVICE", name=1 | 6 << 32), "INVALID_PARAMETER")
        peer.wait(peer.request("DESTROY", name=1 | 5 << 32))
        for generation in (5, 4, 0):
            refused(peer, peer.request("CREATE_DEVICE", name=1 | generation << 32),
                    "INVALID_PARAMETER")
        peer.wait(peer.request("CREATE_DEVICE", name=1 | 0xffffffff << 32))
        peer.wait(peer.request("DESTROY", name=1 | 0xffffffff << 32))
        refused(peer, peer.request("CREATE_DEVICE", name=1), "INVALID_PARAMETER")
        peer.wait(peer.request("CREATE_DEVICE", name=2))


def a_refused_create_takes_no_name(daemon):
    with Peer(daemon) as peer:
        device = peer.device(1)
        refused(peer, peer.request("CREATE_CONTEXT", name=2, device=device, node_ordinal=9),
                "INVALID_PARAMETER")
        refused(peer, peer.request("CREATE_ALLOCATION", name=2, device=device, size_bytes=0),
                "INVALID_PARAMETER")
        refused(peer, peer.request("CREATE_ALLOCATION", name=2, device=device,
                                   size_bytes=1 << 33), "LIMIT_EXCEEDED")
        refused(peer, peer.request("DESTROY", name=2), "INVALID_HANDLE")
        peer.wait(peer.request("CREATE_CONTEXT", name=2, device=device))


def A2_destroying_a_device_takes_its_contexts_and_openings(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        allocation = peer.allocation(device, 4096)
        other = peer.device()
        peer.wait(peer.request("DESTROY", name=device))
        for kind, name in (("QUERY_DEVICE", device), ("QUERY_CONTEXT", context),
                           ("SHARE_ALLOCATION", allocation)):
            refused(peer, peer.request(kind, name=name), "INVALID_HANDLE")
        peer.wait(peer.request("QUERY_DEVICE", name=other))


def A2_allocations_that_are_not_offered_are_refused(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        name = 2 | 1 << 32
        surface = {"width": 100, "height": 50, "format": 1, "surface_type": 1}
        for fields, status in (
                ({"size_bytes": 0}, "INVALID_PARAMETER"),
                ({"size_bytes": (1 << 32) + 1}, "LIMIT_EXCEEDED"),
                ({"size_bytes": (1 << 64) - 1}, "LIMIT_EXCEEDED"),
                ({"size_bytes": 4096, "segment_set": 4}, "INVALID_PARAMETER"),
                ({"size_bytes": 4096, "segment_set": 1, "preferred_segment": 2},
                 "INVALID_PARAMETER"),
                ({"size_bytes": 4096, "preferred_segment": 3}, "INVALID_PARAMETER"),
                ({"size_bytes": 4096, "flags": 0x80000000}, None),
                ({**surface, "format": 99}, "INVALID_PARAMETER"),
                ({**surface, "surface_type": 6}, "INVALID_PARAMETER"),
                ({**surface, "width": 0}, "INVALID_PARAMETER"),
                ({**surface, "height": 0}, "INVALID_PARAMETER"),
                ({**surface, "width": 16385}, "LIMIT_EXCEEDED"),
                ({**surface, "height": 0xffffffff, "width": 0xffffffff}, "LIMIT_EXCEEDED"),
                ({**surface, "pitch_bytes": 399}, "INVALID_PARAMETER"),
                ({**surface, "pitch_bytes": 384}, "INVALID_PARAMETER"),
                ({**surface, "pitch_bytes": 0xffffffc0}, None),
                ({**surface, "size_bytes": 447 * 50}, "INVALID_PARAMETER")):
            pending = peer.settle(peer.request("CREATE_ALLOCATION", name=name, device=device,
                                               **fields))
            assert pending.status != 0, f"{fields} was taken"
            assert status is None or pending.status == wire.STATUS[status], (fields, pending)
        peer.wait(peer.request("CREATE_ALLOCATION", name=name, device=device, **surface))
        peer.wait(peer.read_back(name, 448 * 50))


def ranges_outside_an_allocation_are_refused(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        allocation = peer.allocation(device, 4096)
        for offset, size in ((4096, 1), (4095, 2), (0, 4097), ((1 << 64) - 1, 1),
                             ((1 << 64) - 1, 2), ((1 << 63), 1), (0xffffffff, 0x1001)):
            refused(peer, peer.read_back(allocation, size, offset), "INVALID_PARAMETER")
            refused(peer, peer.upload(allocation, b"x" * min(size, 5000), offset),
                    "INVALID_PARAMETER")
        pending = peer.settle(peer.read_back(allocation, 0))
        assert pending.status == wire.STATUS["INVALID_PARAMETER"], pending
        refused(peer, peer.upload(allocation, b""), "INVALID_PARAMETER")
        pending = peer.settle(peer.read_back(allocation, 0xffffffff))
        assert pending.status in (wire.STATUS["INVALID_PARAMETER"],
                                  wire.STATUS["LIMIT_EXCEEDED"]), pending
        assert peer.read(allocation, 4096) == bytes(4096)
        peer.wait(peer.upload(allocation, b"end", 4093))
        assert peer.read(allocation, 3, 4093) == b"end"


def A2_contents_are_zero_at_first_and_never_anothers(daemon):
    for _ in range(4):
        with Peer(daemon) as peer:
            device = peer.device()
            names = [peer.allocation(device, size) for size in (64, 5000, 65536, 300000)]
            for name, size in zip(names, (64, 5000, 65536, 300000)):
                assert peer.read(name, size) == bytes(size)
                peer.upload(name, b"\xa5" * size)
            peer.sync()


def A2_a_shared_allocation_outlives_its_creator(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        with Peer(daemon) as creator:
            theirs = creator.device()
            allocation = creator.allocation(theirs, 8192)
            creator.upload(allocation, b"from the creator")
            token = creator.share(allocation)
            assert creator.share(allocation) == token
            opening, pending = peer.open(device, token)
            peer.wait(pending)
            creator.request("DESTROY", name=allocation)
            creator.request("GOODBYE")
            creator.expect_closing("SUCCESS")
        assert peer.read(opening, 16) == b"from the creator"
        peer.submit(wire.submission(context, wire.fill(0, 0, 8, 0x41414141), [(opening, True)]))
        assert peer.read(opening, 16) == b"AAAAAAAA creator"


def A2_a_shared_allocation_is_one_for_all_who_opened_it(daemon):
    with Peer(daemon) as first, Peer(daemon) as second:
        mine = first.allocation(first.device(), 4096)
        token = first.share(mine)
        theirs, pending = second.open(second.device(), token)
        second.wait(pending)
        first.wait(first.upload(mine, b"one"))
        assert second.read(theirs, 3) == b"one"
        second.wait(second.upload(theirs, b"two"))
        assert first.read(mine, 3) == b"two"


def A2_a_read_only_opening_is_not_written(daemon):
    with Peer(daemon) as owner, Peer(daemon) as guest:
        allocation = owner.allocation(owner.device(), 4096)
        owner.upload(allocation, b"kept")
        token = owner.share(allocation)
        device = guest.device()
        context = guest.context(device)
        opening, pending = guest.open(device, token, read_only=True)
        guest.wait(pending)
        own = guest.allocation(device, 4096)
        refused(guest, guest.upload(opening, b"lost"), "ACCESS_DENIED")
        for flag in (True, False):
            pending = guest.settle(guest.submit(wire.submission(
                context, wire.fill(0, 0, 4, 0), [(opening, flag)])))
            assert pending.status != 0, pending
        guest.submit(wire.submission(context, wire.copy(0, 0, 1, 0, 4),
                                     [(opening, False), (own, True)]))
        assert guest.read(own, 4) == b"kept"
        assert owner.read(allocation, 4) == b"kept"


def A3_a_wrong_token_opens_nothing(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        allocation = peer.allocation(device, 4096)
        high, low = peer.share(allocation)
        for token in ((0, 0), (high, low ^ 1), (high ^ 1 << 63, low), (low, high), (high, 0)):
            name = peer.name()
            refused(peer, peer.open(device, token, name=name)[1], "NOT_FOUND")
            peer.context(device, name)
        peer.sync()
        peer.wait(peer.request("DESTROY", name=allocation))
        refused(peer, peer.open(device, (high, low))[1], "NOT_FOUND")


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         hasattr(value, "__code__") and value.__code__.co_varnames[:1] == ("daemon",)]

if __name__ == "__main__":
    run(TESTS, Daemon)
