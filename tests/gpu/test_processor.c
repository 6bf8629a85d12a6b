/* SPDX-License-Identifier: MIT */
/* The command processor and the copy engine against plain loops, over seeded random ranges. */
#include "tests/gpu/machine.h"

#include <stdlib.h>
#include <string.h>

#define SCENE_BYTES (2u << 20)

static struct machine machine;
static struct stream stream;
static uint8_t *expected;
static struct machine_random random_state;

static void setup(void)
{
	machine_start(&machine);
	stream.used = 0;
	expected = malloc(SCENE_BYTES);
	ck_assert_ptr_nonnull(expected);
	random_state.state = machine_seed(1);
	for (size_t i = 0; i < SCENE_BYTES; i += 4) {
		penstock_store32(expected + i, machine_random(&random_state));
	}
	memcpy(machine.local, expected, SCENE_BYTES);
}

static void teardown(void)
{
	free(expected);
	machine_stop(&machine);
}

static void expect_completed(void)
{
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
}

static void expect_same(void)
{
	ck_assert_int_eq(memcmp(machine.local, expected, SCENE_BYTES), 0);
}

/* A range of at most `limit` bytes inside the scene's half that begins at `base`. */
static uint32_t range(uint32_t base, uint32_t limit, uint32_t *ret_size)
{
	uint32_t offset = machine_below(&random_state, SCENE_BYTES / 2);

	*ret_size = machine_below(&random_state, SCENE_BYTES / 2 - offset + 1);
	*ret_size = *ret_size < limit ? *ret_size : machine_below(&random_state, limit + 1);
	return base + offset;
}

START_TEST(B6_fill_repeats_its_pattern_from_the_start)
{
	for (unsigned i = 0; i < 300; i++) {
		uint32_t size, offset = range(0, i % 30 == 0 ? 1u << 20 : 300, &size);
		uint32_t pattern = machine_random(&random_state);

		size &= ~3u;
		stream_append_fill(&stream, PENSTOCK_LOCAL_BASE + offset, size, pattern);
		expect_completed();
		for (uint32_t j = 0; j < size; j++) {
			expected[offset + j] = (uint8_t)(pattern >> 8 * (j % 4));
		}
	}
	expect_same();
}
END_TEST

START_TEST(copy_moves_exactly_its_bytes)
{
	for (unsigned i = 0; i < 300; i++) {
		uint32_t size, other;
		uint32_t from = range(0, i % 30 == 0 ? 1u << 20 : 300, &size);
		uint32_t to = range(SCENE_BYTES / 2, 1, &other);

		size = size < SCENE_BYTES - to ? size : SCENE_BYTES - to;
		stream_append_copy(&stream, PENSTOCK_LOCAL_BASE + from, PENSTOCK_LOCAL_BASE + to,
				   size);
		expect_completed();
		for (uint32_t j = 0; j < size; j++) {
			expected[to + j] = expected[from + j];
		}
	}
	expect_same();
}
END_TEST

static void append_rows(uint32_t from, uint32_t to, const uint32_t shape[4])
{
	uint8_t *bytes = stream_append(&stream, PENSTOCK_DMA_COPY_ROWS, 0);

	penstock_store64(bytes + PENSTOCK_DMA_COPY_ROWS_source, PENSTOCK_LOCAL_BASE + from);
	penstock_store64(bytes + PENSTOCK_DMA_COPY_ROWS_destination, PENSTOCK_LOCAL_BASE + to);
	penstock_store32(bytes + PENSTOCK_DMA_COPY_ROWS_rows, shape[0]);
	penstock_store32(bytes + PENSTOCK_DMA_COPY_ROWS_row_bytes, shape[1]);
	penstock_store32(bytes + PENSTOCK_DMA_COPY_ROWS_source_pitch, shape[2]);
	penstock_store32(bytes + PENSTOCK_DMA_COPY_ROWS_destination_pitch, shape[3]);
}

START_TEST(copy_rows_leaves_what_is_between_the_rows)
{
	for (unsigned i = 0; i < 300; i++) {
		uint32_t row = machine_below(&random_state, i % 30 == 0 ? 8000 : 200);
		uint32_t shape[4] = { machine_below(&random_state, 40), row,
				      row + machine_below(&random_state, 50),
				      row + machine_below(&random_state, 50) };
		uint32_t from = machine_below(&random_state, SCENE_BYTES / 4);
		uint32_t to = SCENE_BYTES / 2 + machine_below(&random_state, SCENE_BYTES / 4);

		append_rows(from, to, shape);
		expect_completed();
		for (uint32_t y = 0; y < shape[0]; y++) {
			for (uint32_t x = 0; x < row; x++) {
				expected[to + y * shape[3] + x] = expected[from + y * shape[2] + x];
			}
		}
	}
	expect_same();
}
END_TEST

START_TEST(copy_rows_that_would_wrap_is_a_page_fault)
{
	const uint32_t shape[4] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };

	append_rows(0, SCENE_BYTES / 2, shape);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	expect_same();
}
END_TEST

START_TEST(update_writes_the_dwords_behind_it)
{
	uint8_t *bytes = stream_append(&stream, PENSTOCK_DMA_UPDATE, 3);

	penstock_store64(bytes + PENSTOCK_DMA_UPDATE_address, PENSTOCK_LOCAL_BASE + 101);
	memcpy(bytes + PENSTOCK_DMA_BYTES_UPDATE, "abcdefghijkl", 12);
	memcpy(expected + 101, "abcdefghijkl", 12);
	expect_completed();
	expect_same();
}
END_TEST

START_TEST(marker_writes_the_progress_word)
{
	uint8_t *bytes = stream_append(&stream, PENSTOCK_DMA_MARKER, 0);
	uint32_t progress = 0;

	penstock_store32(bytes + PENSTOCK_DMA_MARKER_value, 0xfeedface);
	machine.engine.debug_progress = &progress;
	expect_completed();
	ck_assert_uint_eq(progress, 0xfeedface);
}
END_TEST

/* What no DMA buffer of ours holds: nothing of it runs, what was before it did. */
START_TEST(an_illegal_instruction_stops_at_its_offset)
{
	static const uint32_t headers[] = {
		0x0001ffff, /* no such opcode */
		0x00000000, /* a length of 0 */
		0x00050002, /* fill, a dword short */
		0x00070002, /* fill, a dword long */
		0x10000000, /* past the end */
		0x00080100, /* page_fill: not from a DMA buffer */
		0x00020008, /* an opcode of a command buffer */
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(headers); i++) {
		stream_append_fill(&stream, PENSTOCK_LOCAL_BASE + 4 * i, 4, 7);
		penstock_store32(expected + 4 * i, 7);
		penstock_store32(stream_append(&stream, PENSTOCK_DMA_PAGE_FILL, 0), headers[i]);
		stream_append_fill(&stream, PENSTOCK_LOCAL_BASE + 4096, 4, 8);
		ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
		ck_assert_uint_eq(machine.engine.dma_offset, PENSTOCK_DMA_BYTES_FILL);
	}
	expect_same();
}
END_TEST

/* An engine that is told an end too far meets what stands behind each DMA buffer. */
START_TEST(B14_an_engine_that_runs_past_the_end_stops_at_the_guard)
{
	stream_append_fill(&stream, PENSTOCK_LOCAL_BASE, 4, 7);
	penstock_store32(expected, 7);
	penstock_store64(stream.bytes + stream.used, PENSTOCK_DMA_GUARD);
	stream.used += 8;
	stream_append_fill(&stream, PENSTOCK_LOCAL_BASE + 4096, 4, 8);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
	ck_assert_uint_eq(machine.engine.dma_offset, PENSTOCK_DMA_BYTES_FILL);
	expect_same();
}
END_TEST

START_TEST(a_paging_buffer_holds_no_render_instruction)
{
	stream_append_fill(&stream, PENSTOCK_LOCAL_BASE, 4, 7);
	ck_assert_int_eq(machine_run_paging(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
	expect_same();
}
END_TEST

/* Any bytes at all: an outcome, no crash, and no byte outside the windows. */
START_TEST(garbage_has_an_outcome)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t dwords = 1 + machine_below(&random_state, 60);
		int outcome;

		stream.used = dwords * 4;
		for (uint32_t j = 0; j < dwords; j++) {
			penstock_store32(stream.bytes + j * 4, machine_random(&random_state));
		}
		/* An opcode and length that may be right, addresses that may be. */
		penstock_store32(stream.bytes, machine_below(&random_state, 2) * 0x40 +
						       machine_below(&random_state, 8) +
						       (machine_below(&random_state, 30) << 16));
		for (uint32_t j = 1; j + 1 < dwords; j += 1 + machine_below(&random_state, 3)) {
			if (machine_below(&random_state, 2) == 0) {
				penstock_store64(stream.bytes + j * 4,
						 PENSTOCK_LOCAL_BASE +
							 machine_below(&random_state, 16u << 20));
			}
		}
		/* SPIN may be long. */
		if ((penstock_load32(stream.bytes) & 0xffff) == PENSTOCK_DMA_OPCODE_SPIN) {
			continue;
		}
		outcome = (int)machine_run(&machine, &stream);
		ck_assert_int_le(outcome, PENSTOCK_OUTCOME_PAGE_FAULT);
	}
}
END_TEST

START_TEST(zero_length_completes_whatever_its_address)
{
	ck_assert_int_eq(penstock_processor_run(&machine.engine, 0, 0, 0, 0),
			 PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_int_eq(penstock_processor_run(&machine.engine, UINT64_MAX, 64, 64, 0),
			 PENSTOCK_OUTCOME_COMPLETED);
	ck_assert_int_eq(penstock_processor_run(&machine.engine, PENSTOCK_LOCAL_BASE, 8, 4, 0),
			 PENSTOCK_OUTCOME_ILLEGAL);
	ck_assert_int_eq(penstock_processor_run(&machine.engine, PENSTOCK_LOCAL_BASE, 0,
						PENSTOCK_LIMIT_DMA_BUFFER_BYTES + 4, 0),
			 PENSTOCK_OUTCOME_ILLEGAL);
}
END_TEST

/* The flag is the first word of the destination: it goes up when the first band is done. */
START_TEST(a_preempted_copy_goes_on_where_it_stopped)
{
	struct penstock_engine *engine = &machine.engine;
	const uint32_t half = SCENE_BYTES / 2;
	const uint64_t *flag = (const uint64_t *)(machine.local + half);

	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	stream_append_copy(&stream, PENSTOCK_LOCAL_BASE, PENSTOCK_LOCAL_BASE + half, half);
	engine->preempt_flag = flag;
	engine->preempt_seen = *flag;
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PREEMPTED);
	ck_assert_uint_eq(engine->dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert_uint_eq(engine->position, PENSTOCK_BAND_BYTES);
	ck_assert_int_eq(memcmp(machine.local + half, expected, PENSTOCK_BAND_BYTES), 0);
	ck_assert_int_ne(memcmp(machine.local + half + PENSTOCK_BAND_BYTES,
				expected + PENSTOCK_BAND_BYTES, PENSTOCK_BAND_BYTES),
			 0);
	engine->preempt_flag = NULL;
	ck_assert_int_eq(penstock_processor_run(engine, PENSTOCK_LOCAL_BASE + MACHINE_STREAM_OFFSET,
						engine->dma_offset,
						PENSTOCK_DMA_BYTES_NOP + PENSTOCK_DMA_BYTES_COPY,
						engine->position),
			 PENSTOCK_OUTCOME_COMPLETED);
	memcpy(expected + half, expected, half);
	expect_same();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("processor");
	TCase *tcase = tcase_create("processor");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, B6_fill_repeats_its_pattern_from_the_start);
	tcase_add_test(tcase, copy_moves_exactly_its_bytes);
	tcase_add_test(tcase, copy_rows_leaves_what_is_between_the_rows);
	tcase_add_test(tcase, copy_rows_that_would_wrap_is_a_page_fault);
	tcase_add_test(tcase, update_writes_the_dwords_behind_it);
	tcase_add_test(tcase, marker_writes_the_progress_word);
	tcase_add_test(tcase, an_illegal_instruction_stops_at_its_offset);
	tcase_add_test(tcase, B14_an_engine_that_runs_past_the_end_stops_at_the_guard);
	tcase_add_test(tcase, a_paging_buffer_holds_no_render_instruction);
	tcase_add_test(tcase, garbage_has_an_outcome);
	tcase_add_test(tcase, zero_length_completes_whatever_its_address);
	tcase_add_test(tcase, a_preempted_copy_goes_on_where_it_stopped);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
