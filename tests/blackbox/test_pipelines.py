#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pipelines on the wire: what is refused before a shader is looked at, with an adapter that has
pipelines and with one that has none."""

import json
import struct

import wire
from peer import Daemon, Peer, refused, run
from tools import penstock

MODULE = struct.pack("<5I", 0x07230203, 0x00010600, 0, 1, 0)  # nothing but the header of one


def has_pipelines(peer):
    return peer.welcome.adapters[0].pipelines


def stage(spirv_bytes, model=wire.GLCOMPUTE, constants=()):
    return {"stage": model, "entry_point": "main", "spirv_bytes": spirv_bytes,
            "constants": [{"id": i, "size_bytes": 4, "value": 1} for i in constants]}


def an_adapter_without_pipelines_says_so(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        context = peer.context(device)
        name, pending = peer.pipeline(device, MODULE)
        if has_pipelines(peer):
            refusal = refused(peer, pending, "INVALID_PARAMETER")
            assert refusal.sentence.startswith("compute shader"), refusal
        else:
            refusal = refused(peer, pending, "NOT_IMPLEMENTED")
            assert "no pipelines" in refusal.sentence, refusal
            refused(peer, peer.submit(wire.submission(
                context, wire.dispatch((1, 1, 1)))), "ILLEGAL_INSTRUCTION")
        refused(peer, peer.request("DESTROY", name=name), "INVALID_HANDLE")
    result = penstock(daemon, "info", "--json")
    assert [bool(row["pipelines"]) for row in json.loads(result.stdout)["adapters"]] == \
        [has_pipelines(peer)], result


def what_does_not_add_up_is_refused_and_takes_no_name(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        name = peer.name()
        for stages, payload, words in (
                ([stage(8)], b"1234", "more SPIR-V than the payload"),
                ([stage(4)], b"12345678", "more SPIR-V than the stages"),
                ([stage(0xffffffff), stage(9)], b"12345678", "more SPIR-V than the payload"),
                ([], b"1234", "more SPIR-V than the stages"),
                ([stage(4)] * 6, b"1234" * 6, "more stages"),
                ([stage(4, constants=range(257))], b"1234", "more specialization constants"),
                ([], b"", "0 stages"),
                ([stage(4, model=0)], b"1234", "stage 5"),
                ([stage(4, model=6)], b"1234", "stage"),
                ([stage(4, model=0xffffffff)], b"1234", "stage"),
                ([stage(4), stage(4)], b"12345678", "2 stages"),
                ([stage(3)], b"123", "multiple of 4"),
                ([stage(0)], b"", "at least one word")):
            refusal = refused(peer, peer.request("CREATE_PIPELINE", payload, name=name,
                                                 device=device, stages=stages),
                              "INVALID_PARAMETER")
            assert words in refusal.sentence, (words, refusal)
        for stages, payload in (([stage((1 << 20) + 4)], bytes((1 << 20) + 4)),
                                ([{**stage(4), "entry_point": "e" * 256}], b"1234")):
            refused(peer, peer.request("CREATE_PIPELINE", payload, name=name, device=device,
                                       stages=stages), "LIMIT_EXCEEDED")
        refused(peer, peer.request("CREATE_PIPELINE", b"1234", raw=b"\x09"), "MALFORMED_MESSAGE")
        refused(peer, peer.pipeline(device + 1, MODULE, name=name)[1], "INVALID_HANDLE")
        peer.wait(peer.request("CREATE_DEVICE", name=name))


def a_name_that_cannot_be_is_refused(daemon):
    with Peer(daemon) as peer:
        device = peer.device()
        for name in (0, device, 99):
            refused(peer, peer.request("CREATE_PIPELINE", MODULE, name=name, device=device,
                                       stages=[stage(len(MODULE))]), "INVALID_PARAMETER")


if __name__ == "__main__":
    run([an_adapter_without_pipelines_says_so, what_does_not_add_up_is_refused_and_takes_no_name,
         a_name_that_cannot_be_is_refused], Daemon)
