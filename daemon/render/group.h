/* SPDX-License-Identifier: MIT */
/*
 * A group of instructions as it comes in and as it goes out; what is in between is another file's
 * for each sort: dispatch.c, transfers.c, scope.c. Private to render.
 */
#ifndef PENSTOCK_RENDER_GROUP_H
#define PENSTOCK_RENDER_GROUP_H

#include "daemon/render/operands.h"
#include "daemon/render/walk.h"
#include "proto/wire/limits.h"

#include "gpu-backend/pipeline.h"

#define PENSTOCK_MEMBERS_FIRST 0x10u
#define PENSTOCK_MEMBERS       0x20u

/* A bit for the instruction among those that a group may hold. */
#define PENSTOCK_MEMBER(name) (1u << (PENSTOCK_OPCODE_##name - PENSTOCK_MEMBERS_FIRST))

/* Of a member of a group. */
static inline uint32_t penstock_member_of(const uint8_t *bytes)
{
	return penstock_header_opcode(penstock_load32(bytes)) - PENSTOCK_MEMBERS_FIRST;
}

static inline const uint8_t *penstock_behind(const uint8_t *bytes)
{
	return bytes + penstock_header_length(penstock_load32(bytes));
}

/* A bit for each member, by its position: a range that is written rounded down to dwords. */
struct penstock_rounded {
	uint64_t words[PENSTOCK_LIMIT_GROUP_INSTRUCTIONS / 64u];
};

/* Those that the group has so far are cleared. */
void penstock_render_rounded_clear(struct penstock_rounded *rounded,
				   const struct penstock_walk *walk);

/* The instruction is the group's, which it may begin; false: it may not stand here. */
bool penstock_render_group_take(struct penstock_walk *walk, const uint8_t *bytes, uint32_t length);

/*
 * The instruction at `bytes` ends a group that is no render scope, with `members` only; false:
 * refused.
 */
bool penstock_render_group_ends(struct penstock_walk *walk, const uint8_t *bytes, uint32_t members);

/*
 * Writes all of the group, which ends with the instruction at `bytes`; what follows, or NULL.
 * `rounded` may be NULL: none.
 */
const uint8_t *penstock_render_group_finish(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length,
					    const struct penstock_rounded *rounded);

#endif
