/* SPDX-License-Identifier: MIT */
/*
 * What a render scope draws with: state that stays until it is set again, and draws, which record
 * what changed since the last one and nothing else. Private to scope.c, targets.c, queries.c and
 * drawing.c.
 */
#ifndef PENSTOCK_DRAWING_H
#define PENSTOCK_DRAWING_H

#include "gpu-backend/emulated/gpu/group.h"
#include "gpu-backend/emulated/gpu/parts.h"
#include "gpu-backend/emulated/gpu/queries.h"
#include "gpu-backend/emulated/gpu/targets.h"

/* As many states of one dword as there are bits of PENSTOCK_DYNAMIC_. */
#define PENSTOCK_STATES 22u

struct penstock_vertices {
	struct penstock_object_range range; /* no buffer: nothing is bound */
	uint32_t stride;
};

struct penstock_drawing {
	struct penstock_vulkan_pipeline *pipeline;
	struct penstock_vertices vertices[PENSTOCK_LIMIT_VERTEX_BINDINGS];
	struct penstock_object_range indices;
	uint32_t index_type;
	uint64_t indirect_address, indirect_bytes;
	struct penstock_object_range indirect;
	uint64_t count_address; /* 0: none */
	uint32_t push_constants[PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES / sizeof(uint32_t)];
	VkViewport viewports[PENSTOCK_LIMIT_VIEWPORTS];
	VkRect2D scissors[PENSTOCK_LIMIT_VIEWPORTS];
	uint32_t states[PENSTOCK_STATES];
	float blend_constants[4];
	float depth_bias[3];
	float depth_bounds[2];
	VkStencilOpState stencil[2]; /* front, back */

	/* What the command buffer does not have yet. */
	bool pipeline_changed, vertices_changed, indices_changed, constants_changed;
	uint32_t sets_changed;   /* a bit a set */
	uint32_t states_changed; /* PENSTOCK_DYNAMIC_ */

	/* What the sets were made for; NULL: there are none. */
	const struct penstock_vulkan_pipeline *sets_of;
	uint32_t sets_bad; /* a bit for each that is to be made again */
	VkDescriptorSet sets[PENSTOCK_LIMIT_DESCRIPTOR_SETS];
};

struct penstock_scope {
	struct penstock_engine *engine;
	struct penstock_vulkan *vulkan;
	enum penstock_vulkan_crew crew;
	const struct penstock_vulkan_device *device;
	struct penstock_targets targets;
	struct penstock_queries queries;
	struct penstock_drawing drawing;
	uint64_t draws;      /* and clears, that the group has */
	uint64_t met;        /* of them, done before or not */
	uint32_t part_draws; /* of the part that is recorded */
	bool recording;      /* there is a part */
	bool compiles; /* something in it runs for the first time: it says nothing of others */
};

/* Of a member that is no image, target, query or descriptor. NULL: it is another. */
typedef enum penstock_outcome (*penstock_scope_member)(struct penstock_scope *scope,
						       const struct penstock_member *member);
penstock_scope_member penstock_drawing_member(enum penstock_dma_id id);

/* Another command buffer begins: it has nothing yet. */
void penstock_drawing_begin_part(struct penstock_drawing *drawing);

/* A descriptor of the set is another. */
void penstock_drawing_rebind(struct penstock_drawing *drawing, uint32_t set);

/*
 * scope.c: there is a part with room for one more draw. Two that run for the first time are not of
 * one part, so that what it takes to compile them does not add up. COMPLETED, or the end of the
 * scope.
 */
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_scope_make_room(struct penstock_scope *scope, bool compiles);
PENSTOCK_MUST_CHECK
enum penstock_outcome penstock_scope_flush(struct penstock_scope *scope);

/* Whether the draw or clear that is met now was done before; counts it. */
bool penstock_scope_was_done(struct penstock_scope *scope);

/*
 * Copies from the client's memory, in the guard: a fault ends the scope from here, and what it made
 * is destroyed when the next group begins. False: the range is in no segment.
 */
PENSTOCK_MUST_CHECK
bool penstock_scope_read(struct penstock_scope *scope, uint64_t address, void *to, size_t bytes);

#endif
