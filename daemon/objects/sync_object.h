/* SPDX-License-Identifier: MIT */
/*
 * A synchronisation object is its adapter's: a 64-bit value that only grows, and who waits for it
 * (daemon/schedule/sync.h). A sync opening binds it to one device of that adapter and is what a
 * client names; tokens open it in other sessions, as they do allocations.
 *
 * A Signal that was accepted and does not run, because its device was lost or ended, takes the
 * object to PENSTOCK_SYNC_END, and so does the end of the last who could signal it: whoever waits
 * goes on, and sees by the value that it was not what it waited for.
 *
 * What a store keeps of one is a row, and in the progress file the value and whether a Signal was
 * accepted that has not run: that one will not, when the daemon dies. Loop thread only.
 */
#ifndef PENSTOCK_SYNC_OBJECT_H
#define PENSTOCK_SYNC_OBJECT_H

#include "daemon/objects/device.h"

struct penstock_held;

#define PENSTOCK_SYNC_END UINT64_MAX

struct penstock_sync_object {
	struct penstock_adapter *adapter; /* borrowed */
	struct penstock_sync sync;
	UT_hash_handle hh;                /* by token */
	struct penstock_session_id token; /* 0/0: not shared */
	uint64_t id;
	uint64_t progress_record; /* not 0: it has a row */
	uint32_t references;      /* openings and packets */
	uint32_t openings;        /* that have a name */
	uint32_t signals;         /* accepted and not ended */
	uint32_t counted;         /* of these, in the progress file */
	bool kept;                /* the row outlives us: the daemon ends */
	bool published;           /* the token is in the directory */
};

struct penstock_sync_opening {
	struct penstock_device *device;      /* counted */
	struct penstock_sync_object *object; /* counted */
	struct penstock_list link;           /* penstock_device.sync_openings */
	struct penstock_list turn_link;      /* penstock_turn.syncs: its client is to be told */
	struct penstock_sync_wait wait;      /* its client's */
	uint64_t id;
	uint64_t name;
	bool restored;
};

/* The packet `held`, its sync_object and sync_signals set, names it until penstock_held_end. */
void penstock_sync_object_hold(struct penstock_held *held);
void penstock_sync_object_release(struct penstock_held *held);

/* The packet was accepted for good: a restart takes it to have been under way. */
void penstock_sync_object_accepted(struct penstock_held *held);

/* The packet is over, with held->status; before its fence is told. */
void penstock_sync_object_ended(struct penstock_held *held);

/* Frees name and row at once; its client is told nothing more. `keep`: the row stays. */
void penstock_sync_opening_close(struct penstock_sync_opening *opening, bool keep);

/* Its device is lost: a client that waits is told so. */
void penstock_sync_opening_lost(struct penstock_sync_opening *opening);

/* Its connection is gone, and with it that somebody waits. */
void penstock_sync_opening_detach(struct penstock_sync_opening *opening);

/* The turn's part. */
void penstock_sync_opening_tell(struct penstock_sync_opening *opening);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_sync_object_restore(struct penstock_machine *machine,
						  const struct penstock_sync_object_row *row,
						  struct penstock_sync_object **ret_object);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_sync_opening_restore(struct penstock_device *device,
						   struct penstock_sync_object *object,
						   const struct penstock_sync_opening_row *row);

/* Behind the load: its record says what was found, or is a new one. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_sync_object_renew(struct penstock_sync_object *object);

/* At the end of the restore: gives back the restore's own reference; unopened, it goes. */
void penstock_sync_object_settle_restore(struct penstock_sync_object *object);

#endif
