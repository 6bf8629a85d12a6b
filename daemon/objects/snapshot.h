/* SPDX-License-Identifier: MIT */
/*
 * The last accepted submission of a context after it retired, for people to look at and as what
 * its allocation table is: list, patch list with the sites' values before and after patching, DMA
 * buffer. One block of exactly its size.
 *
 * A small one stays as long as its context: with it an idle context costs less than 4096 bytes.
 * Large ones share a budget of the machine; the oldest goes first. Loop thread only.
 */
#ifndef PENSTOCK_SNAPSHOT_H
#define PENSTOCK_SNAPSHOT_H

#include "daemon/objects/context.h"

#define PENSTOCK_SNAPSHOT_SMALL_BYTES  2048u
#define PENSTOCK_SNAPSHOT_LARGE_BYTES  (256u << 10) /* a larger one is not kept */
#define PENSTOCK_SNAPSHOT_BUDGET_BYTES ((size_t)16 << 20)

struct penstock_snapshot_element {
	uint64_t opening; /* id; 0: the NULL element */
	uint64_t allocation;
	uint64_t size_bytes;
	uint64_t address;
	uint32_t segment_id;
	bool write_operation;
};

struct penstock_snapshot {
	struct penstock_list link;        /* penstock_machine.snapshots, large ones */
	struct penstock_context *context; /* borrowed: it owns us */
	uint64_t serial;
	uint32_t submission_fence_id;
	uint32_t pass; /* of a chain: the last one */
	uint32_t patched;
	uint32_t element_count;
	uint32_t patch_count;
	uint32_t dma_bytes;
	uint32_t capacity; /* bytes of the block */
	struct penstock_snapshot_element *elements;
	struct penstock_patch_location *patches;
	uint64_t *before; /* [patch_count] */
	uint8_t *dma;     /* as submitted */
};

struct penstock_held;

/* The context's snapshot becomes that of `held`; without memory there is none. */
void penstock_snapshot_take(struct penstock_context *context, const struct penstock_held *held);

/* A snapshot with a list and nothing else: what the store knows; without memory there is none. */
void penstock_snapshot_restore(struct penstock_context *context,
			       const struct penstock_snapshot_element *elements, uint32_t count);

void penstock_snapshot_drop(struct penstock_context *context);

/* The element i of a held submission's list. */
struct penstock_snapshot_element penstock_snapshot_element(const struct penstock_held *held,
							   uint32_t i);

#endif
