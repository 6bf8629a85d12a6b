/* SPDX-License-Identifier: MIT */
/*
 * What objects stands on, as link-time substitutes for memory, schedule and store that a test
 * steps by hand: nothing moves, retires or commits unless it is told to. Render is the real one.
 * A program links either this or the libraries. What "survives a restart" is static, so that
 * a machine can be stopped or dropped and started again.
 */
#ifndef PENSTOCK_FAKE_CORE_H
#define PENSTOCK_FAKE_CORE_H

#include "daemon/objects/objects.h"

#include <check.h>

struct fake_core {
	struct penstock_list waiting;  /* penstock_submission.queue_link: all queues, in order */
	struct penstock_list hardware; /* likewise */
	struct penstock_list put_off;  /* likewise: completions for deliver */
	unsigned submissions;          /* that reached the hardware */
	unsigned allocations;          /* of vidmm, alive */
	unsigned processes;            /* likewise */
	unsigned accesses;             /* begun and not ended */
	unsigned locks;                /* of these, locked */
	unsigned offered;              /* allocations that may be dropped */
	uint32_t offer_priority;       /* of the last offer */
	uint32_t priority;             /* that was set last */
	uint32_t restored_priority;    /* the highest of what was restored */
	unsigned closed;               /* times that a principal's memory was taken away */
	unsigned kept;                 /* allocations that were freed while keeping */
	unsigned promised_slots;
	unsigned adapter_resets;
	bool unending;      /* and they fail */
	bool no_slots;      /* none can be promised; the next run has none either */
	bool reserve_later; /* allocation_new answers PENDING */
	bool share_later;
	bool moving;         /* access_begin answers NULL */
	bool local;          /* and an access that is HELD */
	bool drop_offered;   /* what is offered is lost at once */
	bool no_more;        /* allocation_new answers NO_MEMORY */
	bool worker_later;   /* jobs wait for fake_core_work */
	uint32_t segment_id; /* what allocations are placed in when they are submitted */
	uint64_t base;       /* address of the first allocation there */
	uint64_t sequence;   /* of the store's last row */
	uint64_t committed;
	unsigned lists_put;
	const char *failed; /* start_backend answers so */
	void (*submitted)(const struct penstock_submission *submission); /* or NULL: to hardware */
};

extern struct fake_core fake;

/* Forgets everything, what survives too. */
void fake_core_reset(void);

/* A new daemon: nothing of the last one is in memory any more. */
void fake_core_new_run(void);

/*
 * kill -9: what survives is saved as it is at this moment (rows that are not committed do not
 * count). The machine is then stopped for its memory's sake, and resurrect puts the saved state
 * back, as if the stop had never been.
 */
void fake_core_kill(void);
void fake_core_resurrect(void);

/* Another memory directory: no content survives. */
void fake_core_lose_memory(void);

/* fake_sync.c: a Wait or Signal at the head of its queue is over with its turn. */
bool fake_sync_may_run(const struct penstock_submission *packet);

/* The oldest reservation or share that waits. */
void fake_core_reserved(enum penstock_status status);
void fake_core_shared(enum penstock_status status);

/* Retires so many of the hardware's submissions, oldest first; all: UINT_MAX. Returns how many. */
unsigned fake_core_retire(unsigned count);

/* The oldest submission of the hardware faults, or is one that can never fit. */
void fake_core_fault(const struct penstock_interrupt *interrupt, const char *text);
void fake_core_out_of_memory(uint32_t dma_offset, const char *text);

/* Runs what was given to the worker, oldest first; returns how many. */
unsigned fake_core_work(unsigned count);

/* vidmm: something that was in the way is not any more. */
void fake_core_progress(void);

/* vidmm or the scheduler found a defect. */
void fake_core_fail(const char *reason);

/* Everything that was put is on disk. */
void fake_core_commit(struct penstock_machine *machine);

/* fake_store.c's part of kill and resurrect. */
void fake_store_kill(void);
void fake_store_resurrect(void);

/* What a progress record says that was accepted. */
uint64_t fake_core_accepted(uint64_t progress_record);

/* fake_progress.c: its records, as fake_core does with all of it. */
void fake_progress_lose(void);
void fake_progress_kill(void);
void fake_progress_resurrect(void);
void fake_progress_new_run(void);

/* Rows of a kind that are committed. */
unsigned fake_core_rows(enum penstock_store_kind kind);

enum penstock_status fake_core_start_backend(void *owner, uint32_t adapter_index,
					     const struct penstock_backend_callbacks *callbacks,
					     struct penstock_backend **ret_backend,
					     struct penstock_errbuf *reterr_text);
enum penstock_status fake_core_run(void *owner, void (*work)(void *argument),
				   void (*done)(void *argument), void *argument);

/* Stands for a store. */
struct penstock_store *fake_core_store(void);

#endif
