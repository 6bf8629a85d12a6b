/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/drawing.h"

#include <string.h>

#define INDIRECT_BYTES         16u
#define INDEXED_INDIRECT_BYTES 20u
#define DRAWS_MOST             65535u
#define BUFFER_ALIGNMENT       64u /* of a VkBuffer */
#define FLAG_COUNTED           0x1u
#define ONE                    0x3f800000u /* the bits of 1.0 */

#define STENCIL_STATES                                                                             \
	(PENSTOCK_DYNAMIC_STENCIL_COMPARE_MASK | PENSTOCK_DYNAMIC_STENCIL_WRITE_MASK |             \
	 PENSTOCK_DYNAMIC_STENCIL_REFERENCE | PENSTOCK_DYNAMIC_STENCIL_OP)

static uint32_t load(const struct penstock_member *member, uint32_t offset)
{
	return penstock_load32(member->fields + offset);
}

static const struct penstock_graphics_state *state_of(const struct penstock_drawing *drawing)
{
	return penstock_pipeline_graphics(drawing->pipeline->blob);
}

/* ---------------------------------------------------------------- what changes */

void penstock_drawing_begin_part(struct penstock_drawing *drawing)
{
	drawing->pipeline_changed = drawing->vertices_changed = drawing->indices_changed =
		drawing->constants_changed = true;
	drawing->sets_changed = UINT32_MAX;
	drawing->states_changed = PENSTOCK_DYNAMIC_ALL;
}

void penstock_drawing_rebind(struct penstock_drawing *drawing, uint32_t set)
{
	if (set < PENSTOCK_LIMIT_DESCRIPTOR_SETS) {
		drawing->sets_bad |= 1u << set;
	}
}

/* Whether sets that were made for one can be used by the other. */
static bool same_layout(const struct penstock_pipeline *a, const struct penstock_pipeline *b)
{
	return a->binding_count == b->binding_count &&
	       a->push_constant_bytes == b->push_constant_bytes &&
	       memcmp(penstock_pipeline_bindings(a), penstock_pipeline_bindings(b),
		      a->binding_count * sizeof(struct penstock_pipeline_binding)) == 0;
}

/* What is not dynamic of it takes the place of what was set. */
static void use_pipeline(struct penstock_drawing *drawing,
			 struct penstock_vulkan_pipeline *pipeline)
{
	const struct penstock_vulkan_pipeline *before = drawing->pipeline;

	if (before == pipeline) {
		return;
	}
	drawing->pipeline = pipeline;
	drawing->pipeline_changed = drawing->vertices_changed = true;
	drawing->states_changed |= PENSTOCK_DYNAMIC_ALL & ~state_of(drawing)->dynamic;
	if (before == NULL || !same_layout(before->blob, pipeline->blob)) {
		drawing->constants_changed = true;
		drawing->sets_bad = UINT32_MAX;
	}
}

static enum penstock_outcome bind_pipeline(struct penstock_scope *scope,
					   const struct penstock_member *member)
{
	struct penstock_engine *engine = scope->engine;
	struct penstock_vulkan_pipeline *pipeline = NULL;
	enum penstock_outcome outcome;

	penstock_guard_enter(&engine->guard, engine->mmu);
	outcome = penstock_pipelines_get(
		engine, penstock_load64(member->fields + PENSTOCK_DMA_BIND_PIPELINE_address),
		load(member, PENSTOCK_DMA_BIND_PIPELINE_size), true, &pipeline);
	penstock_guard_leave();
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	if (pipeline->blob->kind != PENSTOCK_PIPELINE_GRAPHICS ||
	    !penstock_pipelines_make(pipeline, scope->vulkan->devices, scope->crew)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	use_pipeline(&scope->drawing, pipeline);
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome push_constants(struct penstock_scope *scope,
					    const struct penstock_member *member)
{
	scope->drawing.constants_changed = true;
	return penstock_group_push(member, scope->drawing.push_constants)
		       ? PENSTOCK_OUTCOME_COMPLETED
		       : PENSTOCK_OUTCOME_ILLEGAL;
}

/* ---------------------------------------------------------------- buffers */

/* A buffer that ends where the range does: fetches are bounded by it and by nothing else. */
static enum penstock_outcome make_range(struct penstock_scope *scope, uint64_t address,
					uint64_t size, uint32_t alignment,
					struct penstock_object_range *ret_range)
{
	*ret_range = (struct penstock_object_range){ VK_NULL_HANDLE, 0, 0 };
	if (penstock_engine_range(scope->engine, address, size, false) == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	return size > 0 && penstock_objects_range_at(&scope->vulkan->objects, scope->engine->mmu,
						     address, size, alignment,
						     ret_range) == VK_SUCCESS
		       ? PENSTOCK_OUTCOME_COMPLETED
		       : PENSTOCK_OUTCOME_ILLEGAL;
}

static enum penstock_outcome vertex_buffer(struct penstock_scope *scope,
					   const struct penstock_member *member)
{
	uint32_t binding = load(member, PENSTOCK_DMA_VERTEX_BUFFER_binding);
	struct penstock_vertices *vertices;

	if (binding >= PENSTOCK_LIMIT_VERTEX_BINDINGS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	vertices = &scope->drawing.vertices[binding];
	vertices->stride = load(member, PENSTOCK_DMA_VERTEX_BUFFER_stride);
	scope->drawing.vertices_changed = true;
	return make_range(scope,
			  penstock_load64(member->fields + PENSTOCK_DMA_VERTEX_BUFFER_address),
			  penstock_load64(member->fields + PENSTOCK_DMA_VERTEX_BUFFER_size),
			  BUFFER_ALIGNMENT, &vertices->range);
}

/* It begins with the range: the driver forgets an offset of indices where draws are indirect. */
static enum penstock_outcome index_buffer(struct penstock_scope *scope,
					  const struct penstock_member *member)
{
	uint32_t type = load(member, PENSTOCK_DMA_INDEX_BUFFER_type);
	uint64_t address = penstock_load64(member->fields + PENSTOCK_DMA_INDEX_BUFFER_address);
	uint64_t size = penstock_load64(member->fields + PENSTOCK_DMA_INDEX_BUFFER_size);

	if (type != VK_INDEX_TYPE_UINT16 && type != VK_INDEX_TYPE_UINT32 &&
	    type != VK_INDEX_TYPE_UINT8_EXT) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	scope->drawing.index_type = type;
	scope->drawing.indices_changed = true;
	return make_range(scope, address, size, 1, &scope->drawing.indices);
}

static enum penstock_outcome indirect_buffer(struct penstock_scope *scope,
					     const struct penstock_member *member)
{
	return make_range(scope,
			  penstock_load64(member->fields + PENSTOCK_DMA_INDIRECT_BUFFER_address),
			  penstock_load64(member->fields + PENSTOCK_DMA_INDIRECT_BUFFER_size),
			  BUFFER_ALIGNMENT, &scope->drawing.indirect);
}

static enum penstock_outcome count_buffer(struct penstock_scope *scope,
					  const struct penstock_member *member)
{
	scope->drawing.count_address =
		penstock_load64(member->fields + PENSTOCK_DMA_COUNT_BUFFER_address);
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* ---------------------------------------------------------------- dynamic state */

static enum penstock_outcome viewport(struct penstock_scope *scope,
				      const struct penstock_member *member)
{
	uint32_t index = load(member, PENSTOCK_DMA_VIEWPORT_index);

	if (index >= PENSTOCK_LIMIT_VIEWPORTS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	memcpy(&scope->drawing.viewports[index], member->fields + PENSTOCK_DMA_VIEWPORT_x,
	       sizeof(VkViewport));
	scope->drawing.states_changed |= PENSTOCK_DYNAMIC_VIEWPORT;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome scissor(struct penstock_scope *scope,
				     const struct penstock_member *member)
{
	uint32_t index = load(member, PENSTOCK_DMA_SCISSOR_index);
	int32_t edges[4];

	memcpy(edges, member->fields + PENSTOCK_DMA_SCISSOR_rect, sizeof(edges));
	if (index >= PENSTOCK_LIMIT_VIEWPORTS || edges[0] < 0 || edges[1] < 0 ||
	    edges[2] < edges[0] || edges[3] < edges[1]) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	scope->drawing.scissors[index] =
		(VkRect2D){ { edges[0], edges[1] },
			    { (uint32_t)(edges[2] - edges[0]), (uint32_t)(edges[3] - edges[1]) } };
	scope->drawing.states_changed |= PENSTOCK_DYNAMIC_SCISSOR;
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* The last value of a state of one dword; 0: it is none. */
static const uint32_t last_values[PENSTOCK_STATES] = {
	[PENSTOCK_STATE_LINE_WIDTH] = ONE,
	[PENSTOCK_STATE_CULL_MODE] = VK_CULL_MODE_FRONT_AND_BACK,
	[PENSTOCK_STATE_FRONT_FACE] = VK_FRONT_FACE_CLOCKWISE,
	[PENSTOCK_STATE_TOPOLOGY] = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST,
	[PENSTOCK_STATE_DEPTH_TEST] = 1,
	[PENSTOCK_STATE_DEPTH_WRITE] = 1,
	[PENSTOCK_STATE_DEPTH_COMPARE] = VK_COMPARE_OP_ALWAYS,
	[PENSTOCK_STATE_DEPTH_BOUNDS_TEST] = 1,
	[PENSTOCK_STATE_STENCIL_TEST] = 1,
	[PENSTOCK_STATE_RASTERIZER_DISCARD] = 1,
	[PENSTOCK_STATE_DEPTH_BIAS_ENABLE] = 1,
	[PENSTOCK_STATE_PRIMITIVE_RESTART] = 1,
};

/* The driver has no lines of another width, and no depth bounds test. */
static bool value_taken(uint32_t number, uint32_t value)
{
	return number < PENSTOCK_STATES && last_values[number] != 0 &&
	       value <= last_values[number] &&
	       (number != PENSTOCK_STATE_LINE_WIDTH || value == ONE) &&
	       (number != PENSTOCK_STATE_DEPTH_BOUNDS_TEST || value == 0);
}

static enum penstock_outcome state(struct penstock_scope *scope,
				   const struct penstock_member *member)
{
	uint32_t number = load(member, PENSTOCK_DMA_STATE_state);
	uint32_t value = load(member, PENSTOCK_DMA_STATE_value);

	if (!value_taken(number, value)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	scope->drawing.states[number] = value;
	scope->drawing.states_changed |= 1u << number;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome blend_constants(struct penstock_scope *scope,
					     const struct penstock_member *member)
{
	memcpy(scope->drawing.blend_constants, member->fields + PENSTOCK_DMA_BLEND_CONSTANTS_red,
	       sizeof(scope->drawing.blend_constants));
	scope->drawing.states_changed |= PENSTOCK_DYNAMIC_BLEND_CONSTANTS;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome depth_bias(struct penstock_scope *scope,
					const struct penstock_member *member)
{
	memcpy(scope->drawing.depth_bias, member->fields + PENSTOCK_DMA_DEPTH_BIAS_constant,
	       sizeof(scope->drawing.depth_bias));
	scope->drawing.states_changed |= PENSTOCK_DYNAMIC_DEPTH_BIAS;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome depth_bounds(struct penstock_scope *scope,
					  const struct penstock_member *member)
{
	memcpy(scope->drawing.depth_bounds, member->fields + PENSTOCK_DMA_DEPTH_BOUNDS_min,
	       sizeof(scope->drawing.depth_bounds));
	scope->drawing.states_changed |= PENSTOCK_DYNAMIC_DEPTH_BOUNDS;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome stencil(struct penstock_scope *scope,
				     const struct penstock_member *member)
{
	uint32_t faces = load(member, PENSTOCK_DMA_STENCIL_faces);
	VkStencilOpState given;

	/* The fields in their order are Vulkan's. */
	memcpy(&given, member->fields + PENSTOCK_DMA_STENCIL_fail_op, sizeof(given));
	if (faces == 0 || faces > VK_STENCIL_FACE_FRONT_AND_BACK ||
	    (uint32_t)given.failOp > VK_STENCIL_OP_DECREMENT_AND_WRAP ||
	    (uint32_t)given.passOp > VK_STENCIL_OP_DECREMENT_AND_WRAP ||
	    (uint32_t)given.depthFailOp > VK_STENCIL_OP_DECREMENT_AND_WRAP ||
	    (uint32_t)given.compareOp > VK_COMPARE_OP_ALWAYS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	for (uint32_t i = 0; i < 2; i++) {
		if ((faces & 1u << i) != 0) {
			scope->drawing.stencil[i] = given;
		}
	}
	scope->drawing.states_changed |= STENCIL_STATES;
	return PENSTOCK_OUTCOME_COMPLETED;
}

_Static_assert(sizeof(VkStencilOpState) ==
		       PENSTOCK_DMA_BYTES_STENCIL - PENSTOCK_DMA_STENCIL_fail_op,
	       "the fields of stencil are Vulkan's");

/* ---------------------------------------------------------------- recording what changed */

typedef void (*recorder)(const struct penstock_drawing *drawing,
			 const struct penstock_vulkan_calls *calls, VkCommandBuffer commands);

#define RECORDER(name)                                                                             \
	static void record_##name(const struct penstock_drawing *drawing,                          \
				  const struct penstock_vulkan_calls *calls,                       \
				  VkCommandBuffer commands)

/* States of one dword. */
#define RECORD_STATE(name, call, state, type)                                                      \
	RECORDER(name)                                                                             \
	{                                                                                          \
		calls->call(commands, (type)drawing->states[PENSTOCK_STATE_##state]);              \
	}

RECORD_STATE(cull_mode, CmdSetCullMode, CULL_MODE, VkCullModeFlags)
RECORD_STATE(front_face, CmdSetFrontFace, FRONT_FACE, VkFrontFace)
RECORD_STATE(topology, CmdSetPrimitiveTopology, TOPOLOGY, VkPrimitiveTopology)
RECORD_STATE(depth_test, CmdSetDepthTestEnable, DEPTH_TEST, VkBool32)
RECORD_STATE(depth_write, CmdSetDepthWriteEnable, DEPTH_WRITE, VkBool32)
RECORD_STATE(depth_compare, CmdSetDepthCompareOp, DEPTH_COMPARE, VkCompareOp)
RECORD_STATE(bounds_test, CmdSetDepthBoundsTestEnable, DEPTH_BOUNDS_TEST, VkBool32)
RECORD_STATE(stencil_test, CmdSetStencilTestEnable, STENCIL_TEST, VkBool32)
RECORD_STATE(discard, CmdSetRasterizerDiscardEnable, RASTERIZER_DISCARD, VkBool32)
RECORD_STATE(bias_enable, CmdSetDepthBiasEnable, DEPTH_BIAS_ENABLE, VkBool32)
RECORD_STATE(restart, CmdSetPrimitiveRestartEnable, PRIMITIVE_RESTART, VkBool32)

RECORDER(viewports)
{
	calls->CmdSetViewport(commands, 0, state_of(drawing)->viewport_count, drawing->viewports);
}

RECORDER(scissors)
{
	calls->CmdSetScissor(commands, 0, state_of(drawing)->viewport_count, drawing->scissors);
}

RECORDER(line_width)
{
	float width;

	memcpy(&width, &drawing->states[PENSTOCK_STATE_LINE_WIDTH], sizeof(width));
	calls->CmdSetLineWidth(commands, width);
}

RECORDER(depth_bias)
{
	const float *bias = drawing->depth_bias;

	calls->CmdSetDepthBias(commands, bias[0], bias[1], bias[2]);
}

RECORDER(blend_constants)
{
	calls->CmdSetBlendConstants(commands, drawing->blend_constants);
}

RECORDER(depth_bounds)
{
	calls->CmdSetDepthBounds(commands, drawing->depth_bounds[0], drawing->depth_bounds[1]);
}

/* A bit of VkStencilFaceFlagBits for each of drawing->stencil. */
static VkStencilFaceFlags face(uint32_t i)
{
	return i == 0 ? VK_STENCIL_FACE_FRONT_BIT : VK_STENCIL_FACE_BACK_BIT;
}

RECORDER(stencil_compare_mask)
{
	for (uint32_t i = 0; i < 2; i++) {
		calls->CmdSetStencilCompareMask(commands, face(i), drawing->stencil[i].compareMask);
	}
}

RECORDER(stencil_write_mask)
{
	for (uint32_t i = 0; i < 2; i++) {
		calls->CmdSetStencilWriteMask(commands, face(i), drawing->stencil[i].writeMask);
	}
}

RECORDER(stencil_reference)
{
	for (uint32_t i = 0; i < 2; i++) {
		calls->CmdSetStencilReference(commands, face(i), drawing->stencil[i].reference);
	}
}

RECORDER(stencil_op)
{
	for (uint32_t i = 0; i < 2; i++) {
		const VkStencilOpState *of = &drawing->stencil[i];

		calls->CmdSetStencilOp(commands, face(i), of->failOp, of->passOp, of->depthFailOp,
				       of->compareOp);
	}
}

/* By the bit of PENSTOCK_DYNAMIC_; strides go with their buffers. */
static const recorder recorders[PENSTOCK_STATES] = {
	record_viewports,
	record_scissors,
	record_line_width,
	record_depth_bias,
	record_blend_constants,
	record_depth_bounds,
	record_stencil_compare_mask,
	record_stencil_write_mask,
	record_stencil_reference,
	record_cull_mode,
	record_front_face,
	record_topology,
	NULL,
	record_depth_test,
	record_depth_write,
	record_depth_compare,
	record_bounds_test,
	record_stencil_test,
	record_stencil_op,
	record_discard,
	record_bias_enable,
	record_restart,
};

static void record_states(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	uint32_t changed = drawing->states_changed & state_of(drawing)->dynamic;

	drawing->states_changed &= ~changed;
	while (changed != 0) {
		uint32_t bit = (uint32_t)__builtin_ctz(changed);

		changed &= changed - 1;
		if (recorders[bit] != NULL) {
			recorders[bit](drawing, &scope->device->calls, scope->device->commands);
		}
	}
}

static bool is_read(const struct penstock_graphics_state *state, uint32_t binding)
{
	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		if (state->vertex_attributes[i].binding == binding) {
			return true;
		}
	}
	return false;
}

static bool record_vertices(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	const struct penstock_graphics_state *state = state_of(drawing);
	bool strides = (state->dynamic & PENSTOCK_DYNAMIC_VERTEX_STRIDE) != 0;

	for (uint32_t i = 0; i < state->vertex_binding_count; i++) {
		uint32_t binding = state->vertex_bindings[i].binding;
		const struct penstock_vertices *vertices = &drawing->vertices[binding];
		VkDeviceSize stride = vertices->stride;

		/* The driver divides by what is not bound; render lets nothing out that is read. */
		if (vertices->range.buffer == VK_NULL_HANDLE) {
			if (is_read(state, binding)) {
				return false;
			}
			continue;
		}
		scope->device->calls.CmdBindVertexBuffers2(
			scope->device->commands, binding, 1, &vertices->range.buffer,
			&vertices->range.offset, &vertices->range.size, strides ? &stride : NULL);
	}
	drawing->vertices_changed = false;
	return true;
}

static enum penstock_outcome record_sets(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	const struct penstock_vulkan_pipeline *pipeline = drawing->pipeline;
	uint32_t has = (1u << pipeline->set_count) - 1, bad = drawing->sets_bad & has;
	enum penstock_outcome outcome;

	if (bad != 0) {
		outcome = penstock_descriptors_make(scope->vulkan, pipeline, scope->crew, bad,
						    drawing->sets);
		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			return outcome;
		}
		drawing->sets_bad &= ~bad;
		drawing->sets_changed |= bad;
	}
	if ((drawing->sets_changed & has) != 0) {
		scope->device->calls.CmdBindDescriptorSets(
			scope->device->commands, VK_PIPELINE_BIND_POINT_GRAPHICS,
			pipeline->made[scope->crew].layout, 0, pipeline->set_count, drawing->sets,
			0, NULL);
		drawing->sets_changed &= ~has;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome record_pipeline(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	struct penstock_vulkan_made *made = &drawing->pipeline->made[scope->crew];

	if (!penstock_targets_fit(&scope->targets, state_of(drawing))) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	scope->device->calls.CmdBindPipeline(scope->device->commands,
					     VK_PIPELINE_BIND_POINT_GRAPHICS, made->pipeline);
	if (!made->ran) {
		made->ran = true;
		scope->compiles = true;
	}
	drawing->pipeline_changed = false;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static void record_constants(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	const struct penstock_vulkan_pipeline *pipeline = drawing->pipeline;

	if (pipeline->blob->push_constant_bytes > 0) {
		scope->device->calls.CmdPushConstants(
			scope->device->commands, pipeline->made[scope->crew].layout,
			pipeline->blob->push_stages, 0, pipeline->blob->push_constant_bytes,
			drawing->push_constants);
	}
	drawing->constants_changed = false;
}

/* Sets for which the pool has no place begin another part, where it is empty. */
static enum penstock_outcome make_room(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_COMPLETED;

	if (!penstock_descriptors_fit(&scope->vulkan->descriptors, drawing->pipeline)) {
		if (scope->recording) {
			outcome = penstock_scope_flush(scope);
		}
		if (outcome == PENSTOCK_OUTCOME_COMPLETED &&
		    !penstock_descriptors_empty(&scope->vulkan->descriptors, scope->device)) {
			outcome = PENSTOCK_OUTCOME_ILLEGAL;
		}
		drawing->sets_bad = UINT32_MAX;
	}
	return outcome == PENSTOCK_OUTCOME_COMPLETED
		       ? penstock_scope_make_room(scope, !drawing->pipeline->made[scope->crew].ran)
		       : outcome;
}

static enum penstock_outcome prepare(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	enum penstock_outcome outcome;

	if (drawing->pipeline == NULL) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	outcome = make_room(scope);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED && drawing->pipeline_changed) {
		outcome = record_pipeline(scope);
	}
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		outcome = record_sets(scope);
	}
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	if (drawing->constants_changed) {
		record_constants(scope);
	}
	if (drawing->vertices_changed && !record_vertices(scope)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	record_states(scope);
	scope->part_draws++;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome prepare_indexed(struct penstock_scope *scope)
{
	struct penstock_drawing *drawing = &scope->drawing;
	enum penstock_outcome outcome = prepare(scope);

	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	if (drawing->indices.buffer == VK_NULL_HANDLE) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (drawing->indices_changed) {
		scope->device->calls.CmdBindIndexBuffer(
			scope->device->commands, drawing->indices.buffer, drawing->indices.offset,
			(VkIndexType)drawing->index_type);
		drawing->indices_changed = false;
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

/* ---------------------------------------------------------------- draws */

static enum penstock_outcome draw(struct penstock_scope *scope,
				  const struct penstock_member *member)
{
	enum penstock_outcome outcome;

	if (penstock_scope_was_done(scope)) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	outcome = prepare(scope);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		scope->device->calls.CmdDraw(scope->device->commands,
					     load(member, PENSTOCK_DMA_DRAW_vertices),
					     load(member, PENSTOCK_DMA_DRAW_instances),
					     load(member, PENSTOCK_DMA_DRAW_first_vertex),
					     load(member, PENSTOCK_DMA_DRAW_first_instance));
	}
	return outcome;
}

static enum penstock_outcome draw_indexed(struct penstock_scope *scope,
					  const struct penstock_member *member)
{
	enum penstock_outcome outcome;

	if (penstock_scope_was_done(scope)) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	outcome = prepare_indexed(scope);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		scope->device->calls.CmdDrawIndexed(
			scope->device->commands, load(member, PENSTOCK_DMA_DRAW_INDEXED_indices),
			load(member, PENSTOCK_DMA_DRAW_INDEXED_instances),
			load(member, PENSTOCK_DMA_DRAW_INDEXED_first_index),
			(int32_t)load(member, PENSTOCK_DMA_DRAW_INDEXED_vertex_offset),
			load(member, PENSTOCK_DMA_DRAW_INDEXED_first_instance));
	}
	return outcome;
}

_Static_assert((int)PENSTOCK_DMA_DRAW_INDIRECT_draws ==
			       (int)PENSTOCK_DMA_DRAW_INDEXED_INDIRECT_draws &&
		       (int)PENSTOCK_DMA_DRAW_INDIRECT_stride ==
			       (int)PENSTOCK_DMA_DRAW_INDEXED_INDIRECT_stride &&
		       (int)PENSTOCK_DMA_DRAW_INDIRECT_flags ==
			       (int)PENSTOCK_DMA_DRAW_INDEXED_INDIRECT_flags,
	       "both have the same fields");

/* How many there are, and that the indirect buffer has as many, `bytes` each. */
static enum penstock_outcome count_indirect(struct penstock_scope *scope,
					    const struct penstock_member *member, uint32_t bytes,
					    uint32_t *ret_draws)
{
	const struct penstock_drawing *drawing = &scope->drawing;
	uint32_t draws = load(member, PENSTOCK_DMA_DRAW_INDIRECT_draws), counted = draws;
	uint32_t stride = load(member, PENSTOCK_DMA_DRAW_INDIRECT_stride);

	if (drawing->indirect.buffer == VK_NULL_HANDLE || draws > DRAWS_MOST ||
	    (draws > 1 && (stride < bytes || stride % sizeof(uint32_t) != 0)) ||
	    (draws > 0 && (uint64_t)(draws - 1) * stride + bytes > drawing->indirect.size)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if ((load(member, PENSTOCK_DMA_DRAW_INDIRECT_flags) & FLAG_COUNTED) != 0 &&
	    !penstock_scope_read(scope, drawing->count_address, &counted, sizeof(counted))) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	*ret_draws = counted < draws ? counted : draws;
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome draw_indirect(struct penstock_scope *scope,
					   const struct penstock_member *member)
{
	bool indexed = member->id == PENSTOCK_DMA_DRAW_INDEXED_INDIRECT;
	const struct penstock_object_range *from = &scope->drawing.indirect;
	const struct penstock_vulkan_calls *calls = &scope->device->calls;
	uint32_t stride = load(member, PENSTOCK_DMA_DRAW_INDIRECT_stride), draws = 0;
	enum penstock_outcome outcome;

	if (penstock_scope_was_done(scope)) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	outcome = indexed ? prepare_indexed(scope) : prepare(scope);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		outcome = count_indirect(scope, member,
					 indexed ? INDEXED_INDIRECT_BYTES : INDIRECT_BYTES, &draws);
	}
	if (outcome != PENSTOCK_OUTCOME_COMPLETED || draws == 0) {
		return outcome;
	}
	if (indexed) {
		calls->CmdDrawIndexedIndirect(scope->device->commands, from->buffer, from->offset,
					      draws, stride);
	} else {
		calls->CmdDrawIndirect(scope->device->commands, from->buffer, from->offset, draws,
				       stride);
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static const penstock_scope_member members[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_BIND_PIPELINE] = bind_pipeline,
	[PENSTOCK_DMA_PUSH_CONSTANTS] = push_constants,
	[PENSTOCK_DMA_VERTEX_BUFFER] = vertex_buffer,
	[PENSTOCK_DMA_INDEX_BUFFER] = index_buffer,
	[PENSTOCK_DMA_INDIRECT_BUFFER] = indirect_buffer,
	[PENSTOCK_DMA_COUNT_BUFFER] = count_buffer,
	[PENSTOCK_DMA_VIEWPORT] = viewport,
	[PENSTOCK_DMA_SCISSOR] = scissor,
	[PENSTOCK_DMA_STATE] = state,
	[PENSTOCK_DMA_BLEND_CONSTANTS] = blend_constants,
	[PENSTOCK_DMA_DEPTH_BIAS] = depth_bias,
	[PENSTOCK_DMA_DEPTH_BOUNDS] = depth_bounds,
	[PENSTOCK_DMA_STENCIL] = stencil,
	[PENSTOCK_DMA_DRAW] = draw,
	[PENSTOCK_DMA_DRAW_INDEXED] = draw_indexed,
	[PENSTOCK_DMA_DRAW_INDIRECT] = draw_indirect,
	[PENSTOCK_DMA_DRAW_INDEXED_INDIRECT] = draw_indirect,
};

penstock_scope_member penstock_drawing_member(enum penstock_dma_id id)
{
	return members[id];
}
