/* SPDX-License-Identifier: MIT */
/* E3, E4: what an engine reset does not repair, and how the adapter begins anew. */
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <string.h>

#define MS      1000000ull
#define LOOK_NS (PENSTOCK_FENCE_PATIENCE_MS * MS)
#define LOOKS   (PENSTOCK_TDR_DELAY_MS / PENSTOCK_FENCE_PATIENCE_MS + 2)

static struct machine_process *system_process(void)
{
	return machine_process_of(penstock_vidmm_system(machine.vidmm));
}

static void look(void)
{
	machine.now_ns += LOOK_NS;
	machine_watch(&machine);
}

/* A submission that waits for an allocation to come into local memory. */
static struct penstock_vidmm_allocation *page_for(struct work *work, uint64_t id)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, id, 65536, 0x1);

	work_init(work, alice);
	work_reference(work, allocation);
	work_fill(work, 0, 0, 64, 0x11223344);
	enqueue(0, work);
	while (system_process()->rings[PENSTOCK_NODE_COPY_ORDINAL].count == 0) {
		ck_assert(machine.job_count > 0);
		machine_turn(&machine);
	}
	return allocation;
}

static void begin(void)
{
	set_up();
	warm_up(alice);
	warm_up(bob);
}

static void kill_until_it_is_given_up(void)
{
	for (unsigned i = 0; i < PENSTOCK_PAGING_ATTEMPTS; i++) {
		ck_assert_str_eq(machine.reset_reason, "");
		machine_kill(&machine, system_process());
	}
}

/* What the owner does; the devices are those of all queues. */
static bool reset(void)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		penstock_scheduler_cancel(&queues[i], PENSTOCK_STATUS_DEVICE_REMOVED);
	}
	machine.reset_reason[0] = '\0';
	return penstock_scheduler_reset_adapter(machine.scheduler);
}

static void works_again(uint64_t id)
{
	struct work work;
	struct penstock_vidmm_allocation *allocation = page_for(&work, id);
	uint32_t found;

	machine_settle(&machine);
	ck_assert(work.done && work.status == PENSTOCK_STATUS_SUCCESS);
	machine_read(&machine, allocation, 0, &found, sizeof(found));
	ck_assert_uint_eq(found, 0x11223344);
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
}

START_TEST(E4_a_system_process_that_always_dies_has_the_adapter_reset)
{
	struct work pages, other;
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);

	nop(&other, bob, 1);
	kill_until_it_is_given_up();
	ck_assert_str_eq(machine.reset_reason,
			 "the system process ends or hangs whenever it pages");
	ck_assert(reset());
	machine_turn(&machine);
	ck_assert(pages.done && pages.status == PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert(other.done && other.status == PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_str_eq(machine.failed, "");
	ck_assert_uint_ge(machine_process_of(alice)->resets, 1);
	ck_assert_uint_ge(machine_process_of(bob)->resets, 1);
	works_again(2);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

static void no_submission(struct penstock_backend_process *process,
			  const struct penstock_submit_args *args)
{
	(void)process;
	ck_abort_msg("node %u got a packet", args->node_ordinal);
}

START_TEST(E3_between_asking_and_the_reset_nothing_is_submitted_and_nothing_is_heard)
{
	struct work pages, other, more;
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);
	const struct penstock_interrupt invented = {
		.type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
		.fence_id = 0x7fffffff,
	};

	nop(&other, bob, 1);
	kill_until_it_is_given_up();
	machine.on_submit = no_submission;
	ck_assert(machine_execute(machine_process_of(bob), 0));
	(void)machine_report(&machine, machine_process_of(bob), 0);
	penstock_scheduler_notify_interrupt(machine.scheduler, bob, &invented);
	penstock_scheduler_process_died(machine.scheduler, alice, 9);
	nop(&more, alice, 2);
	penstock_scheduler_kick(machine.scheduler);
	machine_turn(&machine);
	ck_assert(!other.done && !pages.done && !more.done);
	machine.on_submit = NULL;
	ck_assert(reset());
	machine_turn(&machine);
	ck_assert(other.done && pages.done && more.done);
	ck_assert_int_eq(other.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_str_eq(machine.failed, "");
	works_again(2);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* Nobody's packet is on any node, nobody has a place, and fences go on. */
START_TEST(E3_after_the_reset_it_is_as_at_the_beginning)
{
	struct work pages, works[4];
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];
	struct penstock_vidmm_location location;

	for (unsigned i = 0; i < 4; i++) {
		nop(&works[i], i % 2 == 0 ? alice : bob, i);
	}
	kill_until_it_is_given_up();
	ck_assert(reset());
	machine_settle(&machine);
	for (unsigned i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node_state state = node_state(i);

		ck_assert_uint_eq(state.on_hardware, 0);
		ck_assert_uint_eq(state.submissions_waiting, 0);
		ck_assert_uint_eq(state.last_fence_completed, state.last_fence_submitted);
	}
	penstock_vidmm_allocation_location(allocation, &location);
	ck_assert_uint_eq(location.segment_id, 0);
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_eq(segments[0].used_bytes, 0);
	works_again(2);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* Asked for and done, and between the two nothing but what ends for it. */
START_TEST(E3_a_reset_is_in_the_trace_from_its_first_moment_to_its_last)
{
	struct penstock_trace trace;
	struct penstock_trace_event event;
	struct work pages, other;
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);
	unsigned asked = 0, done = 0;

	nop(&other, bob, 1);
	penstock_trace_init(&trace);
	ck_assert_int_eq(penstock_trace_start(&trace), PENSTOCK_STATUS_SUCCESS);
	machine.scheduler->trace = &trace;
	kill_until_it_is_given_up();
	ck_assert(reset());
	machine_turn(&machine);
	while (penstock_trace_take(&trace, &event)) {
		if (event.kind == PENSTOCK_TRACE_ADAPTER_RESET) {
			ck_assert_uint_eq(event.value, asked);
			ck_assert_uint_eq(event.process, 0);
			asked++;
			done += event.value == 1;
		} else if (asked > done) {
			ck_assert_uint_eq(event.kind, PENSTOCK_TRACE_DROPPED);
		}
	}
	ck_assert_uint_eq(asked, 2);
	ck_assert_uint_eq(done, 1);
	machine.scheduler->trace = &machine.scheduler->untraced;
	penstock_trace_fini(&trace);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

static void told(void *argument, enum penstock_status status)
{
	*(enum penstock_status *)argument = status;
}

/* It is in no segment, and a packet copies it: nobody would ever look at it again. */
START_TEST(E3_what_was_shared_and_is_nobodys_any_more_is_freed)
{
	struct work pages;
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);
	enum penstock_status status = PENSTOCK_STATUS_PENDING;

	machine_settle(&machine);
	ck_assert(pages.done);
	ck_assert_int_eq(penstock_vidmm_allocation_share(allocation, told, &status),
			 PENSTOCK_STATUS_PENDING);
	penstock_vidmm_allocation_unref(allocation);
	/* taken back, and then copied to its own file */
	for (unsigned i = 0; i < 2; i++) {
		while (system_process()->rings[PENSTOCK_NODE_COPY_ORDINAL].count == 0) {
			ck_assert(machine.job_count > 0);
			machine_turn(&machine);
		}
		if (i == 0) {
			ck_assert(machine_execute(system_process(), PENSTOCK_NODE_COPY_ORDINAL));
			ck_assert(machine_report(&machine, system_process(),
						 PENSTOCK_NODE_COPY_ORDINAL));
		}
	}
	ck_assert_int_eq(status, PENSTOCK_STATUS_PENDING);
	kill_until_it_is_given_up();
	ck_assert(reset());
	machine_settle(&machine);
	ck_assert_int_eq(status, PENSTOCK_STATUS_CANCELLED);
	ck_assert_uint_eq(penstock_vidmm_process_used_bytes(alice), 0);
	works_again(2);
}
END_TEST

/* ---------------------------------------------------------------- promotion */

START_TEST(E4_an_engine_reset_that_fails_is_promoted_and_its_culprit_is_named)
{
	struct work hangs, behind, other;

	nop(&hangs, alice, 0);
	nop(&behind, alice, 1);
	nop(&other, bob, 2);
	machine.deaf = machine_process_of(alice);
	machine_process_of(alice)->unending = 1;
	for (unsigned i = 0; i < 12 && machine.reset_reason[0] == '\0'; i++) {
		look();
	}
	ck_assert_str_eq(machine.reset_reason, "a GPU process cannot be ended");
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_ptr_eq(machine.fault_context, &queues[0]);
	ck_assert_int_eq(machine.fault.type, PENSTOCK_INTERRUPT_DMA_PREEMPTED);
	/* It may still write: what it uses is nobody's yet. */
	ck_assert(!hangs.done && !behind.done);
	machine.deaf = NULL;
	ck_assert(reset());
	machine_turn(&machine);
	ck_assert(hangs.done && behind.done && other.done);
	ck_assert_int_eq(hangs.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(behind.status, PENSTOCK_STATUS_DEVICE_REMOVED);
	works_again(1);
}
END_TEST

/* The process, which was asked to preempt and is not ended, is not asked again. */
START_TEST(E4_a_look_that_finds_what_cannot_be_reset_asks_for_nothing_more)
{
	struct penstock_node *node = &machine.scheduler->nodes[0];
	struct work faults, behind;

	work_init(&faults, alice);
	work_illegal(&faults);
	enqueue(0, &faults);
	nop(&behind, alice, 1);
	ck_assert(!machine_execute(machine_process_of(alice), 0));
	penstock_node_preempt(machine.scheduler, node, alice);
	machine_process_of(alice)->unending = 1;
	look();
	ck_assert_str_eq(machine.reset_reason, "");
	machine.on_submit = no_submission;
	look();
	ck_assert_str_ne(machine.reset_reason, "");
	machine.on_submit = NULL;
	ck_assert(reset());
	machine_turn(&machine);
	ck_assert(faults.done && faults.status != PENSTOCK_STATUS_SUCCESS);
	ck_assert(behind.done && behind.status == PENSTOCK_STATUS_DEVICE_REMOVED);
	works_again(2);
}
END_TEST

START_TEST(E4_an_adapter_that_cannot_be_reset_either_stays_stopped)
{
	struct work hangs, more;

	nop(&hangs, alice, 0);
	machine.deaf = machine_process_of(alice);
	machine_process_of(alice)->unending = 2;
	for (unsigned i = 0; i < 12 && machine.reset_reason[0] == '\0'; i++) {
		look();
	}
	ck_assert(!reset());
	ck_assert(!hangs.done);
	machine.on_submit = no_submission;
	nop(&more, bob, 1);
	penstock_scheduler_cancel(&queues[1], PENSTOCK_STATUS_DEVICE_REMOVED);
	penstock_scheduler_stopped(machine.scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	machine_turn(&machine);
	ck_assert(hangs.done && more.done);
	machine.deaf = NULL;
}
END_TEST

/* ---------------------------------------------------------------- paging that hangs */

START_TEST(E4_a_paging_packet_that_stands_still_is_tried_again_and_then_the_adapter_is_reset)
{
	struct work pages;
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);

	for (unsigned attempt = 1; attempt < PENSTOCK_PAGING_ATTEMPTS; attempt++) {
		unsigned looks = 0;

		while (system_process()->resets < attempt) {
			ck_assert_uint_lt(looks++, LOOKS);
			look();
		}
		ck_assert_str_eq(machine.reset_reason, "");
		ck_assert_uint_eq(system_process()->rings[PENSTOCK_NODE_COPY_ORDINAL].count, 1);
	}
	for (unsigned i = 0; i < LOOKS && machine.reset_reason[0] == '\0'; i++) {
		look();
	}
	ck_assert_str_ne(machine.reset_reason, "");
	ck_assert_uint_eq(machine.faults, 0);
	ck_assert(reset());
	machine_turn(&machine);
	ck_assert(pages.done && pages.status == PENSTOCK_STATUS_DEVICE_REMOVED);
	works_again(2);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(E4_a_paging_packet_that_was_tried_again_in_time_costs_nobody_anything)
{
	struct work pages;
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);

	while (system_process()->resets == 0) {
		look();
	}
	machine_settle(&machine);
	ck_assert(pages.done && pages.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(machine.reset_reason, "");
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* However long it takes: it gets on. */
START_TEST(E4_a_paging_packet_that_gets_on_does_not_hang)
{
	struct work pages;
	struct penstock_vidmm_allocation *allocation = page_for(&pages, 1);
	struct machine_ring *ring = &system_process()->rings[PENSTOCK_NODE_COPY_ORDINAL];

	ring->running = ring->packets[0].args.submission_fence_id;
	for (unsigned i = 0; i < 10 * LOOKS; i++) {
		/* every second look: a sub-transfer takes a while */
		ring->running_offset += 40 * (i % 2);
		look();
	}
	ck_assert_uint_eq(system_process()->resets, 0);
	machine_settle(&machine);
	ck_assert(pages.done && pages.status == PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adapter_reset");
	TCase *tests = tcase_create("adapter reset");

	tcase_add_checked_fixture(tests, begin, tear_down);
	tcase_add_test(tests, E4_a_system_process_that_always_dies_has_the_adapter_reset);
	tcase_add_test(tests,
		       E3_between_asking_and_the_reset_nothing_is_submitted_and_nothing_is_heard);
	tcase_add_test(tests, E3_after_the_reset_it_is_as_at_the_beginning);
	tcase_add_test(tests, E3_a_reset_is_in_the_trace_from_its_first_moment_to_its_last);
	tcase_add_test(tests, E3_what_was_shared_and_is_nobodys_any_more_is_freed);
	tcase_add_test(tests, E4_an_engine_reset_that_fails_is_promoted_and_its_culprit_is_named);
	tcase_add_test(tests, E4_a_look_that_finds_what_cannot_be_reset_asks_for_nothing_more);
	tcase_add_test(tests, E4_an_adapter_that_cannot_be_reset_either_stays_stopped);
	tcase_add_test(
		tests,
		E4_a_paging_packet_that_stands_still_is_tried_again_and_then_the_adapter_is_reset);
	tcase_add_test(tests,
		       E4_a_paging_packet_that_was_tried_again_in_time_costs_nobody_anything);
	tcase_add_test(tests, E4_a_paging_packet_that_gets_on_does_not_hang);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
