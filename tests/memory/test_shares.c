/* SPDX-License-Identifier: MIT */
/* D2: priorities, and who gets how much of a node. GPU time is what the test says it is. */
#include "daemon/schedule/internal.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#define MS    1000000u
#define DEPTH 4u

/* A process that always has DEPTH packets queued, while it works. */
struct tenant {
	struct penstock_scheduler_process sharing;
	struct penstock_vidmm_process *memory; /* borrowed */
	struct penstock_queue queue;
	struct work works[DEPTH];
	uint64_t cost_ns; /* of a packet */
	uint64_t got_ns;  /* of the GPU */
	bool works_on;
};

static void tenant_init(struct tenant *tenant, struct penstock_vidmm_process *memory,
			uint32_t weight, int priority, uint64_t cost_ns)
{
	*tenant = (struct tenant){ .memory = memory, .cost_ns = cost_ns };
	penstock_scheduler_process_init(&tenant->sharing, weight);
	penstock_queue_init(&tenant->queue, machine.scheduler, &tenant->sharing, 0, priority,
			    tenant);
}

/* Its queue is another context of the process of `first`. */
static void tenant_join(struct tenant *tenant, struct tenant *first)
{
	penstock_queue_init(&tenant->queue, machine.scheduler, &first->sharing, 0, 0, tenant);
}

static void submit(struct tenant *tenant, struct work *work)
{
	work_init(work, tenant->memory);
	work->submission.args.work_bytes = PENSTOCK_WORK_UNKNOWN;
	work_nop(work);
	penstock_scheduler_enqueue(&tenant->queue, &work->submission);
}

static void begin(struct tenant *tenant)
{
	tenant->works_on = true;
	for (unsigned i = 0; i < DEPTH; i++) {
		submit(tenant, &tenant->works[i]);
	}
}

static struct tenant *running(struct tenant *tenants, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < DEPTH; j++) {
			if (tenants[i].works_on && tenants[i].works[j].submission.state ==
							   PENSTOCK_SUBMISSION_ON_HARDWARE) {
				return &tenants[i];
			}
		}
	}
	return NULL;
}

static void refill(struct tenant *tenant)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		if (tenant->works_on && tenant->works[i].done) {
			submit(tenant, &tenant->works[i]);
		}
	}
}

/* The node, whose cap is 1, executes so many packets. */
static void execute(struct tenant *tenants, unsigned count, unsigned packets)
{
	for (unsigned i = 0; i < packets; i++) {
		struct tenant *tenant = running(tenants, count);

		ck_assert_ptr_nonnull(tenant);
		machine.now_ns += tenant->cost_ns;
		tenant->got_ns += tenant->cost_ns;
		ck_assert(machine_execute(machine_process_of(tenant->memory), 0));
		ck_assert(machine_report(&machine, machine_process_of(tenant->memory), 0));
		machine_turn(&machine);
		for (unsigned j = 0; j < count; j++) {
			refill(&tenants[j]);
		}
	}
}

static void end(struct tenant *tenants, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		tenants[i].works_on = false;
	}
	machine_settle(&machine);
}

static void one_place(void)
{
	start_with(1, 1, false);
	warm_up(alice);
	warm_up(bob);
}

START_TEST(D2_the_higher_priority_goes_first_whoever_came_first)
{
	struct tenant tenants[3];
	struct work low[10], normal[10], high[10];

	for (int i = 0; i < 3; i++) {
		tenant_init(&tenants[i], i == 1 ? bob : alice, PENSTOCK_WEIGHT_NORMAL, 7 * i - 7,
			    MS);
	}
	for (unsigned i = 0; i < 10; i++) {
		submit(&tenants[0], &low[i]);
		submit(&tenants[1], &normal[i]);
		submit(&tenants[2], &high[i]);
	}
	machine_settle(&machine);
	/* Even the one that was on the hardware already. */
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_eq(high[i].order, 1 + i);
		ck_assert_uint_eq(normal[i].order, 11 + i);
		ck_assert_uint_eq(low[i].order, 21 + i);
	}
}
END_TEST

START_TEST(D2_the_lowest_priority_gets_on_while_others_flood)
{
	struct tenant tenants[3];

	for (int i = 0; i < 3; i++) {
		tenant_init(&tenants[i], i == 1 ? bob : alice, PENSTOCK_WEIGHT_NORMAL, 7 - 7 * i,
			    MS);
		begin(&tenants[i]);
	}
	execute(tenants, 3, 3 * 34 * 10);
	ck_assert_uint_ge(tenants[1].got_ns, 25ull * MS);
	ck_assert_uint_ge(tenants[2].got_ns, 25ull * MS);
	ck_assert_uint_le(tenants[2].got_ns, 40ull * MS);
	ck_assert_uint_ge(tenants[0].got_ns, 900ull * MS);
	end(tenants, 3);
}
END_TEST

/* Within one of the longer packets. */
static void assert_share(const struct tenant *tenants, uint64_t times)
{
	uint64_t wanted_ns = tenants[1].got_ns * times;
	uint64_t slack_ns = 3 * times * (tenants[0].cost_ns + tenants[1].cost_ns);

	ck_assert_uint_ge(tenants[0].got_ns + slack_ns, wanted_ns);
	ck_assert_uint_le(tenants[0].got_ns, wanted_ns + slack_ns);
}

START_TEST(D2_processes_of_one_weight_get_the_same_time_not_the_same_number_of_packets)
{
	struct tenant tenants[2];

	tenant_init(&tenants[0], alice, PENSTOCK_WEIGHT_NORMAL, 0, 10 * MS);
	tenant_init(&tenants[1], bob, PENSTOCK_WEIGHT_NORMAL, 0, MS);
	begin(&tenants[0]);
	begin(&tenants[1]);
	execute(tenants, 2, 1100);
	ck_assert_uint_ge(tenants[1].got_ns, 900ull * MS);
	assert_share(tenants, 1);
	end(tenants, 2);
}
END_TEST

START_TEST(D2_a_process_gets_time_by_its_weight)
{
	static const uint32_t weights[] = { 200, 300, 1000 };
	uint32_t weight = weights[_i];
	struct tenant tenants[2];

	tenant_init(&tenants[0], alice, weight, 0, MS);
	tenant_init(&tenants[1], bob, PENSTOCK_WEIGHT_NORMAL, 0, 3 * MS);
	begin(&tenants[0]);
	begin(&tenants[1]);
	execute(tenants, 2, 2000);
	assert_share(tenants, weight / PENSTOCK_WEIGHT_NORMAL);
	end(tenants, 2);
}
END_TEST

START_TEST(D2_the_contexts_of_a_process_are_one_share)
{
	struct tenant tenants[5];

	/* four of alice's, of one process */
	for (unsigned i = 0; i < 5; i++) {
		tenant_init(&tenants[i], i == 0 ? bob : alice, PENSTOCK_WEIGHT_NORMAL, 0, MS);
		if (i > 1) {
			tenant_join(&tenants[i], &tenants[1]);
		}
		begin(&tenants[i]);
	}
	execute(tenants, 5, 800);
	ck_assert_uint_ge(tenants[0].got_ns, 390ull * MS);
	ck_assert_uint_le(tenants[0].got_ns, 410ull * MS);
	for (unsigned i = 1; i < 5; i++) {
		ck_assert_uint_ge(tenants[i].got_ns, 95ull * MS);
		ck_assert_uint_le(tenants[i].got_ns, 105ull * MS);
	}
	end(tenants, 5);
}
END_TEST

/* Neither what alice did not use nor what she had alone counts when bob comes. */
START_TEST(D2_who_comes_later_shares_from_then_on)
{
	struct tenant tenants[2];
	uint64_t before_ns;

	tenant_init(&tenants[0], alice, PENSTOCK_WEIGHT_NORMAL, 0, MS);
	tenant_init(&tenants[1], bob, PENSTOCK_WEIGHT_NORMAL, 0, MS);
	begin(&tenants[0]);
	execute(tenants, 2, 1000);
	begin(&tenants[1]);
	before_ns = tenants[0].got_ns;
	execute(tenants, 2, 100);
	ck_assert_uint_ge(tenants[0].got_ns - before_ns, 45ull * MS);
	ck_assert_uint_le(tenants[0].got_ns - before_ns, 55ull * MS);
	end(tenants, 2);
}
END_TEST

/* The places of the hardware queue, which one could fill before anything is measured. */
START_TEST(D2_who_floods_does_not_get_every_place_of_the_hardware_queue)
{
	struct tenant tenants[2];
	struct work flood[40], one[2];

	tear_down();
	start_with(4, 1, false);
	warm_up(alice);
	warm_up(bob);
	tenant_init(&tenants[0], alice, PENSTOCK_WEIGHT_NORMAL, 0, MS);
	tenant_init(&tenants[1], bob, PENSTOCK_WEIGHT_NORMAL, 0, MS);
	for (unsigned i = 0; i < 40; i++) {
		submit(&tenants[0], &flood[i]);
	}
	submit(&tenants[1], &one[0]);
	submit(&tenants[1], &one[1]);
	machine_settle(&machine);
	/* behind what was there, and then by turns */
	ck_assert_uint_le(one[0].order, 6);
	ck_assert_uint_le(one[1].order, 8);
}
END_TEST

START_TEST(D2_a_culprit_pays_and_what_runs_again_pays_once)
{
	struct tenant tenants[2];
	struct work bad, again;
	struct penstock_process_node *node = &tenants[0].sharing.nodes[0];

	tear_down();
	start_with(4, 1, false);
	warm_up(alice);
	for (unsigned i = 0; i < 2; i++) {
		tenant_init(&tenants[i], alice, PENSTOCK_WEIGHT_NORMAL, 0, MS);
	}
	tenant_join(&tenants[1], &tenants[0]);
	work_init(&bad, alice);
	work_illegal(&bad);
	penstock_scheduler_enqueue(&tenants[0].queue, &bad.submission);
	submit(&tenants[1], &again);
	ck_assert_uint_eq(node->on_hardware, 2);
	machine.now_ns += 5 * MS;
	(void)machine_step(&machine);
	ck_assert(bad.done && bad.status != PENSTOCK_STATUS_SUCCESS && !again.done);
	ck_assert_uint_eq(node->gpu_ns, 5 * MS);
	machine.now_ns += 2 * MS;
	machine_settle(&machine);
	ck_assert(again.done && again.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(node->gpu_ns, 7 * MS);
	ck_assert_uint_eq(tenants[0].queue.gpu_ns, 5 * MS);
	ck_assert_uint_eq(tenants[1].queue.gpu_ns, 2 * MS);
	ck_assert_uint_eq(node->on_hardware, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shares");
	TCase *tests = tcase_create("shares");

	tcase_add_checked_fixture(tests, one_place, tear_down);
	tcase_add_test(tests, D2_the_higher_priority_goes_first_whoever_came_first);
	tcase_add_test(tests, D2_the_lowest_priority_gets_on_while_others_flood);
	tcase_add_test(tests,
		       D2_processes_of_one_weight_get_the_same_time_not_the_same_number_of_packets);
	tcase_add_loop_test(tests, D2_a_process_gets_time_by_its_weight, 0, 3);
	tcase_add_test(tests, D2_the_contexts_of_a_process_are_one_share);
	tcase_add_test(tests, D2_who_comes_later_shares_from_then_on);
	tcase_add_test(tests, D2_who_floods_does_not_get_every_place_of_the_hardware_queue);
	tcase_add_test(tests, D2_a_culprit_pays_and_what_runs_again_pays_once);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
