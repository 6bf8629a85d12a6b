/* SPDX-License-Identifier: MIT */
/*
 * What is one for the whole daemon: its adapters, and everything that is of no adapter: principals,
 * sessions, names, the store's sequences and ids, leases, the turn.
 *
 *	RUNNING --(stop)--> STOPPING: sessions end, adapters halt --> freed
 *
 * Who holds whom (counted, freed with the last): a submission its context and openings; a context
 * or opening its device; a device its session; an opening its allocation; a session and an
 * allocation their principal. A name holds its object. A device and an allocation are of one
 * adapter for all their life. Loop thread only.
 */
#ifndef PENSTOCK_MACHINE_H
#define PENSTOCK_MACHINE_H

#include "daemon/objects/adapter.h"
#include "daemon/objects/capture.h"
#include "daemon/objects/directory.h"
#include "daemon/objects/report_file.h"
#include "proto/wire/limits.h"

#define PENSTOCK_HELD_CLASSES 8u

/* Free heap blocks of submissions by size class (held.c). */
struct penstock_held_pool {
	struct penstock_held *free[PENSTOCK_HELD_CLASSES];
	uint32_t free_count[PENSTOCK_HELD_CLASSES];
};

struct penstock_machine {
	struct penstock_machine_config config; /* strings and adapters of it are not kept */
	struct penstock_progress *progress;
	struct penstock_turn turn;
	struct penstock_directory directory;
	struct penstock_held_pool held_pool;
	struct penstock_trace trace;
	struct penstock_capture capture;
	struct penstock_list principals;    /* penstock_principal.link */
	struct penstock_list unsettled;     /* penstock_session.unsettled_link: rows not on disk */
	uint64_t committed_sequence;        /* of the store */
	struct penstock_list condemned;     /* condemned.c: their rows' deletion is not on disk */
	struct penstock_list debug_reports; /* debug_report.c, oldest first */
	uint32_t debug_report_count;
	uint64_t last_debug_report_id;
	struct penstock_report_file report_file;
	struct penstock_list leases;      /* penstock_session.lease_link: without a connection */
	struct penstock_list dirty_lists; /* penstock_context.dirty_link: table not stored */
	struct penstock_list snapshots;   /* penstock_snapshot.link, oldest first: large ones */
	size_t snapshot_bytes;            /* of those */
	uint64_t last_principal_id;
	uint64_t last_session_id;
	uint64_t last_device_id;
	uint64_t last_context_id;
	uint64_t last_allocation_id;
	uint64_t last_opening_id;
	uint64_t last_sync_object_id;
	uint64_t last_sync_opening_id;
	uint32_t sessions;
	bool stopping;
	bool keeping; /* what is freed from now on stays in store and memory directory */
	bool closing; /* STOPPING: nothing is left but handles */
	void (*stopped)(void *argument);
	void *stopped_argument;
	uint32_t adapter_count; /* configured; the others failed before the start */
	struct penstock_adapter adapters[PENSTOCK_LIMIT_ADAPTERS];
};

/* By its number, or the number of one of its contexts, as observe.h shows them; NULL: there is
 * none. */
struct penstock_device *penstock_machine_find_device(const struct penstock_machine *machine,
						     uint64_t id);
struct penstock_device *
penstock_machine_find_device_of_context(const struct penstock_machine *machine,
					uint64_t context_id);

void penstock_machine_log(struct penstock_machine *machine, int level, const char *group,
			  const char *format, ...) PENSTOCK_PRINTF(4, 5);

/* What is freed from now on stays for the next daemon. */
void penstock_machine_keep(struct penstock_machine *machine);

/* The last object of a kind may be gone: while STOPPING, goes on with the end. */
void penstock_machine_check_stopped(struct penstock_machine *machine);

/* Brings back what the store holds (restore.c). SUCCESS, DATA_ERROR, NO_MEMORY, IO_DEVICE_ERROR. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_machine_restore(struct penstock_machine *machine,
					      struct penstock_errbuf *reterr_text);

#endif
