/* SPDX-License-Identifier: MIT */
/*
 * Pipelines as the daemon would write them, made of the shaders of tests/gpu/shaders, and the
 * instructions of a group.
 */
#ifndef PENSTOCK_TESTS_GPU_BLOB_H
#define PENSTOCK_TESTS_GPU_BLOB_H

#include "gpu-backend/pipeline.h"
#include "tests/gpu/stream.h"

enum blob_shader {
	BLOB_SCALE,
	BLOB_STEP,
	BLOB_COUNTS,
	BLOB_SETS,
	BLOB_WANDER,
	BLOB_ENDLESS,
	BLOB_REVERSE,
	BLOB_SHADERS,
};

#define BLOB_BYTES_MOST (16u << 10)

/*
 * Writes it to `ret_bytes`, of BLOB_BYTES_MOST; returns its size. `variant` makes pipelines of one
 * shader that are not the same to the cache.
 */
uint32_t blob_make(enum blob_shader shader, uint32_t variant, uint8_t *ret_bytes);

void blob_append_pipeline(struct stream *stream, uint64_t address, uint32_t bytes);
void blob_append_buffer(struct stream *stream, const uint32_t where[3], uint64_t address,
			uint64_t size);
void blob_append_buffer_write(struct stream *stream, const uint32_t where[3], uint64_t address,
			      uint64_t size);
void blob_append_push(struct stream *stream, uint32_t offset, const uint32_t *dwords,
		      uint32_t count);
void blob_append_dispatch(struct stream *stream, uint32_t x, uint32_t y, uint32_t z);

/* set, binding, element */
#define BLOB_AT(set, binding, element) ((const uint32_t[3]){ set, binding, element })

#endif
