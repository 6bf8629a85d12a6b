/* SPDX-License-Identifier: MIT */
/* From events of the daemon to bars that nest; also events that no daemon sends, in any order. */
#include "client/penstockctl/timeline.h"
#include "proto/wire/trace.h"
#include "tests/harness.h"

#include <stdlib.h>

#define CONTEXT 17u

static struct timeline *timeline;

static void set_up(void)
{
	timeline = timeline_new();
}

static void tear_down(void)
{
	timeline_free(timeline);
}

/* What the daemon tells of submission `serial`, whose fence is the same. */
struct told {
	uint64_t time_ns;
	enum penstock_trace_kind kind;
	uint64_t serial;
	uint64_t value;
	uint64_t other;
};

/* A submission of 64 bytes, and what becomes of it. */
#define QUEUED(time_ns, serial)                                                                    \
	{                                                                                          \
		time_ns, PENSTOCK_TRACE_QUEUED, serial, 64, 0                                      \
	}
#define WAITS(time_ns, serial, what)                                                               \
	{                                                                                          \
		time_ns, PENSTOCK_TRACE_WAITS, serial, what, 0                                     \
	}
#define SUBMITTED(time_ns, serial)                                                                 \
	{                                                                                          \
		time_ns, PENSTOCK_TRACE_SUBMITTED, serial, 0, 64                                   \
	}
#define COMPLETED(time_ns, serial, took)                                                           \
	{                                                                                          \
		time_ns, PENSTOCK_TRACE_COMPLETED, serial, took, 0                                 \
	}
#define OTHER(time_ns, kind, serial, ...)                                                          \
	{                                                                                          \
		time_ns, PENSTOCK_TRACE_##kind, serial, __VA_ARGS__                                \
	}

/* All of context 17 and principal 3. */
static void tell(const struct told *told, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		Penstock__Wire__TraceRow row = PENSTOCK__WIRE__TRACE_ROW__INIT;

		row.time_ns = told[i].time_ns;
		row.kind = told[i].kind;
		row.process = 3;
		row.context = CONTEXT;
		row.serial = told[i].serial;
		row.fence = (uint32_t)told[i].serial;
		row.value = told[i].value;
		row.other = told[i].other;
		timeline_add(timeline, &row);
	}
}

/* These events, and then the trace ends. */
#define TRACE(...)                                                                                 \
	do {                                                                                       \
		static const struct told told[] = { __VA_ARGS__ };                                 \
		tell(told, PENSTOCK_ARRAY_SIZE(told));                                             \
		timeline_end(timeline);                                                            \
	} while (0)

/* The only bar of that kind and submission. */
static void is_bar(enum item_kind kind, uint64_t serial, uint64_t begin_ns, uint64_t end_ns)
{
	size_t count;
	const struct item *items = timeline_items(timeline, &count);
	unsigned found = 0;

	for (size_t i = 0; i < count; i++) {
		if (items[i].phase != PHASE_BAR || items[i].kind != kind ||
		    items[i].serial != serial) {
			continue;
		}
		found++;
		ck_assert_uint_eq(items[i].time_ns, begin_ns);
		ck_assert_uint_eq(items[i].time_ns + items[i].duration_ns, end_ns);
	}
	ck_assert_uint_eq(found, 1);
}

static unsigned count_of(enum item_kind kind)
{
	size_t count;
	const struct item *items = timeline_items(timeline, &count);
	unsigned found = 0;

	for (size_t i = 0; i < count; i++) {
		found += items[i].kind == kind &&
			 (items[i].phase == PHASE_BAR || items[i].phase == PHASE_POINT);
	}
	return found;
}

static size_t count_all(void)
{
	size_t count;

	(void)timeline_items(timeline, &count);
	return count;
}

START_TEST(a_queue_shows_its_first_and_a_node_one_after_the_other)
{
	TRACE(QUEUED(10, 1), QUEUED(11, 2), SUBMITTED(20, 1), SUBMITTED(30, 2),
	      COMPLETED(50, 1, 30), COMPLETED(60, 2, 10));
	is_bar(ITEM_QUEUED, 1, 10, 20);
	is_bar(ITEM_QUEUED, 2, 20, 30);
	is_bar(ITEM_EXECUTE, 1, 20, 50);
	is_bar(ITEM_EXECUTE, 2, 50, 60);
	ck_assert_uint_eq(count_all(), 4 + 2 * 2); /* and two ends of each flow */
}
END_TEST

START_TEST(what_one_notification_tells_is_shared_out)
{
	TRACE(QUEUED(10, 1), SUBMITTED(10, 1), QUEUED(10, 2), SUBMITTED(10, 2), QUEUED(10, 3),
	      SUBMITTED(10, 3), COMPLETED(40, 1, 10), COMPLETED(40, 2, 10), COMPLETED(40, 3, 10));
	for (uint64_t i = 1; i <= 3; i++) {
		is_bar(ITEM_EXECUTE, i, 10 * i, 10 * i + 10);
	}
}
END_TEST

START_TEST(waits_are_inside_of_what_waits)
{
	const struct item *items;
	size_t count;

	/* 9 is not the first of its queue */
	TRACE(QUEUED(10, 1), WAITS(10, 1, PENSTOCK_TRACE_WAIT_ORDER),
	      WAITS(15, 1, PENSTOCK_TRACE_WAIT_MEMORY), WAITS(17, 1, PENSTOCK_TRACE_WAIT_MEMORY),
	      WAITS(18, 9, PENSTOCK_TRACE_WAIT_ORDER), SUBMITTED(20, 1));
	items = timeline_items(timeline, &count);
	is_bar(ITEM_QUEUED, 1, 10, 20);
	is_bar(ITEM_WAITS_ORDER, 1, 10, 15);
	is_bar(ITEM_WAITS_MEMORY, 1, 15, 20);
	ck_assert_uint_eq(items[0].kind, ITEM_QUEUED); /* what is around comes first */
	ck_assert_uint_eq(items[1].kind, ITEM_WAITS_ORDER);
}
END_TEST

START_TEST(a_preempted_packet_is_first_in_its_queue_again)
{
	TRACE(QUEUED(10, 1), SUBMITTED(10, 1), QUEUED(12, 2), OTHER(30, PREEMPT, 0, 0, 0),
	      OTHER(40, PREEMPTED, 0, 0, 0), OTHER(40, PUT_BACK, 1, 30, 32),
	      OTHER(60, SUBMITTED, 1, 32, 64), COMPLETED(70, 1, 10), SUBMITTED(75, 2),
	      COMPLETED(80, 2, 5));
	is_bar(ITEM_EXECUTE_PREEMPTED, 1, 10, 40);
	is_bar(ITEM_EXECUTE_PART, 1, 60, 70);
	is_bar(ITEM_EXECUTE, 2, 75, 80);
	ck_assert_uint_eq(count_of(ITEM_QUEUED), 4); /* each of them was first twice */
	ck_assert_uint_eq(count_of(ITEM_PREEMPT), 1);
	ck_assert_uint_eq(count_of(ITEM_PREEMPTED), 1);
}
END_TEST

START_TEST(a_wait_for_an_object_is_on_no_node)
{
	TRACE(OTHER(10, QUEUED, 1, 0, 0), WAITS(10, 1, PENSTOCK_TRACE_WAIT_OBJECT),
	      OTHER(12, QUEUED, 2, 0, 0), OTHER(30, SYNCHRONIZED, 1, 5, 0),
	      OTHER(31, SYNCHRONIZED, 2, 6, 1));
	is_bar(ITEM_QUEUED, 1, 10, 30);
	is_bar(ITEM_WAITS_OBJECT, 1, 10, 30);
	is_bar(ITEM_QUEUED, 2, 30, 31);
	ck_assert_uint_eq(count_of(ITEM_WAITED), 1);
	ck_assert_uint_eq(count_of(ITEM_SIGNALED), 1);
	ck_assert_uint_eq(count_all(), 5);
}
END_TEST

START_TEST(behind_a_gap_everything_begins_anew)
{
	TRACE(QUEUED(10, 1), QUEUED(11, 2), SUBMITTED(20, 1), OTHER(50, LOST, 0, 1000, 0),
	      COMPLETED(60, 1, 30), SUBMITTED(60, 5), COMPLETED(70, 5, 10));
	is_bar(ITEM_QUEUED, 2, 20, 50);
	is_bar(ITEM_EXECUTE_UNFINISHED, 1, 20, 50);
	is_bar(ITEM_EXECUTE, 5, 60, 70);
	ck_assert_uint_eq(count_of(ITEM_EXECUTE), 1);
	ck_assert_uint_eq(count_of(ITEM_EVENTS_LOST), 1);
}
END_TEST

START_TEST(what_is_open_ends_with_the_trace)
{
	TRACE(QUEUED(10, 1), SUBMITTED(20, 1), QUEUED(20, 2), OTHER(90, PREEMPT, 0, 0, 0));
	is_bar(ITEM_EXECUTE_UNFINISHED, 1, 20, 90);
	is_bar(ITEM_QUEUED, 2, 20, 90);
}
END_TEST

/* What has lanes of nodes when it happens, of that adapter and no other. */
START_TEST(E4_an_adapter_reset_is_in_all_lanes_of_its_gpu)
{
	for (uint32_t adapter = 0; adapter < 2; adapter++) {
		for (uint64_t process = 0; process < 3; process++) {
			Penstock__Wire__TraceRow row = PENSTOCK__WIRE__TRACE_ROW__INIT;

			row.kind = PENSTOCK_TRACE_PAGING;
			row.adapter = adapter;
			row.process = process;
			timeline_add(timeline, &row);
		}
	}
	TRACE(QUEUED(10, 1), OTHER(20, ADAPTER_RESET, 0, 0, 0), OTHER(21, ADAPTER_STOPPED, 0, 0, 0),
	      OTHER(30, ADAPTER_RESET, 0, 1, 0));
	ck_assert_uint_eq(count_of(ITEM_ADAPTER_RESET), 3 * 2);
	ck_assert_uint_eq(count_of(ITEM_ADAPTER_STOPPED), 3 * 2);
	ck_assert_uint_eq(count_of(ITEM_ADAPTER_RESTARTED), 3 * 2);
}
END_TEST

/* On the copy node of the adapter's system process, whoever's they are; of an unknown one nothing.
 */
START_TEST(B7_what_is_moved_is_in_the_trace)
{
	static const struct {
		uint32_t move;
		uint64_t bytes;
		enum item_kind kind;
	} moves[] = {
		{ PENSTOCK_TRACE_MOVE_TRANSFER_IN, 4096, ITEM_TRANSFER_IN },
		{ PENSTOCK_TRACE_MOVE_TRANSFER_OUT, 4096, ITEM_TRANSFER_OUT },
		{ PENSTOCK_TRACE_MOVE_TRANSFER_OUT, 0, ITEM_EVICTION_NOTICE },
		{ PENSTOCK_TRACE_MOVE_FILL, 4096, ITEM_FILL },
		{ PENSTOCK_TRACE_MOVE_DISCARD_CONTENT, 4096, ITEM_DISCARD_CONTENT },
		{ PENSTOCK_TRACE_MOVE_MAP_APERTURE_SEGMENT, 4096, ITEM_MAP_APERTURE },
		{ PENSTOCK_TRACE_MOVE_UNMAP_APERTURE_SEGMENT, 4096, ITEM_UNMAP_APERTURE },
		{ PENSTOCK_TRACE_MOVE_NOTIFY_RESIDENCY, 4096, ITEM_KIND_COUNT },
		{ 77, 4096, ITEM_KIND_COUNT },
	};
	const struct lane_process *processes;
	const struct item *items;
	size_t count, known = 0;

	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(moves); i++) {
		Penstock__Wire__TraceRow row = PENSTOCK__WIRE__TRACE_ROW__INIT;

		row.kind = PENSTOCK_TRACE_MOVED;
		row.time_ns = 10 + i;
		row.node = 1;
		row.fence = moves[i].move;
		row.pass = 1;
		row.value = 100 + i;
		row.other = moves[i].bytes;
		timeline_add(timeline, &row);
	}
	timeline_end(timeline);
	items = timeline_items(timeline, &count);
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(moves); i++) {
		if (moves[i].kind == ITEM_KIND_COUNT) {
			continue;
		}
		ck_assert_uint_lt(known, count);
		ck_assert_uint_eq(items[known].kind, moves[i].kind);
		ck_assert_uint_eq(items[known].value, 100 + i);
		ck_assert_uint_eq(items[known].time_ns, 10 + i);
		ck_assert_uint_eq(items[known].lane, 2);
		ck_assert_uint_eq(items[known].fence, 0);
		known++;
	}
	ck_assert_uint_eq(count, known);
	processes = timeline_processes(timeline, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(processes[0].group, LANES_ADAPTER);
}
END_TEST

START_TEST(names_are_wanted_once_for_each_principal)
{
	size_t count;
	const struct lane_process *processes;

	ck_assert(!timeline_wants_names(timeline));
	TRACE(QUEUED(10, 1));
	ck_assert(timeline_wants_names(timeline));
	ck_assert(!timeline_wants_names(timeline));
	timeline_name(timeline, 3, "uid:7");
	timeline_name(timeline, 4, "uid:8");
	processes = timeline_processes(timeline, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(processes[0].name, "uid:7");
}
END_TEST

/* Bars of a lane: one inside of the other, or one after the other. */
static void nests(const struct item *items, size_t count)
{
	uint64_t ends[32][2] = { { 0 } }; /* of a lane, by depth */

	for (size_t i = 0; i < count; i++) {
		uint64_t *end_ns = ends[(items[i].process * 4 + items[i].lane % 4) % 32];

		ck_assert(i == 0 || items[i - 1].time_ns <= items[i].time_ns);
		if (items[i].phase != PHASE_BAR) {
			continue;
		}
		ck_assert_uint_ge(items[i].time_ns, end_ns[items[i].depth]);
		end_ns[items[i].depth] = items[i].time_ns + items[i].duration_ns;
		if (items[i].depth > 0) {
			ck_assert_uint_le(end_ns[1], end_ns[0]);
		}
	}
}

START_TEST(any_events_make_bars_that_nest)
{
	for (unsigned seed = 1; seed <= 200; seed++) {
		uint64_t now_ns = 1000;
		const struct item *items;
		size_t count;

		srandom(seed);
		for (unsigned i = 0; i < 500; i++) {
			Penstock__Wire__TraceRow row = PENSTOCK__WIRE__TRACE_ROW__INIT;

			now_ns += (uint64_t)random() % 4;
			row.time_ns = now_ns;
			row.kind = (uint32_t)random() % 18;
			if (row.kind == PENSTOCK_TRACE_RENDERED) {
				continue; /* its bar begins where the daemon says */
			}
			row.process = (uint64_t)random() % 2;
			row.context = 1;
			row.serial = (uint64_t)random() % 6;
			row.fence = (uint32_t)random() % 6;
			row.node = (uint32_t)random() % 3; /* one more than there are */
			row.value = (uint64_t)random() % 6;
			timeline_add(timeline, &row);
		}
		timeline_end(timeline);
		items = timeline_items(timeline, &count);
		ck_assert_uint_gt(count, 0);
		nests(items, count);
		timeline_free(timeline);
		timeline = timeline_new();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timeline");
	TCase *tcase = tcase_create("lanes");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_queue_shows_its_first_and_a_node_one_after_the_other);
	tcase_add_test(tcase, what_one_notification_tells_is_shared_out);
	tcase_add_test(tcase, waits_are_inside_of_what_waits);
	tcase_add_test(tcase, a_preempted_packet_is_first_in_its_queue_again);
	tcase_add_test(tcase, a_wait_for_an_object_is_on_no_node);
	tcase_add_test(tcase, behind_a_gap_everything_begins_anew);
	tcase_add_test(tcase, what_is_open_ends_with_the_trace);
	tcase_add_test(tcase, E4_an_adapter_reset_is_in_all_lanes_of_its_gpu);
	tcase_add_test(tcase, B7_what_is_moved_is_in_the_trace);
	tcase_add_test(tcase, names_are_wanted_once_for_each_principal);
	tcase_add_test(tcase, any_events_make_bars_that_nest);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
