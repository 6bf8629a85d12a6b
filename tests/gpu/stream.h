/* SPDX-License-Identifier: MIT */
/* Instructions of the DMA table, written below render, as no client can. */
#ifndef PENSTOCK_TESTS_GPU_STREAM_H
#define PENSTOCK_TESTS_GPU_STREAM_H

#include "gpu-backend/backend.h"
#include "gpu-backend/dma.h"
#include "tests/harness.h"

struct stream {
	uint8_t bytes[128u << 10];
	uint32_t used;
};

/* Appends an instruction with zeros for fields; returns where it stands. */
uint8_t *stream_append(struct stream *stream, enum penstock_dma_id id, uint32_t elements);
void stream_append_fill(struct stream *stream, uint64_t address, uint64_t size, uint32_t pattern);
void stream_append_copy(struct stream *stream, uint64_t source, uint64_t destination,
			uint64_t size);
void stream_append_map(struct stream *stream, uint32_t file, uint64_t address, uint64_t offset,
		       uint64_t size, uint32_t flags);
void stream_append_unmap(struct stream *stream, uint64_t address, uint64_t size);

#endif
