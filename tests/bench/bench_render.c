/* SPDX-License-Identifier: MIT */
/*
 * P3: command bytes a second through render (validated, translated, patch list written,
 * pre-patched) against memcpy of the same bytes in the same run, both cache-resident, one thread.
 * Prints a JSON object a line. Rounds of the two alternate, and the best of each counts, so that
 * what else the machine does falls on both alike.
 *
 *   bench_render [MILLISECONDS [NAME]]    of each variant, 300; only the variant of that name
 */
#include "tests/support/render_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With what comes out, inside a second-level cache; so is the reference. */
#define COMMAND_BYTES (128u << 10)

struct variant {
	const char *id;
	const char *name;
	const char *goal;
	bool km;
	/* Writes the instruction that the command buffer repeats, number `which`; its length. */
	uint32_t (*write)(uint32_t which, uint8_t *ret_bytes);
	bool scope; /* which end_rendering ends */
};

static struct penstock_fixture fixture;
static struct penstock_render_pipeline second;
static uint8_t command[COMMAND_BYTES];
static uint8_t copied[COMMAND_BYTES];

/* ------------------------------------------------------------------ command buffers */

static uint32_t write_marker(uint32_t which, uint8_t *ret_bytes)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_MARKER, ret_bytes);

	penstock_store32(ret_bytes + PENSTOCK_OPERAND_MARKER_value, which);
	return length;
}

static uint32_t write_copy(uint32_t which, uint8_t *ret_bytes)
{
	uint32_t length = penstock_fixture_valid(PENSTOCK_INSTRUCTION_COPY, ret_bytes);

	penstock_store64(ret_bytes + PENSTOCK_OPERAND_COPY_destination_offset, which % 128 * 32);
	return length;
}

/* What sets up a draw: markers, copies and fills by turns. */
static uint32_t write_mixed(uint32_t which, uint8_t *ret_bytes)
{
	static const enum penstock_instruction_id ids[] = {
		PENSTOCK_INSTRUCTION_MARKER,    PENSTOCK_INSTRUCTION_FILL,
		PENSTOCK_INSTRUCTION_COPY,      PENSTOCK_INSTRUCTION_UPDATE,
		PENSTOCK_INSTRUCTION_COPY_ROWS,
	};

	return penstock_fixture_valid(ids[which % PENSTOCK_ARRAY_SIZE(ids)], ret_bytes);
}

/* Constants and an index or two: 64 dwords behind an address. */
static uint32_t write_update(uint32_t which, uint8_t *ret_bytes)
{
	uint32_t length = PENSTOCK_BYTES_UPDATE + 64 * 4;

	memset(ret_bytes, (int)which & 0xFF, length);
	penstock_fixture_valid(PENSTOCK_INSTRUCTION_UPDATE, ret_bytes);
	penstock_store32(ret_bytes, penstock_instruction_header(PENSTOCK_OPCODE_UPDATE, length));
	return length;
}

/* A window behind others: a blit of 16 sub-rectangles. */
static uint32_t write_bitblt(uint32_t which, uint8_t *ret_bytes)
{
	const struct penstock_rect rect = { 8, 8, 24, 9 + (int32_t)(which % 8) };
	uint32_t length = PENSTOCK_BYTES_BITBLT + 16 * 16;

	penstock_fixture_valid(PENSTOCK_INSTRUCTION_BITBLT, ret_bytes);
	penstock_store32(ret_bytes, penstock_instruction_header(PENSTOCK_OPCODE_BITBLT, length));
	for (uint32_t i = 0; i < 16; i++) {
		memcpy(ret_bytes + PENSTOCK_BYTES_BITBLT + i * 16, &rect, 16);
	}
	return length;
}

/* A small draw of a scope: its own uniforms and push constants. The first begins the scope. */
static uint32_t write_draw(uint32_t which, uint8_t *ret_bytes)
{
	static const enum penstock_instruction_id ids[] = {
		PENSTOCK_INSTRUCTION_BIND_BUFFER,
		PENSTOCK_INSTRUCTION_PUSH_CONSTANTS,
		PENSTOCK_INSTRUCTION_DRAW,
	};
	uint32_t length = 0;

	if (which == 0) {
		length = penstock_fixture_scope(ret_bytes);
		return length - PENSTOCK_BYTES_END_RENDERING;
	}
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(ids); i++) {
		length += penstock_fixture_valid(ids[i], ret_bytes + length);
	}
	penstock_store64(ret_bytes + PENSTOCK_OPERAND_BIND_BUFFER_offset, which % 128 * 16);
	return length;
}

/* The same, with another pipeline each time: two by turns. */
static uint32_t write_switch(uint32_t which, uint8_t *ret_bytes)
{
	uint32_t length = write_draw(which, ret_bytes);

	if (which != 0) {
		memmove(ret_bytes + PENSTOCK_BYTES_BIND_PIPELINE, ret_bytes, length);
		length += penstock_fixture_valid(PENSTOCK_INSTRUCTION_BIND_PIPELINE, ret_bytes);
		penstock_store16(ret_bytes + PENSTOCK_OPERAND_BIND_PIPELINE_pipeline,
				 which % 2 == 0 ? PENSTOCK_FIXTURE_GRAPHICS
						: PENSTOCK_FIXTURE_PIPELINE);
	}
	return length;
}

static const struct variant variants[] = {
	{ "P3-two-dword", "marker", ">=0.08", false, write_marker, false },
	{ "P3-copy", "copy", ">=0.10", false, write_copy, false },
	{ "P3-update", "update", ">=0.2", false, write_update, false },
	{ "P3-gdi", "bitblt", ">=0.10", true, write_bitblt, false },
	{ "P3-mixed", "mixed", "", false, write_mixed, false },
	{ "P3-draws", "draws", "", false, write_draw, true },
	{ "P3-switches", "switches", "", false, write_switch, true },
};

static uint32_t build(const struct variant *variant)
{
	const uint32_t end = variant->scope ? PENSTOCK_BYTES_END_RENDERING : 0;
	uint8_t instruction[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	uint32_t length = 0, bytes;

	for (uint32_t which = 0;; which++) {
		bytes = variant->write(which, instruction);
		if (bytes > COMMAND_BYTES - end - length) {
			break;
		}
		memcpy(command + length, instruction, bytes);
		length += bytes;
	}
	return variant->scope ? length + penstock_fixture_valid(PENSTOCK_INSTRUCTION_END_RENDERING,
								command + length)
			      : length;
}

/* ------------------------------------------------------------------ rounds */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double render_round(uint32_t length, uint32_t times)
{
	double start = seconds();

	for (uint32_t i = 0; i < times; i++) {
		if (penstock_fixture_render(&fixture, command, length) != PENSTOCK_STATUS_SUCCESS) {
			fprintf(stderr, "bench_render: %s\n", fixture.refusal.sentence);
			exit(EXIT_FAILURE);
		}
	}
	return (double)length * times / (seconds() - start);
}

static double memcpy_round(uint32_t length, uint32_t times)
{
	double start = seconds();

	for (uint32_t i = 0; i < times; i++) {
		memcpy(copied, command, length);
		__asm__ volatile("" : : "r"(copied) : "memory");
	}
	return (double)length * times / (seconds() - start);
}

static void measure(const struct variant *variant, double duration)
{
	double rendered = 0, reference = 0, end = seconds() + duration;
	uint32_t length = build(variant);

	penstock_fixture_init(&fixture);
	fixture.args.caps.km = variant->km;
	fixture.args.caps.pipelines = true;
	/* Two that draw; the second is looked at anew where it is bound. */
	second = *fixture.list[PENSTOCK_FIXTURE_GRAPHICS].pipeline;
	fixture.list[PENSTOCK_FIXTURE_PIPELINE].pipeline = &second;
	while (seconds() < end) {
		double value = render_round(length, 8);
		double copy = memcpy_round(length, 80);

		rendered = value > rendered ? value : rendered;
		reference = copy > reference ? copy : reference;
	}
	printf("{\"id\":\"%s\",\"name\":\"render %s, command bytes\",\"value\":%.3f,"
	       "\"unit\":\"GB/s\",\"reference\":%.3f,\"ratio\":%.4f,\"goal\":\"%s\"}\n",
	       variant->id, variant->name, rendered * 1e-9, reference * 1e-9, rendered / reference,
	       variant->goal);
}

int main(int argc, char **argv)
{
	double duration = argc > 1 ? strtod(argv[1], NULL) / 1000 : 0.3;

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(variants); i++) {
		if (argc < 3 || strcmp(argv[2], variants[i].name) == 0) {
			measure(&variants[i], duration);
		}
	}
	return EXIT_SUCCESS;
}
