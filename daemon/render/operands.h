/* SPDX-License-Identifier: MIT */
/*
 * Operands that are in their range, or are refused by their name: what an instruction can be asked
 * without anything that stands around it. Private to render.
 */
#ifndef PENSTOCK_RENDER_OPERANDS_H
#define PENSTOCK_RENDER_OPERANDS_H

#include "daemon/render/walk.h"

#include <string.h>

struct penstock_word_limit {
	const char *operand;
	uint32_t offset; /* bytes, of the instruction */
	uint32_t least;
	uint32_t most;
};

struct penstock_single_limit {
	const char *operand;
	uint32_t offset;
	float least; /* NaN is below it */
	float most;
};

#define PENSTOCK_WITHIN(name, operand, least, most)                                                \
	{                                                                                          \
#operand, PENSTOCK_OPERAND_##name##_##operand, least, most                         \
	}

#define PENSTOCK_SINGLE_MOST 3.402823466e+38f

static inline float penstock_load_single(const uint8_t *bytes)
{
	float value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* False: refused. */
bool penstock_walk_words_within(struct penstock_walk *walk, const uint8_t *bytes,
				const struct penstock_word_limit *limits, uint32_t count);
bool penstock_walk_singles_within(struct penstock_walk *walk, const uint8_t *bytes,
				  const struct penstock_single_limit *limits, uint32_t count);

/* A value that is in no range but has to be one of a few. */
__attribute__((cold)) bool penstock_walk_refuse_value(struct penstock_walk *walk,
						      const uint8_t *bytes, const char *operand,
						      uint32_t value, const char *wanted);

/*
 * The allocation that `operand` names at `at`, and that 1 byte at least, `size` bytes from `offset`
 * on, lie inside of it; with `written` it may be written. NULL: refused.
 */
const struct penstock_render_allocation *
penstock_walk_range_operand(struct penstock_walk *walk, const uint8_t *bytes, uint32_t at,
			    const char *operand, bool written, uint64_t offset, uint64_t size);

/* The operand `offset` is a multiple of `alignment`; false: refused. */
bool penstock_walk_offset_aligned(struct penstock_walk *walk, const uint8_t *bytes,
				  const char *operand, uint64_t offset, uint32_t alignment);

#endif
