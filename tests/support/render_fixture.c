/* SPDX-License-Identifier: MIT */
#include "tests/support/render_fixture.h"

#include "gpu-backend/pipeline.h"

#include <string.h>

#define LOCAL 0x100000000ull

/* ------------------------------------------------------------------ the list */

static const struct penstock_render_binding bindings[] = {
	{ .type = PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER, .count = 1, .least_bytes = 64 },
	{ .set = 1,
	  .binding = 2,
	  .type = PENSTOCK_DESCRIPTOR_STORAGE_BUFFER,
	  .count = 2,
	  .first = 1,
	  .least_bytes = 256,
	  .written = true },
};

static const struct penstock_render_pipeline pipeline = {
	.kind = PENSTOCK_PIPELINE_COMPUTE,
	.bytes = 0x234,
	.descriptor_count = 3,
	.binding_count = PENSTOCK_ARRAY_SIZE(bindings),
	.bindings = bindings,
};

static const struct penstock_render_allocation elements[PENSTOCK_FIXTURE_COUNT] = {
	[PENSTOCK_FIXTURE_NULL] = { 0 },
	[PENSTOCK_FIXTURE_BUFFER] = { 1, 0x2000, LOCAL + 0x10000, .segment_id = 1,
				      .write_operation = true },
	[PENSTOCK_FIXTURE_READ_ONLY] = { 2, 0x2000, LOCAL + 0x20000, .segment_id = 1 },
	[PENSTOCK_FIXTURE_NOT_RESIDENT] = { 3, 0x100000, 0, .write_operation = true },
	[PENSTOCK_FIXTURE_A8R8G8B8] = { 4, 256 * 48, LOCAL + 0x30000, 64, 48, 256,
					PENSTOCK_FORMAT_A8R8G8B8, PENSTOCK_SURFACE_TEXTURE, 1, true,
					NULL },
	[PENSTOCK_FIXTURE_X8R8G8B8] = { 5, 128 * 32, LOCAL + 0x40000, 32, 32, 128,
					PENSTOCK_FORMAT_X8R8G8B8, PENSTOCK_SURFACE_TEXTURE, 1, true,
					NULL },
	[PENSTOCK_FIXTURE_CPU_VISIBLE] = { 6, 448 * 20, LOCAL + 0x50000, 100, 20, 448,
					   PENSTOCK_FORMAT_A8B8G8R8,
					   PENSTOCK_SURFACE_STAGING_CPUVISIBLE, 1, true, NULL },
	[PENSTOCK_FIXTURE_A8] = { 7, 128 * 64, LOCAL + 0x60000, 128, 64, 128, PENSTOCK_FORMAT_A8,
				  PENSTOCK_SURFACE_STAGING, 1, true, NULL },
	[PENSTOCK_FIXTURE_GAMMA] = { 8, 512 * 16, LOCAL + 0x70000, 512, 16, 512, PENSTOCK_FORMAT_A8,
				     PENSTOCK_SURFACE_LOOKUPTABLE, 1, false, NULL },
	[PENSTOCK_FIXTURE_BUFFER_ALIAS] = { 1, 0x2000, LOCAL + 0x10000, .segment_id = 1,
					    .write_operation = true },
	[PENSTOCK_FIXTURE_SURFACE_ALIAS] = { 4, 256 * 48, LOCAL + 0x30000, 64, 48, 256,
					     PENSTOCK_FORMAT_A8R8G8B8, PENSTOCK_SURFACE_TEXTURE, 1,
					     true, NULL },
	[PENSTOCK_FIXTURE_EXISTING] = { 9, 64 * 16, LOCAL + 0x80000, 16, 16, 64,
					PENSTOCK_FORMAT_X8B8G8R8, PENSTOCK_SURFACE_EXISTINGSYSMEM,
					1, false, NULL },
	[PENSTOCK_FIXTURE_READ_SURFACE] = { 10, 256 * 48, LOCAL + 0x90000, 64, 48, 256,
					    PENSTOCK_FORMAT_A8R8G8B8, PENSTOCK_SURFACE_TEXTURE, 1,
					    false, NULL },
	[PENSTOCK_FIXTURE_PIPELINE] = { 11, 0x1000, LOCAL + 0xa0000, .segment_id = 1,
					.pipeline = &pipeline },
};

void penstock_fixture_init(struct penstock_fixture *fixture)
{
	memcpy(fixture->list, elements, sizeof(elements));
	fixture->args = (struct penstock_render_args){
		.allocations = fixture->list,
		.allocation_count = PENSTOCK_FIXTURE_COUNT,
		.dma_buffer = fixture->dma,
		.dma_capacity = sizeof(fixture->dma),
		.patches_out = fixture->patches,
		.patch_capacity = PENSTOCK_FIXTURE_PATCHES,
		.private_data = fixture->private_data,
		.private_capacity = PENSTOCK_FIXTURE_PRIVATE_BYTES,
	};
	memset(&fixture->refusal, 0, sizeof(fixture->refusal));
	fixture->base_address = 0x10000000000ull;
	fixture->stride_bytes = 0x200000;
}

/* ------------------------------------------------------------------ valid instances */

/* A field of a valid instance; `width` 2, 4 or 8. */
struct field {
	uint16_t offset;
	uint16_t width;
	uint64_t value;
};

#define OF16(name, operand, value)                                                                 \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##operand, 2, value                                      \
	}
#define OF32(name, operand, value)                                                                 \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##operand, 4, (uint32_t)(value)                          \
	}
#define OF64(name, operand, value)                                                                 \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##operand, 8, value                                      \
	}
#define OFRECT(name, operand, left, top, right, bottom)                                            \
	{ PENSTOCK_OPERAND_##name##_##operand, 4, (uint32_t)(left) },                              \
		{ PENSTOCK_OPERAND_##name##_##operand + 4, 4, (uint32_t)(top) },                   \
		{ PENSTOCK_OPERAND_##name##_##operand + 8, 4, (uint32_t)(right) },                 \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##operand + 12, 4, (uint32_t)(bottom)                    \
	}

struct instance {
	uint32_t elements;
	struct field fields[16];
	int32_t trailing[8];
};

static const struct instance instances[PENSTOCK_INSTRUCTION_COUNT] = {
	[PENSTOCK_INSTRUCTION_MARKER] = { 0, { OF32(MARKER, value, 0xfeed) }, { 0 } },
	[PENSTOCK_INSTRUCTION_FILL] = { 0,
					{ OF16(FILL, destination, PENSTOCK_FIXTURE_BUFFER),
					  OF64(FILL, offset, 0x100), OF64(FILL, size, 0x40),
					  OF32(FILL, pattern, 0xabcdef01) },
					{ 0 } },
	[PENSTOCK_INSTRUCTION_COPY] = { 0,
					{ OF16(COPY, source, PENSTOCK_FIXTURE_READ_ONLY),
					  OF64(COPY, source_offset, 0x10),
					  OF16(COPY, destination, PENSTOCK_FIXTURE_BUFFER),
					  OF64(COPY, destination_offset, 0x20),
					  OF64(COPY, size, 0x31) },
					{ 0 } },
	[PENSTOCK_INSTRUCTION_COPY_ROWS] = { 0,
					     { OF16(COPY_ROWS, source, PENSTOCK_FIXTURE_READ_ONLY),
					       OF64(COPY_ROWS, source_offset, 8),
					       OF32(COPY_ROWS, source_pitch, 64),
					       OF16(COPY_ROWS, destination,
						    PENSTOCK_FIXTURE_NOT_RESIDENT),
					       OF64(COPY_ROWS, destination_offset, 0x100),
					       OF32(COPY_ROWS, destination_pitch, 128),
					       OF32(COPY_ROWS, row_bytes, 48),
					       OF32(COPY_ROWS, rows, 4) },
					     { 0 } },
	[PENSTOCK_INSTRUCTION_UPDATE] = { 3,
					  { OF16(UPDATE, destination, PENSTOCK_FIXTURE_BUFFER),
					    OF64(UPDATE, offset, 0x40) },
					  { 0x11, 0x22, 0x33 } },
	[PENSTOCK_INSTRUCTION_SPIN] = { 0, { OF32(SPIN, microseconds, 10) }, { 0 } },
	[PENSTOCK_INSTRUCTION_BIND_PIPELINE] = { 0,
						 { OF16(BIND_PIPELINE, pipeline,
							PENSTOCK_FIXTURE_PIPELINE) },
						 { 0 } },
	[PENSTOCK_INSTRUCTION_BIND_BUFFER] = { 0,
					       { OF16(BIND_BUFFER, allocation,
						      PENSTOCK_FIXTURE_READ_ONLY),
						 OF64(BIND_BUFFER, offset, 0x40),
						 OF64(BIND_BUFFER, size, 0x42) },
					       { 0 } },
	[PENSTOCK_INSTRUCTION_BIND_BUFFER_WRITE] = { 0,
						     { OF16(BIND_BUFFER_WRITE, allocation,
							    PENSTOCK_FIXTURE_BUFFER),
						       OF64(BIND_BUFFER_WRITE, offset, 0x100),
						       OF64(BIND_BUFFER_WRITE, size, 0x101),
						       OF32(BIND_BUFFER_WRITE, set, 1),
						       OF32(BIND_BUFFER_WRITE, binding, 2),
						       OF32(BIND_BUFFER_WRITE, element, 1) },
						     { 0 } },
	[PENSTOCK_INSTRUCTION_PUSH_CONSTANTS] = { 2,
						  { OF32(PUSH_CONSTANTS, offset, 8) },
						  { 0x77, 0x88 } },
	[PENSTOCK_INSTRUCTION_DISPATCH] = { 0,
					    { OF32(DISPATCH, groups_x, 4),
					      OF32(DISPATCH, groups_y, 2),
					      OF32(DISPATCH, groups_z, 1),
					      OF32(DISPATCH, base_x, 3) },
					    { 0 } },
	[PENSTOCK_INSTRUCTION_BITBLT] = { 2,
					  { OF16(BITBLT, source, PENSTOCK_FIXTURE_X8R8G8B8),
					    OFRECT(BITBLT, source_rect, 0, 0, 16, 16),
					    OF16(BITBLT, destination, PENSTOCK_FIXTURE_A8R8G8B8),
					    OFRECT(BITBLT, destination_rect, 8, 8, 24, 24),
					    OF32(BITBLT, rop, PENSTOCK_BITBLT_SRCCOPY) },
					  { 8, 8, 24, 24, 10, 10, 12, 20 } },
	[PENSTOCK_INSTRUCTION_COLORFILL] = { 2,
					     { OF16(COLORFILL, destination,
						    PENSTOCK_FIXTURE_A8R8G8B8),
					       OFRECT(COLORFILL, destination_rect, 0, 0, 10, 10),
					       OF32(COLORFILL, color, 0x80ff0011),
					       OF32(COLORFILL, rop, PENSTOCK_COLORFILL_PATINVERT) },
					     { 0, 0, 64, 48, 5, 5, 6, 6 } },
	[PENSTOCK_INSTRUCTION_ALPHABLEND] = { 1,
					      { OF16(ALPHABLEND, source,
						     PENSTOCK_FIXTURE_READ_SURFACE),
						OFRECT(ALPHABLEND, source_rect, 0, 0, 8, 8),
						OF16(ALPHABLEND, destination,
						     PENSTOCK_FIXTURE_X8R8G8B8),
						OFRECT(ALPHABLEND, destination_rect, 0, 0, 16, 16),
						OF32(ALPHABLEND, source_constant_alpha, 200),
						OF32(ALPHABLEND, source_has_alpha, 1) },
					      { 0, 0, 16, 16 } },
	[PENSTOCK_INSTRUCTION_STRETCHBLT] = { 2,
					      { OF16(STRETCHBLT, source, PENSTOCK_FIXTURE_X8R8G8B8),
						OFRECT(STRETCHBLT, source_rect, 0, 0, 32, 32),
						OF16(STRETCHBLT, destination,
						     PENSTOCK_FIXTURE_A8R8G8B8),
						OFRECT(STRETCHBLT, destination_rect, 0, 0, 16, 40),
						OF32(STRETCHBLT, mode,
						     PENSTOCK_STRETCH_BLACKONWHITE),
						OF32(STRETCHBLT, flags, 3) },
					      { 0, 0, 16, 40, 3, 3, 9, 4 } },
	[PENSTOCK_INSTRUCTION_ESCAPE] = { 2, { { 0 } }, { 0x55, 0x66 } },
	[PENSTOCK_INSTRUCTION_TRANSPARENTBLT] = { 1,
						  { OF16(TRANSPARENTBLT, source,
							 PENSTOCK_FIXTURE_EXISTING),
						    OFRECT(TRANSPARENTBLT, source_rect, 0, 0, 16,
							   16),
						    OF16(TRANSPARENTBLT, destination,
							 PENSTOCK_FIXTURE_A8R8G8B8),
						    OFRECT(TRANSPARENTBLT, destination_rect, -8, -8,
							   24, 24),
						    OF32(TRANSPARENTBLT, color, 0xff00ff00),
						    OF32(TRANSPARENTBLT, flags, 1),
						    OF32(TRANSPARENTBLT, source_pitch, 64) },
						  { 0, 0, 24, 24 } },
	[PENSTOCK_INSTRUCTION_CLEARTYPEBLEND] = { 1,
						  { OF16(CLEARTYPEBLEND, temporary,
							 PENSTOCK_FIXTURE_X8R8G8B8),
						    OF16(CLEARTYPEBLEND, gamma_table,
							 PENSTOCK_FIXTURE_GAMMA),
						    OF16(CLEARTYPEBLEND, alpha,
							 PENSTOCK_FIXTURE_A8),
						    OF16(CLEARTYPEBLEND, destination,
							 PENSTOCK_FIXTURE_A8R8G8B8),
						    OFRECT(CLEARTYPEBLEND, destination_rect, 0, 0,
							   64, 48),
						    OF32(CLEARTYPEBLEND, alpha_offset_x, 10),
						    OF32(CLEARTYPEBLEND, alpha_offset_y, 5),
						    OF32(CLEARTYPEBLEND, color, 0xff102030),
						    OF32(CLEARTYPEBLEND, color2, 0xff405060),
						    OF32(CLEARTYPEBLEND, gamma, 3) },
						  { 0, 0, 20, 20 } },
};

static void put_field(uint8_t *bytes, const struct field *field)
{
	if (field->width == 2) {
		penstock_store16(bytes + field->offset, (uint16_t)field->value);
	} else if (field->width == 4) {
		penstock_store32(bytes + field->offset, (uint32_t)field->value);
	} else if (field->width == 8) {
		penstock_store64(bytes + field->offset, field->value);
	}
}

uint32_t penstock_fixture_valid(enum penstock_instruction_id id, uint8_t *ret_bytes)
{
	const struct penstock_layout *layout = &penstock_instruction_get(id)->layout;
	const struct instance *instance = &instances[id];
	uint32_t trailing = instance->elements * layout->element_bytes;
	uint32_t length = layout->bytes + trailing;

	memset(ret_bytes, 0, length);
	penstock_store32(ret_bytes, penstock_instruction_header(layout->opcode, length));
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(instance->fields); i++) {
		put_field(ret_bytes, &instance->fields[i]);
	}
	memcpy(ret_bytes + layout->bytes, instance->trailing, trailing);
	return length;
}

/* What is bound before a dispatch: each instruction of the table, element 0 of the array too. */
static uint32_t put_group(uint8_t *ret_bytes)
{
	static const enum penstock_instruction_id ids[] = {
		PENSTOCK_INSTRUCTION_BIND_BUFFER_WRITE, PENSTOCK_INSTRUCTION_BIND_PIPELINE,
		PENSTOCK_INSTRUCTION_BIND_BUFFER,       PENSTOCK_INSTRUCTION_PUSH_CONSTANTS,
		PENSTOCK_INSTRUCTION_BIND_BUFFER_WRITE, PENSTOCK_INSTRUCTION_DISPATCH,
	};
	uint32_t length = 0;

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(ids); i++) {
		uint8_t *bytes = ret_bytes + length;

		length += penstock_fixture_valid(ids[i], bytes);
		if (i == 0) {
			penstock_store32(bytes + PENSTOCK_OPERAND_BIND_BUFFER_WRITE_element, 0);
		}
	}
	return length;
}

uint32_t penstock_fixture_alone(enum penstock_instruction_id id, uint8_t *ret_bytes)
{
	return penstock_instruction_get(id)->nodes == PENSTOCK_NODE_PIPELINES
		       ? put_group(ret_bytes)
		       : penstock_fixture_valid(id, ret_bytes);
}

uint32_t penstock_fixture_all(struct penstock_fixture *fixture, bool km, uint8_t *ret_bytes)
{
	uint32_t length = 0;

	for (uint32_t id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction = &penstock_instructions[id];

		if (instruction->privilege != PENSTOCK_PRIVILEGED &&
		    (instruction->stream == PENSTOCK_STREAM_KM) == km) {
			length += instruction->nodes != PENSTOCK_NODE_PIPELINES
					  ? penstock_fixture_valid(instruction->id,
								   ret_bytes + length)
				  : instruction->id == PENSTOCK_INSTRUCTION_DISPATCH
					  ? put_group(ret_bytes + length)
					  : 0;
		}
	}
	fixture->args.caps = (struct penstock_render_caps){
		.km = km,
		.test_instructions = true,
		.pipelines = true,
	};
	return length;
}

/* ------------------------------------------------------------------ the trip */

enum penstock_status penstock_fixture_render(struct penstock_fixture *fixture,
					     const uint8_t *command, uint32_t length)
{
	fixture->args.command = command;
	fixture->args.command_length = length;
	return penstock_render(&fixture->args, &fixture->refusal);
}

uint64_t penstock_fixture_address(const struct penstock_fixture *fixture, uint32_t index)
{
	return fixture->base_address + fixture->list[index].id * fixture->stride_bytes;
}

void penstock_fixture_patch(struct penstock_fixture *fixture)
{
	for (uint32_t i = 0; i < fixture->args.patch_count; i++) {
		const struct penstock_patch_location *patch = &fixture->patches[i];

		if (patch->allocation_index == PENSTOCK_PATCH_NULL_INDEX) {
			continue;
		}
		PENSTOCK_REQUIRE(patch->allocation_index < fixture->args.allocation_count);
		PENSTOCK_REQUIRE(
			penstock_range_fits(patch->patch_offset, 8, fixture->args.dma_length));
		penstock_store64(fixture->dma + patch->patch_offset,
				 penstock_fixture_address(fixture, patch->allocation_index) +
					 patch->allocation_offset);
	}
}

enum penstock_status penstock_fixture_check(struct penstock_fixture *fixture)
{
	const struct penstock_part all = {
		.end = fixture->args.dma_length,
		.patch_count = fixture->args.patch_count,
	};

	return penstock_fixture_check_part(fixture, &all);
}

enum penstock_status penstock_fixture_check_part(struct penstock_fixture *fixture,
						 const struct penstock_part *part)
{
	struct penstock_check_range ranges[PENSTOCK_FIXTURE_COUNT];

	for (uint32_t i = 0; i < PENSTOCK_FIXTURE_COUNT; i++) {
		ranges[i] = (struct penstock_check_range){
			.address = penstock_fixture_address(fixture, i),
			.size_bytes = fixture->list[i].size_bytes,
			.writable = fixture->list[i].write_operation,
		};
	}
	return penstock_check(fixture->dma, part->start, part->end, ranges, PENSTOCK_FIXTURE_COUNT,
			      fixture->patches + part->first_patch, part->patch_count,
			      &fixture->fault);
}
