/* SPDX-License-Identifier: MIT */
/*
 * A principal: who pays. Its memory, its GPU process and its quota are one for all its sessions.
 * It stays for a while after its last object, so that a client that comes back finds its GPU
 * process warm. Loop thread only.
 */
#ifndef PENSTOCK_PRINCIPAL_H
#define PENSTOCK_PRINCIPAL_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/objects/adapter.h"

/* A GPU process ends, and a principal without objects is forgotten, after so long without work. */
#define PENSTOCK_PRINCIPAL_IDLE_MS 60000u

struct penstock_principal {
	struct penstock_adapter *adapter;       /* borrowed */
	struct penstock_vidmm_process *process; /* owned; NULL of a failed adapter */
	struct penstock_list link;              /* penstock_adapter.principals */
	struct penstock_list sessions;          /* penstock_session.principal_link */
	UT_hash_handle hh;
	uint64_t id;
	uint32_t references;
	uint32_t session_count;
	uint32_t connections;
	uint32_t objects;        /* devices, contexts, openings: PENSTOCK_LIMIT_PRINCIPAL_OBJECTS */
	uint32_t answers;        /* stored: PENSTOCK_LIMIT_PRINCIPAL_STORED_ANSWERS */
	uint32_t held;           /* submissions not retired */
	uint64_t held_bytes;     /* heap of those, and of staged transfers */
	uint64_t promised_bytes; /* heap of guaranteed contexts' promises */
	bool over_credit;        /* too many: none of its connections reads */
	bool asleep;             /* its GPU process was ended for idleness */
	uint64_t active_ms;      /* uv_now of its last submission or last reference */
	uint64_t submissions;
	uint64_t retired;
	uint64_t refused;
	char name[128];
};

/*
 * Heap that its submissions and staged transfers take, whatever the session. Beyond
 * PENSTOCK_LIMIT_PRINCIPAL_HELD_BYTES all of its sessions are over their credit.
 */
void penstock_principal_hold(struct penstock_principal *principal, uint64_t bytes);
void penstock_principal_release(struct penstock_principal *principal, uint64_t bytes);

/* Finds it, or makes it; counted for the caller. SUCCESS, NO_MEMORY, IO_DEVICE_ERROR. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_principal_get(struct penstock_adapter *adapter, const char *name,
					    struct penstock_principal **ret_principal);

/* At start: one of the store, counted for the caller. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_principal_restore(struct penstock_adapter *adapter, uint64_t id,
						const char *name,
						struct penstock_principal **ret_principal);

void penstock_principal_ref(struct penstock_principal *principal);
void penstock_principal_put(struct penstock_principal *principal);

/* Ends idle GPU processes, forgets principals without objects; all of those where `everything`. */
void penstock_principal_sweep(struct penstock_adapter *adapter, bool everything);

#endif
