/* SPDX-License-Identifier: MIT */
/*
 * The adapter: owner of backend, memory manager, scheduler and of every object.
 *
 *	RUNNING --(a defect, or a GPU that cannot be believed)--> FAILED
 *	   |                                                        |
 *	   +-------------------------(stop)-------------------------+--> STOPPING --> freed
 *
 * FAILED: every device is lost (DEVICE_REMOVED) and nothing new is made; the daemon lives.
 *
 * Who holds whom (counted, freed with the last): a submission its context and openings; a context
 * or opening its device; a device its session; an opening its allocation; a session and an
 * allocation their principal. A name holds its object. Loop thread only.
 */
#ifndef PENSTOCK_ADAPTER_H
#define PENSTOCK_ADAPTER_H

#include "daemon/objects/directory.h"
#include "daemon/objects/objects.h"
#include "daemon/objects/turn.h"

#define PENSTOCK_HELD_CLASSES 8u

/* Free heap blocks of submissions by size class (held.c). */
struct penstock_held_pool {
	struct penstock_held *free[PENSTOCK_HELD_CLASSES];
	uint32_t free_count[PENSTOCK_HELD_CLASSES];
};

enum penstock_adapter_state {
	PENSTOCK_ADAPTER_RUNNING,
	PENSTOCK_ADAPTER_FAILED,
	PENSTOCK_ADAPTER_STOPPING,
};

struct penstock_adapter {
	struct penstock_adapter_config config; /* strings of it are not kept */
	enum penstock_adapter_state state;
	char failure[192];                /* why FAILED */
	struct penstock_backend *backend; /* NULL: it stops or has stopped */
	struct penstock_vidmm *vidmm;
	struct penstock_scheduler *scheduler;
	struct penstock_turn turn;
	struct penstock_directory directory;
	struct penstock_held_pool held_pool;
	struct penstock_list principals;  /* penstock_principal.link */
	struct penstock_list allocations; /* penstock_allocation.link */
	struct penstock_list unsettled;   /* penstock_session.unsettled_link: rows not on disk */
	uint64_t committed_sequence;      /* of the store */
	struct penstock_list condemned;   /* condemned.c: their rows' deletion is not on disk */
	struct penstock_list leases;      /* penstock_session.lease_link: without a connection */
	struct penstock_list stalled;     /* penstock_transfer.stalled_link: wait for memory */
	struct penstock_list dirty_lists; /* penstock_context.dirty_link: table not stored */
	struct penstock_list snapshots;   /* penstock_snapshot.link, oldest first: large ones */
	size_t snapshot_bytes;            /* of those */
	uint64_t last_principal_id;
	uint64_t last_session_id;
	uint64_t last_device_id;
	uint64_t last_context_id;
	uint64_t last_allocation_id;
	uint64_t last_opening_id;
	uint32_t sessions;
	uint32_t devices;
	uint32_t contexts;
	uint32_t allocation_count;
	uint32_t openings;
	uint32_t held;      /* submissions admitted and not retired */
	uint32_t transfers; /* under way */
	bool backend_stopping;
	bool keeping; /* what is freed from now on stays in store and memory directory */
	bool closing; /* STOPPING: nothing is left but handles */
	void (*stopped)(void *argument);
	void *stopped_argument;
};

void penstock_adapter_log(struct penstock_adapter *adapter, int level, const char *group,
			  const char *format, ...) PENSTOCK_PRINTF(4, 5);

/* A defect or an unbelievable GPU: every device is lost. */
void penstock_adapter_fail(struct penstock_adapter *adapter, const char *reason);

/* Nothing is submitted from here on, what was is over, and the backend stops. Idempotent. */
void penstock_adapter_halt(struct penstock_adapter *adapter);

/* The last object of a kind may be gone: while STOPPING, goes on with the end. */
void penstock_adapter_check_stopped(struct penstock_adapter *adapter);

/* Brings back what the store holds (restore.c). SUCCESS, DATA_ERROR, NO_MEMORY, IO_DEVICE_ERROR. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_adapter_restore(struct penstock_adapter *adapter, bool fresh,
					      struct penstock_errbuf *reterr_text);

/*
 * Fills the refusal, where there is one, and returns the status, so that a check reads
 * `return penstock_refuse(...)`.
 */
enum penstock_status penstock_refuse(struct penstock_refusal *ret_refusal,
				     enum penstock_status status, const char *format, ...)
	PENSTOCK_PRINTF(3, 4);

#endif
