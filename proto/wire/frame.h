/* SPDX-License-Identifier: MIT */
/*
 * A frame: a fixed header, a protobuf message, and a raw payload. docs/protocol.md says the same
 * for people who write a client.
 *
 *	offset size
 *	0      4    magic "PNS1"
 *	4      2    type (enum penstock_frame_type)
 *	6      2    zero
 *	8      4    message_bytes: the protobuf message behind this header
 *	12     4    payload_bytes: the raw payload behind the message
 *	16     8    serial
 *
 * All little-endian. A request carries its serial: 1 for the first request after a new session's
 * hello, then one more for each request. A submit frame of n submissions takes n serials and
 * carries the first. A reply carries the serial of the request that it answers.
 */
#ifndef PENSTOCK_FRAME_H
#define PENSTOCK_FRAME_H

#include "proto/base/base.h"
#include "proto/values.h"
#include "proto/wire/status.h"

#define PENSTOCK_FRAME_MAGIC        0x31534e50u /* "PNS1" */
#define PENSTOCK_FRAME_HEADER_BYTES 24u
#define PENSTOCK_PROTOCOL_MAJOR     1u
#define PENSTOCK_PROTOCOL_MINOR     0u

/* Hello.features and Welcome.features */
#define PENSTOCK_FEATURE_NO_SESSION     0x1u /* no session is made: admin requests and Sync only */
#define PENSTOCK_FEATURE_STORED_ANSWERS 0x2u /* a resume is told what it may not have heard */

/*
 * FRAME(name, number, message): the message type of proto/wire/penstock.proto that the frame
 * carries. Requests are below 0x80, admin requests 0x40..0x7f, what the daemon sends 0x80 and up.
 * A number is never used again for something else.
 */
#define PENSTOCK_FRAMES(FRAME)                                                                     \
	FRAME(HELLO, 0x01, Hello)                                                                  \
	FRAME(CREATE_DEVICE, 0x02, CreateDevice)                                                   \
	FRAME(CREATE_CONTEXT, 0x03, CreateContext)                                                 \
	FRAME(CREATE_ALLOCATION, 0x04, CreateAllocation)                                           \
	FRAME(SHARE_ALLOCATION, 0x05, ShareAllocation)                                             \
	FRAME(OPEN_ALLOCATION, 0x06, OpenAllocation)                                               \
	FRAME(DESTROY, 0x07, Destroy)                                                              \
	FRAME(SUBMIT, 0x08, Submit)                                                                \
	FRAME(UPLOAD, 0x09, Upload)                                                                \
	FRAME(READ_BACK, 0x0a, ReadBack)                                                           \
	FRAME(QUERY_DEVICE, 0x0b, QueryDevice)                                                     \
	FRAME(QUERY_CONTEXT, 0x0c, QueryContext)                                                   \
	FRAME(SYNC, 0x0d, Sync)                                                                    \
	FRAME(GOODBYE, 0x0e, Goodbye)                                                              \
	FRAME(CREATE_SYNC_OBJECT, 0x0f, CreateSyncObject)                                          \
	FRAME(SHARE_SYNC_OBJECT, 0x10, ShareSyncObject)                                            \
	FRAME(OPEN_SYNC_OBJECT, 0x11, OpenSyncObject)                                              \
	FRAME(QUERY_SYNC_OBJECT, 0x12, QuerySyncObject)                                            \
	FRAME(SIGNAL, 0x13, Signal)                                                                \
	FRAME(WAIT, 0x14, Wait)                                                                    \
	FRAME(OFFER_ALLOCATIONS, 0x15, OfferAllocations)                                           \
	FRAME(RECLAIM_ALLOCATIONS, 0x16, ReclaimAllocations)                                       \
	FRAME(SET_ALLOCATION_PRIORITY, 0x17, SetAllocationPriority)                                \
	FRAME(CREATE_PIPELINE, 0x18, CreatePipeline)                                               \
	FRAME(QUERY_ADAPTER, 0x19, QueryAdapter)                                                   \
	FRAME(ADMIN_STATUS, 0x40, AdminStatus)                                                     \
	FRAME(ADMIN_CONTEXTS, 0x41, AdminContexts)                                                 \
	FRAME(ADMIN_CONTEXT, 0x42, AdminContext)                                                   \
	FRAME(ADMIN_ALLOCATIONS, 0x43, AdminAllocations)                                           \
	FRAME(ADMIN_SEGMENTS, 0x44, AdminSegments)                                                 \
	FRAME(ADMIN_QUEUES, 0x45, AdminQueues)                                                     \
	FRAME(ADMIN_DUMP, 0x46, AdminDump)                                                         \
	FRAME(ADMIN_METRICS, 0x47, AdminMetrics)                                                   \
	FRAME(ADMIN_SESSIONS, 0x4b, AdminSessions)                                                 \
	FRAME(ADMIN_KILL, 0x4c, AdminKill)                                                         \
	FRAME(ADMIN_EVICT, 0x4d, AdminEvict)                                                       \
	FRAME(ADMIN_TRACE, 0x4e, AdminTrace)                                                       \
	FRAME(ADMIN_UNBLOCK, 0x48, AdminUnblock)                                                   \
	FRAME(ADMIN_REPORTS, 0x49, AdminReports)                                                   \
	FRAME(ADMIN_REPORT, 0x4a, AdminReport)                                                     \
	FRAME(ADMIN_PLACES, 0x4f, AdminPlaces)                                                     \
	FRAME(ADMIN_CAPTURE, 0x50, AdminCapture)                                                   \
	FRAME(WELCOME, 0x80, Welcome)                                                              \
	FRAME(ACK, 0x81, Ack)                                                                      \
	FRAME(REFUSAL, 0x82, Refusal)                                                              \
	FRAME(SHARED, 0x83, Shared)                                                                \
	FRAME(READ_DATA, 0x84, ReadData)                                                           \
	FRAME(DEVICE_STATE, 0x85, DeviceState)                                                     \
	FRAME(CONTEXT_STATE, 0x86, ContextState)                                                   \
	FRAME(FENCE, 0x87, Fence)                                                                  \
	FRAME(CLOSING, 0x88, Closing)                                                              \
	FRAME(SYNC_OBJECT_STATE, 0x89, SyncObjectState)                                            \
	FRAME(SYNC_VALUE, 0x8a, SyncValue)                                                         \
	FRAME(RECLAIMED, 0x8b, Reclaimed)                                                          \
	FRAME(ADAPTER_FACTS, 0x8c, AdapterFacts)                                                   \
	FRAME(STATUS_REPORT, 0xc0, StatusReport)                                                   \
	FRAME(CONTEXT_REPORT, 0xc1, ContextReport)                                                 \
	FRAME(ALLOCATION_REPORT, 0xc2, AllocationReport)                                           \
	FRAME(SEGMENT_REPORT, 0xc3, SegmentReport)                                                 \
	FRAME(QUEUE_REPORT, 0xc4, QueueReport)                                                     \
	FRAME(DUMP_REPORT, 0xc5, DumpReport)                                                       \
	FRAME(METRICS_REPORT, 0xc6, MetricsReport)                                                 \
	FRAME(SESSION_REPORT, 0xc9, SessionReport)                                                 \
	FRAME(KILL_REPORT, 0xca, KillReport)                                                       \
	FRAME(EVICT_REPORT, 0xcb, EvictReport)                                                     \
	FRAME(TRACE_REPORT, 0xcc, TraceReport)                                                     \
	FRAME(UNBLOCK_REPORT, 0xc7, UnblockReport)                                                 \
	FRAME(DEBUG_REPORTS, 0xc8, DebugReports)                                                   \
	FRAME(PLACE_REPORT, 0xcd, PlaceReport)

enum penstock_frame_type {
#define FRAME(name, number, message) PENSTOCK_FRAME_##name = number,
	PENSTOCK_FRAMES(FRAME)
#undef FRAME
};

struct penstock_frame {
	uint16_t type; /* unchecked: any value */
	uint32_t message_bytes;
	uint32_t payload_bytes;
	uint64_t serial;
};

/*
 * Reads a header. Checks magic, the zero field and both lengths against limits.h; the type is the
 * dispatcher's to judge, but for this: a report (0xc0 and up) may have a message as long as a
 * payload. Returns SUCCESS or MALFORMED_FRAME with a sentence.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_frame_decode(const uint8_t bytes[PENSTOCK_FRAME_HEADER_BYTES],
					   struct penstock_frame *ret_frame,
					   struct penstock_errbuf *reterr_text);

void penstock_frame_encode(const struct penstock_frame *frame,
			   uint8_t ret_bytes[PENSTOCK_FRAME_HEADER_BYTES]);

/* "CREATE_DEVICE"; NULL for a type that is none of ours. Static storage. */
const char *penstock_frame_name(uint16_t type);

/*
 * The raw payload of a submit frame: `count` submissions (message Submit), each a record, then
 * its lists (struct penstock_wire_allocation, struct penstock_patch_location: proto/values.h), the
 * names of the contexts that it is broadcast to, then its command bytes, padded with zeros to 8
 * bytes.
 */
struct penstock_wire_submission {
	uint64_t context;        /* name */
	uint32_t flags;          /* PENSTOCK_SUBMIT_ */
	uint32_t command_offset; /* first instruction, D3DKMT_RENDER.CommandOffset */
	uint32_t command_length; /* bytes, counted from offset 0 of the command buffer */
	uint32_t allocation_count;
	uint32_t patch_location_count;
	uint32_t broadcast_count;     /* D3DKMT_RENDER.BroadcastContextCount */
	uint32_t new_command_bytes;   /* with RESIZE_COMMAND_BUFFER */
	uint32_t new_allocation_list; /* with RESIZE_ALLOCATION_LIST, elements */
	uint32_t new_patch_list;      /* with RESIZE_PATCH_LOCATION_LIST, elements */
	uint32_t reserved;            /* zero */
};

_Static_assert(sizeof(struct penstock_patch_location) == 24, "an entry's size is the protocol's");

/* One submission inside a payload; the pointers go into the payload, at any alignment. */
struct penstock_submission_view {
	struct penstock_wire_submission record;
	const uint8_t *allocation_list; /* record.allocation_count * 16 bytes */
	const uint8_t *patch_list;      /* record.patch_location_count * 24 bytes */
	const uint8_t *broadcast;       /* record.broadcast_count * 8 bytes */
	const uint8_t *command;         /* record.command_length bytes */
};

/*
 * The submission at *offset of a submit frame's payload; *offset moves behind its padding. Checks
 * the structure only: that all parts lie inside the payload and that the padding is zero. SUCCESS,
 * or MALFORMED_FRAME with a sentence, *offset unchanged.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_submission_view(const uint8_t *payload, uint32_t payload_bytes,
					      uint32_t *offset,
					      struct penstock_submission_view *ret_view,
					      struct penstock_errbuf *reterr_text);

#endif
