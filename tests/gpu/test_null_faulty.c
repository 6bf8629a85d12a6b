/* SPDX-License-Identifier: MIT */
/* The two backends without a GPU: the same table, fences at once, faults on order. */
#include "gpu-backend/faulty/faulty.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <uv.h>

#define LOG_MAX 32u

static uv_loop_t loop;
static struct penstock_backend *backend;
static struct penstock_backend_process *process;
static struct penstock_interrupt interrupts[LOG_MAX];
static unsigned interrupt_count;
static int death;
static unsigned deaths, failures, executed;
static bool in_call, stopped, destroys;

static void on_interrupt(void *owner, void *process_owner,
			 const struct penstock_interrupt *interrupt)
{
	ck_assert(!in_call);
	ck_assert_ptr_eq(process_owner, &process);
	ck_assert_uint_lt(interrupt_count, LOG_MAX);
	interrupts[interrupt_count++] = *interrupt;
	if (destroys) {
		backend->ops->destroy_process(process);
	}
	(void)owner;
}

static void on_died(void *owner, void *process_owner, int wait_status)
{
	deaths++;
	death = wait_status;
	(void)owner;
	(void)process_owner;
}

static void on_failed(void *owner, const char *reason)
{
	failures++;
	(void)owner;
	(void)reason;
}

static void on_stopped(void *argument)
{
	stopped = true;
	(void)argument;
}

static void on_execute(void *owner, void *process_owner, const struct penstock_submit_args *args)
{
	executed++;
	(void)owner;
	(void)process_owner;
	(void)args;
}

static struct penstock_backend_config config(uv_loop_t *of)
{
	return (struct penstock_backend_config){
		.loop = of, .callbacks = { NULL, on_interrupt, on_died, on_failed }
	};
}

static void create(void)
{
	ck_assert_int_eq(backend->ops->create_process(backend, false, &process, &process),
			 PENSTOCK_STATUS_SUCCESS);
}

static void start_null(void)
{
	struct penstock_backend_config null_config = config(&loop);

	uv_loop_init(&loop);
	ck_assert_int_eq(penstock_null_start(&null_config, &backend, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	create();
}

static void stop_null(void)
{
	backend->ops->stop(backend, on_stopped, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert(stopped);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void start_faulty(const struct penstock_fault *script, size_t count)
{
	struct penstock_backend_config backend_config = config(NULL);
	struct penstock_faulty_config faulty = { .script = script,
						 .script_count = count,
						 .execute = on_execute };

	ck_assert_int_eq(penstock_faulty_start(&backend_config, &faulty, &backend),
			 PENSTOCK_STATUS_SUCCESS);
	create();
}

static void stop_faulty(void)
{
	backend->ops->stop(backend, on_stopped, NULL);
	ck_assert(stopped);
}

static void submit(uint32_t node, uint32_t fence)
{
	struct penstock_submit_args args = { .node_ordinal = node, .submission_fence_id = fence };

	in_call = true;
	backend->ops->submit_command(process, &args);
	backend->ops->ring_doorbell(process);
	in_call = false;
}

static void expect(unsigned index, enum penstock_interrupt_type type, uint32_t fence)
{
	ck_assert_uint_lt(index, interrupt_count);
	ck_assert_int_eq(interrupts[index].type, type);
	ck_assert_uint_eq(interrupts[index].fence_id, fence);
}

static void run_all(void)
{
	while (penstock_faulty_step(backend)) {
	}
}

START_TEST(C5_null_reports_the_latest_fence_from_the_loop)
{
	submit(0, 1);
	submit(0, 2);
	submit(1, 9);
	ck_assert_uint_eq(interrupt_count, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(interrupt_count, 2);
	expect(0, PENSTOCK_INTERRUPT_DMA_COMPLETED, 2);
	expect(1, PENSTOCK_INTERRUPT_DMA_COMPLETED, 9);
}
END_TEST

START_TEST(null_answers_preemption_and_query)
{
	backend->ops->preempt_command(process, 0, 5);
	uv_run(&loop, UV_RUN_DEFAULT);
	expect(0, PENSTOCK_INTERRUPT_DMA_PREEMPTED, 5);
	submit(0, 1);
	backend->ops->query_current_fence(process, 0);
	expect(1, PENSTOCK_INTERRUPT_DMA_COMPLETED, 1);
	backend->ops->query_current_fence(process, 0);
	ck_assert_uint_eq(interrupt_count, 2);
}
END_TEST

START_TEST(null_survives_a_callback_that_destroys)
{
	destroys = true;
	submit(0, 1);
	submit(1, 2);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(interrupt_count, 1);
}
END_TEST

START_TEST(faulty_executes_in_order_without_a_script)
{
	start_faulty(NULL, 0);
	submit(0, 1);
	submit(0, 2);
	ck_assert_uint_eq(interrupt_count, 0);
	run_all();
	ck_assert_uint_eq(interrupt_count, 2);
	expect(1, PENSTOCK_INTERRUPT_DMA_COMPLETED, 2);
	ck_assert_uint_eq(executed, 2);
	stop_faulty();
}
END_TEST

START_TEST(faulty_makes_fences_late_lost_repeated_and_invented)
{
	static const struct penstock_fault script[] = {
		{ 0, PENSTOCK_FAULT_LATE, 3 },
		{ 1, PENSTOCK_FAULT_LOST, 0 },
		{ 2, PENSTOCK_FAULT_REPEATED, 0 },
		{ 3, PENSTOCK_FAULT_INVENTED, 1000 },
	};

	start_faulty(script, PENSTOCK_ARRAY_SIZE(script));
	submit(0, 1);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(penstock_faulty_step(backend));
		ck_assert_uint_eq(interrupt_count, 0);
	}
	run_all();
	expect(0, PENSTOCK_INTERRUPT_DMA_COMPLETED, 1);
	submit(0, 2);
	run_all();
	ck_assert_uint_eq(interrupt_count, 1);
	backend->ops->query_current_fence(process, 0);
	expect(1, PENSTOCK_INTERRUPT_DMA_COMPLETED, 2);
	submit(0, 3);
	submit(0, 4);
	run_all();
	ck_assert_uint_eq(interrupt_count, 6);
	expect(2, PENSTOCK_INTERRUPT_DMA_COMPLETED, 3);
	expect(3, PENSTOCK_INTERRUPT_DMA_COMPLETED, 3);
	expect(4, PENSTOCK_INTERRUPT_DMA_COMPLETED, 1004);
	expect(5, PENSTOCK_INTERRUPT_DMA_COMPLETED, 4);
	stop_faulty();
}
END_TEST

START_TEST(faulty_halts_and_resets)
{
	static const struct penstock_fault script[] = {
		{ 0, PENSTOCK_FAULT_PAGE_FAULT, 24 },
		{ 2, PENSTOCK_FAULT_HANG, 0 },
		{ 4, PENSTOCK_FAULT_ILLEGAL, 4 },
	};

	start_faulty(script, PENSTOCK_ARRAY_SIZE(script));
	submit(0, 1);
	submit(0, 2);
	run_all();
	ck_assert_uint_eq(interrupt_count, 1);
	expect(0, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED, 1);
	ck_assert_uint_eq(interrupts[0].fault_dma_offset, 24);
	backend->ops->reset_engine(process);
	submit(0, 3);
	backend->ops->preempt_command(process, 0, 50);
	backend->ops->reset_engine(process);
	submit(0, 4);
	run_all();
	expect(1, PENSTOCK_INTERRUPT_DMA_COMPLETED, 4);
	submit(0, 5);
	run_all();
	expect(2, PENSTOCK_INTERRUPT_DMA_FAULTED, 5);
	stop_faulty();
}
END_TEST

START_TEST(a_reset_reports_what_had_completed_and_nothing_else)
{
	static const struct penstock_fault script[] = {
		{ 0, PENSTOCK_FAULT_LOST, 0 },
		{ 1, PENSTOCK_FAULT_HANG, 0 },
	};

	start_faulty(script, PENSTOCK_ARRAY_SIZE(script));
	submit(0, 1);
	submit(0, 2);
	run_all();
	ck_assert_uint_eq(interrupt_count, 0);
	backend->ops->reset_engine(process);
	ck_assert_uint_eq(interrupt_count, 1);
	expect(0, PENSTOCK_INTERRUPT_DMA_COMPLETED, 1);
	backend->ops->reset_engine(process);
	ck_assert_uint_eq(interrupt_count, 1);
	stop_faulty();
}
END_TEST

START_TEST(faulty_hang_answers_no_preemption)
{
	static const struct penstock_fault script[] = { { 0, PENSTOCK_FAULT_HANG, 0 } };

	start_faulty(script, 1);
	submit(0, 1);
	run_all();
	backend->ops->preempt_command(process, 0, 50);
	run_all();
	ck_assert_uint_eq(interrupt_count, 0);
	stop_faulty();
}
END_TEST

START_TEST(faulty_preempts_what_did_not_run)
{
	start_faulty(NULL, 0);
	submit(0, 1);
	ck_assert(penstock_faulty_step(backend));
	submit(0, 2);
	backend->ops->preempt_command(process, 0, 50);
	run_all();
	ck_assert_uint_eq(interrupt_count, 2);
	expect(1, PENSTOCK_INTERRUPT_DMA_PREEMPTED, 50);
	ck_assert_uint_eq(interrupts[1].last_completed_fence_id, 1);
	stop_faulty();
}
END_TEST

START_TEST(faulty_processes_die_and_adapters_fail)
{
	static const struct penstock_fault script[] = { { 0, PENSTOCK_FAULT_DEATH, 9 },
							{ 2, PENSTOCK_FAULT_ADAPTER, 0 } };

	start_faulty(script, PENSTOCK_ARRAY_SIZE(script));
	submit(0, 1);
	run_all();
	ck_assert_uint_eq(deaths, 1);
	ck_assert_int_eq(death, 9);
	submit(0, 2);
	run_all();
	ck_assert_uint_eq(interrupt_count, 0);
	backend->ops->reset_engine(process);
	submit(0, 3);
	run_all();
	ck_assert_uint_eq(failures, 1);
	stop_faulty();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("null_faulty");
	TCase *null = tcase_create("null"), *faulty = tcase_create("faulty");

	tcase_add_checked_fixture(null, start_null, stop_null);
	tcase_add_test(null, C5_null_reports_the_latest_fence_from_the_loop);
	tcase_add_test(null, null_answers_preemption_and_query);
	tcase_add_test(null, null_survives_a_callback_that_destroys);
	suite_add_tcase(suite, null);
	tcase_add_test(faulty, faulty_executes_in_order_without_a_script);
	tcase_add_test(faulty, faulty_makes_fences_late_lost_repeated_and_invented);
	tcase_add_test(faulty, faulty_halts_and_resets);
	tcase_add_test(faulty, a_reset_reports_what_had_completed_and_nothing_else);
	tcase_add_test(faulty, faulty_hang_answers_no_preemption);
	tcase_add_test(faulty, faulty_preempts_what_did_not_run);
	tcase_add_test(faulty, faulty_processes_die_and_adapters_fail);
	suite_add_tcase(suite, faulty);
	return penstock_test_main(suite);
}
