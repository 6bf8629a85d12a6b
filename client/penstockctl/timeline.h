/* SPDX-License-Identifier: MIT */
/*
 * A trace as lanes: from the daemon's events, in their order, to bars that nest and points in time,
 * in the terms of the trace event format that Chrome's and Perfetto's viewers read.
 *
 *	a thread of the daemon   what it rendered
 *	a context's queue        its first submission, until it was on the hardware; inside of
 *	                         that, what it waited for
 *	a node of a GPU process  what it executed, one after the other; paging, and of the system
 *	                         process which allocations that is about
 *
 * No I/O, no clock. What is lost is lost: behind a gap everything begins anew.
 */
#ifndef PENSTOCKCTL_TIMELINE_H
#define PENSTOCKCTL_TIMELINE_H

#include "proto/base/base.h"
#include "proto/wire/penstock.pb-c.h"

/* More than a viewer opens, and some 150 MB here. */
#define TIMELINE_MOST_ITEMS (1u << 21)

/* What a bar or a point says. */
enum item_kind {
	ITEM_RENDER,
	ITEM_QUEUED,
	ITEM_WAITS_ORDER,
	ITEM_WAITS_MEMORY,
	ITEM_WAITS_PREEMPTION,
	ITEM_WAITS_CROWD,
	ITEM_WAITS_OBJECT,
	ITEM_EXECUTE,
	ITEM_EXECUTE_PART,
	ITEM_EXECUTE_PREEMPTED,
	ITEM_EXECUTE_LOST,
	ITEM_EXECUTE_UNFINISHED,
	ITEM_PAGING,
	ITEM_PREEMPT,
	ITEM_PREEMPTED,
	ITEM_ENGINE_RESET,
	ITEM_FAULT,
	ITEM_PAGE_FAULT,
	ITEM_HANG,
	ITEM_DROPPED,
	ITEM_WAITED,
	ITEM_SIGNALED,
	ITEM_TRANSFER_IN,
	ITEM_TRANSFER_OUT,
	ITEM_EVICTION_NOTICE,
	ITEM_FILL,
	ITEM_DISCARD_CONTENT,
	ITEM_MAP_APERTURE,
	ITEM_UNMAP_APERTURE,
	ITEM_ADAPTER_RESET,
	ITEM_ADAPTER_RESTARTED,
	ITEM_ADAPTER_STOPPED,
	ITEM_EVENTS_LOST,
	ITEM_KIND_COUNT
};

enum item_phase {
	PHASE_BAR = 'X',
	PHASE_POINT = 'i',
	PHASE_FLOW_BEGIN = 's',
	PHASE_FLOW_END = 'f',
};

struct item {
	uint64_t time_ns;
	uint64_t duration_ns; /* of a bar */
	uint64_t lane;
	uint64_t context;
	uint64_t serial;
	uint64_t value; /* by kind: bytes, offset, status, count */
	uint64_t flow;  /* of a flow: the two ends have the same */
	uint32_t process;
	uint32_t pass;
	uint32_t fence;
	uint8_t kind;  /* enum item_kind */
	uint8_t phase; /* enum item_phase */
	uint8_t depth; /* of a bar: 1 is inside of another */
};

/* A group of lanes. */
enum lane_group {
	LANES_RENDER,   /* of the daemon; lane: the thread */
	LANES_CONTEXTS, /* of a principal; lane: the context's id */
	LANES_NODES,    /* of its GPU process on an adapter; lane: the node + 1 */
	LANES_ADAPTER,  /* of an adapter's system process, likewise */
};

struct lane_process {
	enum lane_group group;
	uint32_t adapter;
	uint64_t principal; /* its number */
	char *name;         /* of the principal, owned; NULL: not known */
	bool asked;         /* somebody looked for the name */
};

struct timeline;

/* Never NULL: a tool without memory ends. */
struct timeline *timeline_new(void);
void timeline_free(struct timeline *timeline);

/* The next event, in the daemon's order. */
void timeline_add(struct timeline *timeline, const Penstock__Wire__TraceRow *event);

/* There are no more: what is open ends with the last. Items are in order of time from here on. */
void timeline_end(struct timeline *timeline);

/* There would be more items than are kept. */
bool timeline_full(const struct timeline *timeline);

/* Whether a principal's name is wanted that nobody looked for; then it counts as looked for. */
bool timeline_wants_names(struct timeline *timeline);
void timeline_name(struct timeline *timeline, uint64_t principal, const char *name);

/* Borrowed. An item's process is the index of a struct lane_process. */
const struct item *timeline_items(const struct timeline *timeline, size_t *ret_count);
const struct lane_process *timeline_processes(const struct timeline *timeline, size_t *ret_count);

#endif
