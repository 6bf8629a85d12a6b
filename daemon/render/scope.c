/* SPDX-License-Identifier: MIT */
/*
 * Render scopes: targets, then draws with what has been bound so far. All of a scope is gone
 * through once, at its end:
 *
 *	begin_rendering  image_write  color_target  bind_...  draw  bind_...  draw  end_rendering
 *	^ group.start    slots        targets       |         |
 *	                                            |         what stands by now suits the pipeline
 *	                                            stays until it is bound again
 *
 * What suited the last draw suits the next one where nothing has been bound in between, and of
 * descriptors only those are looked at that have been: a frame is many draws that differ a little.
 */
#include "daemon/render/descriptors.h"
#include "daemon/render/targets.h"

#include <inttypes.h>

/* VkIndexType */
enum { INDEX_16, INDEX_32, INDEX_8 = 1000265000 };

/* VkDrawIndirectCommand, VkDrawIndexedIndirectCommand, and how a count is given. */
#define DRAW_BYTES         16u
#define DRAW_INDEXED_BYTES 20u
#define FLAG_COUNTED       1u

/* Types of queries, one of each may be active; that which began last ends first. */
enum { QUERY_OCCLUSION, QUERY_STATISTICS, QUERY_TYPES };
#define QUERY_ALIGNMENT 8u
#define STATISTICS      0x7FFu /* VkQueryPipelineStatisticFlagBits, all of them */

struct scope {
	struct penstock_walk *walk;
	uint32_t position; /* among the instructions of the group */
	struct penstock_targets targets;
	bool drawn; /* targets are as they are from here on */

	const struct penstock_render_allocation *pipeline;
	bool targets_suit; /* the pipeline: it was looked at */
	uint32_t judged;   /* its descriptors: when, by their clock */
	bool descriptors_suit;
	uint32_t given;     /* PENSTOCK_DYNAMIC_ */
	uint32_t viewports; /* a bit for each that was given */
	uint32_t scissors;
	uint32_t stencil_faces;
	uint32_t topology;
	uint32_t vertex_buffers;

	uint32_t index_bytes; /* of one; 0: there is no index buffer */
	uint64_t indices;
	bool indirect;
	uint64_t indirect_bytes;
	bool count;

	uint32_t queries; /* that are active; the last in query_types is the innermost */
	uint32_t query_types[QUERY_TYPES];
	const uint8_t *query_begins[QUERY_TYPES];

	struct penstock_image_slots slots;
	struct penstock_descriptors descriptors;
};

static bool refuse(const struct scope *scope, const uint8_t *bytes, const char *operand,
		   const char *why)
{
	(void)penstock_walk_refuse(scope->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				   "%s", why);
	return false;
}

static const uint8_t *take(struct penstock_walk *walk, const uint8_t *bytes, uint32_t length)
{
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

/* ------------------------------------------------------------------ targets, images */

static bool step_image(struct scope *scope, const uint8_t *bytes)
{
	penstock_render_slots_define(scope->walk, &scope->slots, bytes);
	return true;
}

static bool targets_open(const struct scope *scope, const uint8_t *bytes)
{
	return !scope->drawn ||
	       refuse(scope, bytes, "", "targets stand before what is drawn to them");
}

static bool step_color_target(struct scope *scope, const uint8_t *bytes)
{
	return targets_open(scope, bytes) &&
	       penstock_render_targets_color(scope->walk, &scope->targets, &scope->slots, bytes);
}

static bool step_depth_stencil_target(struct scope *scope, const uint8_t *bytes)
{
	return targets_open(scope, bytes) &&
	       penstock_render_targets_depth_stencil(scope->walk, &scope->targets, &scope->slots,
						     bytes);
}

static bool step_clear_target(struct scope *scope, const uint8_t *bytes)
{
	scope->drawn = true;
	return penstock_render_targets_clear(scope->walk, &scope->targets, bytes);
}

/* ------------------------------------------------------------------ pipeline, descriptors */

static bool step_bind_pipeline(struct scope *scope, const uint8_t *bytes)
{
	const uint32_t index = penstock_load16(bytes + PENSTOCK_OPERAND_BIND_PIPELINE_pipeline);
	const struct penstock_render_allocation *allocation = &scope->walk->allocations[index];

	if (allocation->pipeline->graphics == NULL) {
		return refuse(scope, bytes, "pipeline", "its pipeline is of another kind");
	}
	if (scope->pipeline == NULL || scope->pipeline->pipeline != allocation->pipeline) {
		scope->targets_suit = false;
		scope->descriptors_suit = false;
	}
	scope->pipeline = allocation;
	return true;
}

static bool step_descriptor(struct scope *scope, const uint8_t *bytes)
{
	return penstock_render_descriptors_bind(scope->walk, &scope->descriptors, &scope->slots,
						bytes, scope->position, false);
}

/* ------------------------------------------------------------------ vertex_buffer, index_buffer */

const uint8_t *penstock_render_vertex_buffer(struct penstock_walk *walk, const uint8_t *bytes,
					     uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(VERTEX_BUFFER, binding, 0, PENSTOCK_LIMIT_VERTEX_BINDINGS - 1),
		PENSTOCK_WITHIN(VERTEX_BUFFER, stride, 0, PENSTOCK_LIMIT_VERTEX_STRIDE),
	};

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits)) ||
	    penstock_walk_range_operand(
		    walk, bytes, PENSTOCK_OPERAND_VERTEX_BUFFER_allocation, "allocation", false,
		    penstock_load64(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_offset),
		    penstock_load64(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_size)) == NULL) {
		return NULL;
	}
	return take(walk, bytes, length);
}

static bool step_vertex_buffer(struct scope *scope, const uint8_t *bytes)
{
	scope->vertex_buffers |= 1u
				 << penstock_load32(bytes + PENSTOCK_OPERAND_VERTEX_BUFFER_binding);
	return true;
}

/* 0: there is no such type. */
static uint32_t index_bytes_of(uint32_t type)
{
	return type == INDEX_16 ? 2 : type == INDEX_32 ? 4 : type == INDEX_8 ? 1 : 0;
}

const uint8_t *penstock_render_index_buffer(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length)
{
	const uint32_t type = penstock_load32(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_type);
	const uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_offset);

	if (index_bytes_of(type) == 0) {
		penstock_walk_refuse_value(walk, bytes, "type", type, "no type of an index");
		return NULL;
	}
	if (penstock_walk_range_operand(
		    walk, bytes, PENSTOCK_OPERAND_INDEX_BUFFER_allocation, "allocation", false,
		    offset, penstock_load64(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_size)) == NULL ||
	    !penstock_walk_offset_aligned(walk, bytes, "offset", offset, index_bytes_of(type))) {
		return NULL;
	}
	return take(walk, bytes, length);
}

static bool step_index_buffer(struct scope *scope, const uint8_t *bytes)
{
	scope->index_bytes =
		index_bytes_of(penstock_load32(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_type));
	scope->indices =
		penstock_load64(bytes + PENSTOCK_OPERAND_INDEX_BUFFER_size) / scope->index_bytes;
	return true;
}

/* ------------------------------------------------------------------ indirect_buffer, count_buffer
 */

#define INDIRECT_ALIGNMENT 4u
#define COUNT_BYTES        4u

const uint8_t *penstock_render_indirect_buffer(struct penstock_walk *walk, const uint8_t *bytes,
					       uint32_t length)
{
	const uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_INDIRECT_BUFFER_offset);

	if (penstock_walk_range_operand(
		    walk, bytes, PENSTOCK_OPERAND_INDIRECT_BUFFER_allocation, "allocation", false,
		    offset,
		    penstock_load64(bytes + PENSTOCK_OPERAND_INDIRECT_BUFFER_size)) == NULL ||
	    !penstock_walk_offset_aligned(walk, bytes, "offset", offset, INDIRECT_ALIGNMENT)) {
		return NULL;
	}
	return take(walk, bytes, length);
}

static bool step_indirect_buffer(struct scope *scope, const uint8_t *bytes)
{
	scope->indirect = true;
	scope->indirect_bytes = penstock_load64(bytes + PENSTOCK_OPERAND_INDIRECT_BUFFER_size);
	return true;
}

const uint8_t *penstock_render_count_buffer(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length)
{
	const uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_COUNT_BUFFER_offset);

	if (penstock_walk_range_operand(walk, bytes, PENSTOCK_OPERAND_COUNT_BUFFER_allocation,
					"allocation", false, offset, COUNT_BYTES) == NULL ||
	    !penstock_walk_offset_aligned(walk, bytes, "offset", offset, INDIRECT_ALIGNMENT)) {
		return NULL;
	}
	return take(walk, bytes, length);
}

static bool step_count_buffer(struct scope *scope, const uint8_t *bytes)
{
	(void)bytes;
	scope->count = true;
	return true;
}

/* ------------------------------------------------------------------ dynamic state */

static bool step_viewport(struct scope *scope, const uint8_t *bytes)
{
	scope->viewports |= 1u << penstock_load32(bytes + PENSTOCK_OPERAND_VIEWPORT_index);
	return true;
}

static bool step_scissor(struct scope *scope, const uint8_t *bytes)
{
	scope->scissors |= 1u << penstock_load32(bytes + PENSTOCK_OPERAND_SCISSOR_index);
	return true;
}

static bool step_state(struct scope *scope, const uint8_t *bytes)
{
	const uint32_t state = penstock_load32(bytes + PENSTOCK_OPERAND_STATE_state);

	scope->given |= 1u << state;
	if (state == PENSTOCK_STATE_TOPOLOGY) {
		scope->topology = penstock_load32(bytes + PENSTOCK_OPERAND_STATE_value);
	}
	return true;
}

static bool step_blend_constants(struct scope *scope, const uint8_t *bytes)
{
	(void)bytes;
	scope->given |= PENSTOCK_DYNAMIC_BLEND_CONSTANTS;
	return true;
}

static bool step_depth_bias(struct scope *scope, const uint8_t *bytes)
{
	(void)bytes;
	scope->given |= PENSTOCK_DYNAMIC_DEPTH_BIAS;
	return true;
}

static bool step_depth_bounds(struct scope *scope, const uint8_t *bytes)
{
	(void)bytes;
	scope->given |= PENSTOCK_DYNAMIC_DEPTH_BOUNDS;
	return true;
}

#define BOTH_FACES 3u

static bool step_stencil(struct scope *scope, const uint8_t *bytes)
{
	scope->stencil_faces |= penstock_load32(bytes + PENSTOCK_OPERAND_STENCIL_faces);
	if (scope->stencil_faces == BOTH_FACES) {
		scope->given |= PENSTOCK_DYNAMIC_STENCIL_COMPARE_MASK |
				PENSTOCK_DYNAMIC_STENCIL_WRITE_MASK |
				PENSTOCK_DYNAMIC_STENCIL_REFERENCE | PENSTOCK_DYNAMIC_STENCIL_OP;
	}
	return true;
}

/* ------------------------------------------------------------------ queries */

const uint8_t *penstock_render_begin_query(struct penstock_walk *walk, const uint8_t *bytes,
					   uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(BEGIN_QUERY, type, 0, QUERY_TYPES - 1),
		PENSTOCK_WITHIN(BEGIN_QUERY, statistics, 0, STATISTICS),
	};
	const uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_offset);
	const bool counts =
		penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_type) == QUERY_STATISTICS;
	const uint32_t statistics =
		penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_statistics);
	const uint32_t words = counts ? (uint32_t)__builtin_popcount(statistics) : 1;

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits))) {
		return NULL;
	}
	if (counts != (statistics != 0)) {
		penstock_walk_refuse_value(walk, bytes, "statistics", statistics,
					   "those of a query of statistics, at least one");
		return NULL;
	}
	if (penstock_walk_range_operand(walk, bytes, PENSTOCK_OPERAND_BEGIN_QUERY_allocation,
					"allocation", true, offset, words * UINT64_C(8)) == NULL ||
	    !penstock_walk_offset_aligned(walk, bytes, "offset", offset, QUERY_ALIGNMENT)) {
		return NULL;
	}
	return take(walk, bytes, length);
}

static bool step_begin_query(struct scope *scope, const uint8_t *bytes)
{
	const uint32_t type = penstock_load32(bytes + PENSTOCK_OPERAND_BEGIN_QUERY_type);

	for (uint32_t i = 0; i < scope->queries; i++) {
		if (scope->query_types[i] == type) {
			return penstock_walk_refuse_value(scope->walk, bytes, "type", type,
							  "such a query has not ended yet");
		}
	}
	scope->query_begins[scope->queries] = bytes;
	scope->query_types[scope->queries++] = type;
	return true;
}

const uint8_t *penstock_render_end_query(struct penstock_walk *walk, const uint8_t *bytes,
					 uint32_t length)
{
	return take(walk, bytes, length);
}

static bool step_end_query(struct scope *scope, const uint8_t *bytes)
{
	if (scope->queries == 0) {
		return refuse(scope, bytes, "", "no query has begun");
	}
	scope->queries--;
	return true;
}

/* ------------------------------------------------------------------ draws */

/* What is dynamic of the pipeline and was not given. */
static uint32_t missing(const struct scope *scope, const struct penstock_graphics_state *graphics)
{
	const uint32_t views = (1u << graphics->viewport_count) - 1;
	uint32_t given = scope->given | PENSTOCK_DYNAMIC_VERTEX_STRIDE;

	given |= (views & ~scope->viewports) == 0 ? PENSTOCK_DYNAMIC_VIEWPORT : 0;
	given |= (views & ~scope->scissors) == 0 ? PENSTOCK_DYNAMIC_SCISSOR : 0;
	return graphics->dynamic & ~given;
}

__attribute__((cold)) static bool refuse_missing(const struct scope *scope, const uint8_t *bytes,
						 uint32_t states)
{
	static const char *const names[] = {
		"viewport",
		"scissor",
		"line width",
		"depth_bias",
		"blend_constants",
		"depth_bounds",
		"stencil of both faces (compare mask)",
		"stencil of both faces (write mask)",
		"stencil of both faces (reference)",
		"cull mode",
		"front face",
		"topology",
		"vertex stride",
		"depth test",
		"depth write",
		"depth compare",
		"depth bounds test",
		"stencil test",
		"stencil of both faces (operations)",
		"rasterizer discard",
		"depth bias enable",
		"primitive restart",
	};
	const uint32_t state = (uint32_t)__builtin_ctz(states);

	return penstock_walk_refuse(scope->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "",
				    "dynamic state %u of the pipeline is not given: %s", state,
				    state < PENSTOCK_ARRAY_SIZE(names) ? names[state] : "") != NULL;
}

/* By VkPrimitiveTopology. */
static const uint8_t topology_classes[] = {
	PENSTOCK_TOPOLOGY_POINTS,    PENSTOCK_TOPOLOGY_LINES,     PENSTOCK_TOPOLOGY_LINES,
	PENSTOCK_TOPOLOGY_TRIANGLES, PENSTOCK_TOPOLOGY_TRIANGLES, PENSTOCK_TOPOLOGY_TRIANGLES,
	PENSTOCK_TOPOLOGY_LINES,     PENSTOCK_TOPOLOGY_LINES,     PENSTOCK_TOPOLOGY_TRIANGLES,
	PENSTOCK_TOPOLOGY_TRIANGLES, PENSTOCK_TOPOLOGY_PATCHES,
};

/* Dynamic state and vertex buffers: a few masks, so always. */
static bool judge_state(const struct scope *scope, const struct penstock_render_pipeline *pipeline,
			const uint8_t *bytes)
{
	const struct penstock_graphics_state *graphics = pipeline->graphics;
	const uint32_t states = missing(scope, graphics);
	const uint32_t buffers = pipeline->vertex_bindings & ~scope->vertex_buffers;

	if (PENSTOCK_UNLIKELY(states != 0)) {
		return refuse_missing(scope, bytes, states);
	}
	if (PENSTOCK_UNLIKELY(buffers != 0)) {
		return penstock_walk_refuse(scope->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "", "vertex binding %d of the pipeline is not bound",
					    __builtin_ctz(buffers)) != NULL;
	}
	if (PENSTOCK_UNLIKELY((graphics->dynamic & PENSTOCK_DYNAMIC_TOPOLOGY) != 0 &&
			      topology_classes[scope->topology] != pipeline->topology_class)) {
		return penstock_walk_refuse(scope->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "",
					    "topology %u is of another class than the pipeline's",
					    scope->topology) != NULL;
	}
	return true;
}

static bool judge_draw(struct scope *scope, const uint8_t *bytes)
{
	const struct penstock_render_pipeline *pipeline;

	scope->drawn = true;
	if (PENSTOCK_UNLIKELY(scope->pipeline == NULL)) {
		return refuse(scope, bytes, "pipeline", "no pipeline is bound");
	}
	pipeline = scope->pipeline->pipeline;
	if (!judge_state(scope, pipeline, bytes)) {
		return false;
	}
	if (!scope->targets_suit && !penstock_render_targets_suit(scope->walk, &scope->targets,
								  pipeline->graphics, bytes)) {
		return false;
	}
	scope->targets_suit = true;
	if ((!scope->descriptors_suit || scope->judged != scope->descriptors.clock) &&
	    !penstock_render_descriptors_judge(scope->walk, &scope->descriptors, pipeline, bytes)) {
		return false;
	}
	scope->descriptors_suit = true;
	scope->judged = scope->descriptors.clock;
	return true;
}

/* `count` from `first` on are numbers of 32 bits. */
static bool judge_numbers(const struct scope *scope, const uint8_t *bytes, const char *operand,
			  uint32_t first, uint32_t count)
{
	if (!penstock_range_fits(first, count, UINT64_C(1) << 32)) {
		return penstock_walk_refuse(scope->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    operand, "%u from %u on: beyond 32 bits", count,
					    first) != NULL;
	}
	return true;
}

const uint8_t *penstock_render_draw(struct penstock_walk *walk, const uint8_t *bytes,
				    uint32_t length)
{
	return take(walk, bytes, length);
}

static bool step_draw(struct scope *scope, const uint8_t *bytes)
{
	return judge_draw(scope, bytes) &&
	       judge_numbers(scope, bytes, "vertices",
			     penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_first_vertex),
			     penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_vertices)) &&
	       judge_numbers(scope, bytes, "instances",
			     penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_first_instance),
			     penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_instances));
}

const uint8_t *penstock_render_draw_indexed(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length)
{
	return take(walk, bytes, length);
}

static bool has_indices(const struct scope *scope, const uint8_t *bytes)
{
	return scope->index_bytes != 0 || refuse(scope, bytes, "", "no index buffer is bound");
}

static bool step_draw_indexed(struct scope *scope, const uint8_t *bytes)
{
	const uint32_t first = penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDEXED_first_index);
	const uint32_t indices = penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDEXED_indices);

	if (!judge_draw(scope, bytes) || !has_indices(scope, bytes)) {
		return false;
	}
	if (!penstock_range_fits(first, indices, scope->indices)) {
		return penstock_walk_refuse(scope->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "indices",
					    "%u indices from %u on: the index buffer has %" PRIu64,
					    indices, first, scope->indices) != NULL;
	}
	return judge_numbers(scope, bytes, "instances",
			     penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDEXED_first_instance),
			     penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDEXED_instances));
}

/* ------------------------------------------------------------------ indirect draws */

_Static_assert((int)PENSTOCK_OPERAND_DRAW_INDIRECT_draws ==
			       (int)PENSTOCK_OPERAND_DRAW_INDEXED_INDIRECT_draws &&
		       (int)PENSTOCK_OPERAND_DRAW_INDIRECT_stride ==
			       (int)PENSTOCK_OPERAND_DRAW_INDEXED_INDIRECT_stride &&
		       (int)PENSTOCK_OPERAND_DRAW_INDIRECT_flags ==
			       (int)PENSTOCK_OPERAND_DRAW_INDEXED_INDIRECT_flags,
	       "one layout for both");

static bool is_indexed(const uint8_t *bytes)
{
	return penstock_header_opcode(penstock_load32(bytes)) ==
	       PENSTOCK_OPCODE_DRAW_INDEXED_INDIRECT;
}

const uint8_t *penstock_render_draw_indirect(struct penstock_walk *walk, const uint8_t *bytes,
					     uint32_t length)
{
	static const struct penstock_word_limit limits[] = {
		PENSTOCK_WITHIN(DRAW_INDIRECT, draws, 0, PENSTOCK_LIMIT_INDIRECT_DRAWS),
		PENSTOCK_WITHIN(DRAW_INDIRECT, flags, 0, FLAG_COUNTED),
	};
	const uint32_t least = is_indexed(bytes) ? DRAW_INDEXED_BYTES : DRAW_BYTES;
	const uint32_t draws = penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDIRECT_draws);
	const uint32_t stride = penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDIRECT_stride);

	if (!penstock_walk_words_within(walk, bytes, limits, PENSTOCK_ARRAY_SIZE(limits))) {
		return NULL;
	}
	if (stride % 4 != 0 || (draws > 1 && stride < least)) {
		return penstock_walk_refuse(
			walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "stride",
			"%u: a multiple of 4, and between two draws at least %u", stride, least);
	}
	return take(walk, bytes, length);
}

static bool step_draw_indirect(struct scope *scope, const uint8_t *bytes)
{
	const uint32_t one = is_indexed(bytes) ? DRAW_INDEXED_BYTES : DRAW_BYTES;
	const uint64_t draws = penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDIRECT_draws);
	const uint64_t stride = penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDIRECT_stride);
	const uint64_t wanted = draws == 0 ? 0 : (draws - 1) * stride + one;

	if (!judge_draw(scope, bytes) || (is_indexed(bytes) && !has_indices(scope, bytes))) {
		return false;
	}
	if (!scope->indirect || wanted > scope->indirect_bytes) {
		return penstock_walk_refuse(
			       scope->walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "draws",
			       "reads 0x%" PRIx64 " bytes: the indirect buffer has 0x%" PRIx64,
			       wanted, scope->indirect_bytes) != NULL;
	}
	if ((penstock_load32(bytes + PENSTOCK_OPERAND_DRAW_INDIRECT_flags) & FLAG_COUNTED) != 0 &&
	    !scope->count) {
		return refuse(scope, bytes, "flags", "no count buffer is bound");
	}
	return true;
}

/* ------------------------------------------------------------------ the end */

typedef bool step_function(struct scope *scope, const uint8_t *bytes);

#define STEP(name) [PENSTOCK_OPCODE_##name - PENSTOCK_MEMBERS_FIRST]

/* NULL: nothing that a draw depends on. */
static step_function *const steps[PENSTOCK_MEMBERS] = {
	STEP(BIND_PIPELINE) = step_bind_pipeline,
	STEP(BIND_BUFFER) = step_descriptor,
	STEP(BIND_BUFFER_WRITE) = step_descriptor,
	STEP(IMAGE) = step_image,
	STEP(IMAGE_WRITE) = step_image,
	STEP(BIND_IMAGE) = step_descriptor,
	STEP(BIND_SAMPLER) = step_descriptor,
	STEP(BIND_TEXEL_BUFFER) = step_descriptor,
	STEP(BIND_TEXEL_BUFFER_WRITE) = step_descriptor,
	STEP(COLOR_TARGET) = step_color_target,
	STEP(DEPTH_STENCIL_TARGET) = step_depth_stencil_target,
	STEP(VERTEX_BUFFER) = step_vertex_buffer,
	STEP(INDEX_BUFFER) = step_index_buffer,
	STEP(VIEWPORT) = step_viewport,
	STEP(SCISSOR) = step_scissor,
	STEP(STATE) = step_state,
	STEP(BLEND_CONSTANTS) = step_blend_constants,
	STEP(DEPTH_BIAS) = step_depth_bias,
	STEP(DEPTH_BOUNDS) = step_depth_bounds,
	STEP(STENCIL) = step_stencil,
	STEP(INDIRECT_BUFFER) = step_indirect_buffer,
	STEP(COUNT_BUFFER) = step_count_buffer,
	STEP(BEGIN_QUERY) = step_begin_query,
	STEP(END_QUERY) = step_end_query,
	STEP(DRAW) = step_draw,
	STEP(DRAW_INDEXED) = step_draw_indexed,
	STEP(DRAW_INDIRECT) = step_draw_indirect,
	STEP(DRAW_INDEXED_INDIRECT) = step_draw_indirect,
	STEP(CLEAR_TARGET) = step_clear_target,
};

/* Field by field: most of it is arrays that are filled as far as they are used. */
static void scope_init(struct scope *scope, struct penstock_walk *walk)
{
	scope->walk = walk;
	scope->position = 0;
	penstock_render_targets_init(&scope->targets, walk->group.start);
	scope->drawn = false;
	scope->pipeline = NULL;
	scope->targets_suit = false;
	scope->judged = 0;
	scope->descriptors_suit = false;
	scope->given = 0;
	scope->viewports = 0;
	scope->scissors = 0;
	scope->stencil_faces = 0;
	scope->topology = 0;
	scope->vertex_buffers = 0;
	scope->index_bytes = 0;
	scope->indices = 0;
	scope->indirect = false;
	scope->indirect_bytes = 0;
	scope->count = false;
	scope->queries = 0;
	scope->slots.defined = 0;
	penstock_render_descriptors_init(&scope->descriptors, walk);
}

static bool judge_scope(struct scope *scope, const uint8_t *end)
{
	for (const uint8_t *at = scope->walk->group.start; at != end; at = penstock_behind(at)) {
		step_function *step = steps[penstock_member_of(at)];

		if (step != NULL && !step(scope, at)) {
			return false;
		}
		scope->position++;
	}
	if (scope->queries != 0) {
		return refuse(scope, scope->query_begins[scope->queries - 1], "",
			      "the query does not end in its scope");
	}
	return true;
}

const uint8_t *penstock_render_end_rendering(struct penstock_walk *walk, const uint8_t *bytes,
					     uint32_t length)
{
	struct scope scope;

	if (walk->group.start == NULL || !walk->group.scope) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "",
					    "no render scope has begun");
	}
	scope_init(&scope, walk);
	if (!judge_scope(&scope, bytes)) {
		return NULL;
	}
	return penstock_render_group_finish(walk, bytes, length, &scope.descriptors.rounded);
}
