/* SPDX-License-Identifier: MIT */
/*
 * A group of a DMA buffer: a dispatch and what stands right before it for it.
 *
 *   bind_pipeline, bind_buffer, bind_buffer_write, push_constants, in any order ... dispatch
 *
 * It is one operation of the engine: it begins, is resumed and faults at the offset of its first
 * instruction, and nothing of it outlasts it. What is bound twice is what was bound last.
 *
 * The bytes are read from the buffer itself: by penstock_group_read, which judges the whole of it,
 * and once more by penstock_group_next, which judges what it returns.
 */
#ifndef PENSTOCK_GROUP_H
#define PENSTOCK_GROUP_H

#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/engine.h"

struct penstock_group {
	const uint8_t *bytes; /* in the DMA buffer; borrowed */
	uint32_t length;      /* of all its instructions */
	uint32_t pipeline_bytes;
	uint64_t pipeline_address;
	uint32_t groups[3]; /* of the dispatch */
	uint32_t base[3];   /* base + groups is at most PENSTOCK_LIMIT_WORKGROUPS, each way */
	/* What was not pushed is 0. */
	uint32_t push_constants[PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES / sizeof(uint32_t)];
};

/* bind_buffer, bind_buffer_write */
struct penstock_group_buffer {
	uint32_t set;
	uint32_t binding;
	uint32_t element;
	bool write;
	uint64_t address;
	uint64_t size;
};

/* Whether the instruction belongs to a group: none of them stands anywhere else. */
bool penstock_group_has(enum penstock_dma_id id);

/*
 * Reads the group that begins at `bytes`, of `remaining`. False: another instruction stands in it,
 * it does not end with its dispatch, has no pipeline, or a value is beyond its limit.
 */
PENSTOCK_MUST_CHECK
bool penstock_group_read(const uint8_t *bytes, uint32_t remaining,
			 struct penstock_group *ret_group);

/*
 * The next buffer that it binds, from *offset on, which is 0 at first. False: there is none. Each
 * instruction is read once.
 */
bool penstock_group_next(const struct penstock_group *group, uint32_t *offset,
			 struct penstock_group_buffer *ret_buffer);

/*
 * Executes the group that begins at `bytes`, and maybe others right behind it (dispatch.h), whose
 * length *ret_length is; engine->position counts workgroups of the first that are done. ILLEGAL too
 * where the engine has no Vulkan.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_execute_group(struct penstock_engine *engine, const uint8_t *bytes,
					     uint32_t remaining, uint32_t *ret_length);

#endif
