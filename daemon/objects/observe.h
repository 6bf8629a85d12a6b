/* SPDX-License-Identifier: MIT */
/*
 * What an operator may see of a machine and its adapters: rows of plain values, walked in one call
 * and one turn of the loop. Strings and arrays are borrowed and valid inside the callback, which
 * must not call into objects. Values, not pointers to objects, so that nobody can change what he
 * looks at. Loop thread only.
 */
#ifndef PENSTOCK_OBSERVE_H
#define PENSTOCK_OBSERVE_H

#include "daemon/objects/objects.h"
#include "proto/wire/limits.h"
#include "proto/wire/trace.h"

/* ---------------------------------------------------------------- status */

struct penstock_machine_view {
	uint32_t adapters;
	uint32_t sessions;
	uint32_t leased_sessions; /* without a connection */
	uint32_t connections;
	uint64_t time_ns; /* monotonic: what differences of counters are divided by */
};

void penstock_observe_machine(const struct penstock_machine *machine,
			      struct penstock_machine_view *ret_view);

struct penstock_adapter_view {
	const char *backend; /* its name; "" once it stopped */
	const char *state;   /* "running", "resetting", "failed", "stopping" */
	const char *failure; /* why failed, or resetting; or "" */
	uint32_t resets;
	uint32_t running; /* 1: its state is "running" */
	uint32_t devices;
	uint32_t devices_lost; /* of these */
	uint32_t contexts;
	uint32_t allocations;
	uint32_t openings;
	uint32_t sync_objects;
	uint32_t submissions_held;
	uint32_t transfers;
	int64_t system_process; /* pid of the GPU process that pages, 0: none */
};

/* `index` below penstock_machine_view.adapters; so everywhere. */
void penstock_observe_adapter(const struct penstock_machine *machine, uint32_t index,
			      struct penstock_adapter_view *ret_view);

/* What a principal has had of a node. */
struct penstock_principal_node_view {
	uint32_t adapter;
	uint32_t node_ordinal;
	uint32_t on_hardware; /* packets */
	uint64_t gpu_ns;      /* what runs now included */
	uint64_t preemptions;
};

struct penstock_principal_view {
	uint64_t id; /* its number, never used again */
	const char *name;
	uint32_t sessions;
	uint32_t connections;
	uint32_t objects;
	uint64_t memory_bytes;
	uint64_t memory_quota_bytes;
	uint64_t dma_pool_bytes; /* beside the quota */
	int64_t gpu_process;     /* pid, 0: none */
	uint64_t submissions;
	uint64_t retired;
	uint64_t refused;
	uint64_t resident_bytes; /* of its allocations that have a place in a segment */
	uint64_t evicted;        /* allocations that made room for others, so far */
	uint64_t held;           /* submissions accepted and not ended */
	uint64_t gpu_ns;         /* of all nodes */
	uint64_t preemptions;    /* likewise */
	uint32_t node_count;
	struct penstock_principal_node_view nodes[PENSTOCK_LIMIT_ADAPTERS * PENSTOCK_NODE_COUNT];
	uint64_t hangs;
	uint64_t blocked_ms; /* for how long it is blocked from an adapter; 0: from none */
};

void penstock_observe_principals(const struct penstock_machine *machine,
				 void (*visit)(void *owner,
					       const struct penstock_principal_view *view),
				 void *owner);

/* ---------------------------------------------------------------- sessions */

struct penstock_session_view {
	uint64_t id;      /* its number, as in the log */
	uint64_t session; /* as in penstock_context_view */
	const char *principal;
	const char *client; /* what it said it is */
	bool connected;
	uint32_t lease_s; /* 0: none */
	uint32_t devices;
	uint32_t contexts;
	uint32_t submissions_held;
	uint64_t last_serial;
};

void penstock_observe_sessions(const struct penstock_machine *machine,
			       void (*visit)(void *owner, const struct penstock_session_view *view),
			       void *owner);

/* ---------------------------------------------------------------- contexts */

struct penstock_context_view {
	uint64_t id;
	uint64_t session; /* the high half of its id, cut to 32 bits: no one resumes with that */
	const char *principal;
	uint64_t name;
	uint64_t device; /* id */
	uint32_t adapter;
	const char *device_state;
	const char *device_reason; /* why it is lost, or "" */
	uint32_t node_ordinal;
	uint32_t flags;
	int32_t priority;
	uint32_t queued;
	uint64_t submitted;
	uint64_t dma_buffers;
	uint64_t splits; /* of these: that were split */
	uint64_t parts;  /* of those, that reached their fence */
	uint64_t refused;
	uint64_t last_serial;
	uint64_t completed_fence;
	uint32_t dma_buffer_bytes;
	uint32_t allocation_list;
	uint32_t patch_location_list;
	uint64_t command_bytes;
	uint64_t dma_bytes;
	uint64_t patch_locations;
	uint64_t patched;
	uint32_t on_hardware; /* packets */
	uint64_t gpu_ns;      /* what runs now included */
	uint64_t preemptions;
	/* Why the first that is not on the hardware is not; NOTHING where there is none. */
	enum penstock_trace_wait waits_for;
	uint64_t waits_serial; /* which that is */
	uint64_t waits_object; /* for a synchronisation object: its id, and the value of it */
	uint64_t waits_value;
};

void penstock_observe_contexts(const struct penstock_machine *machine,
			       void (*visit)(void *owner, const struct penstock_context_view *view),
			       void *owner);

/* An element of a list of a submission, as render saw it. */
struct penstock_element_view {
	uint32_t index;
	uint64_t allocation; /* id; 0: the NULL element */
	uint64_t size_bytes;
	uint32_t segment_id;
	uint64_t address;
	bool write_operation;
};

/*
 * A context's last accepted submission. What is on its way is shown as it stands: before it was
 * picked, `after` is what render left. Of a restored context only the list is known (serial 0).
 */
struct penstock_dump_view {
	struct penstock_context_view context;
	uint64_t serial;
	uint32_t submission_fence_id; /* 0: not picked yet */
	uint32_t pass;                /* of a chain: what is shown is this one, its latest */
	uint32_t patched;             /* sites whose bytes the patch changed */
	uint32_t element_count;
	uint32_t patch_count;
	uint32_t dma_bytes;
	const struct penstock_element_view *elements;
	const struct penstock_patch_location *patches;
	const uint64_t *values_before; /* [patch_count]: as render left them */
	const uint64_t *values_after;
	const uint8_t *dma_before;
	const uint8_t *dma_after;
};

/*
 * One context by its id. SUCCESS; NOT_FOUND; NO_MEMORY. A context whose last submission is not
 * kept (there was none, or it was large and others came since) is shown with all counts 0.
 */
PENSTOCK_MUST_CHECK
enum penstock_status
penstock_observe_submission(const struct penstock_machine *machine, uint64_t context_id,
			    void (*visit)(void *owner, const struct penstock_dump_view *view),
			    void *owner);

/* ---------------------------------------------------------------- failures */

/* What a device's D3DKMT_DEVICEEXECUTION_STATE is called; "unknown" where it is none. */
const char *penstock_execution_name(uint32_t state);

/* What is kept of a failure of a GPU. No pointers: on disk it is this (report_file.h). */
struct penstock_debug_report {
	uint64_t id;     /* > 0, grows over restarts of the daemon */
	uint64_t made_s; /* seconds since 1970 */
	uint32_t adapter;
	char event[24]; /* the state of the device that was lost; of the adapter: "reset-adapter",
			 * "stopped-adapter" */
	char principal[128]; /* "" where it is the adapter's; so are the next ones */
	uint64_t session;    /* as in penstock_context_view */
	uint64_t device;
	uint64_t context;
	uint64_t fence; /* the submission's client fence */
	uint32_t pass;
	uint32_t node_ordinal;
	uint32_t submission_fence_id;
	uint64_t fault_address;  /* 0: none */
	uint32_t dma_offset;     /* of the instruction; PENSTOCK_DMA_OFFSET_UNKNOWN */
	uint32_t dma_bytes;      /* of the DMA buffer */
	uint32_t command_offset; /* of the instruction, in the command buffer */
	char instruction[32];    /* its mnemonic; "": not known */
	char reason[256];
	char disassembly[2048];  /* around dma_offset, which is marked; "" where it is not known; no
				  * bytes of a client's */
	char engine_state[1024]; /* what the GPU's rings said before anything was done */
	uint32_t element_total;  /* of the allocation list */
	uint32_t element_count;  /* of these, without NULL elements: */
	struct penstock_element_view elements[32];
};

/* Oldest first. */
void penstock_observe_debug_reports(const struct penstock_machine *machine,
				    void (*visit)(void *owner,
						  const struct penstock_debug_report *report,
						  uint64_t age_ms),
				    void *owner);

/* ---------------------------------------------------------------- memory and queues */

/* Of a renamed allocation one that is not its current one. */
struct penstock_instance_view {
	uint32_t segment_id; /* 0: system memory only */
	uint64_t address;
	uint32_t references; /* by submissions that were sent before it was left */
	bool spare;          /* nobody uses it: it is the next one, or goes */
};

struct penstock_allocation_view {
	uint64_t id;
	const char *principal;
	uint64_t size_bytes;
	uint32_t segment_id;
	uint64_t address;
	uint32_t openings;
	bool shared;
	uint32_t width;
	uint32_t height;
	const char *format; /* "" where it is no surface */
	uint32_t pitch_bytes;
	uint32_t references;
	uint32_t segment_set;
	uint32_t adapter;
	uint32_t instance_count; /* beside the current one, which the fields above are about */
	const struct penstock_instance_view *instances; /* [instance_count] */
};

void penstock_observe_allocations(const struct penstock_machine *machine,
				  void (*visit)(void *owner,
						const struct penstock_allocation_view *view),
				  void *owner);

struct penstock_place_view {
	uint32_t adapter;
	struct penstock_resident_view resident; /* process_id is penstock_principal_view.id */
};

/* Every allocation that has a place in a segment, or is on its way from or to it, in no order. */
void penstock_observe_places(const struct penstock_machine *machine,
			     void (*visit)(void *owner, const struct penstock_place_view *view),
			     void *owner);

struct penstock_segment_view {
	uint32_t adapter;
	struct penstock_segment_state state;
};

struct penstock_node_view {
	uint32_t adapter;
	uint32_t hw_queue_packet_cap;
	struct penstock_node_state state;
};

/* Of every adapter that has them. DEVICE_REMOVED: none has any more, nothing was visited. */
enum penstock_status
penstock_observe_segments(const struct penstock_machine *machine,
			  void (*visit)(void *owner, const struct penstock_segment_view *view),
			  void *owner);
enum penstock_status penstock_observe_nodes(const struct penstock_machine *machine,
					    void (*visit)(void *owner,
							  const struct penstock_node_view *view),
					    void *owner);

#endif
