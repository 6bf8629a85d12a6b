/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the scheduler share: a machine with two principals and a few contexts, the last
 * of them on the copy node.
 */
#ifndef PENSTOCK_TEST_SCHEDULING_H
#define PENSTOCK_TEST_SCHEDULING_H

#include "tests/memory/machine.h"
#include "tests/memory/work.h"

#define MIB    (1024u * 1024u)
#define QUEUES 5u

extern struct machine machine;
extern struct penstock_vidmm_process *alice, *bob;
extern struct penstock_queue queues[QUEUES];

void start_with(uint32_t cap, uint32_t first_fence, bool paranoid);

/* Each submission is split, into parts of so many split points at most. Paranoid. */
void start_split(uint32_t cap, uint32_t split_points);

/* For a check fixture: a cap of 4. */
void set_up(void);
void tear_down(void);

void enqueue(unsigned queue, struct work *work);

/* A submission of one nop, enqueued. */
void nop(struct work *work, struct penstock_vidmm_process *process, unsigned queue);

/* DMA pools are there, so that what follows needs no paging. */
void warm_up(struct penstock_vidmm_process *process);

struct penstock_node_state node_state(uint32_t ordinal);

#endif
