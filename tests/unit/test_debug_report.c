/* SPDX-License-Identifier: MIT */
/* E7: what is kept of a failure names where the GPU was; it is bounded, and has no pointers. */
#include "daemon/objects/machine.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#include <stdio.h>

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
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
