/* SPDX-License-Identifier: MIT */
#include "daemon/objects/interface.h"

#include "daemon/objects/adapter.h"
#include "gpu-backend/graphics_state.h"

#include <string.h>

/* SpvExecutionMode, which the daemon has no header of. */
enum {
	MODE_INPUT_POINTS = 19,
	MODE_INPUT_LINES = 20,
	MODE_INPUT_LINES_ADJACENCY = 21,
	MODE_TRIANGLES = 22,
	MODE_INPUT_TRIANGLES_ADJACENCY = 23,
	MODE_ISOLINES = 25,
};

static const struct {
	uint32_t class;
	uint32_t input_mode; /* of a geometry stage that takes such; 0: none does */
} topologies[PENSTOCK_VK_TOPOLOGIES] = {
	[PENSTOCK_VK_POINT_LIST] = { PENSTOCK_TOPOLOGY_POINTS, MODE_INPUT_POINTS },
	[PENSTOCK_VK_LINE_LIST] = { PENSTOCK_TOPOLOGY_LINES, MODE_INPUT_LINES },
	[PENSTOCK_VK_LINE_STRIP] = { PENSTOCK_TOPOLOGY_LINES, MODE_INPUT_LINES },
	[PENSTOCK_VK_TRIANGLE_LIST] = { PENSTOCK_TOPOLOGY_TRIANGLES, MODE_TRIANGLES },
	[PENSTOCK_VK_TRIANGLE_STRIP] = { PENSTOCK_TOPOLOGY_TRIANGLES, MODE_TRIANGLES },
	[PENSTOCK_VK_TRIANGLE_FAN] = { PENSTOCK_TOPOLOGY_TRIANGLES, MODE_TRIANGLES },
	[PENSTOCK_VK_LINE_LIST_WITH_ADJACENCY] = { PENSTOCK_TOPOLOGY_LINES,
						   MODE_INPUT_LINES_ADJACENCY },
	[PENSTOCK_VK_LINE_STRIP_WITH_ADJACENCY] = { PENSTOCK_TOPOLOGY_LINES,
						    MODE_INPUT_LINES_ADJACENCY },
	[PENSTOCK_VK_TRIANGLE_LIST_WITH_ADJACENCY] = { PENSTOCK_TOPOLOGY_TRIANGLES,
						       MODE_INPUT_TRIANGLES_ADJACENCY },
	[PENSTOCK_VK_TRIANGLE_STRIP_WITH_ADJACENCY] = { PENSTOCK_TOPOLOGY_TRIANGLES,
							MODE_INPUT_TRIANGLES_ADJACENCY },
	[PENSTOCK_VK_PATCH_LIST] = { PENSTOCK_TOPOLOGY_PATCHES, 0 },
};

static const char *const stage_names[PENSTOCK_SHADER_STAGES] = {
	"vertex", "tessellation control", "tessellation evaluation", "geometry", "fragment", "",
};

/* enum penstock_shader_number, and enum penstock_texel_number */
static const char *const numbers[PENSTOCK_NUMBERS] = { "", "float", "signed", "unsigned" };

_Static_assert((int)PENSTOCK_TEXEL_FLOAT == (int)PENSTOCK_NUMBER_FLOAT &&
		       (int)PENSTOCK_TEXEL_SIGNED == (int)PENSTOCK_NUMBER_SIGNED &&
		       (int)PENSTOCK_TEXEL_UNSIGNED == (int)PENSTOCK_NUMBER_UNSIGNED,
	       "texels are what shaders read");

uint32_t penstock_topology_class_of(uint32_t topology)
{
	PENSTOCK_REQUIRE(topology < PENSTOCK_VK_TOPOLOGIES);
	return topologies[topology].class;
}

#define REFUSE(...) penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER, __VA_ARGS__)

struct pipeline {
	/* By enum penstock_shader_stage; NULL: it has none. */
	const struct penstock_shader_reflection *stages[PENSTOCK_SHADER_STAGES];
	const struct penstock_graphics_state *state;
};

/* ------------------------------------------------------------------ from stage to stage */

#define COMPONENTS 4u

/* What a stage gives: of each component its number and bits, 0 where there is nothing. */
struct given {
	uint8_t number[PENSTOCK_LIMIT_SHADER_LOCATIONS][COMPONENTS];
	uint8_t bits[PENSTOCK_LIMIT_SHADER_LOCATIONS][COMPONENTS];
};

/* One past its last component: those of 64 bits take two each. */
static uint32_t component_end(const struct penstock_shader_slot *slot)
{
	uint32_t end = slot->component + slot->components * (slot->bits == 64 ? 2u : 1u);

	return end < COMPONENTS ? end : COMPONENTS;
}

static void gather(const struct penstock_shader_reflection *stage, bool patch,
		   struct given *ret_given)
{
	memset(ret_given, 0, sizeof(*ret_given));
	for (uint32_t i = 0; i < stage->output_count; i++) {
		const struct penstock_shader_slot *slot = &stage->outputs[i];

		if (((slot->flags & PENSTOCK_SLOT_PATCH) != 0) != patch) {
			continue;
		}
		for (uint32_t at = slot->component; at < component_end(slot); at++) {
			ret_given->number[slot->location][at] = (uint8_t)slot->number;
			ret_given->bits[slot->location][at] = (uint8_t)slot->bits;
		}
	}
}

static enum penstock_status check_slot(const struct penstock_shader_slot *slot,
				       const struct given *given,
				       const struct penstock_shader_reflection *from,
				       const struct penstock_shader_reflection *to,
				       struct penstock_refusal *ret_refusal)
{
	for (uint32_t at = slot->component; at < component_end(slot); at++) {
		const uint8_t number = given->number[slot->location][at];
		const uint8_t bits = given->bits[slot->location][at];

		if (number == PENSTOCK_NUMBER_NONE) {
			return REFUSE("location %u, component %u: the %s stage takes it%s, the %s "
				      "stage does not give it",
				      slot->location, at, stage_names[to->stage],
				      (slot->flags & PENSTOCK_SLOT_PATCH) != 0 ? " of a patch" : "",
				      stage_names[from->stage]);
		}
		if (number != slot->number || bits != slot->bits) {
			return REFUSE("location %u, component %u: the %s stage takes %s of %u "
				      "bits, the %s stage gives %s of %u",
				      slot->location, at, stage_names[to->stage],
				      numbers[slot->number], slot->bits, stage_names[from->stage],
				      numbers[number], bits);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_pair(const struct penstock_shader_reflection *from,
				       const struct penstock_shader_reflection *to,
				       struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct given vertex, patch;

	gather(from, false, &vertex);
	gather(from, true, &patch);
	for (uint32_t i = 0; i < to->input_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		const struct penstock_shader_slot *slot = &to->inputs[i];

		status = check_slot(slot,
				    (slot->flags & PENSTOCK_SLOT_PATCH) != 0 ? &patch : &vertex,
				    from, to, ret_refusal);
	}
	return status;
}

static enum penstock_status check_between(const struct pipeline *pipeline,
					  struct penstock_refusal *ret_refusal)
{
	const struct penstock_shader_reflection *from = pipeline->stages[PENSTOCK_SHADER_VERTEX];
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (uint32_t stage = PENSTOCK_SHADER_VERTEX + 1;
	     stage <= PENSTOCK_SHADER_FRAGMENT && status == PENSTOCK_STATUS_SUCCESS; stage++) {
		if (pipeline->stages[stage] != NULL) {
			status = check_pair(from, pipeline->stages[stage], ret_refusal);
			from = pipeline->stages[stage];
		}
	}
	return status;
}

/* ------------------------------------------------------------------ vertex attributes */

static const struct penstock_texel_format *attribute_at(const struct penstock_graphics_state *state,
							uint32_t location)
{
	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		if (state->vertex_attributes[i].location == location) {
			return penstock_texel_format_get(state->vertex_attributes[i].format);
		}
	}
	return NULL;
}

static enum penstock_status check_attributes(const struct pipeline *pipeline,
					     struct penstock_refusal *ret_refusal)
{
	const struct penstock_shader_reflection *vertex = pipeline->stages[PENSTOCK_SHADER_VERTEX];

	for (uint32_t i = 0; i < vertex->input_count; i++) {
		const struct penstock_shader_slot *slot = &vertex->inputs[i];
		const struct penstock_texel_format *format =
			attribute_at(pipeline->state, slot->location);

		if (format == NULL) {
			return REFUSE("location %u: the vertex stage takes it, and it is no "
				      "vertex attribute",
				      slot->location);
		}
		if (slot->bits != 32 || format->block_bytes > 4u * format->components) {
			return REFUSE("location %u: vertex attributes have components of at most "
				      "32 bits, and are taken as 32",
				      slot->location);
		}
		if (format->numbers != slot->number) {
			return REFUSE("location %u: the vertex stage takes %s, %s is %s",
				      slot->location, numbers[slot->number], format->name,
				      numbers[format->numbers]);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ primitives */

/* The mode of either stage of tessellation: it may stand in the other one. */
static uint32_t tessellation_mode(const struct pipeline *pipeline)
{
	const struct penstock_shader_reflection *evaluation =
		pipeline->stages[PENSTOCK_SHADER_TESSELLATION_EVALUATION];

	return evaluation->input_mode != 0
		       ? evaluation->input_mode
		       : pipeline->stages[PENSTOCK_SHADER_TESSELLATION_CONTROL]->input_mode;
}

static bool makes_points(const struct pipeline *pipeline)
{
	return ((pipeline->stages[PENSTOCK_SHADER_TESSELLATION_CONTROL]->flags |
		 pipeline->stages[PENSTOCK_SHADER_TESSELLATION_EVALUATION]->flags) &
		PENSTOCK_SHADER_POINT_MODE) != 0;
}

/* What a geometry stage of the pipeline has to take. */
static uint32_t primitive_mode(const struct pipeline *pipeline)
{
	if (pipeline->stages[PENSTOCK_SHADER_TESSELLATION_EVALUATION] == NULL) {
		return topologies[pipeline->state->topology].input_mode;
	}
	if (makes_points(pipeline)) {
		return MODE_INPUT_POINTS;
	}
	return tessellation_mode(pipeline) == MODE_ISOLINES ? MODE_INPUT_LINES : MODE_TRIANGLES;
}

static enum penstock_status check_tessellation(const struct pipeline *pipeline,
					       struct penstock_refusal *ret_refusal)
{
	const struct penstock_shader_reflection *control =
		pipeline->stages[PENSTOCK_SHADER_TESSELLATION_CONTROL];
	const struct penstock_shader_reflection *evaluation =
		pipeline->stages[PENSTOCK_SHADER_TESSELLATION_EVALUATION];

	if ((evaluation != NULL) != (pipeline->state->topology == PENSTOCK_VK_PATCH_LIST)) {
		return REFUSE("topology: patches are for pipelines that tessellate, and the only "
			      "ones for them");
	}
	if (evaluation == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (tessellation_mode(pipeline) == 0) {
		return REFUSE("neither stage of tessellation says what is made of a patch");
	}
	if (control->input_mode != 0 && evaluation->input_mode != 0 &&
	    control->input_mode != evaluation->input_mode) {
		return REFUSE("the stages of tessellation make two different things of a patch");
	}
	if (control->output_vertices == 0) {
		return REFUSE("the tessellation control stage does not say how many vertices it "
			      "gives");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_geometry(const struct pipeline *pipeline,
					   struct penstock_refusal *ret_refusal)
{
	const struct penstock_shader_reflection *geometry =
		pipeline->stages[PENSTOCK_SHADER_GEOMETRY];

	if (geometry == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (geometry->input_mode != primitive_mode(pipeline)) {
		return REFUSE("topology: the geometry stage takes other primitives");
	}
	/* A class has topologies with and without adjacency, and the stage takes one kind. */
	if ((pipeline->state->dynamic & PENSTOCK_DYNAMIC_TOPOLOGY) != 0) {
		return REFUSE("dynamic: the topology of a pipeline with a geometry stage is not "
			      "dynamic");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static const struct penstock_shader_reflection *
last_before_rasterizer(const struct pipeline *pipeline)
{
	uint32_t stage = PENSTOCK_SHADER_GEOMETRY;

	while (pipeline->stages[stage] == NULL) {
		stage--;
	}
	return pipeline->stages[stage];
}

static enum penstock_status check_views(const struct pipeline *pipeline,
					struct penstock_refusal *ret_refusal)
{
	if (pipeline->state->view_mask == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (pipeline->stages[PENSTOCK_SHADER_TESSELLATION_CONTROL] != NULL ||
	    pipeline->stages[PENSTOCK_SHADER_GEOMETRY] != NULL) {
		return REFUSE("view_mask: views are drawn by a vertex stage alone");
	}
	if ((last_before_rasterizer(pipeline)->flags & PENSTOCK_SHADER_WRITES_LAYER) != 0) {
		return REFUSE("view_mask: a view is the layer, which the stage chooses too");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/*
 * Without a position a rasterizer draws nothing that means anything, which lavapipe bears: it may
 * be discarded sometimes, but not never.
 */
static enum penstock_status check_position(const struct pipeline *pipeline,
					   struct penstock_refusal *ret_refusal)
{
	const struct penstock_shader_reflection *last = last_before_rasterizer(pipeline);

	if ((last->flags & PENSTOCK_SHADER_WRITES_POSITION) == 0 &&
	    pipeline->state->rasterizer_discard == 0 &&
	    (pipeline->state->dynamic & PENSTOCK_DYNAMIC_RASTERIZER_DISCARD) == 0) {
		return REFUSE("the %s stage writes no Position, and rasterizer_discard is not set",
			      stage_names[last->stage]);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ what fits */

#define GEOMETRY_INPUTS_MOST  64u /* components: maxGeometryInputComponents, and so on */
#define GEOMETRY_TOTAL_MOST   1024u
#define PATCH_OUTPUTS_MOST    128u
#define CONTROL_TOTAL_MOST    4096u
#define STAGE_COMPONENTS_MOST 128u

static uint32_t components(const struct penstock_shader_slot *slots, uint32_t count,
			   uint32_t flags_set, uint32_t flags_clear)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		if ((slots[i].flags & flags_set) == flags_set &&
		    (slots[i].flags & flags_clear) == 0) {
			sum += component_end(&slots[i]) - slots[i].component;
		}
	}
	return sum;
}

/* Its reflection, or one of a stage that takes and gives nothing. */
static const struct penstock_shader_reflection *stage_or_none(const struct pipeline *pipeline,
							      enum penstock_shader_stage stage)
{
	static const struct penstock_shader_reflection none;

	return pipeline->stages[stage] != NULL ? pipeline->stages[stage] : &none;
}

static enum penstock_status check_amounts(const struct pipeline *pipeline,
					  struct penstock_refusal *ret_refusal)
{
	const struct penstock_shader_reflection *vertex = pipeline->stages[PENSTOCK_SHADER_VERTEX];
	const struct penstock_shader_reflection *control =
		stage_or_none(pipeline, PENSTOCK_SHADER_TESSELLATION_CONTROL);
	const struct penstock_shader_reflection *geometry =
		stage_or_none(pipeline, PENSTOCK_SHADER_GEOMETRY);
	const uint32_t patch =
		components(control->outputs, control->output_count, PENSTOCK_SLOT_PATCH, 0);
	const uint32_t per_vertex =
		components(control->outputs, control->output_count, 0, PENSTOCK_SLOT_PATCH);
	const uint32_t emitted = components(geometry->outputs, geometry->output_count, 0, 0);
	const struct {
		const char *what;
		uint32_t count, most;
	} amounts[] = {
		{ "outputs of the vertex stage",
		  components(vertex->outputs, vertex->output_count, 0, 0), STAGE_COMPONENTS_MOST },
		{ "outputs of a patch", patch, PATCH_OUTPUTS_MOST },
		{ "outputs of the tessellation control stage, over all vertices",
		  patch + per_vertex * control->output_vertices, CONTROL_TOTAL_MOST },
		{ "inputs of the geometry stage",
		  components(geometry->inputs, geometry->input_count, 0, 0), GEOMETRY_INPUTS_MOST },
		{ "outputs of the geometry stage", emitted, STAGE_COMPONENTS_MOST },
		{ "outputs of the geometry stage, over all vertices",
		  emitted * geometry->output_vertices, GEOMETRY_TOTAL_MOST },
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(amounts); i++) {
		if (amounts[i].count > amounts[i].most) {
			return REFUSE("%s: %u components; at most %u", amounts[i].what,
				      amounts[i].count, amounts[i].most);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ targets */

/* The state's format at a location; NULL: no target is there. */
static const struct penstock_texel_format *target_at(const struct penstock_graphics_state *state,
						     uint32_t location)
{
	return location < state->color_count
		       ? penstock_texel_format_get(state->color_formats[location])
		       : NULL;
}

/*
 * The driver has code of its own for targets of this format, which takes the first output for
 * granted where there are outputs. It ends the process if it is not there.
 */
#define FIRST_IS_GIVEN PENSTOCK_VK_B8G8R8A8_UNORM

static enum penstock_status check_targets(const struct pipeline *pipeline,
					  struct penstock_refusal *ret_refusal)
{
	const struct penstock_shader_reflection *fragment =
		pipeline->stages[PENSTOCK_SHADER_FRAGMENT];
	bool second = false, first = false;

	for (uint32_t i = 0; fragment != NULL && i < fragment->output_count; i++) {
		const struct penstock_shader_slot *slot = &fragment->outputs[i];
		const struct penstock_texel_format *format =
			target_at(pipeline->state, slot->location);

		if (slot->index != 0 && slot->location != 0) {
			return REFUSE("location %u, index %u: a second source is of location 0",
				      slot->location, slot->index);
		}
		if (format != NULL && (slot->number != format->numbers || slot->bits != 32)) {
			return REFUSE("location %u: the fragment stage gives %s of %u bits, %s is "
				      "%s of 32",
				      slot->location, numbers[slot->number], slot->bits,
				      format->name, numbers[format->numbers]);
		}
		second |= slot->index != 0;
		first |= slot->location == 0;
	}
	if (fragment != NULL && fragment->output_count > 0 && !first &&
	    pipeline->state->color_count > 0 &&
	    pipeline->state->color_formats[0] == FIRST_IS_GIVEN) {
		return REFUSE("location 0: a fragment stage that gives anything gives it where the "
			      "target is of B8G8R8A8_UNORM");
	}
	if (!second && penstock_graphics_state_has_two_sources(pipeline->state)) {
		return REFUSE("location 0, index 1: blending takes it, no fragment stage gives "
			      "it");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ all of it */

enum penstock_status penstock_interface_check(const struct penstock_composition_stage *stages,
					      uint32_t stage_count,
					      const struct penstock_graphics_state *state,
					      struct penstock_refusal *ret_refusal)
{
	static enum penstock_status (*const checks[])(const struct pipeline *pipeline,
						      struct penstock_refusal *ret_refusal) = {
		check_tessellation, check_geometry, check_views,   check_position,
		check_attributes,   check_between,  check_amounts, check_targets,
	};
	struct pipeline pipeline = { .state = state };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (uint32_t i = 0; i < stage_count; i++) {
		pipeline.stages[stages[i].reflection->stage] = stages[i].reflection;
	}
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(checks) && status == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		status = checks[i](&pipeline, ret_refusal);
	}
	return status;
}
