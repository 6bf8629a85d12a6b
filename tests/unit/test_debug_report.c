/* SPDX-License-Identifier: MIT */
/* E7: what is kept of a failure names where the GPU was; it is bounded, and has no pointers. */
#include "daemon/objects/machine.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FILLS      20u
#define FILL_BYTES 32u
#define FILL_DMA   24u

static struct fixture fixture;
static struct client client, other;
static struct penstock_debug_report reports[PENSTOCK_LIMIT_DEBUG_REPORTS + 1];
static unsigned count;

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static void keep(void *owner, const struct penstock_debug_report *report, uint64_t age_ms)
{
	(void)owner;
	ck_assert_uint_lt(age_ms, 3600000);
	ck_assert_uint_lt(count, PENSTOCK_ARRAY_SIZE(reports));
	reports[count++] = *report;
}

static void look(void)
{
	count = 0;
	penstock_observe_debug_reports(fixture.machine, keep, NULL);
}

/* A submission of fills, which the GPU fails in. */
static void fail_in(struct client *who, unsigned objects, enum penstock_interrupt_type type,
		    uint32_t dma_offset)
{
	const uint64_t device = NAME(3 * objects + 1), context = NAME(3 * objects + 2),
		       buffer = NAME(3 * objects + 3);
	const struct penstock_wire_allocation list[2] = {
		{ .name = 0 },
		{ .name = buffer, .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	const struct penstock_interrupt interrupt = {
		.type = type,
		.fence_id = 77,
		.fault_dma_offset = dma_offset,
	};
	uint8_t command[FILLS * FILL_BYTES];
	const struct submit submit = {
		.context = context,
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = sizeof(command),
	};
	struct answered answered;

	GOOD(client_device(who, device));
	GOOD(client_context(who, context, device));
	GOOD(client_allocation(who, buffer, device, 4096, &answered));
	for (unsigned i = 0; i < FILLS; i++) {
		write_fill(command + i * FILL_BYTES, 1);
	}
	GOOD(client_submit(who, &submit, &answered));
	fake_core_fault(&interrupt, "it broke");
	turn(&fixture);
}

static unsigned lines(const char *text)
{
	unsigned found = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++) {
		found++;
	}
	return found;
}

START_TEST(E7_a_report_names_whose_it_was_and_where_it_stood)
{
	const struct penstock_debug_report *report = &reports[0];

	fail_in(&client, 0, PENSTOCK_INTERRUPT_DMA_PREEMPTED, 10 * FILL_DMA);
	look();
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(report->id, 1);
	ck_assert_str_eq(report->event, "hung");
	ck_assert_str_eq(report->principal, "uid:1");
	ck_assert_uint_eq(report->device, 1);
	ck_assert_uint_eq(report->context, 1);
	ck_assert_uint_eq(report->fence, client.serial);
	ck_assert_uint_eq(report->node_ordinal, 0);
	ck_assert_uint_eq(report->submission_fence_id, 77);
	ck_assert_uint_eq(report->dma_offset, 10 * FILL_DMA);
	ck_assert_uint_eq(report->dma_bytes, FILLS * FILL_DMA);
	ck_assert_uint_eq(report->command_offset, 10 * FILL_BYTES);
	ck_assert_str_eq(report->instruction, "fill");
	ck_assert_ptr_nonnull(strstr(report->reason, "it broke"));
	ck_assert_str_eq(report->engine_state, "node=0 running=0x1\n");
	ck_assert_uint_eq(report->element_total, 2);
	ck_assert_uint_eq(report->element_count, 1);
	ck_assert_uint_eq(report->elements[0].index, 1);
	ck_assert_uint_eq(report->elements[0].allocation, 1);
	ck_assert_uint_eq(report->elements[0].size_bytes, 4096);
	ck_assert(report->elements[0].write_operation);
}
END_TEST

/* Of an offset, how many instructions stand around it. */
static const struct {
	uint32_t instruction;
	unsigned lines;
	unsigned before;
} places[] = { { 0, 9, 0 }, { 3, 12, 3 }, { 10, 17, 8 }, { FILLS - 1, 9, 8 } };

START_TEST(E7_the_disassembly_is_what_stands_around_it)
{
	const char *text = reports[0].disassembly;
	const char *mark;
	char offset[24];

	fail_in(&client, 0, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED, places[_i].instruction * FILL_DMA);
	look();
	ck_assert_uint_eq(lines(text), places[_i].lines);
	mark = strstr(text, "> fill");
	ck_assert_ptr_nonnull(mark);
	ck_assert_ptr_null(strstr(mark + 1, "> fill"));
	ck_assert_uint_eq(lines(text) - lines(mark), places[_i].before);
	snprintf(offset, sizeof(offset), "0x%x", places[_i].instruction * FILL_DMA);
	ck_assert_ptr_nonnull(strstr(mark, offset));
}
END_TEST

/* What a GPU says may be anything. */
static const uint32_t nowhere[] = { FILLS * FILL_DMA, 0x80000000, PENSTOCK_DMA_OFFSET_UNKNOWN };

START_TEST(E7_a_place_that_is_none_is_not_shown)
{
	fail_in(&client, 0, PENSTOCK_INTERRUPT_DMA_FAULTED, nowhere[_i]);
	look();
	ck_assert_uint_eq(reports[0].dma_offset, PENSTOCK_DMA_OFFSET_UNKNOWN);
	ck_assert_str_eq(reports[0].disassembly, "");
}
END_TEST

START_TEST(E7_between_instructions_only_what_follows_is_shown)
{
	fail_in(&client, 0, PENSTOCK_INTERRUPT_DMA_FAULTED, FILL_DMA + 4);
	look();
	ck_assert_uint_eq(reports[0].dma_offset, FILL_DMA + 4);
	ck_assert_int_eq(strncmp(reports[0].disassembly, "> ", 2), 0);
}
END_TEST

START_TEST(E7_who_fails_again_and_again_pushes_out_his_own_reports_only)
{
	fail_in(&other, 0, PENSTOCK_INTERRUPT_DMA_FAULTED, 0);
	for (unsigned i = 0; i < 2 * PENSTOCK_LIMIT_DEBUG_REPORTS; i++) {
		fail_in(&client, i, PENSTOCK_INTERRUPT_DMA_FAULTED, 0);
	}
	look();
	ck_assert_uint_eq(count, PENSTOCK_LIMIT_DEBUG_REPORTS);
	ck_assert_str_eq(reports[0].principal, "uid:2");
	ck_assert_uint_eq(reports[0].id, 1);
	for (unsigned i = 1; i < count; i++) {
		ck_assert_str_eq(reports[i].principal, "uid:1");
		ck_assert_uint_eq(reports[i].id, PENSTOCK_LIMIT_DEBUG_REPORTS + 2 + i);
	}
}
END_TEST

START_TEST(E7_an_adapter_that_stops_leaves_a_report)
{
	penstock_adapter_fail(&fixture.machine->adapters[0], "0x119/1: on order");
	look();
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(reports[0].event, "stopped-adapter");
	ck_assert_str_eq(reports[0].principal, "");
	ck_assert_str_eq(reports[0].reason, "0x119/1: on order");
}
END_TEST

/* ---------------------------------------------------------------- no bytes of a client's */

#define SECRET 0x5ec4e7u

static void put_update(uint8_t *at)
{
	memset(at, 0, 24);
	penstock_store32(at, 6u << 16 | 0x0005); /* two dwords of data */
	penstock_store16(at + 4, 1);
	penstock_store32(at + 16, SECRET);
	penstock_store32(at + 20, SECRET);
}

START_TEST(E7_a_report_has_no_bytes_that_a_client_uploads)
{
	const struct penstock_wire_allocation list[2] = {
		{ .name = 0 },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	/* At the instruction, and where none begins: inside of its data. */
	const uint32_t offsets[] = { 0, 16, 20 };
	uint8_t command[24];
	const struct submit submit = {
		.context = NAME(2),
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = sizeof(command),
	};
	const struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_FAULTED,
		.fault_dma_offset = offsets[_i],
	};
	struct answered answered;

	client_set_up(&client, 1);
	put_update(command);
	GOOD(client_submit(&client, &submit, &answered));
	fake_core_fault(&interrupt, "it broke");
	look();
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(reports[0].dma_offset, offsets[_i]);
	ck_assert_ptr_nonnull(
		strstr(reports[0].disassembly, _i == 0 ? "data=[2 dwords]" : ".dword"));
	ck_assert_ptr_null(strstr(reports[0].disassembly, "5ec4e7"));
}
END_TEST

/* ---------------------------------------------------------------- on disk */

static char *directory;
static char path[512];

static void restart(void)
{
	fixture_kill(&fixture);
	fake.worker_later = true;
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
}

static void set_up_disk(void)
{
	directory = penstock_test_directory();
	snprintf(path, sizeof(path), "%s/reports", directory);
	fixture_start(&fixture, false);
	fixture.config.reports_path = path;
	restart();
}

static void tear_down_disk(void)
{
	tear_down();
	penstock_test_directory_remove(directory);
}

/* SIZE_MAX: it is not there. */
static size_t size_on_disk(void)
{
	struct stat file;

	return stat(path, &file) == 0 ? (size_t)file.st_size : SIZE_MAX;
}

static void fail_once(struct client *who, unsigned objects)
{
	fail_in(who, objects, PENSTOCK_INTERRUPT_DMA_FAULTED, 10 * FILL_DMA);
}

START_TEST(E7_reports_are_there_after_a_restart)
{
	static struct penstock_debug_report before[2];
	struct stat file;

	fail_once(&client, 0);
	fail_once(&other, 0);
	look();
	memcpy(before, reports, sizeof(before));
	restart();
	look();
	ck_assert_uint_eq(count, 2);
	ck_assert_mem_eq(reports, before, sizeof(before));
	ck_assert_int_eq(stat(path, &file), 0);
	ck_assert_uint_eq(file.st_mode & 07777, 0600);
	/* Ids go on, and what is new is kept with what was there. */
	fail_once(&client, 0);
	restart();
	restart();
	look();
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(reports[2].id, 3);
	ck_assert_str_eq(reports[0].principal, "uid:1");
	ck_assert_str_eq(reports[1].principal, "uid:2");
}
END_TEST

START_TEST(E7_a_worker_writes_them_once_for_all_that_came_meanwhile)
{
	fail_once(&client, 0);
	ck_assert_uint_eq(size_on_disk(), SIZE_MAX);
	for (unsigned i = 1; i < 5; i++) {
		fail_once(&client, i);
	}
	/* what was there when the first write began, and once more for the rest */
	ck_assert_uint_eq(fake_core_work(1), 1);
	ck_assert_uint_lt(size_on_disk(), 2 * sizeof(reports[0]));
	ck_assert_uint_eq(fake_core_work(UINT_MAX), 1);
	ck_assert_uint_gt(size_on_disk(), 5 * sizeof(reports[0]));
	restart();
	look();
	ck_assert_uint_eq(count, 5);
}
END_TEST

START_TEST(E7_the_file_is_bounded_and_who_fails_often_pushes_out_his_own_over_restarts)
{
	fail_once(&other, 0);
	for (unsigned i = 0; i < PENSTOCK_LIMIT_DEBUG_REPORTS; i++) {
		fail_once(&client, i);
	}
	restart();
	for (unsigned i = 0; i < PENSTOCK_LIMIT_DEBUG_REPORTS; i++) {
		fail_once(&client, i);
	}
	restart();
	look();
	ck_assert_uint_eq(count, PENSTOCK_LIMIT_DEBUG_REPORTS);
	ck_assert_str_eq(reports[0].principal, "uid:2");
	ck_assert_uint_eq(reports[count - 1].id, 1 + 2 * PENSTOCK_LIMIT_DEBUG_REPORTS);
	ck_assert_uint_le(size_on_disk(),
			  64 + PENSTOCK_LIMIT_DEBUG_REPORTS * PENSTOCK_LIMIT_DEBUG_REPORT_BYTES);
}
END_TEST

#define HEADER_BYTES 32u

/* The file, as bytes. */
struct file {
	uint8_t bytes[HEADER_BYTES + 3 * PENSTOCK_LIMIT_DEBUG_REPORT_BYTES];
	size_t size;
};

static void read_file(struct file *ret_file)
{
	int descriptor = open(path, O_RDONLY);
	ssize_t size = read(descriptor, ret_file->bytes, sizeof(ret_file->bytes));

	ck_assert_int_gt(size, 0);
	ret_file->size = (size_t)size;
	close(descriptor);
}

static void write_file(const struct file *file, bool right_hash)
{
	int descriptor = open(path, O_WRONLY | O_TRUNC);
	struct file copy = *file;
	uint64_t hash;

	if (right_hash) {
		hash = XXH3_64bits(file->bytes + HEADER_BYTES, file->size - HEADER_BYTES);
		memcpy(copy.bytes + HEADER_BYTES - sizeof(hash), &hash, sizeof(hash));
	}
	ck_assert_int_eq(write(descriptor, copy.bytes, copy.size), (ssize_t)copy.size);
	close(descriptor);
}

static void leave_two(struct file *ret_file)
{
	fail_once(&client, 0);
	fail_once(&other, 0);
	restart();
	read_file(ret_file);
}

/* Nothing of it is shown, and the next report takes its place. */
static void is_none(void)
{
	restart();
	look();
	ck_assert_uint_eq(count, 0);
	fail_once(&client, 0);
	restart();
	look();
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(reports[0].principal, "uid:1");
}

START_TEST(E7_a_file_that_is_damaged_is_none)
{
	static struct file good, bad;
	const size_t steps = 97;

	leave_two(&good);
	for (size_t i = 0; i < steps; i++) {
		bad = good;
		if (i < HEADER_BYTES) {
			bad.bytes[i] ^= 0x40;
		} else {
			bad.bytes[HEADER_BYTES + (good.size - HEADER_BYTES - 1) * i / steps] ^= 1;
		}
		write_file(&bad, false);
		restart();
		look();
		ck_assert_msg(count == 0, "byte %zu", i);
	}
	for (size_t i = 0; i < 8; i++) {
		bad = good;
		bad.size = good.size * i / 8;
		write_file(&bad, false);
		restart();
		look();
		ck_assert_uint_eq(count, 0);
	}
	bad = good;
	bad.size++;
	write_file(&bad, false);
	is_none();
}
END_TEST

/* With a hash that is right: ids that go back, more elements than there is room for. */
START_TEST(E7_a_file_that_was_made_up_is_none)
{
	static struct file good, bad;
	struct penstock_debug_report report;

	leave_two(&good);
	for (unsigned i = 0; i < 3; i++) {
		bad = good;
		memcpy(&report, bad.bytes + HEADER_BYTES, sizeof(report));
		report.id = i == 0 ? 0 : i == 1 ? UINT64_MAX : report.id;
		report.element_count = i == 2 ? 33 : report.element_count;
		memcpy(bad.bytes + HEADER_BYTES, &report, sizeof(report));
		write_file(&bad, true);
		is_none();
	}
}
END_TEST

START_TEST(E7_texts_of_a_file_end_and_move_no_cursor)
{
	static struct file file;
	struct penstock_debug_report report;

	leave_two(&file);
	memcpy(&report, file.bytes + HEADER_BYTES, sizeof(report));
	memset(report.principal, '\x1b', sizeof(report.principal));
	memset(report.disassembly, 'x', sizeof(report.disassembly));
	memcpy(file.bytes + HEADER_BYTES, &report, sizeof(report));
	write_file(&file, true);
	restart();
	look();
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(strlen(reports[0].principal), sizeof(report.principal) - 1);
	ck_assert_ptr_null(strchr(reports[0].principal, '\x1b'));
	ck_assert_uint_eq(strlen(reports[0].disassembly), sizeof(report.disassembly) - 1);
}
END_TEST

/* What cannot be written costs nobody anything else. */
START_TEST(E7_a_disk_that_does_not_take_them_costs_them_only)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	fail_once(&client, 0);
	ck_assert_uint_eq(fake_core_work(UINT_MAX), 1);
	fail_once(&client, 1);
	look();
	ck_assert_uint_eq(count, 2);
	restart();
	look();
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("debug_report");
	TCase *tcase = tcase_create("debug reports");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, E7_a_report_names_whose_it_was_and_where_it_stood);
	tcase_add_loop_test(tcase, E7_the_disassembly_is_what_stands_around_it, 0,
			    PENSTOCK_ARRAY_SIZE(places));
	tcase_add_loop_test(tcase, E7_a_place_that_is_none_is_not_shown, 0,
			    PENSTOCK_ARRAY_SIZE(nowhere));
	tcase_add_test(tcase, E7_between_instructions_only_what_follows_is_shown);
	tcase_add_test(tcase, E7_who_fails_again_and_again_pushes_out_his_own_reports_only);
	tcase_add_test(tcase, E7_an_adapter_that_stops_leaves_a_report);
	tcase_add_loop_test(tcase, E7_a_report_has_no_bytes_that_a_client_uploads, 0, 3);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("on disk");
	tcase_add_checked_fixture(tcase, set_up_disk, tear_down_disk);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, E7_reports_are_there_after_a_restart);
	tcase_add_test(tcase, E7_a_worker_writes_them_once_for_all_that_came_meanwhile);
	tcase_add_test(tcase,
		       E7_the_file_is_bounded_and_who_fails_often_pushes_out_his_own_over_restarts);
	tcase_add_test(tcase, E7_a_file_that_is_damaged_is_none);
	tcase_add_test(tcase, E7_a_file_that_was_made_up_is_none);
	tcase_add_test(tcase, E7_texts_of_a_file_end_and_move_no_cursor);
	tcase_add_test(tcase, E7_a_disk_that_does_not_take_them_costs_them_only);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
