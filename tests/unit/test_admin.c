/* SPDX-License-Identifier: MIT */
/* Admin requests against fake objects, over a socket pair: each has its report, or is refused. */
#include "proto/wire/penstock.pb-c.h"
#include "daemon/net/connection.h"
#include "tests/harness.h"
#include "tests/unit/fake_objects.h"
#include "tests/unit/net_peer.h"

#include <string.h>

static struct net_peer *peer;

static void setup(void)
{
	net_setup();
	peer = net_peer_open();
}

static void teardown(void)
{
	net_peer_close(peer);
	net_teardown();
}

static Penstock__Wire__ContextReport *receive_contexts(void)
{
	struct net_frame frame = net_peer_receive(peer);
	Penstock__Wire__ContextReport *report;

	ck_assert_str_eq(penstock_frame_name(frame.header.type), "CONTEXT_REPORT");
	report = penstock__wire__context_report__unpack(NULL, frame.header.message_bytes,
							frame.message);
	ck_assert_ptr_nonnull(report);
	net_frame_free(&frame);
	return report;
}

START_TEST(reports_list_contexts_and_say_when_there_are_more)
{
	Penstock__Wire__ContextReport *report;

	fake.contexts = 1000;
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_CONTEXTS, NULL);
	report = receive_contexts();
	ck_assert_uint_eq(report->n_contexts, 1000);
	ck_assert_uint_eq(report->contexts[999]->id, 1000);
	ck_assert(!report->truncated);
	penstock__wire__context_report__free_unpacked(report, NULL);
	fake.contexts = PENSTOCK_LIMIT_REPORT_ROWS + 1;
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_CONTEXTS, NULL);
	report = receive_contexts();
	ck_assert_uint_eq(report->n_contexts, PENSTOCK_LIMIT_REPORT_ROWS);
	ck_assert(report->truncated);
	penstock__wire__context_report__free_unpacked(report, NULL);
}
END_TEST

START_TEST(a_dump_shows_buffer_patches_and_list)
{
	Penstock__Wire__AdminDump dump = PENSTOCK__WIRE__ADMIN_DUMP__INIT;
	Penstock__Wire__DumpReport *report;
	struct net_frame frame;

	dump.context = 1;
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_DUMP, &dump.base);
	frame = net_peer_receive(peer);
	report = penstock__wire__dump_report__unpack(NULL, frame.header.message_bytes,
						     frame.message);
	ck_assert_ptr_nonnull(report);
	ck_assert_ptr_nonnull(strstr(report->disassembly_before, ".dword"));
	ck_assert_uint_eq(report->n_patches, 1);
	ck_assert_uint_eq(report->n_list, 1);
	ck_assert_uint_eq(report->list[0]->allocation, 3);
	penstock__wire__dump_report__free_unpacked(report, NULL);
	net_frame_free(&frame);
	dump.context = 2;
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_DUMP, &dump.base);
	net_peer_expect_refusal(peer, 2, PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(every_admin_request_has_its_report)
{
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_STATUS, NULL);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_ALLOCATIONS, NULL);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_SEGMENTS, NULL);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_QUEUES, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_STATUS_REPORT, 1);
	net_peer_expect(peer, PENSTOCK_FRAME_ALLOCATION_REPORT, 2);
	net_peer_expect(peer, PENSTOCK_FRAME_SEGMENT_REPORT, 3);
	net_peer_expect(peer, PENSTOCK_FRAME_QUEUE_REPORT, 4);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_SESSIONS, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_SESSION_REPORT, 5);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_PLACES, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_PLACE_REPORT, 6);
	fake.answer = PENSTOCK_STATUS_DEVICE_REMOVED;
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_QUEUES, NULL);
	net_peer_expect_refusal(peer, 7, PENSTOCK_STATUS_DEVICE_REMOVED);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_SEGMENTS, NULL);
	net_peer_expect_refusal(peer, 8, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

START_TEST(what_an_administrator_does_is_answered_or_refused)
{
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_KILL, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_KILL_REPORT, 1);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_EVICT, NULL);
	net_peer_expect(peer, PENSTOCK_FRAME_EVICT_REPORT, 2);
	fake.answer = PENSTOCK_STATUS_NOT_FOUND;
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_KILL, NULL);
	net_peer_expect_refusal(peer, 3, PENSTOCK_STATUS_NOT_FOUND);
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_EVICT, NULL);
	net_peer_expect_refusal(peer, 4, PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

static void trace(uint32_t action)
{
	Penstock__Wire__AdminTrace request = PENSTOCK__WIRE__ADMIN_TRACE__INIT;

	request.action = action;
	net_peer_request(peer, PENSTOCK_FRAME_ADMIN_TRACE, &request.base);
}

/* How many events there were, and whether more are there. */
static size_t receive_events(bool *ret_more)
{
	struct net_frame frame = net_peer_receive(peer);
	Penstock__Wire__TraceReport *report;
	size_t count;

	ck_assert_str_eq(penstock_frame_name(frame.header.type), "TRACE_REPORT");
	report = penstock__wire__trace_report__unpack(NULL, frame.header.message_bytes,
						      frame.message);
	ck_assert_ptr_nonnull(report);
	count = report->n_events;
	*ret_more = report->more;
	penstock__wire__trace_report__free_unpacked(report, NULL);
	net_frame_free(&frame);
	return count;
}

START_TEST(a_trace_is_read_in_reports_and_ends_with_its_last_event)
{
	const struct penstock_trace_event event = { .kind = PENSTOCK_TRACE_QUEUED };
	bool more;

	trace(PENSTOCK_TRACE_START);
	ck_assert_uint_eq(receive_events(&more), 0);
	ck_assert(!more);
	for (unsigned i = 0; i <= PENSTOCK_LIMIT_TRACE_REPORT_EVENTS; i++) {
		penstock_trace_add(&fake.trace, &event);
	}
	trace(PENSTOCK_TRACE_STOP);
	ck_assert_uint_eq(receive_events(&more), PENSTOCK_LIMIT_TRACE_REPORT_EVENTS);
	ck_assert(more);
	ck_assert_ptr_nonnull(net_under_test->tracer);
	trace(PENSTOCK_TRACE_READ);
	ck_assert_uint_eq(receive_events(&more), 1);
	ck_assert(!more);
	ck_assert_ptr_null(net_under_test->tracer);
	trace(PENSTOCK_TRACE_READ);
	net_peer_expect_refusal(peer, 4, PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(a_trace_ends_with_its_connection)
{
	bool more;

	trace(PENSTOCK_TRACE_START);
	ck_assert_uint_eq(receive_events(&more), 0);
	ck_assert(penstock_trace_on(&fake.trace));
	penstock_connection_stop(net_under_test->tracer, PENSTOCK_STATUS_CANCELLED, "it ends");
	ck_assert_ptr_null(net_under_test->tracer);
	ck_assert(!penstock_trace_on(&fake.trace));
	ck_assert_ptr_null(fake.trace.events);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admin");
	TCase *tcase = tcase_create("reports");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, reports_list_contexts_and_say_when_there_are_more);
	tcase_add_test(tcase, a_dump_shows_buffer_patches_and_list);
	tcase_add_test(tcase, every_admin_request_has_its_report);
	tcase_add_test(tcase, what_an_administrator_does_is_answered_or_refused);
	tcase_add_test(tcase, a_trace_is_read_in_reports_and_ends_with_its_last_event);
	tcase_add_test(tcase, a_trace_ends_with_its_connection);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
