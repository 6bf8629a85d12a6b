/* SPDX-License-Identifier: MIT */
/*
 * Two principals on a machine, a queue on its render node, and what tests of memory do with them.
 */
#ifndef PENSTOCK_TEST_MEMORY_FIXTURE_H
#define PENSTOCK_TEST_MEMORY_FIXTURE_H

#include "tests/memory/machine.h"
#include "tests/memory/work.h"

#define LOCAL_ONLY    0x1u
#define APERTURE_ONLY 0x2u
#define KIB           1024u
#define MIB           (1024u * 1024u)

extern struct machine machine;
extern struct penstock_vidmm_process *alice, *bob;
extern struct penstock_queue queue;

void set_up(void);
void tear_down(void);

/* Queues it and settles. */
enum penstock_status run_work(struct work *work);

/* A submission that only needs the allocation. */
enum penstock_status touch(struct penstock_vidmm_process *process,
			   struct penstock_vidmm_allocation *allocation);

struct penstock_vidmm_location where(struct penstock_vidmm_allocation *allocation);

/* The daemon's view of its first bytes. */
bool all_bytes(struct penstock_vidmm_allocation *allocation, size_t size, uint8_t value);
void fill_bytes(struct penstock_vidmm_allocation *allocation, size_t size, uint8_t value);

/* A callback that writes the status to what its argument points to. */
void told(void *argument, enum penstock_status status);

#endif
