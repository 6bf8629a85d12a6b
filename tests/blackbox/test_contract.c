/* SPDX-License-Identifier: MIT */
/*
 * The contract of Render, kept by the real penstockd with the emulated GPU: the same command buffer
 * through one DMA buffer and through many leaves the same bytes.
 */
#include "client/include/penstock/penstock.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/daemon_fixture.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ALLOCATIONS  4u
#define BYTES        (64u << 10) /* of each */
#define EXTENT       128u        /* of a surface: BYTES at four bytes a pixel */
#define LONG_COMMAND (1u << 20)
#define ROUNDS       24u

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

static struct penstock_daemon server;
static struct penstock_connection *connection;
static uint64_t device;
static uint64_t state; /* of the random numbers */

static void set_up(void)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_errbuf text;
	char sentence[PENSTOCK_SENTENCE_BYTES] = "";

	ck_assert_msg(penstock_daemon_init(&server, false, &text) == 0, "%s", text.text);
	server.arguments[0] = "--paranoid";
	ck_assert_msg(penstock_daemon_start(&server, &text) == 0, "%s", text.text);
	options.server = server.unix_server;
	ck_assert_msg(penstock_connect(&options, &connection, sentence, sizeof(sentence)) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", sentence);
	GOOD(penstock_device_create(connection, NULL, &device));
}

static void tear_down(void)
{
	int status;

	penstock_connection_close(connection);
	status = penstock_daemon_stop(&server);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "penstockd ended with %#x",
		      status);
	penstock_daemon_fini(&server);
}

static uint32_t below(uint32_t limit)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % limit;
}

static struct penstock_context_report report_of(uint64_t context)
{
	struct penstock_context_report report;

	GOOD(penstock_context_query(connection, context, &report));
	return report;
}

static uint64_t new_context(uint32_t flags, uint32_t dma_bytes, uint32_t patches)
{
	const struct penstock_context_create_info info = {
		.device = device,
		.flags = flags,
		.dma_buffer_bytes = dma_bytes,
		.patch_location_list = patches,
	};
	uint64_t context;

	GOOD(penstock_context_create(connection, &info, &context));
	return context;
}

/* Allocations that a command buffer works on; each run gets fresh ones, which are zero. */
struct set {
	uint64_t allocations[ALLOCATIONS];
};

static struct set new_set(bool surfaces)
{
	struct penstock_allocation_create_info info = {
		.device = device,
		.size_bytes = BYTES,
	};
	struct set set;

	if (surfaces) {
		info.width = EXTENT;
		info.height = EXTENT;
		info.format = PENSTOCK_FORMAT_A8R8G8B8;
		info.surface_type = PENSTOCK_SURFACE_TEXTURE;
	}
	for (uint32_t i = 0; i < ALLOCATIONS; i++) {
		GOOD(penstock_allocation_create(connection, &info, &set.allocations[i]));
	}
	return set;
}

static struct penstock_command_buffer *new_buffer(const struct set *set)
{
	struct penstock_command_buffer *buffer;
	uint16_t index;

	GOOD(penstock_command_buffer_new(&buffer));
	GOOD(penstock_command_buffer_list(buffer, 0, 0, &index));
	for (uint32_t i = 0; i < ALLOCATIONS; i++) {
		GOOD(penstock_command_buffer_list(buffer, set->allocations[i],
						  PENSTOCK_ALLOCATION_WRITE_OPERATION, &index));
		ck_assert_uint_eq(index, i + 1); /* behind the NULL element */
	}
	return buffer;
}

/* ---------------------------------------------------------------- command buffers by chance */

static void emit_update(struct penstock_command_buffer *buffer)
{
	uint32_t data[64];
	uint32_t count = 1 + below(64);

	for (uint32_t i = 0; i < count; i++) {
		data[i] = below(UINT32_MAX);
	}
	GOOD(penstock_emit_update(buffer, (uint16_t)(1 + below(ALLOCATIONS)),
				  below(BYTES - 256) & ~3u, data, count * 4u));
}

/* What one of them writes another reads: any other order leaves other bytes. */
static void emit_one(struct penstock_command_buffer *buffer)
{
	uint16_t source = (uint16_t)(1 + below(ALLOCATIONS));
	uint16_t destination = (uint16_t)(1 + (source + below(ALLOCATIONS - 1)) % ALLOCATIONS);
	uint32_t size = 4 * (1 + below(64));

	switch (below(5)) {
	case 0:
		GOOD(penstock_emit_fill(buffer, destination, below(BYTES - size) & ~3u, size,
					below(UINT32_MAX)));
		break;
	case 1:
		GOOD(penstock_emit_copy_rows(buffer, source, below(BYTES / 2), 100, destination,
					     below(BYTES / 2), 300, 50, 1 + below(8)));
		break;
	case 2:
		emit_update(buffer);
		break;
	case 3:
		GOOD(penstock_emit_nop(buffer));
		break;
	default:
		GOOD(penstock_emit_copy(buffer, source, below(BYTES - size), destination,
					below(BYTES - size), size));
		break;
	}
}

static void emit_gdi(struct penstock_command_buffer *buffer)
{
	struct penstock_rect rect = { .left = (int32_t)below(64), .top = (int32_t)below(64) };
	uint16_t source = (uint16_t)(1 + below(ALLOCATIONS));
	uint16_t destination = (uint16_t)(1 + (source + below(ALLOCATIONS - 1)) % ALLOCATIONS);
	struct penstock_rect subs[3];

	rect.right = rect.left + 8;
	rect.bottom = rect.top + 8;
	for (int32_t i = 0; i < 3; i++) {
		subs[i] = (struct penstock_rect){ rect.left + i, rect.top, rect.right,
						  rect.bottom - i };
	}
	if (below(2) == 0) {
		GOOD(penstock_emit_colorfill(buffer, destination, &rect, below(UINT32_MAX),
					     PENSTOCK_COLORFILL_PATINVERT, 0, subs, 1 + below(3)));
	} else {
		GOOD(penstock_emit_bitblt(buffer, source, &rect, destination, &rect,
					  PENSTOCK_BITBLT_SRCINVERT, 0, 0, 0, subs, 1 + below(3)));
	}
}

static uint32_t command_bytes(const struct penstock_command_buffer *buffer)
{
	uint32_t bytes;

	GOOD(penstock_command_buffer_contents(buffer, NULL, &bytes, NULL, NULL));
	return bytes;
}

/* ---------------------------------------------------------------- the same bytes */

struct result {
	uint8_t bytes[ALLOCATIONS][BYTES];
};

static struct result expected, found;

struct run {
	uint64_t context;
	uint32_t flags;
	uint64_t seed;
	uint32_t command_bytes; /* at least */
};

static void execute(const struct run *run, struct result *ret_result)
{
	bool km = (run->flags & PENSTOCK_SUBMIT_RENDER_KM) != 0;
	struct set set = new_set(km);
	struct penstock_command_buffer *buffer = new_buffer(&set);
	struct penstock_failure failure = { .sentence = "" };
	uint64_t fence;

	state = run->seed;
	while (command_bytes(buffer) < run->command_bytes) {
		if (km) {
			emit_gdi(buffer);
		} else {
			emit_one(buffer);
		}
	}
	GOOD(penstock_command_buffer_submit(buffer, connection, run->context, run->flags, &fence));
	ck_assert_msg(penstock_context_wait(connection, run->context, fence, PENSTOCK_FOREVER,
					    &failure) == PENSTOCK_STATUS_SUCCESS,
		      "%s", failure.sentence);
	for (uint32_t i = 0; i < ALLOCATIONS; i++) {
		GOOD(penstock_allocation_read_back(connection, set.allocations[i], 0,
						   ret_result->bytes[i], BYTES));
		GOOD(penstock_object_destroy(connection, set.allocations[i]));
	}
	penstock_command_buffer_free(buffer);
}

static void compare(uint64_t whole, uint64_t parts, uint32_t flags, uint64_t seed, uint32_t bytes)
{
	struct run run = {
		.context = whole,
		.flags = flags,
		.seed = seed,
		.command_bytes = bytes,
	};

	execute(&run, &expected);
	run.context = parts;
	execute(&run, &found);
	ck_assert_msg(memcmp(&expected, &found, sizeof(found)) == 0,
		      "seed %#llx, %u command bytes: other bytes", (unsigned long long)seed, bytes);
}

static void expect_sizes(uint64_t context, uint32_t dma_bytes, uint32_t patches)
{
	struct penstock_context_report report = report_of(context);

	ck_assert_uint_eq(report.dma_buffer_bytes, dma_bytes);
	ck_assert_uint_eq(report.patch_location_list, patches);
}

START_TEST(A9_a_mebibyte_through_4_KiB_gives_the_same_bytes)
{
	uint64_t parts = new_context(0, 4096, 0);

	expect_sizes(parts, 4096, 256u << 10);
	compare(new_context(0, 0, 0), parts, 0, 0x51ed270b1ull, LONG_COMMAND);
}
END_TEST

START_TEST(A9_a_mebibyte_through_64_patch_entries_gives_the_same_bytes)
{
	uint64_t parts = new_context(0, 0, 64);

	expect_sizes(parts, 4u << 20, 64);
	compare(new_context(0, 0, 0), parts, 0, 0x9e3779b97ull, LONG_COMMAND);
}
END_TEST

START_TEST(A9_multipass_gives_same_pixels)
{
	compare(new_context(PENSTOCK_CONTEXT_GDI, 0, 0),
		new_context(PENSTOCK_CONTEXT_GDI, 4096, 64), PENSTOCK_SUBMIT_RENDER_KM,
		0xc2b2ae3d27ull, LONG_COMMAND);
}
END_TEST

START_TEST(A9_the_longest_command_buffer_needs_no_long_dma_buffer)
{
	compare(new_context(0, 0, 0), new_context(0, 256u << 10, 0), 0, 0x165667b19ull, 12u << 20);
}
END_TEST

START_TEST(A9_any_capacities_give_the_bytes_of_one_buffer)
{
	uint64_t whole = new_context(0, 0, 0);
	uint64_t seed = 0x27d4eb2f165667c5ull;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t dma_bytes, patches, bytes;

		state = seed + round;
		dma_bytes = PENSTOCK_PAGE_BYTES * (1 + below(40));
		patches = 64 + below(1000);
		bytes = 4 + below(128u << 10);
		compare(whole, new_context(0, dma_bytes, patches), 0, seed + round, bytes);
	}
}
END_TEST

/* ---------------------------------------------------------------- the guaranteed contract */

static enum penstock_status submit_fills(uint64_t context, uint32_t count, uint64_t *ret_dma_bytes,
					 struct penstock_failure *ret_failure)
{
	struct set set = new_set(false);
	struct penstock_command_buffer *buffer = new_buffer(&set);
	enum penstock_status status;
	uint64_t fence, patches;

	for (uint32_t i = 0; i < count; i++) {
		GOOD(penstock_emit_fill(buffer, 1, i * 4u, 4, i));
	}
	GOOD(penstock_command_buffer_cost(buffer, ret_dma_bytes, &patches));
	GOOD(penstock_command_buffer_submit(buffer, connection, context, 0, &fence));
	status = penstock_context_wait(connection, context, fence, PENSTOCK_FOREVER, ret_failure);
	penstock_command_buffer_free(buffer);
	return status;
}

START_TEST(A8_what_costs_no_more_than_the_reported_sizes_is_accepted)
{
	uint64_t context = new_context(PENSTOCK_CONTEXT_GUARANTEED, 64u << 10, 256);
	struct penstock_context_report report = report_of(context);
	struct penstock_failure failure = { .sentence = "" };
	uint64_t dma_bytes;

	ck_assert_uint_eq(report.dma_buffer_bytes, 64u << 10);
	ck_assert_uint_eq(report.patch_location_list, 256);
	GOOD(submit_fills(context, report.patch_location_list, &dma_bytes, &failure));
	ck_assert_uint_le(dma_bytes, report.dma_buffer_bytes);
	ck_assert_int_eq(
		submit_fills(context, report.patch_location_list + 1, &dma_bytes, &failure),
		PENSTOCK_STATUS_INVALID_USER_BUFFER);
	ck_assert_uint_eq(failure.byte_offset, report.patch_location_list * 32u);
	GOOD(submit_fills(context, 1, &dma_bytes, &failure));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contract");
	TCase *tcase = tcase_create("multipass");

	tcase_set_timeout(tcase, 240);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A9_a_mebibyte_through_4_KiB_gives_the_same_bytes);
	tcase_add_test(tcase, A9_a_mebibyte_through_64_patch_entries_gives_the_same_bytes);
	tcase_add_test(tcase, A9_multipass_gives_same_pixels);
	tcase_add_test(tcase, A9_the_longest_command_buffer_needs_no_long_dma_buffer);
	tcase_add_test(tcase, A9_any_capacities_give_the_bytes_of_one_buffer);
	tcase_add_test(tcase, A8_what_costs_no_more_than_the_reported_sizes_is_accepted);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
