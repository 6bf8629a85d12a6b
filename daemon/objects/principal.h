/* SPDX-License-Identifier: MIT */
/*
 * A principal: who pays. Its memory and its GPU process on an adapter, and its quota, are one for
 * all its sessions.
 * It stays for a while after its last object, so that a client that comes back finds its GPU
 * process warm. Loop thread only.
 */
#ifndef PENSTOCK_PRINCIPAL_H
#define PENSTOCK_PRINCIPAL_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/objects/machine.h"
#include "daemon/objects/timeouts.h"

/* A GPU process ends, and a principal without objects is forgotten, after so long without work. */
#define PENSTOCK_PRINCIPAL_IDLE_MS 60000u

/* A principal on one adapter. */
struct penstock_tenant {
	struct penstock_vidmm_process *process; /* owned; NULL before its first device there, and on
						 * an adapter that is not configured any more */
	struct penstock_scheduler_process scheduling;
	uint64_t active_ms; /* uv_now of its last submission */
	uint32_t held;      /* submissions not retired */
	bool asleep;        /* its GPU process was ended for idleness */
	struct penstock_timeouts hangs;
	uint64_t blocked_until_ms; /* uv_now; block.h */
};

struct penstock_principal {
	struct penstock_machine *machine; /* borrowed */
	struct penstock_list link;        /* penstock_machine.principals */
	struct penstock_list sessions;    /* penstock_session.principal_link */
	struct penstock_list renamed;     /* penstock_allocation.renamed_link */
	struct penstock_list pipelines;   /* penstock_pipeline_create.link: in order, being made */
	UT_hash_handle hh;
	uint64_t id;
	uint32_t references;
	uint32_t session_count;
	uint32_t connections;
	uint32_t objects;        /* devices, contexts, openings: PENSTOCK_LIMIT_PRINCIPAL_OBJECTS */
	uint32_t answers;        /* stored: PENSTOCK_LIMIT_PRINCIPAL_STORED_ANSWERS */
	uint64_t held_bytes;     /* heap of those, and of staged transfers */
	uint64_t promised_bytes; /* heap of guaranteed contexts' promises */
	bool over_credit;        /* too many: none of its connections reads */
	uint64_t active_ms;      /* uv_now of its last reference */
	uint64_t submissions;
	uint64_t retired;
	uint64_t refused;
	int32_t max_priority;
	char name[128];
	struct penstock_tenant tenants[PENSTOCK_LIMIT_ADAPTERS];
};

/*
 * Heap that its submissions and staged transfers take, whatever the session. Beyond
 * PENSTOCK_LIMIT_PRINCIPAL_HELD_BYTES all of its sessions are over their credit.
 */
void penstock_principal_hold(struct penstock_principal *principal, uint64_t bytes);
void penstock_principal_release(struct penstock_principal *principal, uint64_t bytes);

/* Finds it, or makes it; counted for the caller. SUCCESS, NO_MEMORY, IO_DEVICE_ERROR. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_principal_get(struct penstock_machine *machine, const char *name,
					    struct penstock_principal **ret_principal);

/* At start: one of the store, counted for the caller. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_principal_restore(struct penstock_machine *machine, uint64_t id,
						const char *name,
						struct penstock_principal **ret_principal);

/*
 * What it is on that adapter, with memory of its own there from the first call on: it is made for
 * the first device. SUCCESS, NO_MEMORY, IO_DEVICE_ERROR.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_principal_tenant(struct penstock_principal *principal,
					       const struct penstock_adapter *adapter,
					       struct penstock_tenant **ret_tenant);

/* May it have so many bytes more, over all adapters? SUCCESS, QUOTA_EXCEEDED. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_principal_check_quota(const struct penstock_principal *principal,
						    uint64_t size_bytes);

/* Loses every device that it has on the adapter. `state` says why. */
void penstock_principal_lose_devices(struct penstock_principal *principal,
				     const struct penstock_adapter *adapter,
				     const struct penstock_device_state *state);

void penstock_principal_ref(struct penstock_principal *principal);
void penstock_principal_put(struct penstock_principal *principal);

/* Ends idle GPU processes, forgets principals without objects; all of those where `everything`. */
void penstock_principal_sweep(struct penstock_machine *machine, bool everything);

#endif
