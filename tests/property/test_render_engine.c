/* SPDX-License-Identifier: MIT */
/*
 * Render and the engine, one behind the other: whatever render accepts the engine executes to its
 * end, and it writes no byte but those of allocations that are listed with WriteOperation.
 */
#include "tests/gpu/machine.h"
#include "tests/support/command_chance.h"

#include <string.h>

#define BUFFERS 400u

/* Allocations stand here in local memory, the list's by id, with room between them. */
#define STRIDE 0x110000u

static struct penstock_fixture fixture;
static struct machine machine;
static struct stream stream;
static uint8_t before[MACHINE_LOCAL_BYTES];
static uint8_t command[PENSTOCK_CHANCE_BYTES + PENSTOCK_FIXTURE_INSTRUCTION_BYTES];

static void setup(void)
{
	penstock_fixture_init(&fixture);
	fixture.base_address = PENSTOCK_LOCAL_BASE;
	fixture.stride_bytes = STRIDE;
	machine_start(&machine);
}

static void teardown(void)
{
	machine_stop(&machine);
}

static void fill_memory(uint64_t *state)
{
	for (uint32_t at = 0; at < MACHINE_STREAM_OFFSET; at += 4) {
		penstock_store32(machine.local + at, penstock_random(state));
	}
}

/* Makes `before` as what is there now, where that may be written. */
static void forgive_writable(void)
{
	for (uint32_t i = 1; i < PENSTOCK_FIXTURE_COUNT; i++) {
		uint64_t offset = penstock_fixture_address(&fixture, i) - PENSTOCK_LOCAL_BASE;

		ck_assert(penstock_range_fits(offset, fixture.list[i].size_bytes,
					      MACHINE_STREAM_OFFSET));
		if (fixture.list[i].write_operation) {
			memcpy(before + offset, machine.local + offset, fixture.list[i].size_bytes);
		}
	}
}

static void execute(void)
{
	ck_assert_uint_le(fixture.args.dma_length, sizeof(stream.bytes));
	memcpy(stream.bytes, fixture.dma, fixture.args.dma_length);
	stream.used = fixture.args.dma_length;
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
}

START_TEST(A6_what_render_accepts_the_engine_executes_inside_what_may_be_written)
{
	uint64_t state = machine_seed(0xD1B54A32D192ED03ull) + (uint64_t)_i;
	uint32_t executed = 0, refused = 0;

	fill_memory(&state);
	for (uint32_t round = 0; round < BUFFERS; round++) {
		uint32_t length =
			penstock_chance_buffer(&state, &fixture, _i % 2 == 1, command, &refused);

		ck_assert_int_eq(penstock_fixture_render(&fixture, command, length),
				 PENSTOCK_STATUS_SUCCESS);
		if (fixture.args.dma_length == 0) {
			continue;
		}
		penstock_fixture_patch(&fixture);
		memcpy(before, machine.local, MACHINE_STREAM_OFFSET);
		execute();
		forgive_writable();
		ck_assert_msg(memcmp(before, machine.local, MACHINE_STREAM_OFFSET) == 0,
			      "round %u wrote what it may not", round);
		executed++;
	}
	ck_assert_uint_gt(executed, BUFFERS / 2);
	ck_assert_uint_gt(refused, BUFFERS / 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render_engine");
	TCase *tcase = tcase_create("engine");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(
		tcase, A6_what_render_accepts_the_engine_executes_inside_what_may_be_written, 0, 2);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
