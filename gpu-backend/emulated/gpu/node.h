/* SPDX-License-Identifier: MIT */
/*
 * One node of the GPU: takes packets from its ring, has them executed, writes the fence page and
 * rings the interrupt.
 *
 *   RUNNING --- illegal instruction, page fault ---> HALTED (until the process is killed)
 *
 * A halted node has said why in the ring's fault record and executes nothing any more. One thread
 * drives a node.
 */
#ifndef PENSTOCK_NODE_H
#define PENSTOCK_NODE_H

#include "gpu-backend/emulated/gpu/processor.h"
#include "gpu-backend/emulated/patience.h"
#include "gpu-backend/emulated/ring.h"

struct penstock_node_config {
	struct penstock_ring_node *ring; /* borrowed */
	struct penstock_mmu *mmu;        /* borrowed */
	uint32_t node_ordinal;
	struct penstock_vulkan *vulkan; /* borrowed; NULL: it executes no groups */
	int interrupt;                  /* eventfd, borrowed; -1 where nobody sleeps (tests) */
	bool may_spin; /* another processor can bring new packets while this thread looks */
	/* Waits until the channel has received so many messages. NULL: there is none. */
	void (*await_messages)(void *owner, uint64_t messages);
	void *owner;
};

struct penstock_node {
	struct penstock_node_config config;
	struct penstock_engine engine;
	uint32_t retired;   /* packets retired or dropped: the next one's count */
	uint32_t completed; /* fence id that was retired last */
	bool halted;
	bool worked; /* since it was last looked for more work */
	struct penstock_patience patience;
};

void penstock_node_init(struct penstock_node *node, const struct penstock_node_config *config);

/* Answers a preemption request or executes one packet. False: there was nothing to do. */
bool penstock_node_step(struct penstock_node *node);

/* Waits until there may be something to do; may return early. */
void penstock_node_wait(struct penstock_node *node);

#endif
