/* SPDX-License-Identifier: MIT */
/*
 * The host's side of one node's ring: puts packets, and turns what the GPU wrote into interrupts.
 * Everything that the GPU can write is read once and compared with what is kept here; what cannot
 * be is IMPOSSIBLE, and the adapter stops. No event loop, no descriptors.
 *
 * A packet is outstanding from put until it was reported: completed, or dropped by preemption.
 */
#ifndef PENSTOCK_HW_QUEUE_H
#define PENSTOCK_HW_QUEUE_H

#include "gpu-backend/emulated/ring.h"

/* What is remembered of a packet on the ring. */
struct penstock_hw_packet {
	uint32_t fence_id;
	uint32_t start_offset;
	uint32_t end_offset;
};

struct penstock_hw_queue {
	struct penstock_ring_node *ring; /* borrowed; NULL: there is no process */
	uint32_t node_ordinal;
	uint32_t produced;  /* packets put */
	uint32_t retired;   /* packets reported or dropped */
	uint32_t completed; /* fence id reported last, survives resets */
	uint64_t last_fence_word;
	struct penstock_hw_packet packets[PENSTOCK_RING_PACKETS];
	/* the preemption request, if there is one */
	uint32_t preempt_number; /* of the last request */
	uint32_t preempt_producer;
	uint32_t preempt_fence_id;
	bool preempting;
	bool preempt_direct; /* nothing was outstanding: the answer does not need the GPU */
	bool faulted;        /* nothing is believed until the reset */
};

enum penstock_collected {
	PENSTOCK_COLLECTED_NOTHING,
	PENSTOCK_COLLECTED_INTERRUPT,
	PENSTOCK_COLLECTED_IMPOSSIBLE,
};

void penstock_hw_queue_init(struct penstock_hw_queue *queue, uint32_t node_ordinal);

/* Empty, on another ring (fresh memory) or none. */
void penstock_hw_queue_reset(struct penstock_hw_queue *queue, struct penstock_ring_node *ring);

/* Whether something is to come: a completion or the answer to a request. */
bool penstock_hw_queue_outstanding(const struct penstock_hw_queue *queue);

/* Another packet would overrun the ring: whoever submits keeps their number below that. */
static inline bool penstock_hw_queue_full(const struct penstock_hw_queue *queue)
{
	return queue->produced - queue->retired >= PENSTOCK_RING_PACKETS;
}

/* There is a ring with room. `messages` of the channel must arrive before. */
void penstock_hw_queue_put(struct penstock_hw_queue *queue, const struct penstock_submit_args *args,
			   uint64_t messages);

void penstock_hw_queue_preempt(struct penstock_hw_queue *queue, uint32_t preemption_fence_id);

/* Whether collect would say something; reads the ring, changes nothing. */
bool penstock_hw_queue_has_news(const struct penstock_hw_queue *queue);

/* The next thing that the GPU has to say, in the order in which it happened. */
enum penstock_collected penstock_hw_queue_collect(struct penstock_hw_queue *queue,
						  struct penstock_interrupt *ret_interrupt);

#endif
