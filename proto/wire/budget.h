/* SPDX-License-Identifier: MIT */
/*
 * An allocator for protobuf-c with a budget of bytes and blocks: a message of a megabyte of empty
 * sub-messages would otherwise become thirty-three. When the budget is used up an allocation
 * fails, and so does the unpacking. Any thread, one at a time.
 */
#ifndef PENSTOCK_BUDGET_H
#define PENSTOCK_BUDGET_H

#include "proto/base/base.h"

#include <protobuf-c/protobuf-c.h>

struct penstock_budget {
	ProtobufCAllocator allocator; /* hand its address to unpack and to free_unpacked */
	size_t bytes_left;
	uint32_t blocks_left;
	bool exhausted; /* the message wanted more than it may have: its sender's fault */
	bool no_memory; /* there was none: nobody's fault, and no word about the message */
};

/* As limits.h says: UNPACK_BYTES and UNPACK_BLOCKS. The budget must not move after this. */
void penstock_budget_init(struct penstock_budget *budget);

/* Likewise, with other bounds. */
void penstock_budget_init_with(struct penstock_budget *budget, size_t bytes, uint32_t blocks);

#endif
