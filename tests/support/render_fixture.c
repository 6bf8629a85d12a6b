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

#define STATES                                                                                     \
	(PENSTOCK_DYNAMIC_VIEWPORT | PENSTOCK_DYNAMIC_SCISSOR | PENSTOCK_DYNAMIC_CULL_MODE |       \
	 PENSTOCK_DYNAMIC_DEPTH_BIAS | PENSTOCK_DYNAMIC_BLEND_CONSTANTS |                          \
	 PENSTOCK_DYNAMIC_DEPTH_BOUNDS | PENSTOCK_DYNAMIC_STENCIL_REFERENCE)

static const struct penstock_graphics_state graphics = {
	.dynamic = STATES,
	.vertex_binding_count = 1,
	.vertex_bindings = { { 0, 16, 0 } },
	.topology = 3,
	.viewport_count = 1,
	.samples = 1,
	.sample_mask = UINT32_MAX,
	.color_count = 1,
	.color_formats = { PENSTOCK_VK_R8G8B8A8_UNORM },
	.depth_format = PENSTOCK_VK_D32_SFLOAT_S8_UINT,
	.stencil_format = PENSTOCK_VK_D32_SFLOAT_S8_UINT,
};

/* SpvDim2D, SpvDimBuffer, SpvImageFormatRgba8 */
#define DIM_2D     1u
#define DIM_BUFFER 5u
#define RGBA8      4u

static const struct penstock_render_binding graphics_bindings[] = {
	{ .type = PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER, .count = 1, .least_bytes = 64 },
	{ .set = 1,
	  .binding = 2,
	  .type = PENSTOCK_DESCRIPTOR_STORAGE_BUFFER,
	  .count = 2,
	  .first = 1,
	  .least_bytes = 256,
	  .written = true },
	{ .set = 2,
	  .binding = PENSTOCK_FIXTURE_COMBINED,
	  .type = PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER,
	  .count = 1,
	  .first = 3,
	  .dimension = DIM_2D,
	  .number = PENSTOCK_TEXEL_FLOAT },
	{ .set = 2,
	  .binding = PENSTOCK_FIXTURE_SAMPLED,
	  .type = PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE,
	  .count = 1,
	  .first = 4,
	  .flags = PENSTOCK_RENDER_ARRAYED,
	  .dimension = DIM_2D,
	  .number = PENSTOCK_TEXEL_FLOAT },
	{ .set = 2,
	  .binding = PENSTOCK_FIXTURE_SAMPLER,
	  .type = PENSTOCK_DESCRIPTOR_SAMPLER,
	  .count = 1,
	  .first = 5 },
	{ .set = 2,
	  .binding = PENSTOCK_FIXTURE_STORAGE_IMAGE,
	  .type = PENSTOCK_DESCRIPTOR_STORAGE_IMAGE,
	  .count = 1,
	  .first = 6,
	  .written = true,
	  .dimension = DIM_2D,
	  .number = PENSTOCK_TEXEL_FLOAT,
	  .format = RGBA8 },
	{ .set = 2,
	  .binding = PENSTOCK_FIXTURE_UNIFORM_TEXELS,
	  .type = PENSTOCK_DESCRIPTOR_UNIFORM_TEXEL_BUFFER,
	  .count = 1,
	  .first = 7,
	  .dimension = DIM_BUFFER,
	  .number = PENSTOCK_TEXEL_FLOAT },
	{ .set = 2,
	  .binding = PENSTOCK_FIXTURE_STORAGE_TEXELS,
	  .type = PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER,
	  .count = 1,
	  .first = 8,
	  .written = true,
	  .dimension = DIM_BUFFER,
	  .number = PENSTOCK_TEXEL_UNSIGNED },
};

static const struct penstock_render_pipeline graphics_pipeline = {
	.kind = PENSTOCK_PIPELINE_GRAPHICS,
	.bytes = 0x678,
	.descriptor_count = 9,
	.binding_count = PENSTOCK_ARRAY_SIZE(graphics_bindings),
	.bindings = graphics_bindings,
	.graphics = &graphics,
	.vertex_bindings = 1,
	.targets_written = 1,
	.topology_class = PENSTOCK_TOPOLOGY_TRIANGLES,
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
	[PENSTOCK_FIXTURE_GRAPHICS] = { 12, 0x1000, LOCAL + 0xb0000, .segment_id = 1,
					.pipeline = &graphics_pipeline },
	[PENSTOCK_FIXTURE_IMAGES] = { 13, 0x100000, LOCAL + 0xc0000, .segment_id = 1,
				      .write_operation = true },
};

/* VkFormatFeatureFlagBits2: copies and blits; sampled, with what; storage, colour, blend. */
#define MOVED    0xcc00u
#define SAMPLED  0x0001u
#define FILTERED 0x1000u
#define REDUCED  0x10000u
#define COMPARED 0x200000000ull
#define DRAWN    0x0182u
#define TESTED   0x0200u
#define TEXELS   0x0018u

static uint64_t features_of(const struct penstock_texel_format *format)
{
	if (format->block_bytes == 3 || strstr(format->name, "SCALED") != NULL) {
		return 0;
	}
	if (format->aspects != PENSTOCK_ASPECT_COLOR) {
		return MOVED | SAMPLED | REDUCED | TESTED |
		       ((format->aspects & PENSTOCK_ASPECT_DEPTH) != 0 ? COMPARED : 0);
	}
	return MOVED | SAMPLED | REDUCED |
	       (format->numbers == PENSTOCK_TEXEL_FLOAT ? FILTERED : 0) |
	       (format->block_width == 1 ? DRAWN : 0);
}

void penstock_fixture_fill_formats(struct penstock_format_features *ret_formats)
{
	for (uint32_t i = 0; i < PENSTOCK_TEXEL_FORMATS; i++) {
		const struct penstock_texel_format *format = penstock_texel_format_at(i);
		const bool color = format->aspects == PENSTOCK_ASPECT_COLOR;

		ret_formats[i].optimal = features_of(format);
		ret_formats[i].linear = color ? features_of(format) : 0;
		ret_formats[i].buffer = color && format->block_width == 1 ? TEXELS : 0;
	}
}

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
	penstock_fixture_fill_formats(fixture->formats);
	fixture->args.caps.formats = fixture->formats;
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
	[PENSTOCK_INSTRUCTION_TIMESTAMP] = { 0,
					     { OF16(TIMESTAMP, destination,
						    PENSTOCK_FIXTURE_BUFFER),
					       OF64(TIMESTAMP, offset, 0x18) },
					     { 0 } },
	[PENSTOCK_INSTRUCTION_IMAGE] = { 0,
					 { OF16(IMAGE, allocation, PENSTOCK_FIXTURE_IMAGES),
					   OF64(IMAGE, offset, 0x40000),
					   OF32(IMAGE, slot, PENSTOCK_FIXTURE_SLOT_TEXTURE),
					   OF32(IMAGE, type, 1),
					   OF32(IMAGE, format, PENSTOCK_VK_R8G8B8A8_UNORM),
					   OF32(IMAGE, width, 64), OF32(IMAGE, height, 64),
					   OF32(IMAGE, depth, 1), OF32(IMAGE, levels, 7),
					   OF32(IMAGE, layers, 1), OF32(IMAGE, samples, 1) },
					 { 0 } },
	[PENSTOCK_INSTRUCTION_IMAGE_WRITE] = { 0,
					       { OF16(IMAGE_WRITE, allocation,
						      PENSTOCK_FIXTURE_IMAGES),
						 OF64(IMAGE_WRITE, offset, 0),
						 OF32(IMAGE_WRITE, slot,
						      PENSTOCK_FIXTURE_SLOT_COLOR),
						 OF32(IMAGE_WRITE, type, 1),
						 OF32(IMAGE_WRITE, format,
						      PENSTOCK_VK_R8G8B8A8_UNORM),
						 OF32(IMAGE_WRITE, width, 64),
						 OF32(IMAGE_WRITE, height, 64),
						 OF32(IMAGE_WRITE, depth, 1),
						 OF32(IMAGE_WRITE, levels, 1),
						 OF32(IMAGE_WRITE, layers, 1),
						 OF32(IMAGE_WRITE, samples, 1) },
					       { 0 } },
	[PENSTOCK_INSTRUCTION_BIND_IMAGE] = { 0,
					      { OF32(BIND_IMAGE, set, 2),
						OF32(BIND_IMAGE, binding,
						     PENSTOCK_FIXTURE_COMBINED),
						OF32(BIND_IMAGE, image,
						     PENSTOCK_FIXTURE_SLOT_TEXTURE),
						OF32(BIND_IMAGE, view_type, 1),
						OF32(BIND_IMAGE, levels, 7),
						OF32(BIND_IMAGE, layers, 1) },
					      { 0 } },
	[PENSTOCK_INSTRUCTION_BIND_SAMPLER] = { 0,
						{ OF32(BIND_SAMPLER, set, 2),
						  OF32(BIND_SAMPLER, binding,
						       PENSTOCK_FIXTURE_COMBINED),
						  OF32(BIND_SAMPLER, mag_filter, 1),
						  OF32(BIND_SAMPLER, min_filter, 1),
						  OF32(BIND_SAMPLER, mipmap_mode, 1),
						  OF32(BIND_SAMPLER, anisotropy, 0x41000000),
						  OF32(BIND_SAMPLER, max_lod, 0x447a0000) },
						{ 0 } },
	[PENSTOCK_INSTRUCTION_BIND_TEXEL_BUFFER] = { 0,
						     { OF16(BIND_TEXEL_BUFFER, allocation,
							    PENSTOCK_FIXTURE_READ_ONLY),
						       OF64(BIND_TEXEL_BUFFER, offset, 0x20),
						       OF64(BIND_TEXEL_BUFFER, size, 0x40),
						       OF32(BIND_TEXEL_BUFFER, set, 2),
						       OF32(BIND_TEXEL_BUFFER, binding,
							    PENSTOCK_FIXTURE_UNIFORM_TEXELS),
						       OF32(BIND_TEXEL_BUFFER, format,
							    PENSTOCK_VK_R32G32B32A32_SFLOAT) },
						     { 0 } },
	[PENSTOCK_INSTRUCTION_BIND_TEXEL_BUFFER_WRITE] = { 0,
							   { OF16(BIND_TEXEL_BUFFER_WRITE,
								  allocation,
								  PENSTOCK_FIXTURE_BUFFER),
							     OF64(BIND_TEXEL_BUFFER_WRITE, offset,
								  0x30),
							     OF64(BIND_TEXEL_BUFFER_WRITE, size,
								  0x40),
							     OF32(BIND_TEXEL_BUFFER_WRITE, set, 2),
							     OF32(BIND_TEXEL_BUFFER_WRITE, binding,
								  PENSTOCK_FIXTURE_STORAGE_TEXELS),
							     OF32(BIND_TEXEL_BUFFER_WRITE, format,
								  PENSTOCK_VK_R32_UINT) },
							   { 0 } },
	[PENSTOCK_INSTRUCTION_BEGIN_RENDERING] = { 0,
						   { OFRECT(BEGIN_RENDERING, area, 0, 0, 64, 64),
						     OF32(BEGIN_RENDERING, layers, 1) },
						   { 0 } },
	[PENSTOCK_INSTRUCTION_COLOR_TARGET] = { 0,
						{ OF32(COLOR_TARGET, image,
						       PENSTOCK_FIXTURE_SLOT_COLOR),
						  OF32(COLOR_TARGET, load_op, 1),
						  OF32(COLOR_TARGET, clear_1, 0x3f800000) },
						{ 0 } },
	[PENSTOCK_INSTRUCTION_DEPTH_STENCIL_TARGET] = { 0,
							{ OF32(DEPTH_STENCIL_TARGET, image,
							       PENSTOCK_FIXTURE_SLOT_DEPTH),
							  OF32(DEPTH_STENCIL_TARGET, depth_load_op,
							       1),
							  OF32(DEPTH_STENCIL_TARGET, clear_depth,
							       0x3f800000),
							  OF32(DEPTH_STENCIL_TARGET,
							       stencil_load_op, 1),
							  OF32(DEPTH_STENCIL_TARGET, clear_stencil,
							       7) },
							{ 0 } },
	[PENSTOCK_INSTRUCTION_VERTEX_BUFFER] = { 0,
						 { OF16(VERTEX_BUFFER, allocation,
							PENSTOCK_FIXTURE_READ_ONLY),
						   OF64(VERTEX_BUFFER, offset, 0x11),
						   OF64(VERTEX_BUFFER, size, 0x331),
						   OF32(VERTEX_BUFFER, stride, 16) },
						 { 0 } },
	[PENSTOCK_INSTRUCTION_INDEX_BUFFER] = { 0,
						{ OF16(INDEX_BUFFER, allocation,
						       PENSTOCK_FIXTURE_BUFFER),
						  OF64(INDEX_BUFFER, offset, 0x102),
						  OF64(INDEX_BUFFER, size, 0x80) },
						{ 0 } },
	[PENSTOCK_INSTRUCTION_VIEWPORT] = { 0,
					    { OF32(VIEWPORT, y, 0x42800000),
					      OF32(VIEWPORT, width, 0x42800000),
					      OF32(VIEWPORT, height, 0xc2800000),
					      OF32(VIEWPORT, max_depth, 0x3f800000) },
					    { 0 } },
	[PENSTOCK_INSTRUCTION_SCISSOR] = { 0, { OFRECT(SCISSOR, rect, 1, 2, 63, 62) }, { 0 } },
	[PENSTOCK_INSTRUCTION_STATE] = { 0,
					 { OF32(STATE, state, PENSTOCK_STATE_CULL_MODE),
					   OF32(STATE, value, 2) },
					 { 0 } },
	[PENSTOCK_INSTRUCTION_BLEND_CONSTANTS] = { 0,
						   { OF32(BLEND_CONSTANTS, red, 0x3f000000) },
						   { 0 } },
	[PENSTOCK_INSTRUCTION_DEPTH_BIAS] = { 0, { OF32(DEPTH_BIAS, slope, 0x3f000000) }, { 0 } },
	[PENSTOCK_INSTRUCTION_DEPTH_BOUNDS] = { 0, { OF32(DEPTH_BOUNDS, max, 0x3f000000) }, { 0 } },
	[PENSTOCK_INSTRUCTION_STENCIL] = { 0,
					   { OF32(STENCIL, faces, 3), OF32(STENCIL, compare_op, 7),
					     OF32(STENCIL, write_mask, 0xff) },
					   { 0 } },
	[PENSTOCK_INSTRUCTION_INDIRECT_BUFFER] = { 0,
						   { OF16(INDIRECT_BUFFER, allocation,
							  PENSTOCK_FIXTURE_BUFFER),
						     OF64(INDIRECT_BUFFER, offset, 0x404),
						     OF64(INDIRECT_BUFFER, size, 0x40) },
						   { 0 } },
	[PENSTOCK_INSTRUCTION_COUNT_BUFFER] = { 0,
						{ OF16(COUNT_BUFFER, allocation,
						       PENSTOCK_FIXTURE_READ_ONLY),
						  OF64(COUNT_BUFFER, offset, 0x1ffc) },
						{ 0 } },
	[PENSTOCK_INSTRUCTION_BEGIN_QUERY] = { 0,
					       { OF16(BEGIN_QUERY, allocation,
						      PENSTOCK_FIXTURE_BUFFER),
						 OF64(BEGIN_QUERY, offset, 0x1ff0),
						 OF32(BEGIN_QUERY, type, 1),
						 OF32(BEGIN_QUERY, statistics, 0x401) },
					       { 0 } },
	[PENSTOCK_INSTRUCTION_DRAW] = { 0,
					{ OF32(DRAW, vertices, 3), OF32(DRAW, instances, 2) },
					{ 0 } },
	[PENSTOCK_INSTRUCTION_DRAW_INDEXED] = { 0,
						{ OF32(DRAW_INDEXED, indices, 60),
						  OF32(DRAW_INDEXED, instances, 1),
						  OF32(DRAW_INDEXED, first_index, 4),
						  OF32(DRAW_INDEXED, vertex_offset, -3) },
						{ 0 } },
	[PENSTOCK_INSTRUCTION_DRAW_INDIRECT] = { 0,
						 { OF32(DRAW_INDIRECT, draws, 4),
						   OF32(DRAW_INDIRECT, stride, 16),
						   OF32(DRAW_INDIRECT, flags, 1) },
						 { 0 } },
	[PENSTOCK_INSTRUCTION_DRAW_INDEXED_INDIRECT] = { 0,
							 { OF32(DRAW_INDEXED_INDIRECT, draws, 3),
							   OF32(DRAW_INDEXED_INDIRECT, stride,
								20) },
							 { 0 } },
	[PENSTOCK_INSTRUCTION_CLEAR_TARGET] = { 0,
						{ OF32(CLEAR_TARGET, aspects, 6),
						  OFRECT(CLEAR_TARGET, rect, 8, 8, 16, 16),
						  OF32(CLEAR_TARGET, layers, 1) },
						{ 0 } },
	[PENSTOCK_INSTRUCTION_COPY_BUFFER_TO_IMAGE] = { 0,
							{ OF16(COPY_BUFFER_TO_IMAGE, source,
							       PENSTOCK_FIXTURE_BUFFER),
							  OF64(COPY_BUFFER_TO_IMAGE, source_offset,
							       0x100),
							  OF32(COPY_BUFFER_TO_IMAGE, image,
							       PENSTOCK_FIXTURE_SLOT_COLOR),
							  OF32(COPY_BUFFER_TO_IMAGE, row_length,
							       20),
							  OF32(COPY_BUFFER_TO_IMAGE, layers, 1),
							  OF32(COPY_BUFFER_TO_IMAGE, x, 8),
							  OF32(COPY_BUFFER_TO_IMAGE, y, 4),
							  OF32(COPY_BUFFER_TO_IMAGE, width, 16),
							  OF32(COPY_BUFFER_TO_IMAGE, height, 8),
							  OF32(COPY_BUFFER_TO_IMAGE, depth, 1) },
							{ 0 } },
	[PENSTOCK_INSTRUCTION_COPY_IMAGE_TO_BUFFER] = { 0,
							{ OF16(COPY_IMAGE_TO_BUFFER, destination,
							       PENSTOCK_FIXTURE_BUFFER),
							  OF64(COPY_IMAGE_TO_BUFFER,
							       destination_offset, 0x100),
							  OF32(COPY_IMAGE_TO_BUFFER, image,
							       PENSTOCK_FIXTURE_SLOT_COLOR),
							  OF32(COPY_IMAGE_TO_BUFFER, row_length,
							       20),
							  OF32(COPY_IMAGE_TO_BUFFER, layers, 1),
							  OF32(COPY_IMAGE_TO_BUFFER, x, 8),
							  OF32(COPY_IMAGE_TO_BUFFER, y, 4),
							  OF32(COPY_IMAGE_TO_BUFFER, width, 16),
							  OF32(COPY_IMAGE_TO_BUFFER, height, 8),
							  OF32(COPY_IMAGE_TO_BUFFER, depth, 1) },
							{ 0 } },
	[PENSTOCK_INSTRUCTION_COPY_IMAGE] = { 0,
					      { OF32(COPY_IMAGE, source,
						     PENSTOCK_FIXTURE_SLOT_TEXTURE),
						OF32(COPY_IMAGE, destination,
						     PENSTOCK_FIXTURE_SLOT_COLOR),
						OF32(COPY_IMAGE, layers, 1),
						OF32(COPY_IMAGE, source_level, 1),
						OF32(COPY_IMAGE, destination_x, 32),
						OF32(COPY_IMAGE, width, 32),
						OF32(COPY_IMAGE, height, 32),
						OF32(COPY_IMAGE, depth, 1) },
					      { 0 } },
	[PENSTOCK_INSTRUCTION_BLIT_IMAGE] = { 0,
					      { OF32(BLIT_IMAGE, source,
						     PENSTOCK_FIXTURE_SLOT_TEXTURE),
						OF32(BLIT_IMAGE, destination,
						     PENSTOCK_FIXTURE_SLOT_COLOR),
						OF32(BLIT_IMAGE, layers, 1),
						OF32(BLIT_IMAGE, filter, 1),
						OF32(BLIT_IMAGE, source_level, 2),
						OF32(BLIT_IMAGE, source_x1, 16),
						OF32(BLIT_IMAGE, source_y1, 16),
						OF32(BLIT_IMAGE, source_z1, 1),
						OF32(BLIT_IMAGE, destination_x0, 64),
						OF32(BLIT_IMAGE, destination_y1, 64),
						OF32(BLIT_IMAGE, destination_z1, 1) },
					      { 0 } },
	[PENSTOCK_INSTRUCTION_RESOLVE_IMAGE] = { 0,
						 { OF32(RESOLVE_IMAGE, source,
							PENSTOCK_FIXTURE_SLOT_TEXTURE),
						   OF32(RESOLVE_IMAGE, destination,
							PENSTOCK_FIXTURE_SLOT_COLOR),
						   OF32(RESOLVE_IMAGE, layers, 1),
						   OF32(RESOLVE_IMAGE, source_x, 8),
						   OF32(RESOLVE_IMAGE, width, 56),
						   OF32(RESOLVE_IMAGE, height, 64) },
						 { 0 } },
	[PENSTOCK_INSTRUCTION_CLEAR_IMAGE] = { 0,
					       { OF32(CLEAR_IMAGE, image,
						      PENSTOCK_FIXTURE_SLOT_COLOR),
						 OF32(CLEAR_IMAGE, levels, 1),
						 OF32(CLEAR_IMAGE, layers, 1),
						 OF32(CLEAR_IMAGE, clear_0, 0x3f800000) },
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

/* ------------------------------------------------------------------ groups */

/* An instruction of a group, with two of its fields changed. */
struct member {
	enum penstock_instruction_id id;
	struct field changes[4];
};

static uint32_t put_members(const struct member *members, uint32_t count, uint8_t *ret_bytes)
{
	uint32_t length = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t *bytes = ret_bytes + length;

		length += penstock_fixture_valid(members[i].id, bytes);
		for (uint32_t j = 0; j < PENSTOCK_ARRAY_SIZE(members[i].changes); j++) {
			put_field(bytes, &members[i].changes[j]);
		}
	}
	return length;
}

#define MEMBER(name, ...)                                                                          \
	{                                                                                          \
		PENSTOCK_INSTRUCTION_##name,                                                       \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

/* What is bound before a dispatch: each instruction of the table, element 0 of the array too. */
static uint32_t put_group(uint8_t *ret_bytes)
{
	static const struct member members[] = {
		MEMBER(BIND_BUFFER_WRITE, OF32(BIND_BUFFER_WRITE, element, 0)),
		MEMBER(BIND_PIPELINE, { 0 }),
		MEMBER(BIND_BUFFER, { 0 }),
		MEMBER(PUSH_CONSTANTS, { 0 }),
		MEMBER(BIND_BUFFER_WRITE, { 0 }),
		MEMBER(DISPATCH, { 0 }),
	};

	return put_members(members, PENSTOCK_ARRAY_SIZE(members), ret_bytes);
}

static uint32_t put_indirect_group(uint8_t *ret_bytes)
{
	static const struct member members[] = {
		MEMBER(BIND_BUFFER_WRITE, OF32(BIND_BUFFER_WRITE, element, 0)),
		MEMBER(INDIRECT_BUFFER, { 0 }),
		MEMBER(BIND_PIPELINE, { 0 }),
		MEMBER(BIND_BUFFER, { 0 }),
		MEMBER(BIND_BUFFER_WRITE, { 0 }),
		MEMBER(DISPATCH_INDIRECT, { 0 }),
	};

	return put_members(members, PENSTOCK_ARRAY_SIZE(members), ret_bytes);
}

/* Its two images, of which the texture has samples where it is resolved. */
static uint32_t put_transfer(enum penstock_instruction_id id, uint8_t *ret_bytes)
{
	const uint32_t samples = id == PENSTOCK_INSTRUCTION_RESOLVE_IMAGE ? 4 : 1;
	const struct member members[] = {
		MEMBER(IMAGE, OF32(IMAGE, samples, samples),
		       OF32(IMAGE, levels, samples == 1 ? 7 : 1)),
		MEMBER(IMAGE_WRITE, { 0 }),
		{ .id = id },
	};

	return put_members(members, PENSTOCK_ARRAY_SIZE(members), ret_bytes);
}

uint32_t penstock_fixture_scope(uint8_t *ret_bytes)
{
	static const struct member members[] = {
		MEMBER(BEGIN_RENDERING, { 0 }),
		MEMBER(IMAGE, { 0 }),
		MEMBER(IMAGE_WRITE, { 0 }),
		MEMBER(IMAGE_WRITE, OF32(IMAGE_WRITE, slot, PENSTOCK_FIXTURE_SLOT_DEPTH),
		       OF64(IMAGE_WRITE, offset, 0x10000),
		       OF32(IMAGE_WRITE, format, PENSTOCK_VK_D32_SFLOAT_S8_UINT)),
		MEMBER(IMAGE_WRITE, OF32(IMAGE_WRITE, slot, PENSTOCK_FIXTURE_SLOT_STORAGE),
		       OF64(IMAGE_WRITE, offset, 0x30000)),
		MEMBER(COLOR_TARGET, { 0 }),
		MEMBER(DEPTH_STENCIL_TARGET, { 0 }),
		MEMBER(BIND_PIPELINE, OF16(BIND_PIPELINE, pipeline, PENSTOCK_FIXTURE_GRAPHICS)),
		MEMBER(BIND_BUFFER, { 0 }),
		MEMBER(BIND_BUFFER_WRITE, { 0 }),
		MEMBER(BIND_BUFFER_WRITE, OF32(BIND_BUFFER_WRITE, element, 0)),
		MEMBER(PUSH_CONSTANTS, { 0 }),
		MEMBER(BIND_IMAGE, { 0 }),
		MEMBER(BIND_SAMPLER, { 0 }),
		MEMBER(BIND_IMAGE, OF32(BIND_IMAGE, binding, PENSTOCK_FIXTURE_SAMPLED),
		       OF32(BIND_IMAGE, view_type, 5)),
		MEMBER(BIND_SAMPLER, OF32(BIND_SAMPLER, binding, PENSTOCK_FIXTURE_SAMPLER)),
		MEMBER(BIND_IMAGE, OF32(BIND_IMAGE, binding, PENSTOCK_FIXTURE_STORAGE_IMAGE),
		       OF32(BIND_IMAGE, image, PENSTOCK_FIXTURE_SLOT_STORAGE),
		       OF32(BIND_IMAGE, levels, 1)),
		MEMBER(BIND_TEXEL_BUFFER, { 0 }),
		MEMBER(BIND_TEXEL_BUFFER_WRITE, { 0 }),
		MEMBER(VERTEX_BUFFER, { 0 }),
		MEMBER(INDEX_BUFFER, { 0 }),
		MEMBER(VIEWPORT, { 0 }),
		MEMBER(SCISSOR, { 0 }),
		MEMBER(STATE, { 0 }),
		MEMBER(BLEND_CONSTANTS, { 0 }),
		MEMBER(DEPTH_BIAS, { 0 }),
		MEMBER(DEPTH_BOUNDS, { 0 }),
		MEMBER(STENCIL, { 0 }),
		MEMBER(INDIRECT_BUFFER, { 0 }),
		MEMBER(COUNT_BUFFER, { 0 }),
		MEMBER(BEGIN_QUERY, { 0 }),
		MEMBER(DRAW, { 0 }),
		MEMBER(DRAW_INDEXED, { 0 }),
		MEMBER(DRAW_INDIRECT, { 0 }),
		MEMBER(DRAW_INDEXED_INDIRECT, { 0 }),
		MEMBER(CLEAR_TARGET, { 0 }),
		MEMBER(END_QUERY, { 0 }),
		MEMBER(END_RENDERING, { 0 }),
	};

	return put_members(members, PENSTOCK_ARRAY_SIZE(members), ret_bytes);
}

uint32_t penstock_fixture_alone(enum penstock_instruction_id id, uint8_t *ret_bytes)
{
	if (penstock_instruction_get(id)->nodes != PENSTOCK_NODE_PIPELINES) {
		return penstock_fixture_valid(id, ret_bytes);
	}
	if (id <= PENSTOCK_INSTRUCTION_PUSH_CONSTANTS || id == PENSTOCK_INSTRUCTION_DISPATCH) {
		return put_group(ret_bytes);
	}
	if (id < PENSTOCK_INSTRUCTION_DISPATCH || id == PENSTOCK_INSTRUCTION_END_RENDERING) {
		return penstock_fixture_scope(ret_bytes);
	}
	return id == PENSTOCK_INSTRUCTION_DISPATCH_INDIRECT ? put_indirect_group(ret_bytes)
							    : put_transfer(id, ret_bytes);
}

uint32_t penstock_fixture_all(struct penstock_fixture *fixture, bool km, uint8_t *ret_bytes)
{
	uint32_t length = 0;

	for (uint32_t id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction = &penstock_instructions[id];

		if (instruction->privilege != PENSTOCK_PRIVILEGED &&
		    (instruction->stream == PENSTOCK_STREAM_KM) == km &&
		    !penstock_opcode_binds(instruction->layout.opcode)) {
			length += penstock_fixture_alone(instruction->id, ret_bytes + length);
		}
	}
	fixture->args.caps = (struct penstock_render_caps){
		.km = km,
		.test_instructions = true,
		.pipelines = true,
		.formats = fixture->formats,
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
