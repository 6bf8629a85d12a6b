# SPDX-License-Identifier: MIT
"""The wire as docs/protocol.md says it is: frames, and a small protobuf codec that reads
proto/wire/penstock.proto itself, so that nothing of the daemon's own code is trusted here."""

import os
import pathlib
import re
import struct

SOURCE = pathlib.Path(os.environ.get("PENSTOCK_SRCDIR",
                                     pathlib.Path(__file__).resolve().parent.parent.parent))

MAGIC = b"PNS1"
HEADER = struct.Struct("<4sHHIIQ")
MESSAGE_MAX = 65536
PAYLOAD_MAX = 64 << 20

TYPES = {
    "HELLO": (0x01, "Hello"), "CREATE_DEVICE": (0x02, "CreateDevice"),
    "CREATE_CONTEXT": (0x03, "CreateContext"), "CREATE_ALLOCATION": (0x04, "CreateAllocation"),
    "SHARE_ALLOCATION": (0x05, "ShareAllocation"), "OPEN_ALLOCATION": (0x06, "OpenAllocation"),
    "DESTROY": (0x07, "Destroy"), "SUBMIT": (0x08, "Submit"), "UPLOAD": (0x09, "Upload"),
    "READ_BACK": (0x0a, "ReadBack"), "QUERY_DEVICE": (0x0b, "QueryDevice"),
    "QUERY_CONTEXT": (0x0c, "QueryContext"), "SYNC": (0x0d, "Sync"), "GOODBYE": (0x0e, "Goodbye"),
    "CREATE_SYNC_OBJECT": (0x0f, "CreateSyncObject"),
    "SHARE_SYNC_OBJECT": (0x10, "ShareSyncObject"),
    "OPEN_SYNC_OBJECT": (0x11, "OpenSyncObject"),
    "QUERY_SYNC_OBJECT": (0x12, "QuerySyncObject"), "SIGNAL": (0x13, "Signal"),
    "WAIT": (0x14, "Wait"),
    "OFFER_ALLOCATIONS": (0x15, "OfferAllocations"),
    "RECLAIM_ALLOCATIONS": (0x16, "ReclaimAllocations"),
    "SET_ALLOCATION_PRIORITY": (0x17, "SetAllocationPriority"),
    "CREATE_PIPELINE": (0x18, "CreatePipeline"),
    "QUERY_ADAPTER": (0x19, "QueryAdapter"), "ADAPTER_FACTS": (0x8c, "AdapterFacts"),
    "ADMIN_STATUS": (0x40, "AdminStatus"), "ADMIN_CONTEXTS": (0x41, "AdminContexts"),
    "ADMIN_CONTEXT": (0x42, "AdminContext"), "ADMIN_ALLOCATIONS": (0x43, "AdminAllocations"),
    "ADMIN_SEGMENTS": (0x44, "AdminSegments"), "ADMIN_QUEUES": (0x45, "AdminQueues"),
    "ADMIN_DUMP": (0x46, "AdminDump"), "ADMIN_METRICS": (0x47, "AdminMetrics"),
    "ADMIN_SESSIONS": (0x4b, "AdminSessions"), "ADMIN_KILL": (0x4c, "AdminKill"),
    "ADMIN_EVICT": (0x4d, "AdminEvict"), "ADMIN_TRACE": (0x4e, "AdminTrace"),
    "ADMIN_UNBLOCK": (0x48, "AdminUnblock"), "ADMIN_REPORTS": (0x49, "AdminReports"),
    "ADMIN_REPORT": (0x4a, "AdminReport"),
    "ADMIN_PLACES": (0x4f, "AdminPlaces"),
    "ADMIN_CAPTURE": (0x50, "AdminCapture"),
    "WELCOME": (0x80, "Welcome"), "ACK": (0x81, "Ack"), "REFUSAL": (0x82, "Refusal"),
    "SHARED": (0x83, "Shared"), "READ_DATA": (0x84, "ReadData"),
    "DEVICE_STATE": (0x85, "DeviceState"), "CONTEXT_STATE": (0x86, "ContextState"),
    "FENCE": (0x87, "Fence"), "CLOSING": (0x88, "Closing"),
    "SYNC_OBJECT_STATE": (0x89, "SyncObjectState"), "SYNC_VALUE": (0x8a, "SyncValue"),
    "RECLAIMED": (0x8b, "Reclaimed"),
    "STATUS_REPORT": (0xc0, "StatusReport"), "CONTEXT_REPORT": (0xc1, "ContextReport"),
    "ALLOCATION_REPORT": (0xc2, "AllocationReport"), "SEGMENT_REPORT": (0xc3, "SegmentReport"),
    "QUEUE_REPORT": (0xc4, "QueueReport"), "DUMP_REPORT": (0xc5, "DumpReport"),
    "METRICS_REPORT": (0xc6, "MetricsReport"), "SESSION_REPORT": (0xc9, "SessionReport"),
    "KILL_REPORT": (0xca, "KillReport"), "EVICT_REPORT": (0xcb, "EvictReport"),
    "TRACE_REPORT": (0xcc, "TraceReport"),
    "UNBLOCK_REPORT": (0xc7, "UnblockReport"),
    "DEBUG_REPORTS": (0xc8, "DebugReports"),
    "PLACE_REPORT": (0xcd, "PlaceReport"),
}
NAMES = {number: name for name, (number, _) in TYPES.items()}


def read_statuses():
    """The table of §12 of the document: name -> value."""
    text = (SOURCE / "docs" / "protocol.md").read_text()
    section = text[text.index("## 12. Statuses"):text.index("## 13.")]
    return {name: int(value, 16)
            for name, value in re.findall(r"^\| (\w+) \| (0x[0-9A-F]{8}) \|", section, re.M)}


STATUS = read_statuses()
STATUS_NAMES = {value: name for name, value in STATUS.items()}


# ---------------------------------------------------------------- protobuf


def read_schema():
    """message -> {field number: (name, type, repeated)}"""
    text = (SOURCE / "proto" / "wire" / "penstock.proto").read_text()
    text = re.sub(r"//.*", "", text)
    schema = {}
    for message, body in re.findall(r"message\s+(\w+)\s*\{([^}]*)\}", text):
        schema[message] = {
            int(number): (name, kind, bool(repeated))
            for repeated, kind, name, number in
            re.findall(r"(repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;", body)}
    return schema


SCHEMA = read_schema()
VARINT = {"uint32", "uint64", "int64", "bool", "sint32"}
DEFAULT = {"string": "", "bytes": b"", "bool": False}


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(message, /, **fields):
    numbers = {name: (number, kind) for number, (name, kind, _) in SCHEMA[message].items()}
    out = b""
    for name, value in fields.items():
        number, kind = numbers[name]
        if kind in ("string", "bytes"):
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
        elif kind in SCHEMA:  # messages, of their fields each
            for item in value:
                data = encode(kind, **item)
                out += varint(number << 3 | 2) + varint(len(data)) + data
        elif isinstance(value, (list, tuple)):  # of fixed64, packed
            data = struct.pack(f"<{len(value)}Q", *value)
            out += varint(number << 3 | 2) + varint(len(data)) + data if value else b""
        elif kind == "fixed64":
            out += varint(number << 3 | 1) + struct.pack("<Q", value)
        elif kind == "fixed32":
            out += varint(number << 3 | 5) + struct.pack("<I", value)
        elif kind == "sint32":
            out += varint(number << 3) + varint(value << 1 ^ value >> 31)
        else:
            out += varint(number << 3) + varint(int(value))
    return out


class Message:
    """A decoded message; fields as attributes, with protobuf's defaults."""

    def __init__(self, kind):
        self.kind = kind
        for name, field, repeated in SCHEMA[kind].values():
            setattr(self, name, [] if repeated else DEFAULT.get(field, 0))

    def __repr__(self):
        return repr(self.__dict__)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def read_field(data, at, wire):
    if wire == 0:
        return read_varint(data, at)
    if wire == 1:
        return data[at:at + 8], at + 8
    if wire == 5:
        return data[at:at + 4], at + 4
    if wire != 2:
        raise ValueError(f"wire type {wire}")
    size, at = read_varint(data, at)
    return data[at:at + size], at + size


def convert(kind, value):
    if kind in ("fixed64", "fixed32"):
        return int.from_bytes(value, "little")
    if kind == "string":
        return value.decode()
    if kind == "bytes":
        return value
    if kind == "bool":
        return bool(value)
    if kind == "sint32":
        return value >> 1 ^ -(value & 1)
    if kind == "int64":
        return value - (1 << 64) if value >> 63 else value
    return value if kind in VARINT else decode(kind, value)


def decode(kind, data):
    message = Message(kind)
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_field(data, at, key & 7)
        if key >> 3 not in SCHEMA[kind]:
            continue
        name, field, repeated = SCHEMA[kind][key >> 3]
        if repeated and field in VARINT and key & 7 == 2:  # packed
            inside = 0
            while inside < len(value):
                item, inside = read_varint(value, inside)
                getattr(message, name).append(convert(field, item))
        elif repeated and field == "fixed64" and key & 7 == 2:
            getattr(message, name).extend(struct.unpack(f"<{len(value) // 8}Q", value))
        elif repeated:
            getattr(message, name).append(convert(field, value))
        else:
            setattr(message, name, convert(field, value))
    if at != len(data):
        raise ValueError(f"{kind}: ends inside a field")
    return message


# ---------------------------------------------------------------- frames


def header(number, message_bytes, payload_bytes, serial, magic=MAGIC, zero=0):
    return HEADER.pack(magic, number, zero, message_bytes, payload_bytes, serial)


def frame(kind, serial, payload=b"", /, *, raw=None, **fields):
    """A whole frame; `raw` instead of fields for a message that is none."""
    number, message = TYPES[kind]
    body = encode(message, **fields) if raw is None else raw
    return header(number, len(body), len(payload), serial) + body + payload


# ---------------------------------------------------------------- submissions


def instruction(opcode, body):
    return struct.pack("<HH", opcode, (len(body) + 4) // 4) + body


def fill(destination, offset, size, pattern):
    return instruction(2, struct.pack("<HHQQII", destination, 0, offset, size, pattern, 0))


def copy(source, source_offset, destination, destination_offset, size):
    return instruction(3, struct.pack("<HHQQQ", source, destination, source_offset,
                                      destination_offset, size))


def update(destination, offset, dwords):
    return instruction(5, struct.pack(f"<HHQ{len(dwords)}I", destination, 0, offset, *dwords))


def nop():
    return instruction(0, b"")


def bind_pipeline(pipeline):
    return instruction(0x10, struct.pack("<HH", pipeline, 0))


def bind_buffer(allocation, offset, size, binding=0, write=True, set_number=0, element=0):
    return instruction(0x12 if write else 0x11,
                       struct.pack("<HHIIIIQQ", allocation, 0, set_number, binding, element, 0,
                                   offset, size))


def push_constants(offset, dwords):
    return instruction(0x13, struct.pack(f"<I{len(dwords)}I", offset, *dwords))


def dispatch(groups, base=(0, 0, 0)):
    return instruction(0x30, struct.pack("<6I", *groups, *base))


VERTEX, CONTROL, EVALUATION, GEOMETRY, FRAGMENT, GLCOMPUTE = range(6)  # execution models
PATCOPY, PATINVERT = 1, 2


def colorfill(destination, rect, color, rop=PATCOPY):
    """RenderKm; no sub-rectangles means the whole rectangle."""
    return instruction(0x42, struct.pack("<HH4iIII4i", destination, 0, *rect, color, rop, 0, *rect))


RESIZE_COMMAND_BUFFER, RENDER_KM, IF_PREDECESSOR_RAN = 0x1, 0x20, 0x10000


def submission(context, command, allocations=(), flags=0, patches=b"", offset=0,
               new_command_bytes=0, record=None, broadcast=()):
    """`allocations`: (name, write) each. `record`: fields of the record to lie in, by index."""
    fields = [context, flags, offset, len(command), len(allocations), len(patches) // 24,
              len(broadcast),
              new_command_bytes, 0, 0, 0]
    for index, value in (record or {}).items():
        fields[index] = value
    out = struct.pack("<Q10I", *fields)
    for name, write in allocations:
        out += struct.pack("<QII", name, 1 if write else 0, 0)
    out += patches + struct.pack(f"<{len(broadcast)}Q", *broadcast) + command
    return out + bytes(-len(out) % 8)
