/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/mutate_commands.h"

#include "tests/support/render_fixture.h"

#include <string.h>

#define HEAD_BYTES  4u
#define CLIENT_LIST 8u /* of the first byte: other bytes stand in front */
#define MOST        4096u

/* A command buffer and where its instructions begin; the last is where they end. */
struct commands {
	uint64_t random;
	uint8_t *bytes;
	size_t length;
	size_t most;
	uint32_t count;
	uint32_t starts[MOST + 1];
};

static uint32_t below(struct commands *commands, uint32_t limit)
{
	return penstock_random_below(&commands->random, limit);
}

static void cut(struct commands *commands)
{
	size_t at = 0;

	commands->count = 0;
	while (commands->length - at >= PENSTOCK_HEADER_BYTES && commands->count < MOST) {
		uint32_t one = penstock_header_length(penstock_load32(commands->bytes + at));

		if (one == 0 || one > commands->length - at) {
			break;
		}
		commands->starts[commands->count++] = (uint32_t)at;
		at += one;
	}
	commands->starts[commands->count] = (uint32_t)at;
}

/* Puts `size` bytes in front of instruction `index`, where there is room. */
static void insert(struct commands *commands, uint32_t index, const uint8_t *bytes, size_t size)
{
	const size_t at = commands->starts[index];

	if (size <= commands->most - commands->length) {
		memmove(commands->bytes + at + size, commands->bytes + at, commands->length - at);
		memcpy(commands->bytes + at, bytes, size);
		commands->length += size;
	}
}

static void leave_out(struct commands *commands)
{
	const uint32_t index = below(commands, commands->count);
	const size_t at = commands->starts[index], behind = commands->starts[index + 1];

	memmove(commands->bytes + at, commands->bytes + behind, commands->length - behind);
	commands->length -= behind - at;
}

static void double_one(struct commands *commands)
{
	static uint8_t copy[PENSTOCK_FIXTURE_DMA_BYTES];
	const uint32_t index = below(commands, commands->count);
	const size_t at = commands->starts[index], behind = commands->starts[index + 1];

	memcpy(copy, commands->bytes + at, behind - at);
	insert(commands, below(commands, commands->count + 1), copy, behind - at);
}

static void put_in(struct commands *commands)
{
	uint8_t bytes[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	const uint32_t id = below(commands, PENSTOCK_INSTRUCTION_REGISTER_WRITE);
	const uint32_t length =
		below(commands, 8) == 0
			? penstock_fixture_alone((enum penstock_instruction_id)id, bytes)
			: penstock_fixture_valid((enum penstock_instruction_id)id, bytes);

	insert(commands, below(commands, commands->count + 1), bytes, length);
}

/* A value that is small, at an edge, a bit away from what it was, or any. */
static uint64_t other_value(struct commands *commands, uint64_t value)
{
	switch (below(commands, 5)) {
	case 0:
		return below(commands, 8);
	case 1:
		return below(commands, 256);
	case 2:
		return value ^ (UINT64_C(1) << below(commands, 64));
	case 3:
		return value + below(commands, 9) - 4;
	default:
		return UINT64_MAX << below(commands, 64);
	}
}

static void change_operand(struct commands *commands)
{
	uint8_t *bytes = commands->bytes + commands->starts[below(commands, commands->count)];
	const struct penstock_instruction *instruction =
		penstock_instruction_by_opcode(penstock_load16(bytes));
	const struct penstock_operand *operand;
	uint64_t value = 0;
	uint32_t width, at;

	if (instruction == NULL || instruction->layout.operand_count == 0 ||
	    penstock_header_length(penstock_load32(bytes)) < instruction->layout.bytes) {
		return;
	}
	operand = &instruction->layout.operands[below(commands, instruction->layout.operand_count)];
	width = operand->width > 8 ? 4 : operand->width;
	at = operand->offset + (operand->width > 8 ? 4 * below(commands, 4) : 0);
	memcpy(&value, bytes + at, width);
	value = other_value(commands, value);
	memcpy(bytes + at, &value, width);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static void (*const changes[])(struct commands * commands) = {
		change_operand, change_operand, change_operand, change_operand,
		double_one,     leave_out,      put_in,
	};
	static struct commands commands;

	commands.random = (seed + UINT64_C(1)) * 0x9E3779B97F4A7C15u;
	if (size <= HEAD_BYTES || size > max_size || (data[0] & CLIENT_LIST) != 0 ||
	    below(&commands, 8) == 0) {
		return LLVMFuzzerMutate(data, size, max_size);
	}
	commands.bytes = data + HEAD_BYTES;
	commands.length = size - HEAD_BYTES;
	commands.most = max_size - HEAD_BYTES;
	for (uint32_t i = 1 + below(&commands, 4); i > 0; i--) {
		cut(&commands);
		if (commands.count == 0) {
			return LLVMFuzzerMutate(data, size, max_size);
		}
		changes[below(&commands, PENSTOCK_ARRAY_SIZE(changes))](&commands);
	}
	return commands.length + HEAD_BYTES;
}
