/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/reflection.h"

#include <spirv.h>
#include <string.h>

/* What a binding's kind lets its other fields say. */
struct kind {
	uint32_t flags; /* that may be set */
	bool is_block;  /* has bytes, and no image's fields */
	bool is_image;
	bool is_storage;
	bool is_buffer; /* the dimension is Buffer, and of no other */
	bool is_attachment;
};

#define READ    PENSTOCK_BINDING_READ
#define WRITTEN (PENSTOCK_BINDING_READ | PENSTOCK_BINDING_WRITTEN)
#define SHAPE   (PENSTOCK_BINDING_ARRAYED | PENSTOCK_BINDING_MULTI | PENSTOCK_BINDING_DEPTH)

static const struct kind kinds[PENSTOCK_BINDING_KINDS] = {
	[PENSTOCK_BINDING_UNIFORM_BUFFER] = { .flags = READ, .is_block = true },
	[PENSTOCK_BINDING_STORAGE_BUFFER] = { .flags = WRITTEN, .is_block = true },
	[PENSTOCK_BINDING_SAMPLED_IMAGE] = { .flags = READ | SHAPE, .is_image = true },
	[PENSTOCK_BINDING_STORAGE_IMAGE] = { .flags = WRITTEN | SHAPE,
					     .is_image = true,
					     .is_storage = true },
	[PENSTOCK_BINDING_SAMPLER] = { .flags = READ },
	[PENSTOCK_BINDING_COMBINED_IMAGE_SAMPLER] = { .flags = READ | SHAPE, .is_image = true },
	[PENSTOCK_BINDING_UNIFORM_TEXEL_BUFFER] = { .flags = READ | SHAPE,
						    .is_image = true,
						    .is_buffer = true },
	[PENSTOCK_BINDING_STORAGE_TEXEL_BUFFER] = { .flags = WRITTEN | SHAPE,
						    .is_image = true,
						    .is_storage = true,
						    .is_buffer = true },
	[PENSTOCK_BINDING_INPUT_ATTACHMENT] = { .flags = READ | SHAPE,
						.is_image = true,
						.is_attachment = true },
};

static bool image_fits(const struct penstock_shader_binding *binding, const struct kind *kind)
{
	if (!kind->is_image) {
		return binding->dimension == 0 && binding->format == 0 && binding->number == 0 &&
		       binding->attachment_index == 0;
	}
	return binding->dimension <= SpvDimSubpassData &&
	       (binding->dimension == SpvDimBuffer) == kind->is_buffer &&
	       (binding->dimension == SpvDimSubpassData) == kind->is_attachment &&
	       binding->number > PENSTOCK_NUMBER_NONE && binding->number < PENSTOCK_NUMBERS &&
	       binding->format <= (kind->is_storage ? (uint32_t)SpvImageFormatR64i : 0) &&
	       (kind->is_attachment || binding->attachment_index == 0);
}

static bool binding_fits(const struct penstock_shader_binding *binding)
{
	const struct kind *kind;

	if (binding->set >= PENSTOCK_LIMIT_DESCRIPTOR_SETS ||
	    binding->binding >= PENSTOCK_LIMIT_BINDING_NUMBER ||
	    binding->kind >= PENSTOCK_BINDING_KINDS || binding->count == 0 ||
	    binding->count > PENSTOCK_LIMIT_SHADER_DESCRIPTORS) {
		return false;
	}
	kind = &kinds[binding->kind];
	if ((binding->flags & ~kind->flags) != 0) {
		return false;
	}
	if (kind->is_block ? binding->minimum_bytes == 0
			   : (binding->minimum_bytes | binding->stride_bytes) != 0) {
		return false;
	}
	return image_fits(binding, kind);
}

static bool bindings_fit(const struct penstock_shader_reflection *reflection)
{
	uint64_t before = 0;

	if (reflection->binding_count > PENSTOCK_LIMIT_SHADER_BINDINGS) {
		return false;
	}
	for (uint32_t i = 0; i < reflection->binding_count; i++) {
		const struct penstock_shader_binding *binding = &reflection->bindings[i];
		uint64_t place = (uint64_t)binding->set << 32 | binding->binding;

		if (!binding_fits(binding) || place < before) {
			return false;
		}
		before = place;
	}
	return true;
}

static bool slot_fits(const struct penstock_shader_slot *slot, uint32_t locations)
{
	return slot->location < locations && slot->component < 4 && slot->components >= 1 &&
	       slot->components <= 4 &&
	       (slot->bits == 16 || slot->bits == 32 || slot->bits == 64) &&
	       slot->component + slot->components * (slot->bits == 64 ? 2 : 1) <= 4 &&
	       slot->number > PENSTOCK_NUMBER_NONE && slot->number < PENSTOCK_NUMBERS &&
	       slot->index <= 1 && (slot->flags & ~PENSTOCK_SLOT_ALL_FLAGS) == 0;
}

static bool slots_fit(const struct penstock_shader_slot *slots, uint32_t count, uint32_t locations)
{
	uint32_t before = 0;

	if (count > PENSTOCK_LIMIT_SHADER_SLOTS) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = slots[i].location << 2 | slots[i].component;

		if (!slot_fits(&slots[i], locations) || place < before) {
			return false;
		}
		before = place;
	}
	return true;
}

static bool name_fits(const char name[PENSTOCK_LIMIT_SHADER_NAME_BYTES])
{
	size_t length = strnlen(name, PENSTOCK_LIMIT_SHADER_NAME_BYTES);

	for (size_t i = length; i < PENSTOCK_LIMIT_SHADER_NAME_BYTES; i++) {
		if (name[i] != '\0') {
			return false;
		}
	}
	return length < PENSTOCK_LIMIT_SHADER_NAME_BYTES;
}

static bool workgroup_fits(const struct penstock_shader_reflection *reflection)
{
	const uint32_t *size = reflection->workgroup_size;
	uint64_t product = 1;

	if (reflection->stage != PENSTOCK_SHADER_COMPUTE) {
		return (size[0] | size[1] | size[2] | reflection->shared_bytes) == 0;
	}
	for (size_t i = 0; i < 3; i++) {
		if (size[i] == 0 || size[i] > PENSTOCK_LIMIT_SHADER_WORKGROUP) {
			return false;
		}
		product *= size[i];
	}
	return product <= PENSTOCK_LIMIT_SHADER_WORKGROUP &&
	       reflection->shared_bytes <= PENSTOCK_LIMIT_SHADER_SHARED_BYTES;
}

static bool push_fits(const struct penstock_shader_reflection *reflection)
{
	return reflection->push_offset % 4 == 0 && reflection->push_bytes % 4 == 0 &&
	       penstock_range_fits(reflection->push_offset, reflection->push_bytes,
				   PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES) &&
	       (reflection->push_bytes != 0 || reflection->push_offset == 0);
}

/* Which stages have which modes, and how much of them there may be. */
static const struct {
	uint32_t input_first, input_last;
	uint32_t output_first, output_last;
	uint32_t vertices, invocations; /* at most */
} modes[PENSTOCK_SHADER_STAGES] = {
	[PENSTOCK_SHADER_TESSELLATION_CONTROL] = { SpvExecutionModeTriangles,
						   SpvExecutionModeIsolines, 0, 0,
						   PENSTOCK_LIMIT_SHADER_PATCH, 0 },
	[PENSTOCK_SHADER_TESSELLATION_EVALUATION] = { SpvExecutionModeTriangles,
						      SpvExecutionModeIsolines, 0, 0,
						      PENSTOCK_LIMIT_SHADER_PATCH, 0 },
	[PENSTOCK_SHADER_GEOMETRY] = { SpvExecutionModeInputPoints,
				       SpvExecutionModeInputTrianglesAdjacency,
				       SpvExecutionModeOutputPoints,
				       SpvExecutionModeOutputTriangleStrip,
				       PENSTOCK_LIMIT_SHADER_EMITTED,
				       PENSTOCK_LIMIT_SHADER_INVOCATIONS },
};

static bool modes_fit(const struct penstock_shader_reflection *reflection)
{
	uint32_t stage = reflection->stage;
	/* Either stage of tessellation may say it. */
	bool may_leave_to_other = stage == PENSTOCK_SHADER_TESSELLATION_CONTROL ||
				  stage == PENSTOCK_SHADER_TESSELLATION_EVALUATION;

	if (!(may_leave_to_other && reflection->input_mode == 0) &&
	    (reflection->input_mode < modes[stage].input_first ||
	     reflection->input_mode > modes[stage].input_last)) {
		return false;
	}
	return reflection->output_mode >= modes[stage].output_first &&
	       reflection->output_mode <= modes[stage].output_last &&
	       reflection->output_vertices <= modes[stage].vertices &&
	       reflection->invocations <= modes[stage].invocations;
}

bool penstock_reflection_valid(const struct penstock_shader_reflection *reflection)
{
	uint32_t outputs = reflection->stage == PENSTOCK_SHADER_FRAGMENT
				   ? PENSTOCK_LIMIT_SHADER_TARGETS
				   : PENSTOCK_LIMIT_SHADER_LOCATIONS;

	return reflection->stage < PENSTOCK_SHADER_STAGES &&
	       (reflection->flags & ~PENSTOCK_SHADER_ALL_FLAGS) == 0 &&
	       name_fits(reflection->entry_point) && workgroup_fits(reflection) &&
	       push_fits(reflection) && modes_fit(reflection) && bindings_fit(reflection) &&
	       slots_fit(reflection->inputs, reflection->input_count,
			 PENSTOCK_LIMIT_SHADER_LOCATIONS) &&
	       slots_fit(reflection->outputs, reflection->output_count, outputs);
}
