/* SPDX-License-Identifier: MIT */
/*
 * Link-time substitutes of fuzz_words: a penstock-gpu that is a piece of memory
 * (gpu-backend/emulated/host/child.h), and a memory manager that only has processes
 * (daemon/memory/vidmm.h). What stands between them is the product's.
 */
#ifndef PENSTOCK_WORDS_FAKE_H
#define PENSTOCK_WORDS_FAKE_H

#include "daemon/memory/paging.h"
#include "daemon/memory/vidmm.h"
#include "gpu-backend/emulated/host/child.h"

struct penstock_vidmm_process {
	struct penstock_backend_process *backend;
	bool system;
	bool lost;
	bool paging; /* the packet is out */
	uint32_t holds;
	uint32_t prepared;              /* submissions */
	enum penstock_status preparing; /* what prepare answers */
	bool splits;                    /* it answers so only to a part */
	struct penstock_paging_packet packet;
};

#define FAKE_PROCESSES 3u /* the first is the system's */

extern struct penstock_paging_port fake_paging_port;
extern struct penstock_vidmm_process fake_processes[FAKE_PROCESSES];

/* Children that run; [PENSTOCK_NODE_COUNT * ...] are found by their process. */
struct penstock_child *fake_child_of(const void *emulated_process);

/* What a GPU that tells the truth knows of a node of its: the packets that it retired or dropped.
 */
uint32_t *fake_retired(const struct penstock_child *child, uint32_t node_ordinal);

/* It ends by itself. */
void fake_child_die(struct penstock_child *child, int wait_status);

/* Those that ended are closed, as the loop does. */
void fake_children_close(void);

#endif
