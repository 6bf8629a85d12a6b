/* SPDX-License-Identifier: MIT */
#include "client/builder.h"

#include "proto/wire/limits.h"

#include <stdlib.h>

enum penstock_status penstock_command_buffer_new(struct penstock_command_buffer **ret_buffer)
{
	struct penstock_command_buffer *buffer;

	if (ret_buffer == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	buffer = calloc(1, sizeof(*buffer));
	if (buffer == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_buffer = buffer;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_command_buffer_free(struct penstock_command_buffer *buffer)
{
	if (buffer == NULL) {
		return;
	}
	free(buffer->bytes);
	free(buffer->list);
	free(buffer->slots);
	free(buffer);
}

void penstock_command_buffer_reset(struct penstock_command_buffer *buffer)
{
	if (buffer == NULL) {
		return;
	}
	buffer->status = PENSTOCK_STATUS_SUCCESS;
	buffer->length = 0;
	buffer->list_count = 0;
	buffer->dma_bytes = 0;
	buffer->patches = 0;
	if (buffer->slot_count > 0) {
		memset(buffer->slots, 0, buffer->slot_count * sizeof(*buffer->slots));
	}
}

/* The first failure makes the buffer bad. */
static enum penstock_status fail(struct penstock_command_buffer *buffer,
				 enum penstock_status status)
{
	buffer->status = status;
	return status;
}

/* Space for so many more bytes, not yet counted. */
static enum penstock_status grow(struct penstock_command_buffer *buffer, uint64_t size_bytes)
{
	uint64_t capacity = buffer->capacity == 0 ? 256 : buffer->capacity;
	uint8_t *bytes;

	if (!penstock_range_fits(buffer->length, size_bytes, PENSTOCK_LIMIT_COMMAND_BYTES)) {
		return fail(buffer, PENSTOCK_STATUS_LIMIT_EXCEEDED);
	}
	while (capacity < buffer->length + size_bytes) {
		capacity *= 2;
	}
	if (capacity == buffer->capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	bytes = realloc(buffer->bytes, capacity);
	if (bytes == NULL) {
		return fail(buffer, PENSTOCK_STATUS_NO_MEMORY);
	}
	buffer->bytes = bytes;
	buffer->capacity = (uint32_t)capacity;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_command_buffer_append(struct penstock_command_buffer *buffer,
						    const void *bytes, uint32_t size_bytes)
{
	enum penstock_status status;

	if (buffer == NULL || (bytes == NULL && size_bytes > 0)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = buffer->status;
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = grow(buffer, size_bytes);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	penstock_emit_bytes(buffer->bytes + buffer->length, bytes, size_bytes);
	buffer->length += size_bytes;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_emit_begin(struct penstock_command_buffer *buffer,
					 enum penstock_instruction_id id, uint64_t trailing_bytes,
					 uint8_t **ret_at)
{
	const struct penstock_instruction *instruction = penstock_instruction_get(id);
	const struct penstock_layout *layout = &instruction->layout;
	uint64_t total = layout->bytes + trailing_bytes;
	uint32_t elements = 0;
	uint32_t dma_bytes, patches;

	if (buffer == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (buffer->status != PENSTOCK_STATUS_SUCCESS) {
		return buffer->status;
	}
	if (trailing_bytes > 0 && trailing_bytes % layout->element_bytes != 0) {
		return fail(buffer, PENSTOCK_STATUS_INVALID_PARAMETER);
	}
	if (total / 4 > PENSTOCK_LIMIT_INSTRUCTION_DWORDS) {
		return fail(buffer, PENSTOCK_STATUS_LIMIT_EXCEEDED);
	}
	if (grow(buffer, total) != PENSTOCK_STATUS_SUCCESS) {
		return buffer->status;
	}
	*ret_at = buffer->bytes + buffer->length;
	memset(*ret_at, 0, total);
	penstock_store32(*ret_at,
			 penstock_instruction_header(instruction->layout.opcode, (uint32_t)total));
	if (trailing_bytes > 0) {
		elements = (uint32_t)(trailing_bytes / layout->element_bytes);
	}
	penstock_instruction_cost(instruction, elements, &dma_bytes, &patches);
	buffer->dma_bytes += dma_bytes;
	buffer->patches += patches;
	buffer->length += (uint32_t)total;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- the allocation list */

static uint32_t slot_of(const struct penstock_command_buffer *buffer, uint64_t name)
{
	return (uint32_t)((name * 0x9E3779B97F4A7C15ull) >> 32) & (buffer->slot_count - 1);
}

/* Where `name` is, or the free slot where it would be. */
static uint32_t *find_slot(const struct penstock_command_buffer *buffer, uint64_t name)
{
	uint32_t at = slot_of(buffer, name);

	while (buffer->slots[at] != 0 && buffer->list[buffer->slots[at] - 1].name != name) {
		at = (at + 1) & (buffer->slot_count - 1);
	}
	return &buffer->slots[at];
}

/* Room for one more element; at most half of the slots are in use. */
static enum penstock_status grow_list(struct penstock_command_buffer *buffer)
{
	uint32_t capacity = buffer->list_capacity == 0 ? 16 : buffer->list_capacity * 2;
	struct penstock_wire_allocation *list;
	uint32_t *slots;

	if (buffer->list_count < buffer->list_capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	list = realloc(buffer->list, capacity * sizeof(*list));
	if (list == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	buffer->list = list;
	slots = calloc(capacity * 2, sizeof(*slots));
	if (slots == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	free(buffer->slots);
	buffer->slots = slots;
	buffer->slot_count = capacity * 2;
	buffer->list_capacity = capacity;
	for (uint32_t i = 0; i < buffer->list_count; i++) {
		*find_slot(buffer, list[i].name) = i + 1;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_command_buffer_list(struct penstock_command_buffer *buffer,
						  uint64_t allocation, uint32_t flags,
						  uint16_t *ret_index)
{
	enum penstock_status status;
	uint32_t *slot;

	if (buffer == NULL || ret_index == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (buffer->status != PENSTOCK_STATUS_SUCCESS) {
		return buffer->status;
	}
	status = grow_list(buffer);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return fail(buffer, status);
	}
	slot = find_slot(buffer, allocation);
	if (*slot == 0) {
		if (buffer->list_count == PENSTOCK_LIMIT_ALLOCATION_LIST) {
			return fail(buffer, PENSTOCK_STATUS_LIMIT_EXCEEDED);
		}
		buffer->list[buffer->list_count] =
			(struct penstock_wire_allocation){ .name = allocation };
		*slot = ++buffer->list_count;
	}
	buffer->list[*slot - 1].flags |= flags;
	*ret_index = (uint16_t)(*slot - 1);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- what is in it */

enum penstock_status
penstock_command_buffer_contents(const struct penstock_command_buffer *buffer,
				 const void **ret_command, uint32_t *ret_command_bytes,
				 const struct penstock_wire_allocation **ret_list,
				 uint32_t *ret_list_count)
{
	if (buffer == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (buffer->status != PENSTOCK_STATUS_SUCCESS) {
		return buffer->status;
	}
	if (ret_command != NULL) {
		*ret_command = buffer->bytes;
	}
	if (ret_command_bytes != NULL) {
		*ret_command_bytes = buffer->length;
	}
	if (ret_list != NULL) {
		*ret_list = buffer->list;
	}
	if (ret_list_count != NULL) {
		*ret_list_count = buffer->list_count;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_command_buffer_cost(const struct penstock_command_buffer *buffer,
						  uint64_t *ret_dma_bytes, uint64_t *ret_patches)
{
	if (buffer == NULL || ret_dma_bytes == NULL || ret_patches == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (buffer->status != PENSTOCK_STATUS_SUCCESS) {
		return buffer->status;
	}
	*ret_dma_bytes = buffer->dma_bytes;
	*ret_patches = buffer->patches;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_command_buffer_submit(struct penstock_command_buffer *buffer,
						    struct penstock_connection *connection,
						    uint64_t context, uint32_t flags,
						    uint64_t *ret_fence)
{
	struct penstock_submit_info info = { .context = context, .flags = flags };

	if (buffer == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (buffer->status != PENSTOCK_STATUS_SUCCESS) {
		return buffer->status;
	}
	info.command = buffer->bytes;
	info.command_length = buffer->length;
	info.allocations = buffer->list;
	info.allocation_count = buffer->list_count;
	return penstock_context_submit(connection, &info, ret_fence);
}

enum penstock_status penstock_instruction_worst_case(enum penstock_instruction_id id,
						     uint32_t elements, uint32_t *ret_dma_bytes,
						     uint32_t *ret_patches)
{
	if ((unsigned)id >= PENSTOCK_INSTRUCTION_COUNT || ret_dma_bytes == NULL ||
	    ret_patches == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	penstock_instruction_cost(penstock_instruction_get(id), elements, ret_dma_bytes,
				  ret_patches);
	return PENSTOCK_STATUS_SUCCESS;
}
