/* SPDX-License-Identifier: MIT */
#include "tests/gpu/stream.h"

#include <string.h>

uint8_t *stream_append(struct stream *stream, enum penstock_dma_id id, uint32_t elements)
{
	const struct penstock_layout *layout = &penstock_dma_get(id)->layout;
	uint32_t bytes = layout->bytes + elements * layout->element_bytes;
	uint8_t *start = stream->bytes + stream->used;

	ck_assert_uint_le(stream->used + bytes, sizeof(stream->bytes));
	memset(start, 0, bytes);
	penstock_store32(start, (uint32_t)layout->opcode | (bytes / 4u) << 16);
	stream->used += bytes;
	return start;
}

void stream_append_fill(struct stream *stream, uint64_t address, uint64_t size, uint32_t pattern)
{
	uint8_t *start = stream_append(stream, PENSTOCK_DMA_FILL, 0);

	penstock_store32(start + PENSTOCK_DMA_FILL_pattern, pattern);
	penstock_store64(start + PENSTOCK_DMA_FILL_address, address);
	penstock_store64(start + PENSTOCK_DMA_FILL_size, size);
}

void stream_append_copy(struct stream *stream, uint64_t source, uint64_t destination, uint64_t size)
{
	uint8_t *start = stream_append(stream, PENSTOCK_DMA_COPY, 0);

	penstock_store64(start + PENSTOCK_DMA_COPY_source, source);
	penstock_store64(start + PENSTOCK_DMA_COPY_destination, destination);
	penstock_store64(start + PENSTOCK_DMA_COPY_size, size);
}

void stream_append_map(struct stream *stream, uint32_t file, uint64_t address, uint64_t offset,
		       uint64_t size, uint32_t flags)
{
	uint8_t *start = stream_append(stream, PENSTOCK_DMA_MAP_PAGES, 0);

	penstock_store32(start + PENSTOCK_DMA_MAP_PAGES_file, file);
	penstock_store32(start + PENSTOCK_DMA_MAP_PAGES_flags, flags);
	penstock_store64(start + PENSTOCK_DMA_MAP_PAGES_address, address);
	penstock_store64(start + PENSTOCK_DMA_MAP_PAGES_offset, offset);
	penstock_store64(start + PENSTOCK_DMA_MAP_PAGES_size, size);
}

void stream_append_unmap(struct stream *stream, uint64_t address, uint64_t size)
{
	uint8_t *start = stream_append(stream, PENSTOCK_DMA_UNMAP_PAGES, 0);

	penstock_store64(start + PENSTOCK_DMA_UNMAP_PAGES_address, address);
	penstock_store64(start + PENSTOCK_DMA_UNMAP_PAGES_size, size);
}
