/* SPDX-License-Identifier: MIT */
/*
 * Appends to the DMA buffer. Room is asked for once an instruction; what is written behind that
 * are stores of 8 bytes where the layout allows, at any alignment.
 */
#ifndef PENSTOCK_DMA_WRITER_H
#define PENSTOCK_DMA_WRITER_H

#include "gpu-backend/dma.h"

struct penstock_dma_writer {
	uint8_t *base; /* borrowed; the caller's DMA buffer */
	uint8_t *next;
	uint8_t *end; /* equal to next once the buffer is full: nothing fits any more */
};

static inline void penstock_dma_writer_init(struct penstock_dma_writer *writer, uint8_t *base,
					    uint32_t capacity_bytes)
{
	*writer = (struct penstock_dma_writer){ base, base, base + capacity_bytes };
}

/* Bytes written; also the DMA offset of what comes next. */
static inline uint32_t penstock_dma_writer_length(const struct penstock_dma_writer *writer)
{
	return (uint32_t)(writer->next - writer->base);
}

static inline bool penstock_dma_writer_has(const struct penstock_dma_writer *writer, uint32_t bytes)
{
	return (size_t)(writer->end - writer->next) >= bytes;
}

/* Nothing more is written; the length stays. */
static inline void penstock_dma_writer_close(struct penstock_dma_writer *writer)
{
	writer->end = writer->next;
}

/* Header and the dword behind it, in one store. */
static inline void penstock_dma_put_header(uint8_t *dma, uint16_t opcode, uint32_t bytes,
					   uint32_t second)
{
	penstock_store64(dma, penstock_layout_header(opcode, bytes) | (uint64_t)second << 32);
}

/* Two dwords in one store. */
static inline void penstock_dma_put_pair(uint8_t *dma, uint32_t first, uint32_t second)
{
	penstock_store64(dma, first | (uint64_t)second << 32);
}

#endif
