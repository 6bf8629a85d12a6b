/* SPDX-License-Identifier: MIT */
/*
 * Who is next on a node: the highest priority that has a queue with work; within a priority the
 * process that has had the least GPU time for its weight; within a process one queue after
 * another. A priority that was passed over often enough is next all the same, so that each gets on
 * (D3DKMTSetContextSchedulingPriority, relative mode).
 *
 * GPU time is charged twice: what the packets of a process usually take when one is submitted, and
 * the difference when it has completed, so that who floods does not get every place of the
 * hardware queue. A process that had nothing to do goes on where the others of its priority are:
 * what it did not use is not saved up. Pure; loop thread.
 */
#ifndef PENSTOCK_SHARE_H
#define PENSTOCK_SHARE_H

#include "proto/base/list.h"

#define PENSTOCK_PRIORITY_LEVELS 15u /* +7 is level 0, -7 level 14 */

/* As often as this higher priorities go ahead of one that has work. */
#define PENSTOCK_PRIORITY_PATIENCE 32u

struct penstock_queue;

/* Of one process, in one priority of one node. */
struct penstock_share {
	struct penstock_list queues; /* penstock_queue.ready_link: one after another */
	struct penstock_list link;   /* penstock_level.shares, while a queue has work */
	uint64_t spent;              /* nanoseconds, weighted */
	uint64_t packet_ns;          /* what a packet took lately */
};

/* One priority of a node. */
struct penstock_level {
	struct penstock_list shares; /* least spent first */
	uint64_t floor;              /* what the one that was served last had spent before */
	uint32_t passed;             /* so often higher ones went ahead */
};

/* The queues of a node that may have something for it. */
struct penstock_ready {
	struct penstock_level levels[PENSTOCK_PRIORITY_LEVELS];
	uint32_t occupied; /* bit n: level n has a queue */
	uint32_t count;    /* of queues */
};

void penstock_share_init(struct penstock_share *share);

void penstock_ready_init(struct penstock_ready *ready);

/* The queue becomes the last of its process; it is in no list. */
void penstock_ready_append(struct penstock_ready *ready, struct penstock_queue *queue);

void penstock_ready_remove(struct penstock_ready *ready, struct penstock_queue *queue);

/* Whose turn it is, NULL: nobody has work. */
struct penstock_queue *penstock_ready_first(const struct penstock_ready *ready);

/* The queue, which is ready, goes behind the others of its process. */
void penstock_ready_rotate(struct penstock_queue *queue);

/*
 * A packet of the queue, which is in no list, goes on the hardware: it is charged. Returns the
 * charge, in nanoseconds, for penstock_ready_settle. *ret_promoted: it is there because it was
 * passed over often enough, and no higher priority takes its place before its time is over.
 */
uint64_t penstock_ready_served(struct penstock_ready *ready, struct penstock_queue *queue,
			       bool *ret_promoted);

/*
 * The packet has left the hardware. `ran`: it took `gpu_ns` of the node; otherwise it goes back,
 * and its charge is returned.
 */
void penstock_ready_settle(struct penstock_ready *ready, struct penstock_queue *queue,
			   uint64_t charged_ns, bool ran, uint64_t gpu_ns);

#endif
