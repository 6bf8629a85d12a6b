/* SPDX-License-Identifier: MIT */
/*
 * The numbers of a trace on the wire (AdminTrace, TraceRow). A number is never used again.
 */
#ifndef PENSTOCK_WIRE_TRACE_H
#define PENSTOCK_WIRE_TRACE_H

enum penstock_trace_action {
	PENSTOCK_TRACE_START = 1,
	PENSTOCK_TRACE_READ = 2,
	PENSTOCK_TRACE_STOP = 3,
};

/* TraceRow.kind, with what `value` and `other` are. */
enum penstock_trace_kind {
	PENSTOCK_TRACE_LOST = 1,       /* value: events that did not find room before this one */
	PENSTOCK_TRACE_RENDERED = 2,   /* value: when it began; other: command bytes; fence_id: the
					* thread */
	PENSTOCK_TRACE_QUEUED = 3,     /* value: bytes of the DMA buffer */
	PENSTOCK_TRACE_WAITS = 4,      /* value: enum penstock_trace_wait */
	PENSTOCK_TRACE_SUBMITTED = 5,  /* value, other: start and end offset in the DMA buffer */
	PENSTOCK_TRACE_COMPLETED = 6,  /* value: its GPU time */
	PENSTOCK_TRACE_PUT_BACK = 7,   /* value: its GPU time; other: where it goes on */
	PENSTOCK_TRACE_DROPPED = 8,    /* value: the status, as on the wire */
	PENSTOCK_TRACE_FAULTED = 9,    /* value: enum penstock_trace_fault; other: DMA offset */
	PENSTOCK_TRACE_PAGING = 10,    /* submitted; value: bytes; other: earlier attempts */
	PENSTOCK_TRACE_PAGED = 11,     /* completed */
	PENSTOCK_TRACE_PREEMPT = 12,   /* asked; fence_id: the preemption's */
	PENSTOCK_TRACE_PREEMPTED = 13, /* answered */
	PENSTOCK_TRACE_ENGINE_RESET = 14,
	PENSTOCK_TRACE_ADAPTER_STOPPED = 15,
	PENSTOCK_TRACE_SYNCHRONIZED = 16, /* a Wait or a Signal is done; value: the object's; other:
					   * 1 a Signal */
	PENSTOCK_TRACE_ADAPTER_RESET = 17, /* value: 0 asked for, 1 done */
	PENSTOCK_TRACE_MOVED = 18, /* an allocation, by a paging operation that is asked for; value:
				    * its id; other: bytes; fence_id: enum penstock_trace_move;
				    * pass: the segment that it comes to or leaves */
};

/* DXGK_BUILDPAGINGBUFFER_OPERATION, and for a TRANSFER which way. */
enum penstock_trace_move {
	PENSTOCK_TRACE_MOVE_TRANSFER_IN = 0,
	PENSTOCK_TRACE_MOVE_FILL = 1,
	PENSTOCK_TRACE_MOVE_DISCARD_CONTENT = 2,
	PENSTOCK_TRACE_MOVE_MAP_APERTURE_SEGMENT = 5,
	PENSTOCK_TRACE_MOVE_UNMAP_APERTURE_SEGMENT = 6,
	PENSTOCK_TRACE_MOVE_NOTIFY_RESIDENCY = 15,
	PENSTOCK_TRACE_MOVE_TRANSFER_OUT = 32, /* of 0 bytes: an eviction notice */
};

/* What a submission's device was lost for: the numbers of DXGK_INTERRUPT_. */
enum penstock_trace_fault {
	PENSTOCK_TRACE_FAULT_HANG = 2, /* it never answered a preemption */
	PENSTOCK_TRACE_FAULT_ILLEGAL = 4,
	PENSTOCK_TRACE_FAULT_PAGE = 9,
};

/* Why the first of a queue does not go on the hardware. */
enum penstock_trace_wait {
	PENSTOCK_TRACE_WAIT_NOTHING = 0,
	PENSTOCK_TRACE_WAIT_ORDER = 1,      /* a transfer or another request before it */
	PENSTOCK_TRACE_WAIT_MEMORY = 2,     /* its allocations are being made resident */
	PENSTOCK_TRACE_WAIT_PREEMPTION = 3, /* its process's ring is asked to come empty */
	PENSTOCK_TRACE_WAIT_CROWD = 4,      /* memory works for enough others */
	PENSTOCK_TRACE_WAIT_OBJECT = 5,     /* a synchronisation object has not reached its value */
	/* of ContextRow only */
	PENSTOCK_TRACE_WAIT_NODE = 6,        /* others have the node */
	PENSTOCK_TRACE_WAIT_PREDECESSOR = 7, /* what its own context has on the hardware */
	PENSTOCK_TRACE_WAIT_RENDER = 8,      /* a worker translates it */
	PENSTOCK_TRACE_WAIT_DISK = 9, /* of a leased session: requests before it are not kept */
};

#endif
