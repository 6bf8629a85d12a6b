/* SPDX-License-Identifier: MIT */
/*
 * Who a process is reset for, and what is said of it: one submission a node at most, by what the
 * GPU said, did not say, or died of.
 */
#ifndef PENSTOCK_CULPRIT_H
#define PENSTOCK_CULPRIT_H

#include "daemon/schedule/scheduler.h"

struct penstock_culprit {
	struct penstock_submission *submission; /* off the hardware; NULL: none on this node */
	struct penstock_interrupt interrupt;
	char text[320];
};

/* Why one node of a process is reset. */
struct penstock_cause {
	/* Writes the culprit's text. NULL: this node has no part in it. */
	void (*describe)(struct penstock_culprit *culprit, const struct penstock_cause *cause);
	struct penstock_interrupt interrupt; /* of a fault; of the others only its type counts */
	int wait_status;                     /* of a death */
	uint64_t waited_ns;                  /* of a hang */
};

/* It said itself what is wrong: DMA_FAULTED, DMA_PAGE_FAULTED. */
void penstock_describe_fault(struct penstock_culprit *culprit, const struct penstock_cause *cause);

/* DMA_PREEMPTED is what never came. */
void penstock_describe_hang(struct penstock_culprit *culprit, const struct penstock_cause *cause);

/* Its process ended by itself. */
void penstock_describe_death(struct penstock_culprit *culprit, const struct penstock_cause *cause);

/* It had begun, and was stopped with its process: how far it was is not known. */
void penstock_describe_unknown(struct penstock_culprit *culprit,
			       const struct penstock_cause *cause);

/*
 * Where it was is what the GPU said before it ended: `dma_offset` is in its buffer, or not worth a
 * word.
 */
void penstock_culprit_at(struct penstock_culprit *culprit, uint32_t dma_offset);

#endif
