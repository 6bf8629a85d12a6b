/* SPDX-License-Identifier: MIT */
/* Several adapters: what fails with one, what does not, and what a restart with others makes of it.
 */
#include "daemon/objects/adapter.h"
#include "daemon/objects/machine.h"
#include "daemon/objects/observe.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client client;
static struct client other;

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

/* The client's names: on each adapter a device, a context and an allocation of a page. */
#define DEVICE(adapter)     NAME(3 * (adapter) + 1)
#define CONTEXT(adapter)    NAME(3 * (adapter) + 2)
#define ALLOCATION(adapter) NAME(3 * (adapter) + 3)
#define NEXT                NAME(7) /* the name behind those of two adapters */

static void make_on(struct client *who, uint32_t adapter)
{
	struct answered answered;

	GOOD(client_device_on(who, DEVICE(adapter), adapter));
	GOOD(client_context(who, CONTEXT(adapter), DEVICE(adapter)));
	GOOD(client_allocation(who, ALLOCATION(adapter), DEVICE(adapter), 4096, &answered));
}

static enum penstock_status fill(struct client *who, uint32_t adapter)
{
	return client_fill(who, CONTEXT(adapter), ALLOCATION(adapter));
}

static void set_up_nobody(void)
{
	fixture_start_adapters(&fixture, true, 2);
}

static void set_up(void)
{
	set_up_nobody();
	GOOD(client_connect(&fixture, &client, "uid:1", 20));
	make_on(&client, 0);
	make_on(&client, 1);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static void commit(void)
{
	fake_core_commit(fixture.machine);
	turn(&fixture);
}

static struct penstock_device_state state_of(struct client *who, uint64_t device)
{
	struct penstock_device_state state;

	GOOD(penstock_query_device(who->session, ++who->serial, device, &state, &who->refusal));
	return state;
}

static struct penstock_adapter_view view_of(uint32_t adapter)
{
	struct penstock_adapter_view view;

	penstock_observe_adapter(fixture.machine, adapter, &view);
	return view;
}

static void fail_adapter(uint32_t adapter, const char *reason)
{
	penstock_adapter_fail(&fixture.machine->adapters[adapter], reason);
	turn(&fixture);
	turn(&fixture);
}

/* ---------------------------------------------------------------- failure */

START_TEST(E10_a_failed_adapter_takes_its_own_devices_along_and_no_others)
{
	commit();
	GOOD(fill(&client, 0));
	GOOD(fill(&client, 1));
	commit();
	fail_adapter(_i, "0x119/1: a fence that was not given");
	/* What it had is over, what the other has is not. */
	ck_assert_uint_eq(client.fence_count, 1);
	ck_assert_uint_eq(client.fences[0].context, CONTEXT(_i));
	ck_assert_int_eq(client.fences[0].status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 1);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 2);
	ck_assert_uint_eq(client.fences[1].context, CONTEXT(1 - _i));
	ck_assert_int_eq(client.fences[1].status, PENSTOCK_STATUS_SUCCESS);
	REFUSED(fill(&client, (uint32_t)_i), DEVICE_REMOVED);
	GOOD(fill(&client, 1 - (uint32_t)_i));
	ck_assert_uint_eq(state_of(&client, DEVICE(_i)).execution_state, PENSTOCK_DEVICE_STOPPED);
	ck_assert_uint_eq(state_of(&client, DEVICE(1 - _i)).execution_state,
			  PENSTOCK_DEVICE_ACTIVE);
}
END_TEST

START_TEST(C8_the_failed_adapter_reports_and_the_other_goes_on)
{
	struct answered answered;

	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	fail_adapter(1, "0x119/1: a fence that was not given");
	ck_assert_str_eq(view_of(1).state, "failed");
	ck_assert_str_eq(view_of(1).failure, "0x119/1: a fence that was not given");
	ck_assert_uint_eq(view_of(1).devices_lost, 1);
	ck_assert_str_eq(view_of(1).backend, "");
	ck_assert_str_eq(view_of(0).state, "running");
	ck_assert_str_eq(view_of(0).failure, "");
	ck_assert_uint_eq(view_of(0).devices_lost, 0);
	/* Nothing new on the one, everything on the other, for who was there and who comes. */
	REFUSED(client_device_on(&client, NEXT, 1), DEVICE_REMOVED);
	ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "a fence that was not given"));
	GOOD(client_device_on(&client, NEXT, 0));
	make_on(&other, 0);
	GOOD(fill(&other, 0));
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 1);
	turn(&fixture);
	ck_assert_int_eq(other.fences[0].status, PENSTOCK_STATUS_SUCCESS);
	GOOD(client_allocation(&other, NAME(4), DEVICE(0), 4096, &answered));
	/* Names of the lost one are given back as ever. */
	GOOD(client_destroy(&client, DEVICE(1)));
	ck_assert_uint_eq(view_of(1).devices + view_of(1).contexts + view_of(1).openings, 0);
}
END_TEST

START_TEST(E10_every_adapter_may_fail_and_the_daemon_lives)
{
	fail_adapter(0, "0x10E/0x19: first");
	fail_adapter(1, "0x10E/0x19: second");
	ck_assert_str_eq(view_of(0).failure, "0x10E/0x19: first");
	ck_assert_str_eq(view_of(1).failure, "0x10E/0x19: second");
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	REFUSED(client_device_on(&other, NAME(1), 0), DEVICE_REMOVED);
	REFUSED(client_device_on(&other, NAME(1), 1), DEVICE_REMOVED);
	GOOD(penstock_sync(other.session, ++other.serial));
}
END_TEST

static unsigned starts;

static enum penstock_status start_but_the_last(void *owner, uint32_t adapter_index,
					       const struct penstock_backend_callbacks *callbacks,
					       struct penstock_backend **ret_backend,
					       struct penstock_errbuf *reterr_text)
{
	starts++;
	if (adapter_index == 2) {
		penstock_errbuf_set(reterr_text, "no such GPU");
		return PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	return fake_core_start_backend(owner, adapter_index, callbacks, ret_backend, reterr_text);
}

START_TEST(an_adapter_that_does_not_start_ends_those_before_it_and_touches_no_row)
{
	struct fixture second = fixture;
	struct penstock_errbuf text;
	uint64_t sequence = fake.sequence;

	second.config.adapter_count = 3;
	second.config.start_backend = start_but_the_last;
	starts = 0;
	REFUSED(fixture_start_again(&second, &text), IO_DEVICE_ERROR);
	ck_assert_str_eq(text.text, "no such GPU");
	ck_assert_uint_eq(starts, 3);
	turn(&fixture);
	ck_assert_uint_eq(fake.sequence, sequence);
	/* The loop is the other machine's still, with all that it has. */
	GOOD(client_connect(&fixture, &client, "uid:1", 20));
	make_on(&client, 0);
	make_on(&client, 1);
}
END_TEST

/* ---------------------------------------------------------------- what is of one adapter */

START_TEST(an_adapter_that_is_not_there_is_refused)
{
	REFUSED(client_device_on(&client, NEXT, 2), NOT_FOUND);
	ck_assert_str_eq(client.refusal.sentence, "there is no adapter 2");
	REFUSED(client_device_on(&client, NEXT, UINT32_MAX), NOT_FOUND);
}
END_TEST

START_TEST(an_allocation_is_not_opened_on_another_adapter)
{
	struct answered answered;

	REFUSED(client_share(&client, ALLOCATION(0), &answered), PENDING);
	turn(&fixture);
	GOOD(answered.status);
	REFUSED(client_open(&client, NEXT, DEVICE(1), &answered, false),
		GRAPHICS_WRONG_ALLOCATION_DEVICE);
	ck_assert_str_eq(client.refusal.sentence,
			 "the allocation is adapter 0's, the device adapter 1's");
	GOOD(client_open(&client, NEXT, DEVICE(0), &answered, false));
	/* Nor named in a submission there. */
	REFUSED(client_fill(&client, CONTEXT(1), ALLOCATION(0)), GRAPHICS_WRONG_ALLOCATION_DEVICE);
}
END_TEST

START_TEST(a_quota_is_the_principals_over_all_adapters)
{
	struct answered answered;

	GOOD(client_allocation(&client, NEXT, DEVICE(0), 40u << 20, &answered));
	REFUSED(client_allocation(&client, NAME(8), DEVICE(1), 40u << 20, &answered), NO_MEMORY);
	ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "quota"));
	GOOD(client_allocation(&client, NAME(8), DEVICE(1), 20u << 20, &answered));
	GOOD(client_destroy(&client, NEXT));
	commit();
	GOOD(client_allocation(&client, NAME(9), DEVICE(1), 40u << 20, &answered));
}
END_TEST

START_TEST(who_uses_one_adapter_has_no_process_on_another)
{
	unsigned processes = fake.processes;

	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	ck_assert_uint_eq(fake.processes, processes);
	make_on(&other, 0);
	ck_assert_uint_eq(fake.processes, processes + 1);
	GOOD(client_device_on(&other, NAME(4), 1));
	ck_assert_uint_eq(fake.processes, processes + 2);
}
END_TEST

static void count_by_adapter(void *owner, const struct penstock_context_view *view)
{
	((unsigned *)owner)[view->adapter]++;
}

static void count_allocations(void *owner, const struct penstock_allocation_view *view)
{
	((unsigned *)owner)[view->adapter]++;
}

START_TEST(an_operator_sees_whose_each_thing_is)
{
	unsigned contexts[PENSTOCK_LIMIT_ADAPTERS] = { 0 };
	unsigned allocations[PENSTOCK_LIMIT_ADAPTERS] = { 0 };
	struct penstock_machine_view machine;

	GOOD(client_context(&client, NEXT, DEVICE(1)));
	penstock_observe_machine(fixture.machine, &machine);
	ck_assert_uint_eq(machine.adapters, 2);
	penstock_observe_contexts(fixture.machine, count_by_adapter, contexts);
	ck_assert_uint_eq(contexts[0], 1);
	ck_assert_uint_eq(contexts[1], 2);
	penstock_observe_allocations(fixture.machine, count_allocations, allocations);
	ck_assert_uint_eq(allocations[0], 1);
	ck_assert_uint_eq(allocations[1], 1);
	ck_assert_uint_eq(view_of(0).contexts, 1);
	ck_assert_uint_eq(view_of(1).contexts, 2);
}
END_TEST

/* ---------------------------------------------------------------- restart */

static void start_with(uint32_t adapter_count)
{
	fixture.config.adapter_count = adapter_count;
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
}

START_TEST(a_restart_brings_the_devices_of_every_adapter_back)
{
	unsigned contexts[PENSTOCK_LIMIT_ADAPTERS] = { 0 };

	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	penstock_observe_contexts(fixture.machine, count_by_adapter, contexts);
	ck_assert_uint_eq(contexts[0], 1);
	ck_assert_uint_eq(contexts[1], 1);
	for (uint32_t i = 0; i < 2; i++) {
		GOOD(fill(&client, i));
	}
	commit();
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 2);
	turn(&fixture);
	ck_assert_int_eq(client.fences[0].status, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(client.fences[1].status, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(a_failed_adapter_runs_again_after_a_restart_but_its_devices_are_lost)
{
	commit();
	fail_adapter(1, "0x119/1: a fence that was not given");
	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_str_eq(view_of(1).state, "running");
	ck_assert_uint_eq(state_of(&client, DEVICE(1)).execution_state, PENSTOCK_DEVICE_STOPPED);
	ck_assert_uint_eq(state_of(&client, DEVICE(0)).execution_state, PENSTOCK_DEVICE_ACTIVE);
	GOOD(client_device_on(&client, NEXT, 1));
	GOOD(fill(&client, 0));
}
END_TEST

START_TEST(devices_of_an_adapter_that_is_configured_no_more_are_lost)
{
	unsigned allocations[PENSTOCK_LIMIT_ADAPTERS] = { 0 };
	struct penstock_device_state state;

	commit();
	start_with(1);
	state = state_of(&client, DEVICE(1));
	ck_assert_uint_eq(state.execution_state, PENSTOCK_DEVICE_STOPPED);
	ck_assert_str_eq(state.reason, "the configuration does not have its adapter any more");
	REFUSED(fill(&client, 1), DEVICE_REMOVED);
	REFUSED(client_device_on(&client, NEXT, 1), NOT_FOUND);
	penstock_observe_allocations(fixture.machine, count_allocations, allocations);
	ck_assert_uint_eq(allocations[1], 1);
	GOOD(fill(&client, 0));
	/* The client clears up as it would with any lost device. */
	GOOD(client_destroy(&client, ALLOCATION(1)));
	GOOD(client_destroy(&client, CONTEXT(1)));
	GOOD(client_destroy(&client, DEVICE(1)));
	commit();
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_DEVICE), 1);
	ck_assert_uint_eq(fake_core_rows(PENSTOCK_STORE_ALLOCATION), 1);
}
END_TEST

START_TEST(an_adapter_that_comes_back_has_its_devices_lost_and_takes_new_ones)
{
	commit();
	start_with(1);
	commit();
	start_with(2);
	ck_assert_uint_eq(state_of(&client, DEVICE(1)).execution_state, PENSTOCK_DEVICE_STOPPED);
	REFUSED(fill(&client, 1), DEVICE_REMOVED);
	GOOD(client_destroy(&client, DEVICE(1)));
	GOOD(client_device_on(&client, NEXT, 1));
	GOOD(fill(&client, 0));
}
END_TEST

START_TEST(an_adapter_is_added_at_a_restart)
{
	commit();
	start_with(3);
	GOOD(client_device_on(&client, NEXT, 2));
	GOOD(fill(&client, 0));
	GOOD(fill(&client, 1));
	ck_assert_str_eq(view_of(2).state, "running");
	ck_assert_uint_eq(view_of(2).devices, 1);
}
END_TEST

START_TEST(a_guaranteed_context_of_an_adapter_that_is_gone_promises_nothing)
{
	const struct penstock_context_info info = { .name = NEXT,
						    .device = DEVICE(1),
						    .flags = PENSTOCK_CONTEXT_GUARANTEED };

	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
	ck_assert_uint_eq(fake.promised_slots, 1);
	commit();
	start_with(1);
	ck_assert_uint_eq(fake.promised_slots, 0);
	REFUSED(client_fill(&client, NEXT, ALLOCATION(1)), DEVICE_REMOVED);
	GOOD(client_destroy(&client, NEXT));
}
END_TEST

START_TEST(a_create_on_an_adapter_that_is_gone_was_executed_if_it_comes_again)
{
	uint64_t serial = client.serial;

	commit();
	GOOD(client_device_on(&client, NEXT, 1));
	fake.committed = fake.sequence;
	/* Killed between the commit and the daemon's hearing of it. */
	start_with(1);
	ck_assert_uint_eq(client.resumed_serial, serial);
	client.serial = serial;
	GOOD(client_device_on(&client, NEXT, 1));
	ck_assert_uint_eq(state_of(&client, NEXT).execution_state, PENSTOCK_DEVICE_STOPPED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_adapters");
	TCase *tcase = tcase_create("objects_adapters");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, E10_a_failed_adapter_takes_its_own_devices_along_and_no_others,
			    0, 2);
	tcase_add_test(tcase, C8_the_failed_adapter_reports_and_the_other_goes_on);
	tcase_add_test(tcase, E10_every_adapter_may_fail_and_the_daemon_lives);
	tcase_add_test(tcase, an_adapter_that_is_not_there_is_refused);
	tcase_add_test(tcase, an_allocation_is_not_opened_on_another_adapter);
	tcase_add_test(tcase, a_quota_is_the_principals_over_all_adapters);
	tcase_add_test(tcase, who_uses_one_adapter_has_no_process_on_another);
	tcase_add_test(tcase, an_operator_sees_whose_each_thing_is);
	tcase_add_test(tcase, a_restart_brings_the_devices_of_every_adapter_back);
	tcase_add_test(tcase, a_failed_adapter_runs_again_after_a_restart_but_its_devices_are_lost);
	tcase_add_test(tcase, devices_of_an_adapter_that_is_configured_no_more_are_lost);
	tcase_add_test(tcase, an_adapter_that_comes_back_has_its_devices_lost_and_takes_new_ones);
	tcase_add_test(tcase, an_adapter_is_added_at_a_restart);
	tcase_add_test(tcase, a_guaranteed_context_of_an_adapter_that_is_gone_promises_nothing);
	tcase_add_test(tcase, a_create_on_an_adapter_that_is_gone_was_executed_if_it_comes_again);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("start");
	tcase_add_checked_fixture(tcase, set_up_nobody, tear_down);
	tcase_add_test(tcase,
		       an_adapter_that_does_not_start_ends_those_before_it_and_touches_no_row);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
