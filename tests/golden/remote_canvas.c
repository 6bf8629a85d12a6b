/* SPDX-License-Identifier: MIT */
#include "tests/golden/remote_canvas.h"

#include "proto/isa/instruction.h"

#include <string.h>

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

#define STAGES 6u

struct translation {
	struct compute_client *client;
	const struct canvas *canvas;
	uint32_t segment_set;
	struct remote_canvas *remote;
	struct penstock_command_buffer *buffer;
};

/* ---------------------------------------------------------------- objects */

static uint64_t allocation_new(const struct translation *is, uint64_t size_bytes)
{
	const struct penstock_allocation_create_info info = {
		.device = is->client->device,
		.size_bytes = size_bytes,
		.segment_set = is->segment_set,
	};
	uint64_t allocation;

	GOOD(penstock_allocation_create(is->client->connection, &info, &allocation));
	return allocation;
}

/* Of what a row says of it, whose fields are those of the description, in its order. */
static uint64_t image_new(const struct translation *is, const uint8_t *row)
{
	struct penstock_image description;
	uint64_t bytes;

	_Static_assert(sizeof(description) == PENSTOCK_DMA_BYTES_IMAGE - PENSTOCK_DMA_IMAGE_flags,
		       "a row has all of it");
	memcpy(&description, row + PENSTOCK_DMA_IMAGE_flags, sizeof(description));
	GOOD(penstock_image_measure(&description, &bytes));
	return allocation_new(is, bytes);
}

static uint64_t pipeline_new(const struct translation *is, uint32_t offset)
{
	const uint8_t *bytes = is->canvas->memory + offset;
	const struct penstock_pipeline *pipeline = (const void *)bytes;
	const struct penstock_pipeline_stage *from = penstock_pipeline_stages(pipeline);
	struct penstock_shader_stage_info stages[STAGES];
	const struct penstock_pipeline_create_info info = {
		.device = is->client->device,
		.stages = stages,
		.stage_count = pipeline->stage_count,
		.graphics = penstock_pipeline_graphics(pipeline),
	};
	uint64_t opening;

	for (uint32_t i = 0; i < pipeline->stage_count; i++) {
		stages[i] = (struct penstock_shader_stage_info){
			/* Execution models have the order of the bits. */
			.stage = (uint32_t)__builtin_ctz(from[i].stage),
			.spirv = bytes + from[i].spirv_offset,
			.spirv_bytes = from[i].spirv_bytes,
		};
	}
	GOOD(penstock_pipeline_create(is->client->connection, &info, &opening));
	return opening;
}

/* What is at an address that the row names; made where it is named first. */
static uint64_t object_at(struct translation *is, uint64_t address, const uint8_t *row)
{
	struct remote_canvas *remote = is->remote;
	const uint64_t offset = address - PENSTOCK_LOCAL_BASE;
	struct remote_object *object;

	for (uint32_t i = 0; i < remote->object_count; i++) {
		if (remote->objects[i].address == address) {
			return remote->objects[i].opening;
		}
	}
	ck_assert_uint_lt(remote->object_count, REMOTE_OBJECTS);
	object = &remote->objects[remote->object_count++];
	object->address = address;
	object->opening = offset < CANVAS_IMAGE_OFFSET ? pipeline_new(is, (uint32_t)offset)
						       : image_new(is, row);
	return object->opening;
}

/* ---------------------------------------------------------------- rows */

/* Behind a field that is none yet (NULL: from the first on). */
static const struct penstock_operand *next_address(const struct penstock_layout *layout,
						   const struct penstock_operand *field)
{
	field = field == NULL ? layout->operands : field + 1;
	while (field < layout->operands + layout->operand_count &&
	       !penstock_dma_is_address(field)) {
		field++;
	}
	ck_assert_msg(field < layout->operands + layout->operand_count, "%s: one address too few",
		      layout->mnemonic);
	return field;
}

static const struct penstock_operand *field_of(const struct penstock_layout *layout,
					       const struct penstock_operand *operand)
{
	for (uint32_t i = 0; i < layout->operand_count; i++) {
		if (strcmp(layout->operands[i].name, operand->name) == 0) {
			ck_assert_uint_eq(layout->operands[i].width, operand->width);
			return &layout->operands[i];
		}
	}
	ck_abort_msg("%s: no field %s", layout->mnemonic, operand->name);
	return NULL;
}

/* An index of the allocation list, and where in the allocation the address is. */
static uint16_t reference(struct translation *is, uint64_t address, const uint8_t *row,
			  enum penstock_operand_type type, uint64_t *ret_offset)
{
	const uint64_t offset = address - PENSTOCK_LOCAL_BASE;
	const bool is_data = offset < CANVAS_DATA_BYTES;
	uint16_t index;

	*ret_offset = is_data ? offset : 0;
	GOOD(penstock_command_buffer_list(
		is->buffer, is_data ? is->remote->data : object_at(is, address, row),
		type == PENSTOCK_OPERAND_SOURCE ? 0 : PENSTOCK_ALLOCATION_WRITE_OPERATION, &index));
	return index;
}

/* Fields of equal names are equal; an address is an allocation and the offset named behind it. */
static void translate(struct translation *is, const struct penstock_dma_decoded *row)
{
	const struct penstock_layout *from = &row->instruction->layout;
	const struct penstock_instruction *into = penstock_instruction_by_opcode(from->opcode);
	const struct penstock_operand *address = NULL;
	const uint32_t trailing = row->elements * from->element_bytes;
	uint8_t bytes[512] = { 0 };
	uint64_t offset = 0;

	ck_assert_msg(into != NULL, "%s is no instruction", from->mnemonic);
	ck_assert_uint_le(into->layout.bytes + trailing, sizeof(bytes));
	penstock_store32(bytes, penstock_instruction_header(into->layout.opcode,
							    into->layout.bytes + trailing));
	for (uint32_t i = 0; i < into->layout.operand_count; i++) {
		const struct penstock_operand *operand = &into->layout.operands[i];
		uint8_t *at = bytes + operand->offset;

		if (operand->slot >= 0) {
			address = next_address(from, address);
			penstock_store16(
				at, reference(is, penstock_load64(row->bytes + address->offset),
					      row->bytes, operand->type, &offset));
		} else if (operand->type == PENSTOCK_OPERAND_OFFSET) {
			penstock_store64(at, offset);
		} else {
			memcpy(at, row->bytes + field_of(from, operand)->offset,
			       penstock_operand_trails(operand) ? trailing : operand->width);
		}
	}
	GOOD(penstock_command_buffer_append(is->buffer, bytes, into->layout.bytes + trailing));
}

/* ---------------------------------------------------------------- the whole of it */

static struct penstock_command_buffer *command_new(struct remote_canvas *remote)
{
	struct penstock_command_buffer *buffer;

	ck_assert_uint_lt(remote->command_count, REMOTE_COMMANDS);
	GOOD(penstock_command_buffer_new(&buffer));
	remote->commands[remote->command_count++] = buffer;
	return buffer;
}

void remote_canvas_new(struct compute_client *client, const struct canvas *canvas,
		       uint32_t segment_set, bool parted, struct remote_canvas *ret_remote)
{
	const struct stream *stream = &canvas->stream;
	struct translation is = {
		.client = client, .canvas = canvas, .segment_set = segment_set, .remote = ret_remote
	};
	struct penstock_dma_decoded row;
	bool begins = true;

	*ret_remote = (struct remote_canvas){ .data_bytes = canvas->data_used };
	ret_remote->data = allocation_new(&is, canvas->data_used);
	GOOD(penstock_allocation_upload(client->connection, ret_remote->data, 0, canvas->memory,
					canvas->data_used));
	for (uint32_t at = 0; at < stream->used; at += row.length) {
		if (begins) {
			is.buffer = command_new(ret_remote);
		}
		GOOD(penstock_dma_decode(stream->bytes + at, stream->used - at, &row));
		translate(&is, &row);
		begins = parted && penstock_opcode_draws(row.instruction->layout.opcode);
	}
}

bool remote_canvas_submit(struct compute_client *client, struct remote_canvas *remote)
{
	if (remote->submitted == remote->command_count) {
		return false;
	}
	GOOD(penstock_command_buffer_submit(remote->commands[remote->submitted++],
					    client->connection, client->context, 0,
					    &remote->fence));
	return true;
}

enum penstock_status remote_canvas_wait(struct compute_client *client,
					const struct remote_canvas *remote, uint8_t *data,
					struct penstock_failure *ret_failure)
{
	enum penstock_status status;

	*ret_failure = (struct penstock_failure){ .sentence = "" };
	status = penstock_context_wait(client->connection, client->context, remote->fence,
				       PENSTOCK_FOREVER, ret_failure);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_allocation_read_back(client->connection, remote->data, 0, data,
						       remote->data_bytes);
	}
	return status;
}

void remote_canvas_destroy(struct compute_client *client, const struct remote_canvas *remote)
{
	for (uint32_t i = 0; i < remote->command_count; i++) {
		penstock_command_buffer_free(remote->commands[i]);
	}
	GOOD(penstock_object_destroy(client->connection, remote->data));
	for (uint32_t i = 0; i < remote->object_count; i++) {
		GOOD(penstock_object_destroy(client->connection, remote->objects[i].opening));
	}
}
