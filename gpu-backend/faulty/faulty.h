/* SPDX-License-Identifier: MIT */
/*
 * A GPU for tests that misbehaves on order: a script says which packet meets which fault. No time,
 * no threads, no processes: what happens is a function of the script and the order of the calls.
 *
 * The n-th packet that is submitted, over all processes, has number n, from 0. Packets are executed
 * one a step, in order on each node, the nodes in turn. Loop thread only.
 */
#ifndef PENSTOCK_FAULTY_H
#define PENSTOCK_FAULTY_H

#include "gpu-backend/backend.h"

enum penstock_fault_kind {
	PENSTOCK_FAULT_NONE,
	PENSTOCK_FAULT_LATE,       /* completes after `argument` steps more */
	PENSTOCK_FAULT_LOST,       /* completes without an interrupt; query_current_fence tells */
	PENSTOCK_FAULT_REPEATED,   /* its interrupt comes twice */
	PENSTOCK_FAULT_INVENTED,   /* before it an interrupt with fence id + `argument` */
	PENSTOCK_FAULT_MISPLACED,  /* before it an interrupt with its fence, of the other node */
	PENSTOCK_FAULT_ILLEGAL,    /* DMA_FAULTED at offset `argument`; the node halts */
	PENSTOCK_FAULT_PAGE_FAULT, /* DMA_PAGE_FAULTED at offset `argument`; the node halts */
	PENSTOCK_FAULT_HANG,       /* never completes, answers no preemption */
	PENSTOCK_FAULT_STUCK,      /* the same, and `argument` calls of reset_engine fail */
	PENSTOCK_FAULT_DEATH,      /* the process dies, wait status `argument` */
	PENSTOCK_FAULT_ADAPTER,    /* adapter_failed */
};

struct penstock_fault {
	uint64_t packet; /* number */
	enum penstock_fault_kind kind;
	uint32_t argument;
};

struct penstock_faulty_config {
	const struct penstock_fault *script; /* borrowed, outlives the backend; any order */
	size_t script_count;
	/*
	 * Called for each packet that is executed (not for NULL_RENDERING or one that faults), so
	 * that a test may do to memory what the packet says. NULL: memory is not touched. The
	 * paging buffer is a copy; what args points at lives for the call.
	 */
	void (*execute)(void *owner, void *process_owner, const struct penstock_submit_args *args);
	void *owner;
};

/*
 * With config->loop NULL nothing happens but in penstock_faulty_step, and `stopped` is called from
 * inside stop; else a step is done in every turn of the loop while there is something to do.
 * SUCCESS, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_faulty_start(const struct penstock_backend_config *config,
					   const struct penstock_faulty_config *faulty,
					   struct penstock_backend **ret_backend);

/* Does the next thing, with its callbacks. False: there was nothing to do. */
bool penstock_faulty_step(struct penstock_backend *backend);

#endif
