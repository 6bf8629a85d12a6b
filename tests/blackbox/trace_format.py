# SPDX-License-Identifier: MIT
"""A reader of the trace event format (the JSON that chrome://tracing and ui.perfetto.dev open) that
believes nothing: what a viewer would drop, or draw wrongly, is an error here."""

import collections
import decimal
import json

PHASES = {"X", "i", "s", "f", "M"}
METADATA = {"process_name", "thread_name", "process_labels"}


class Bar:
    """A complete event; times in nanoseconds."""

    def __init__(self, event):
        self.name = event["name"]
        self.lane = lane_of(event)
        self.begin = nanoseconds(event["ts"])
        self.end = self.begin + nanoseconds(event["dur"])
        self.args = event["args"]

    def __repr__(self):
        return f"{self.name} {self.lane} {self.begin}..{self.end} {self.args}"

    def overlaps(self, other):
        return self.begin < other.end and other.begin < self.end


def nanoseconds(value):
    assert isinstance(value, (int, decimal.Decimal)) and value >= 0, value
    whole = value * 1000
    assert whole == int(whole), f"finer than a nanosecond: {value}"
    return int(whole)


def lane_of(event):
    return event["pid"], event["tid"]


def check_event(event):
    """What every event has, and what its phase wants beside."""
    phase = event.get("ph")
    assert phase in PHASES, event
    assert isinstance(event["name"], str) and event["name"], event
    assert isinstance(event["pid"], int) and event["pid"] > 0, event
    assert isinstance(event["tid"], int) and event["tid"] >= 0, event
    nanoseconds(event["ts"])
    if phase == "M":
        assert event["name"] in METADATA and isinstance(event["args"], dict), event
        return
    assert isinstance(event["cat"], str) and event["cat"], event
    if phase == "X":
        nanoseconds(event["dur"])
    if phase == "i":
        assert event["s"] in ("g", "p", "t"), event
    if phase in ("s", "f"):
        assert isinstance(event["id"], int), event
    if phase == "f":
        assert event["bp"] == "e", event


def check_nesting(events):
    """Bars of a lane are one inside of the other or one after the other; times only grow."""
    open_bars = collections.defaultdict(list)
    last = collections.defaultdict(int)
    for event in events:
        if event["ph"] == "M":
            continue
        lane, begin = lane_of(event), nanoseconds(event["ts"])
        assert begin >= last[lane], f"goes back: {event}"
        last[lane] = begin
        if event["ph"] != "X":
            continue
        bar, stack = Bar(event), open_bars[lane]
        while stack and stack[-1].end <= bar.begin:
            stack.pop()
        assert not stack or bar.end <= stack[-1].end, f"crosses {stack[-1]}: {bar}"
        stack.append(bar)


def check_flows(events):
    """Each end has one beginning before it, and both are bound to a bar."""
    places = {(lane_of(event), event["ts"]) for event in events if event["ph"] == "X"}
    begun = {}
    for event in events:
        if event["ph"] in ("s", "f"):
            assert (lane_of(event), event["ts"]) in places, f"bound to nothing: {event}"
        if event["ph"] == "s":
            assert event["id"] not in begun, event
            begun[event["id"]] = event
        if event["ph"] == "f":
            assert event["id"] in begun and begun[event["id"]]["ts"] <= event["ts"], event


class Trace:
    """A file that is one."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = json.load(file, parse_float=decimal.Decimal)
        self.events = self.document["traceEvents"]
        assert isinstance(self.events, list) and self.document["displayTimeUnit"] in ("ms", "ns")
        for event in self.events:
            check_event(event)
        check_nesting(self.events)
        check_flows(self.events)
        self.processes = self.names("process_name", lambda event: event["pid"])
        self.lanes = self.names("thread_name", lane_of)
        self.bars = [Bar(event) for event in self.events if event["ph"] == "X"]
        for bar in self.bars:
            assert bar.lane[0] in self.processes and bar.lane in self.lanes, f"no name: {bar}"

    def names(self, kind, key):
        return {key(event): event["args"]["name"] for event in self.events
                if event["ph"] == "M" and event["name"] == kind}

    def bars_called(self, name, **args):
        return [bar for bar in self.bars if bar.name == name and
                all(bar.args.get(key) == value for key, value in args.items())]

    def points(self, name):
        return [event for event in self.events if event["ph"] == "i" and event["name"] == name]
