/* SPDX-License-Identifier: MIT */
/*
 * Bytes to text to bytes, and text to bytes to text, are exact: for random instructions of both
 * tables, for damaged ones, and for any bytes at all. A failure prints the seed of its case;
 * PENSTOCK_TEST_SEED=N runs the cases from that seed on.
 */
#include "gpu-backend/dma.h"
#include "proto/isa/assembler.h"
#include "proto/isa/disassembler.h"
#include "proto/isa/instruction.h"
#include "tests/harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES      4000u
#define BYTES_MAX  1024u
#define TEXT_BYTES 65536u
#define WORDS_MAX  32u /* of one line: a mnemonic and its operands */

static uint64_t random_state;

/* splitmix64 */
static uint64_t random_u64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint32_t random_below(uint32_t limit)
{
	return (uint32_t)(random_u64() % limit);
}

/* Small, large, all ones, single bits: where encodings break. */
static uint64_t random_value(void)
{
	switch (random_below(5)) {
	case 0:
		return random_below(16);
	case 1:
		return UINT64_MAX - random_below(16);
	case 2:
		return 1ull << random_below(64);
	case 3:
		return 0;
	default:
		return random_u64();
	}
}

static uint64_t first_seed(void)
{
	const char *text = getenv("PENSTOCK_TEST_SEED");

	return text == NULL ? 1 : strtoull(text, NULL, 0);
}

struct text {
	struct penstock_text text;
	char memory[TEXT_BYTES];
};

static void disassemble(const struct penstock_isa *isa, const uint8_t *bytes, uint32_t length,
			bool offsets, struct text *ret_text)
{
	const struct penstock_disassembler disassembler = {
		.isa = isa,
		.offsets = offsets,
		.write = penstock_text_write,
		.owner = &ret_text->text,
	};

	penstock_text_init(&ret_text->text, ret_text->memory, sizeof(ret_text->memory));
	penstock_disassemble(&disassembler, bytes, length);
	ck_assert(!ret_text->text.truncated);
}

static void assemble(const struct penstock_isa *isa, const char *text, size_t text_bytes,
		     uint8_t *ret_bytes, uint32_t *ret_length, uint64_t seed)
{
	const struct penstock_assembler assembler = { .isa = isa, .file = "t", .first_line = 1 };
	struct penstock_errbuf fault = { "" };

	ck_assert_msg(penstock_assemble(&assembler, text, text_bytes, ret_bytes, BYTES_MAX,
					ret_length, &fault) == PENSTOCK_STATUS_SUCCESS,
		      "seed %" PRIu64 ": %s in\n%s", seed, fault.text, text);
}

static void check_round_trip(const struct penstock_isa *isa, const uint8_t *bytes, uint32_t length,
			     uint64_t seed)
{
	static struct text text, again;
	uint8_t back[BYTES_MAX];
	uint32_t back_length = 0;

	for (int offsets = 0; offsets < 2; offsets++) {
		disassemble(isa, bytes, length, offsets, &text);
		assemble(isa, text.memory, text.text.length, back, &back_length, seed);
		ck_assert_msg(back_length == length && memcmp(back, bytes, length) == 0,
			      "seed %" PRIu64 ": other bytes from\n%s", seed, text.memory);
		disassemble(isa, back, back_length, offsets, &again);
		ck_assert_msg(strcmp(text.memory, again.memory) == 0,
			      "seed %" PRIu64 ":\n%s\nbecame\n%s", seed, text.memory, again.memory);
	}
}

/* One instruction of the table with random operands; returns its length. */
static uint32_t random_instruction(const struct penstock_isa *isa, uint8_t *ret_bytes)
{
	const struct penstock_layout *layout = isa->at(random_below(isa->count));
	uint32_t length = layout->bytes + random_below(5) * layout->element_bytes;

	memset(ret_bytes, 0, length);
	penstock_store32(ret_bytes, penstock_layout_header(layout->opcode, length));
	for (unsigned i = 0; i < layout->operand_count; i++) {
		const struct penstock_operand *operand = &layout->operands[i];
		uint32_t end = penstock_operand_trails(operand)
				       ? length
				       : (uint32_t)operand->offset + operand->width;

		for (uint32_t at = operand->offset; at < end; at += 2) {
			penstock_store16(ret_bytes + at, (uint16_t)random_value());
		}
	}
	return length;
}

static uint32_t random_buffer(const struct penstock_isa *isa, uint8_t *ret_bytes)
{
	uint32_t length = 0;

	for (uint32_t n = random_below(6); n > 0; n--) {
		length += random_instruction(isa, ret_bytes + length);
	}
	return length;
}

static const struct penstock_isa *random_isa(void)
{
	return random_below(2) == 0 ? &penstock_command_isa : &penstock_dma_isa;
}

START_TEST(good_buffers_round_trip)
{
	for (uint64_t seed = first_seed(), n = 0; n < CASES; n++, seed++) {
		uint8_t bytes[BYTES_MAX] = { 0 };
		const struct penstock_isa *isa;
		uint32_t length;

		random_state = seed;
		isa = random_isa();
		length = random_buffer(isa, bytes);
		check_round_trip(isa, bytes, length, seed);
	}
}
END_TEST

START_TEST(damaged_buffers_round_trip)
{
	for (uint64_t seed = first_seed(), n = 0; n < CASES; n++, seed++) {
		uint8_t bytes[BYTES_MAX] = { 0 };
		const struct penstock_isa *isa;
		uint32_t length;

		random_state = seed;
		isa = random_isa();
		length = random_buffer(isa, bytes) + random_below(8);
		for (uint32_t hits = random_below(6); hits > 0 && length > 0; hits--) {
			bytes[random_below(length)] ^= (uint8_t)(1u << random_below(8));
		}
		check_round_trip(isa, bytes, length - (length > 0 ? random_below(length) : 0),
				 seed);
	}
}
END_TEST

START_TEST(any_bytes_round_trip)
{
	for (uint64_t seed = first_seed(), n = 0; n < CASES; n++, seed++) {
		uint8_t bytes[256];
		uint32_t length;

		random_state = seed;
		length = random_below(sizeof(bytes) + 1);
		for (uint32_t i = 0; i < length; i++) {
			bytes[i] = (uint8_t)(i % 4 == 0             ? random_below(0x90)
					     : random_below(8) == 0 ? random_u64()
								    : 0);
		}
		check_round_trip(random_isa(), bytes, length, seed);
	}
}
END_TEST

/* The words of one line (operands have no blanks in them but in arrays, which stay last). */
static unsigned split(char *line, char *ret_words[WORDS_MAX])
{
	unsigned count = 0;
	char *at = line;

	while (count < WORDS_MAX && *at != '\0') {
		ret_words[count++] = at;
		at += strchr(at, '[') != NULL && strchr(at, '[') < at + strcspn(at, " ")
			      ? strlen(at)
			      : strcspn(at, " ");
		if (*at != '\0') {
			*at++ = '\0';
		}
	}
	return count;
}

START_TEST(operands_are_taken_in_any_order)
{
	static struct text text;

	for (uint64_t seed = first_seed(), n = 0; n < CASES; n++, seed++) {
		uint8_t bytes[BYTES_MAX] = { 0 }, back[BYTES_MAX];
		uint32_t length, back_length = 0;
		const struct penstock_isa *isa;
		char shuffled[8192];
		char *words[WORDS_MAX];
		unsigned count;
		int at;

		random_state = seed;
		isa = random_isa();
		length = random_instruction(isa, bytes);
		disassemble(isa, bytes, length, false, &text);
		text.memory[text.text.length - 1] = '\0';
		count = split(text.memory, words);
		for (unsigned i = count - 1; i > 1; i--) {
			unsigned j = 1 + random_below(i);
			char *word = words[i];

			words[i] = words[j];
			words[j] = word;
		}
		at = 0;
		for (unsigned i = 0; i < count; i++) {
			at += snprintf(shuffled + at, sizeof(shuffled) - (size_t)at, "%s ",
				       words[i]);
		}
		assemble(isa, shuffled, (size_t)at, back, &back_length, seed);
		ck_assert_msg(back_length == length && memcmp(back, bytes, length) == 0,
			      "seed %" PRIu64 ": %s", seed, shuffled);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("assembler_property");
	TCase *tcase = tcase_create("round_trip");

	tcase_add_test(tcase, good_buffers_round_trip);
	tcase_add_test(tcase, damaged_buffers_round_trip);
	tcase_add_test(tcase, any_bytes_round_trip);
	tcase_add_test(tcase, operands_are_taken_in_any_order);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
