/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/slots.h"

#include <stdlib.h>

/* Nothing is so deep that its location is below the limit and yet has more levels. */
#define DEPTH_MAX 16u

/* Where the next component goes. */
struct cursor {
	const struct penstock_shader_reader *reader;
	struct penstock_shader_slot *slots;
	uint32_t *count;
	uint32_t location_end; /* locations are below it */
	uint32_t location;
	uint32_t component;
	uint32_t index;
	uint32_t flags;
};

static enum penstock_status put_slot(struct cursor *cursor, enum penstock_shader_number number,
				     uint32_t bits, uint32_t components)
{
	if (cursor->location >= cursor->location_end) {
		return penstock_spirv_refuse(cursor->reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "location %u: locations are below %u",
					     cursor->location, cursor->location_end);
	}
	if (*cursor->count == PENSTOCK_LIMIT_SHADER_SLOTS || number == PENSTOCK_NUMBER_NONE ||
	    bits < 16 || cursor->component + components * (bits == 64 ? 2 : 1) > 4) {
		return penstock_spirv_refuse(cursor->reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "location %u has what no stage takes or gives",
					     cursor->location);
	}
	cursor->slots[(*cursor->count)++] = (struct penstock_shader_slot){
		.location = cursor->location++,
		.component = cursor->component,
		.components = components,
		.number = number,
		.bits = bits,
		.index = cursor->index,
		.flags = cursor->flags,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

/* A vector takes a location; three or four components of 64 bits take two. */
static enum penstock_status put_vector(struct cursor *cursor, spvc_type type)
{
	enum penstock_shader_number number =
		penstock_shader_number_of(spvc_type_get_basetype(type));
	uint32_t bits = spvc_type_get_bit_width(type), left = spvc_type_get_vector_size(type);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	while (status == PENSTOCK_STATUS_SUCCESS && left > 0) {
		uint32_t now = bits == 64 && left > 2 ? 2 : left;

		status = put_slot(cursor, number, bits, now);
		left -= now;
	}
	return status;
}

static enum penstock_status put_type(struct cursor *cursor, spvc_type_id id, bool drop_outer,
				     uint32_t depth);

static enum penstock_status put_members(struct cursor *cursor, spvc_type_id id, spvc_type type,
					uint32_t depth)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	spvc_compiler compiler = cursor->reader->compiler;
	unsigned members = spvc_type_get_num_member_types(type);

	for (unsigned i = 0; status == PENSTOCK_STATUS_SUCCESS && i < members; i++) {
		cursor->component = 0;
		if (spvc_compiler_has_member_decoration(compiler, id, i, SpvDecorationLocation)) {
			cursor->location = spvc_compiler_get_member_decoration(
				compiler, id, i, SpvDecorationLocation);
		}
		if (spvc_compiler_has_member_decoration(compiler, id, i, SpvDecorationComponent)) {
			cursor->component = spvc_compiler_get_member_decoration(
				compiler, id, i, SpvDecorationComponent);
		}
		status = put_type(cursor, spvc_type_get_member_type(type, i), false, depth + 1);
	}
	return status;
}

/* The elements of all dimensions of an array; more than there are locations is as bad as any. */
static uint32_t count_elements(spvc_type type, bool drop_outer)
{
	unsigned dimensions = spvc_type_get_num_array_dimensions(type);
	uint64_t elements = 1;

	/* The outermost is the last. */
	for (unsigned i = 0; i + (drop_outer ? 1 : 0) < dimensions; i++) {
		elements *= spvc_type_get_array_dimension(type, i);
		if (elements > PENSTOCK_LIMIT_SHADER_LOCATIONS) {
			return PENSTOCK_LIMIT_SHADER_LOCATIONS + 1;
		}
	}
	return (uint32_t)elements;
}

static enum penstock_status put_type(struct cursor *cursor, spvc_type_id id, bool drop_outer,
				     uint32_t depth)
{
	spvc_compiler compiler = cursor->reader->compiler;
	spvc_type type = spvc_compiler_get_type_handle(compiler, id);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint32_t elements, columns, component = cursor->component;
	spvc_type_id base;

	if (type == NULL || depth > DEPTH_MAX) {
		return put_slot(cursor, PENSTOCK_NUMBER_NONE, 0, 0);
	}
	elements = count_elements(type, drop_outer);
	columns = spvc_type_get_columns(type);
	base = spvc_type_get_base_type_id(type);
	for (uint32_t i = 0; status == PENSTOCK_STATUS_SUCCESS && i < elements; i++) {
		cursor->component = component;
		if (spvc_type_get_basetype(type) == SPVC_BASETYPE_STRUCT) {
			status = put_members(cursor, base, type, depth);
			continue;
		}
		for (uint32_t j = 0; status == PENSTOCK_STATUS_SUCCESS && j < columns; j++) {
			status = put_vector(cursor, type);
		}
	}
	return status;
}

/* ---------------------------------------------------------------- variables */

/* Stages that see all vertices of a primitive, or give them: their arrays are over vertices. */
static bool is_over_vertices(uint32_t stage, bool is_input)
{
	switch (stage) {
	case PENSTOCK_SHADER_TESSELLATION_CONTROL:
		return true;
	case PENSTOCK_SHADER_TESSELLATION_EVALUATION:
	case PENSTOCK_SHADER_GEOMETRY:
		return is_input;
	default:
		return false;
	}
}

static uint32_t decoration_or(const struct penstock_shader_reader *reader, SpvId id,
			      SpvDecoration decoration, uint32_t otherwise)
{
	return spvc_compiler_has_decoration(reader->compiler, id, decoration)
		       ? spvc_compiler_get_decoration(reader->compiler, id, decoration)
		       : otherwise;
}

/* A patch may say so of its variable, or of the members of its block. */
static bool is_patch(const struct penstock_shader_reader *reader,
		     const spvc_reflected_resource *resource)
{
	return spvc_compiler_has_decoration(reader->compiler, resource->id, SpvDecorationPatch) ||
	       spvc_compiler_has_member_decoration(reader->compiler, resource->base_type_id, 0,
						   SpvDecorationPatch);
}

static enum penstock_status read_variable(const struct penstock_shader_reader *reader,
					  const spvc_reflected_resource *resource, bool is_input)
{
	struct penstock_shader_reflection *reflection = reader->reflection;
	bool patch = is_patch(reader, resource);
	bool over_vertices = !patch && is_over_vertices(reflection->stage, is_input);
	struct cursor cursor = {
		.reader = reader,
		.slots = is_input ? reflection->inputs : reflection->outputs,
		.count = is_input ? &reflection->input_count : &reflection->output_count,
		.location_end = !is_input && reflection->stage == PENSTOCK_SHADER_FRAGMENT
					? PENSTOCK_LIMIT_SHADER_TARGETS
					: PENSTOCK_LIMIT_SHADER_LOCATIONS,
		.location = decoration_or(reader, resource->id, SpvDecorationLocation, 0),
		.component = decoration_or(reader, resource->id, SpvDecorationComponent, 0),
		.index = decoration_or(reader, resource->id, SpvDecorationIndex, 0),
	};

	cursor.flags |= patch ? PENSTOCK_SLOT_PATCH : 0;
	cursor.flags |= over_vertices ? PENSTOCK_SLOT_PER_VERTEX : 0;
	cursor.flags |=
		spvc_compiler_has_decoration(reader->compiler, resource->id, SpvDecorationFlat)
			? PENSTOCK_SLOT_FLAT
			: 0;
	if (is_input &&
	    spvc_compiler_has_decoration(reader->compiler, resource->id, SpvDecorationSample)) {
		reflection->flags |= PENSTOCK_SHADER_SAMPLE_SHADING;
	}
	return put_type(&cursor, resource->type_id, over_vertices, 0);
}

static enum penstock_status read_side(const struct penstock_shader_reader *reader, bool is_input)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	const spvc_reflected_resource *resources;
	size_t count;

	if (spvc_resources_get_resource_list_for_type(reader->resources,
						      is_input ? SPVC_RESOURCE_TYPE_STAGE_INPUT
							       : SPVC_RESOURCE_TYPE_STAGE_OUTPUT,
						      &resources, &count) != SPVC_SUCCESS) {
		return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "the interface of the stage cannot be reflected");
	}
	for (size_t i = 0; status == PENSTOCK_STATUS_SUCCESS && i < count; i++) {
		const struct penstock_shader_id *variable =
			penstock_shader_id_at(reader->facts, resources[i].id);

		/* An input that nobody reads needs nothing; an output is there for who reads it. */
		if (variable != NULL && variable->in_interface &&
		    (variable->is_used || !is_input)) {
			status = read_variable(reader, &resources[i], is_input);
		}
	}
	return status;
}

static int by_place(const void *left, const void *right)
{
	const struct penstock_shader_slot *a = left, *b = right;
	uint32_t place_a = a->location << 3 | a->component << 1 | a->index;
	uint32_t place_b = b->location << 3 | b->component << 1 | b->index;

	return (place_a > place_b) - (place_a < place_b);
}

enum penstock_status penstock_shader_read_slots(const struct penstock_shader_reader *reader)
{
	struct penstock_shader_reflection *reflection = reader->reflection;
	enum penstock_status status = read_side(reader, true);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = read_side(reader, false);
	}
	qsort(reflection->inputs, reflection->input_count, sizeof(*reflection->inputs), by_place);
	qsort(reflection->outputs, reflection->output_count, sizeof(*reflection->outputs),
	      by_place);
	return status;
}
