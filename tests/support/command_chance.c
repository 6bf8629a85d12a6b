/* SPDX-License-Identifier: MIT */
#include "tests/support/command_chance.h"

#include <string.h>

/* A value near those that matter. */
static uint64_t value_by_chance(uint64_t *state, uint32_t width)
{
	static const uint64_t edges[] = { 0,
					  1,
					  3,
					  4,
					  15,
					  16,
					  0xFF,
					  0x100,
					  0x1FFF,
					  0x2000,
					  0x7FFFFFFF,
					  0x80000000,
					  ~3u,
					  ~0u,
					  1ull << 32,
					  1ull << 63,
					  UINT64_MAX - 3,
					  UINT64_MAX };

	switch (penstock_random_below(state, 3)) {
	case 0:
		return penstock_random_below(state, 64);
	case 1:
		return edges[penstock_random_below(state, PENSTOCK_ARRAY_SIZE(edges))];
	default:
		return width == 2 ? penstock_random_below(state, PENSTOCK_FIXTURE_COUNT)
				  : penstock_random(state);
	}
}

/* Moves a coordinate a little, which keeps most rectangles good. */
static void nudge(uint64_t *state, uint8_t *bytes)
{
	penstock_store32(bytes, penstock_load32(bytes) + penstock_random_below(state, 7) - 3);
}

static void change_field(uint64_t *state, uint8_t *bytes, const struct penstock_layout *layout,
			 uint32_t length)
{
	const struct penstock_operand *operand;
	uint64_t value;

	if (layout->operand_count == 0) {
		return;
	}
	operand = &layout->operands[penstock_random_below(state, layout->operand_count)];
	if (operand->type == PENSTOCK_OPERAND_RECT) {
		nudge(state, bytes + operand->offset + 4 * penstock_random_below(state, 4));
	} else if (operand->type == PENSTOCK_OPERAND_RECTS && length > operand->offset) {
		nudge(state,
		      bytes + operand->offset +
			      4 * penstock_random_below(state, (length - operand->offset) / 4));
	} else {
		value = value_by_chance(state, operand->width);
		memcpy(bytes + operand->offset, &value, operand->width);
	}
}

/* A field of one of the instructions in `length` bytes. */
static void change_one(uint64_t *state, uint8_t *bytes, uint32_t length)
{
	uint8_t *at = bytes + 4 * penstock_random_below(state, length / 4), *next = bytes;
	uint32_t one = 0;

	/* The one that holds a byte by chance. */
	do {
		bytes = next;
		one = penstock_header_length(penstock_load32(bytes));
		next = bytes + one;
	} while (next <= at);
	change_field(state, bytes, &penstock_instruction_by_opcode(penstock_load16(bytes))->layout,
		     one);
}

/* Most of the table stands in groups, which are long. */
#define GROUPS_ONE_OF 8u

uint32_t penstock_chance_instruction(uint64_t *state, uint8_t *bytes,
				     const struct penstock_render_caps *caps, uint32_t changes)
{
	const struct penstock_instruction *instruction;
	uint32_t length;

	do {
		instruction = penstock_instruction_get(
			(enum penstock_instruction_id)penstock_random_below(
				state, PENSTOCK_INSTRUCTION_COUNT));
	} while (instruction->privilege == PENSTOCK_PRIVILEGED ||
		 (instruction->stream == PENSTOCK_STREAM_KM) != caps->km ||
		 (instruction->nodes == PENSTOCK_NODE_PIPELINES &&
		  (!caps->pipelines || penstock_random_below(state, GROUPS_ONE_OF) != 0)));
	length = penstock_fixture_alone(instruction->id, bytes);
	for (uint32_t i = 0; i < changes; i++) {
		change_one(state, bytes, length);
	}
	return length;
}

uint32_t penstock_chance_buffer(uint64_t *state, struct penstock_fixture *fixture, bool km,
				uint8_t *ret_bytes, uint32_t *refused)
{
	uint32_t length = 0, wanted = 1 + penstock_random_below(state, 24);

	fixture->args.caps.km = km;
	for (uint32_t i = 0; i < wanted; i++) {
		uint32_t changes = penstock_random_below(state, 4);
		uint32_t bytes = penstock_chance_instruction(state, ret_bytes + length,
							     &fixture->args.caps, changes);

		if (penstock_fixture_render(fixture, ret_bytes + length, bytes) ==
		    PENSTOCK_STATUS_SUCCESS) {
			length += bytes;
		} else {
			(*refused)++;
		}
	}
	return length;
}
