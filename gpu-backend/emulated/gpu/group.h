/* SPDX-License-Identifier: MIT */
/*
 * A group of a DMA buffer: members, and the ender that executes or ends what they say.
 *
 *   ordinary       what a dispatch or a transfer uses, in any order ... the dispatch or transfer
 *   render scope   begin_rendering, targets, state, draws ... end_rendering
 *
 * It is one operation of the engine: it begins, is resumed and faults at the offset of its first
 * instruction, and nothing of it outlasts it. What is bound twice is what was bound last.
 *
 * A group is cut off the buffer, copied once, and judged and executed from the copy: the buffer may
 * change at any time.
 */
#ifndef PENSTOCK_GROUP_H
#define PENSTOCK_GROUP_H

#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/engine.h"

/* What executes a group, by its ender. */
enum penstock_group_kind {
	PENSTOCK_GROUP_NONE,
	PENSTOCK_GROUP_DISPATCH,
	PENSTOCK_GROUP_TRANSFER,
	PENSTOCK_GROUP_SCOPE,
};

struct penstock_group {
	const uint8_t *bytes; /* a private copy; borrowed */
	uint32_t length;      /* of all its instructions */
	enum penstock_dma_id ender;
	const uint8_t *ender_fields;
	/* of what a dispatch says; what was not said is 0 */
	uint32_t pipeline_bytes;
	uint64_t pipeline_address;
	uint64_t indirect_address, indirect_bytes;
	uint32_t groups[3]; /* of the dispatch; of an indirect one not known here */
	uint32_t base[3];   /* base + groups is at most PENSTOCK_LIMIT_WORKGROUPS, each way */
	uint32_t push_constants[PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES / sizeof(uint32_t)];
};

/* One instruction of it; points into the copy. */
struct penstock_member {
	enum penstock_dma_id id;
	const uint8_t *fields;
	const uint8_t *elements;
	uint32_t element_count;
};

/* Whether the instruction belongs to a group: none of them stands anywhere else. */
bool penstock_group_has(enum penstock_dma_id id);

/* The kind of the group that ends so; NONE: it is no ender. */
enum penstock_group_kind penstock_group_kind_of(enum penstock_dma_id ender);

/*
 * How long the group that begins at `bytes`, of `remaining`, is, and what ends it. 0: another
 * instruction stands in it, or it has no end. Nothing else is judged.
 */
uint32_t penstock_group_cut(const uint8_t *bytes, uint32_t remaining,
			    enum penstock_dma_id *ret_ender);

/*
 * Reads the group that `length` bytes of a private copy are. False: they are none that ends with
 * their last instruction, something stands in it that its ender cannot use, it has no pipeline
 * where it needs one, or a value is beyond its limit.
 */
PENSTOCK_MUST_CHECK
bool penstock_group_read(const uint8_t *bytes, uint32_t length, struct penstock_group *ret_group);

/* Bytes of push_constants into `constants`; false: they do not fit. */
PENSTOCK_MUST_CHECK
bool penstock_group_push(const struct penstock_member *member,
			 uint32_t constants[PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES / sizeof(uint32_t)]);

/* The next member, from *offset on, which is 0 at first. False: there is none before the ender. */
bool penstock_group_next(const struct penstock_group *group, uint32_t *offset,
			 struct penstock_member *ret_member);

/*
 * Executes the group that begins at `bytes`, and maybe others right behind it (dispatch.h), whose
 * length *ret_length is; engine->position counts workgroups, or draws, of the first that are done.
 * ILLEGAL too where the engine has no Vulkan.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_execute_group(struct penstock_engine *engine, const uint8_t *bytes,
					     uint32_t remaining, uint32_t *ret_length);

#endif
