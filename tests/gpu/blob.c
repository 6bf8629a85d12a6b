/* SPDX-License-Identifier: MIT */
#include "tests/gpu/blob.h"

#include "tests/gpu/shaders/counts.h"
#include "tests/gpu/shaders/endless.h"
#include "tests/gpu/shaders/reverse.h"
#include "tests/gpu/shaders/scale.h"
#include "tests/gpu/shaders/sets.h"
#include "tests/gpu/shaders/step.h"
#include "tests/gpu/shaders/wander.h"

#include <string.h>

/* A table of lavapipe's for the whole process is one of its devices', and not freed with them. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libvulkan_lvp.so\n";
}

#define STORAGE(set, binding, count)                                                               \
	{                                                                                          \
		set, binding, PENSTOCK_DESCRIPTOR_STORAGE_BUFFER, count, PENSTOCK_STAGE_COMPUTE    \
	}
#define UNIFORM(set, binding)                                                                      \
	{                                                                                          \
		set, binding, PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER, 1, PENSTOCK_STAGE_COMPUTE        \
	}

static const struct {
	const uint32_t *spirv;
	uint32_t spirv_bytes;
	uint32_t flags;
	uint32_t push_constant_bytes;
	uint32_t binding_count;
	struct penstock_pipeline_binding bindings[4];
} shaders[BLOB_SHADERS] = {
	[BLOB_SCALE] = { scale_spirv,
			 sizeof(scale_spirv),
			 0,
			 8,
			 3,
			 { STORAGE(0, 0, 1), STORAGE(0, 1, 1), UNIFORM(0, 2) } },
	[BLOB_STEP] = { step_spirv, sizeof(step_spirv), 0, 16, 1, { STORAGE(0, 0, 1) } },
	[BLOB_COUNTS] = { counts_spirv,
			  sizeof(counts_spirv),
			  PENSTOCK_PIPELINE_COUNTS_GROUPS,
			  0,
			  1,
			  { STORAGE(0, 0, 1) } },
	[BLOB_SETS] = { sets_spirv,
			sizeof(sets_spirv),
			0,
			0,
			3,
			{ STORAGE(0, 3, 4), UNIFORM(2, 0), STORAGE(5, 7, 1) } },
	[BLOB_WANDER] = { wander_spirv,
			  sizeof(wander_spirv),
			  0,
			  12,
			  4,
			  { STORAGE(0, 0, 1), STORAGE(0, 1, 1), UNIFORM(0, 2), STORAGE(0, 3, 1) } },
	/* One band: what runs is not asked whether it must stop. */
	[BLOB_ENDLESS] = { endless_spirv,
			   sizeof(endless_spirv),
			   PENSTOCK_PIPELINE_COUNTS_GROUPS,
			   0,
			   1,
			   { STORAGE(0, 0, 1) } },
	[BLOB_REVERSE] = { reverse_spirv, sizeof(reverse_spirv), 0, 0, 1, { STORAGE(0, 0, 1) } },
};

uint32_t blob_make(enum blob_shader shader, uint32_t variant, uint8_t *ret_bytes)
{
	static const char entry[] = "main";
	uint32_t bindings_bytes =
		shaders[shader].binding_count * (uint32_t)sizeof(struct penstock_pipeline_binding);
	struct penstock_pipeline header = {
		.magic = PENSTOCK_PIPELINE_MAGIC,
		.version = PENSTOCK_PIPELINE_VERSION,
		.kind = PENSTOCK_PIPELINE_COMPUTE,
		.flags = shaders[shader].flags,
		.push_constant_bytes = shaders[shader].push_constant_bytes,
		.push_stages =
			shaders[shader].push_constant_bytes == 0 ? 0 : PENSTOCK_STAGE_COMPUTE,
		.binding_count = shaders[shader].binding_count,
		.binding_offset = sizeof(header),
		.stage_count = 1,
		.stage_offset = (uint32_t)sizeof(header) + bindings_bytes,
	};
	struct penstock_pipeline_stage stage = {
		.stage = PENSTOCK_STAGE_COMPUTE,
		.entry_offset = header.stage_offset + (uint32_t)sizeof(stage),
		.entry_bytes = sizeof(entry),
		.spirv_bytes = shaders[shader].spirv_bytes,
	};

	stage.spirv_offset = stage.entry_offset + 8;
	header.bytes = stage.spirv_offset + stage.spirv_bytes;
	ck_assert_uint_le(header.bytes, BLOB_BYTES_MOST);
	/* As strong as a test needs it. */
	penstock_store32(header.hash, (uint32_t)shader);
	penstock_store32(header.hash + 4, variant);
	memset(ret_bytes, 0, header.bytes);
	memcpy(ret_bytes, &header, sizeof(header));
	memcpy(ret_bytes + header.binding_offset, shaders[shader].bindings, bindings_bytes);
	memcpy(ret_bytes + header.stage_offset, &stage, sizeof(stage));
	memcpy(ret_bytes + stage.entry_offset, entry, sizeof(entry));
	memcpy(ret_bytes + stage.spirv_offset, shaders[shader].spirv, stage.spirv_bytes);
	return header.bytes;
}

void blob_append_pipeline(struct stream *stream, uint64_t address, uint32_t bytes)
{
	uint8_t *start = stream_append(stream, PENSTOCK_DMA_BIND_PIPELINE, 0);

	penstock_store32(start + PENSTOCK_DMA_BIND_PIPELINE_size, bytes);
	penstock_store64(start + PENSTOCK_DMA_BIND_PIPELINE_address, address);
}

static void append_buffer(struct stream *stream, enum penstock_dma_id id, const uint32_t where[3],
			  uint64_t address, uint64_t size)
{
	uint8_t *start = stream_append(stream, id, 0);

	penstock_store32(start + PENSTOCK_DMA_BIND_BUFFER_set, where[0]);
	penstock_store32(start + PENSTOCK_DMA_BIND_BUFFER_binding, where[1]);
	penstock_store32(start + PENSTOCK_DMA_BIND_BUFFER_element, where[2]);
	penstock_store64(start + PENSTOCK_DMA_BIND_BUFFER_address, address);
	penstock_store64(start + PENSTOCK_DMA_BIND_BUFFER_size, size);
}

void blob_append_buffer(struct stream *stream, const uint32_t where[3], uint64_t address,
			uint64_t size)
{
	append_buffer(stream, PENSTOCK_DMA_BIND_BUFFER, where, address, size);
}

void blob_append_buffer_write(struct stream *stream, const uint32_t where[3], uint64_t address,
			      uint64_t size)
{
	append_buffer(stream, PENSTOCK_DMA_BIND_BUFFER_WRITE, where, address, size);
}

void blob_append_push(struct stream *stream, uint32_t offset, const uint32_t *dwords,
		      uint32_t count)
{
	uint8_t *start = stream_append(stream, PENSTOCK_DMA_PUSH_CONSTANTS, count);

	penstock_store32(start + PENSTOCK_DMA_PUSH_CONSTANTS_offset, offset);
	memcpy(start + PENSTOCK_DMA_BYTES_PUSH_CONSTANTS, dwords, count * sizeof(*dwords));
}

void blob_append_dispatch(struct stream *stream, uint32_t x, uint32_t y, uint32_t z)
{
	uint8_t *start = stream_append(stream, PENSTOCK_DMA_DISPATCH, 0);

	penstock_store32(start + PENSTOCK_DMA_DISPATCH_groups_x, x);
	penstock_store32(start + PENSTOCK_DMA_DISPATCH_groups_y, y);
	penstock_store32(start + PENSTOCK_DMA_DISPATCH_groups_z, z);
}
