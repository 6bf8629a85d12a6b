/* SPDX-License-Identifier: MIT */
/*
 * Synchronisation objects, as the scheduler knows them: a 64-bit value that only grows, and who
 * waits for it to be reached. Documents: D3DKMTSignalSynchronizationObject,
 * D3DKMTWaitForSynchronizationObject.
 *
 * A Wait or a Signal of a context is a packet of its software queue without a DMA buffer
 * (penstock_submission.sync). It never reaches a node of the hardware and takes no time there; when
 * it is the head of its queue,
 *
 *	Wait    value not reached --> the queue sleeps --reached--> RETIRED
 *	        value reached --> RETIRED, whatever its context has on the hardware
 *	Signal  its context has something on the hardware --> the queue sleeps until that is gone
 *	        nothing --> the value is raised --> RETIRED
 *
 * A queue that sleeps is looked at by nobody: what it waits for wakes it. Loop thread only.
 */
#ifndef PENSTOCK_SYNC_H
#define PENSTOCK_SYNC_H

#include "proto/base/heap.h"
#include "proto/base/list.h"

struct penstock_scheduler;

/* Embedded in the object. */
struct penstock_sync {
	struct penstock_scheduler *scheduler; /* borrowed: its adapter's */
	uint64_t value;
	struct penstock_heap waits;        /* penstock_sync_wait.node */
	struct penstock_list reached_link; /* penstock_scheduler.reached */
};

/* Embedded in who waits. */
struct penstock_sync_wait {
	struct penstock_heap_node node; /* its key is the value */
	struct penstock_sync *sync;     /* borrowed; NULL: it does not wait */
	/* Waits no more: the value was reached. Told from inside of what raised it, or later. */
	void (*reached)(struct penstock_sync_wait *wait);
};

/* Queued packets, and callers that wait, that one turn of the loop goes on with. */
#define PENSTOCK_SYNC_A_TURN 1024u

void penstock_sync_init(struct penstock_sync *sync, struct penstock_scheduler *scheduler,
			uint64_t value);

/* Nobody waits, and no packet names it. */
void penstock_sync_fini(struct penstock_sync *sync);

/* Raises the value; one that is not larger than it changes nothing. */
void penstock_sync_signal(struct penstock_sync *sync, uint64_t value);

/* `value` is not reached yet, and `wait->reached` is set. */
void penstock_sync_wait_begin(struct penstock_sync *sync, struct penstock_sync_wait *wait,
			      uint64_t value);

/* It waits no more, and is not told. Idempotent. */
void penstock_sync_wait_end(struct penstock_sync_wait *wait);

#endif
