#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What adapters say that their driver can do, and what becomes of a driver that cannot be asked:
tests/gpu/hostile.c stands in for penstock-gpu there."""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile

from peer import BUILD, Daemon, Peer, Skip, program, refused, run
from tools import penstock

RGBA8, D32 = 37, 126
SAMPLED, TARGET, BLEND, DEPTH = 0x1, 0x80, 0x100, 0x200
FLAG, NUMBER, SIGNED, SIZE, SINGLE = 1, 2, 3, 4, 5


def needs_vulkan():
    if not (BUILD / "penstock-shader").exists():
        raise Skip("built without Vulkan")


def ask(peer, adapter=0):
    return peer.wait(peer.request("QUERY_ADAPTER", adapter=adapter)).answer


def facts_of(answer):
    return {fact.name: fact.values for fact in answer.facts}


def offers_pipelines(daemon):
    peer = Peer(daemon)
    try:
        return peer.welcome.adapters[0].pipelines
    finally:
        peer.close()


# ---------------------------------------------------------------- what is said


def an_adapter_says_what_its_driver_can_do():
    needs_vulkan()
    with Daemon() as daemon:
        answer = ask(Peer(daemon))
        facts = facts_of(answer)
        assert "llvmpipe" in answer.device and answer.driver and answer.driver_info, answer.device
        assert facts["properties.apiVersion"][0] >= 1 << 22 | 3 << 12
        assert 4096 <= facts["limits.maxImageDimension2D"][0] <= 16384
        assert len(facts["limits.maxComputeWorkGroupSize"]) == 3
        assert facts["limits.minTexelOffset"][0] >> 63 == 1
        assert facts["features.geometryShader"] == [1]
        formats = {row.format: row for row in answer.formats}
        assert formats[RGBA8].optimal & (SAMPLED | TARGET | BLEND) == SAMPLED | TARGET | BLEND
        assert formats[D32].optimal & DEPTH and not formats[D32].linear
        assert answer.memory_types and answer.memory_types[0].heap < len(answer.memory_heaps)


def each_fact_is_of_its_kind():
    needs_vulkan()
    with Daemon() as daemon:
        for fact in ask(Peer(daemon)).facts:
            assert FLAG <= fact.kind <= SINGLE and fact.values, fact
            for value in fact.values:
                assert value <= (1 if fact.kind == FLAG else
                                 (1 << 32) - 1 if fact.kind in (NUMBER, SINGLE) else
                                 (1 << 64) - 1), fact


def what_is_not_carried_is_not_offered():
    needs_vulkan()
    with Daemon() as daemon:
        facts = facts_of(ask(Peer(daemon)))
        for name in ("features12.bufferDeviceAddress", "features.sparseBinding",
                     "features11.variablePointers", "features12.descriptorIndexing",
                     "features12.runtimeDescriptorArray", "features11.protectedMemory"):
            assert facts[name] == [0], name
        assert facts["limits.minStorageBufferOffsetAlignment"][0] >= 16
        assert facts["limits.framebufferColorSampleCounts"][0] & ~5 == 0
        assert facts["limits.maxPushConstantsSize"] == [128]


def it_is_told_to_those_without_a_session_too():
    needs_vulkan()
    with Daemon() as daemon:
        assert ask(Peer(daemon, features=0x1)).facts
        with_session = Peer(daemon)
        with_session.sync()
        assert ask(with_session).facts
        with_session.sync()


def an_adapter_that_is_not_there_is_refused():
    with Daemon() as daemon:
        for features in (0x0, 0x1):
            peer = Peer(daemon, features=features)
            for adapter in (1, 0xffffffff):
                refusal = refused(peer, peer.request("QUERY_ADAPTER", adapter=adapter), "NOT_FOUND")
                assert f"no adapter {adapter}" in refusal.sentence, refusal


def an_adapter_without_pipelines_says_so_and_starts_nobody():
    with Daemon("--pipelines=no") as daemon:
        peer = Peer(daemon)
        refusal = refused(peer, peer.request("QUERY_ADAPTER"), "NOT_SUPPORTED")
        assert "adapter 0 has no pipelines" in refusal.sentence
        assert "graphics" not in json.loads(penstock(daemon, "info", "--json").stdout)


def built_without_vulkan_there_is_nothing_to_say():
    if (BUILD / "penstock-shader").exists():
        raise Skip("built with Vulkan")
    with Daemon() as daemon:
        peer = Peer(daemon)
        refusal = refused(peer, peer.request("QUERY_ADAPTER"), "NOT_SUPPORTED")
        assert "without pipelines" not in daemon.tail()


# ---------------------------------------------------------------- penstock info


def info_shows_what_an_adapter_draws_with():
    needs_vulkan()
    with Daemon() as daemon:
        text = penstock(daemon, "info").stdout
        for word in ("llvmpipe", "maxImageDimension2D", "geometryShader", "R8G8B8A8_UNORM"):
            assert word in text, word
        assert "bufferDeviceAddress" not in text
        info = json.loads(penstock(daemon, "info", "--json").stdout)
        assert info["graphics"][0]["adapter"] == 0 and info["graphics"][0]["vulkan"][:2] == "1."
        facts = {row["name"]: row["values"] for row in info["facts"]}
        assert facts["features12.bufferDeviceAddress"] == "0"
        assert len(facts["limits.maxComputeWorkGroupCount"].split()) == 3
        formats = {row["format"]: row for row in info["texel_formats"]}
        for letter in "sftb<>":
            assert letter in formats["R8G8B8A8_UNORM"]["optimal"], formats["R8G8B8A8_UNORM"]
        assert "d" in formats["D32_SFLOAT"]["optimal"] and formats["D32_SFLOAT"]["linear"] == ""
        assert "v" in formats["R32G32B32_SFLOAT"]["buffer"]


# ---------------------------------------------------------------- a driver that cannot be asked


@contextlib.contextmanager
def describing(how):
    """A daemon whose GPU program describes its driver that way, and is honest otherwise."""
    needs_vulkan()
    binary = BUILD / "tests" / "gpu" / "hostile"
    if not binary.exists():
        raise Skip("tests/gpu/hostile is not built")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-describing-"))
    try:
        os.symlink(binary, folder / f"hostile-{how}-1")
        os.symlink(program("penstock-gpu"), folder / "penstock-gpu")
        with Daemon(f"--gpu-program={folder}/hostile-{how}-1") as daemon:
            yield daemon
            daemon.check_alive()
    finally:
        shutil.rmtree(folder)


def expect_no_pipelines(how, why):
    with describing(how) as daemon:
        assert not offers_pipelines(daemon), how
        lines = [line for line in daemon.tail().splitlines() if "without pipelines" in line]
        assert len(lines) == 1 and why in lines[0], (how, lines)
        peer = Peer(daemon)
        refusal = refused(peer, peer.request("QUERY_ADAPTER"), "NOT_SUPPORTED")
        # everything else of the adapter works
        device = peer.device()
        peer.context(device)
        peer.sync()


def one_that_says_nothing_costs_the_pipelines_only():
    expect_no_pipelines("mute", "it ended with status 5 and said nothing")


def one_that_crashes_costs_the_pipelines_only():
    expect_no_pipelines("die", "signal 11 ended it")


def one_that_hangs_is_ended():
    expect_no_pipelines("dumb", "it did not answer in time")


def one_that_does_not_stop_is_ended():
    expect_no_pipelines("babble", "is no description")


def one_that_says_half_of_it_is_not_believed():
    expect_no_pipelines("short", "is no description")


def one_that_says_more_than_there_is_is_not_believed():
    expect_no_pipelines("more", "is no description")


def one_that_says_what_cannot_be_is_not_believed():
    expect_no_pipelines("lie", "says what cannot be")


def the_reason_of_one_that_has_no_driver_is_one_line_of_the_log():
    expect_no_pipelines("complain", "the driver?is out")


def one_that_boasts_offers_no_more_than_is_carried():
    with describing("boast") as daemon:
        assert offers_pipelines(daemon)
        answer = ask(Peer(daemon))
        facts = facts_of(answer)
        assert answer.device == "?"
        assert facts["features12.bufferDeviceAddress"] == [0]
        assert facts["limits.maxImageDimension2D"] == [16384]
        assert all(row.optimal < 1 << 34 for row in answer.formats)


def a_program_that_cannot_be_started_costs_nothing_but_the_pipelines():
    needs_vulkan()
    with Daemon("--gpu-program=/nonexistent/penstock-gpu", backend="null") as daemon:
        assert not offers_pipelines(daemon)
        assert "cannot be started" in daemon.tail()


if __name__ == "__main__":
    run([an_adapter_says_what_its_driver_can_do,
         each_fact_is_of_its_kind,
         what_is_not_carried_is_not_offered,
         it_is_told_to_those_without_a_session_too,
         an_adapter_that_is_not_there_is_refused,
         an_adapter_without_pipelines_says_so_and_starts_nobody,
         built_without_vulkan_there_is_nothing_to_say,
         info_shows_what_an_adapter_draws_with,
         one_that_says_nothing_costs_the_pipelines_only,
         one_that_crashes_costs_the_pipelines_only,
         one_that_hangs_is_ended,
         one_that_does_not_stop_is_ended,
         one_that_says_half_of_it_is_not_believed,
         one_that_says_more_than_there_is_is_not_believed,
         one_that_says_what_cannot_be_is_not_believed,
         the_reason_of_one_that_has_no_driver_is_one_line_of_the_log,
         one_that_boasts_offers_no_more_than_is_carried,
         a_program_that_cannot_be_started_costs_nothing_but_the_pipelines])
