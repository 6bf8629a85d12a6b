/* SPDX-License-Identifier: MIT */
/* The ends of groups that run workgroups. */
#include "daemon/render/descriptors.h"

#define MEMBERS                                                                                    \
	(PENSTOCK_MEMBER(BIND_PIPELINE) | PENSTOCK_MEMBER(PUSH_CONSTANTS) |                        \
	 PENSTOCK_MEMBER(IMAGE) | PENSTOCK_MEMBER(IMAGE_WRITE) | PENSTOCK_DESCRIPTOR_MEMBERS)

/* What stands in the group before it ends; descriptors name images, so these come first. */
struct dispatch {
	const uint8_t *indirect; /* indirect_buffer; NULL: none */
	struct penstock_image_slots slots;
	struct penstock_descriptors descriptors;
};

static bool refuse_twice(struct penstock_walk *walk, const uint8_t *bytes, const char *operand)
{
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				    "a second one in one group") != NULL;
}

static bool take_images(struct penstock_walk *walk, struct dispatch *dispatch, const uint8_t *end)
{
	for (const uint8_t *at = walk->group.start; at != end; at = penstock_behind(at)) {
		const uint32_t member = 1u << penstock_member_of(at);

		if ((member & (PENSTOCK_MEMBER(IMAGE) | PENSTOCK_MEMBER(IMAGE_WRITE))) != 0) {
			if (penstock_render_slots_has(&dispatch->slots, at)) {
				return refuse_twice(walk, at, "slot");
			}
			penstock_render_slots_define(walk, &dispatch->slots, at);
		} else if (member == PENSTOCK_MEMBER(INDIRECT_BUFFER)) {
			if (dispatch->indirect != NULL) {
				return refuse_twice(walk, at, "allocation");
			}
			dispatch->indirect = at;
		}
	}
	return true;
}

static bool take_descriptors(struct penstock_walk *walk, struct dispatch *dispatch,
			     const uint8_t *end)
{
	uint32_t position = 0;

	for (const uint8_t *at = walk->group.start; at != end; at = penstock_behind(at)) {
		if ((1u << penstock_member_of(at) & PENSTOCK_DESCRIPTOR_MEMBERS) != 0 &&
		    !penstock_render_descriptors_bind(walk, &dispatch->descriptors,
						      &dispatch->slots, at, position, true)) {
			return false;
		}
		position++;
	}
	return true;
}

/* What stands from the group's start to the dispatch at `bytes`, against the pipeline's shader. */
static bool judge(struct penstock_walk *walk, struct dispatch *dispatch, const uint8_t *bytes)
{
	const struct penstock_render_allocation *allocation = walk->group.pipeline;

	if (walk->group.start == NULL || allocation == NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "pipeline", "its group has no pipeline") != NULL;
	}
	if (allocation->pipeline->kind != PENSTOCK_PIPELINE_COMPUTE) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "pipeline", "its pipeline is of another kind") != NULL;
	}
	dispatch->indirect = NULL;
	dispatch->slots.defined = 0;
	penstock_render_descriptors_init(&dispatch->descriptors, walk);
	return take_images(walk, dispatch, bytes) && take_descriptors(walk, dispatch, bytes) &&
	       penstock_render_descriptors_judge(walk, &dispatch->descriptors, allocation->pipeline,
						 bytes);
}

/* ------------------------------------------------------------------ dispatch */

static bool judge_extent(struct penstock_walk *walk, const uint8_t *bytes)
{
	static const struct {
		const char *operand;
		uint32_t groups;
		uint32_t base;
	} axes[] = {
		{ "groups_x", PENSTOCK_OPERAND_DISPATCH_groups_x,
		  PENSTOCK_OPERAND_DISPATCH_base_x },
		{ "groups_y", PENSTOCK_OPERAND_DISPATCH_groups_y,
		  PENSTOCK_OPERAND_DISPATCH_base_y },
		{ "groups_z", PENSTOCK_OPERAND_DISPATCH_groups_z,
		  PENSTOCK_OPERAND_DISPATCH_base_z },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(axes); i++) {
		uint32_t groups = penstock_load32(bytes + axes[i].groups);
		uint32_t base = penstock_load32(bytes + axes[i].base);

		if (!penstock_range_fits(base, groups, PENSTOCK_LIMIT_WORKGROUPS)) {
			return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
						    axes[i].operand,
						    "%u workgroups from %u on: at most %u", groups,
						    base, PENSTOCK_LIMIT_WORKGROUPS) != NULL;
		}
	}
	return true;
}

const uint8_t *penstock_render_dispatch(struct penstock_walk *walk, const uint8_t *bytes,
					uint32_t length)
{
	struct dispatch dispatch;

	if (!penstock_render_group_ends(walk, bytes, MEMBERS) || !judge_extent(walk, bytes) ||
	    !judge(walk, &dispatch, bytes)) {
		return NULL;
	}
	return penstock_render_group_finish(walk, bytes, length, &dispatch.descriptors.rounded);
}

/* ------------------------------------------------------------------ dispatch_indirect */

#define INDIRECT_BYTES 12u /* VkDispatchIndirectCommand */

const uint8_t *penstock_render_dispatch_indirect(struct penstock_walk *walk, const uint8_t *bytes,
						 uint32_t length)
{
	struct dispatch dispatch;

	if (!penstock_render_group_ends(walk, bytes, MEMBERS | PENSTOCK_MEMBER(INDIRECT_BUFFER)) ||
	    !judge(walk, &dispatch, bytes)) {
		return NULL;
	}
	if (dispatch.indirect == NULL) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "",
					    "its group has no indirect buffer");
	}
	if (penstock_load64(dispatch.indirect + PENSTOCK_OPERAND_INDIRECT_BUFFER_size) <
	    INDIRECT_BYTES) {
		return penstock_walk_refuse(walk, dispatch.indirect,
					    PENSTOCK_STATUS_INVALID_PARAMETER, "size",
					    "a dispatch reads %u bytes", INDIRECT_BYTES);
	}
	return penstock_render_group_finish(walk, bytes, length, &dispatch.descriptors.rounded);
}
