/* SPDX-License-Identifier: MIT */
/*
 * The command buffer builder from the inside: what the emit functions, which are made from the
 * instruction table, stand on.
 */
#ifndef PENSTOCK_CLIENT_BUILDER_H
#define PENSTOCK_CLIENT_BUILDER_H

#include "client/include/penstock/penstock.h"
#include "proto/isa/instruction.h"

#include <string.h>

struct penstock_command_buffer {
	enum penstock_status status; /* not SUCCESS: the first failure; it stays until reset */
	uint8_t *bytes;              /* [capacity], owned */
	uint32_t capacity;
	uint32_t length;
	struct penstock_wire_allocation *list; /* [list_capacity], owned */
	uint32_t list_capacity;
	uint32_t list_count;
	uint32_t *slots; /* [slot_count], owned: list index + 1 by hash of the name; 0: free */
	uint32_t slot_count;
	uint64_t dma_bytes;
	uint64_t patches;
};

/*
 * Appends an instruction with `trailing_bytes` behind its fixed part: header written, the rest of
 * the fixed part zero; *ret_at is its start. SUCCESS; LIMIT_EXCEEDED; INVALID_PARAMETER: no whole
 * number of elements; NO_MEMORY; or the buffer's status.
 */
enum penstock_status penstock_emit_begin(struct penstock_command_buffer *buffer,
					 enum penstock_instruction_id id, uint64_t trailing_bytes,
					 uint8_t **ret_at);

/* NULL is the empty rectangle. */
static inline void penstock_emit_rect(uint8_t *at, const struct penstock_rect *rect)
{
	if (rect != NULL) {
		memcpy(at, rect, sizeof(*rect));
	}
}

static inline void penstock_emit_float(uint8_t *at, float value)
{
	memcpy(at, &value, sizeof(value));
}

/* Trailing bytes; NULL leaves them zero. */
static inline void penstock_emit_bytes(uint8_t *at, const void *bytes, size_t size_bytes)
{
	if (bytes != NULL && size_bytes > 0) {
		memcpy(at, bytes, size_bytes);
	}
}

#endif
