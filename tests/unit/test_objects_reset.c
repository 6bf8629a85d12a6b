/* SPDX-License-Identifier: MIT */
/* E3, E5: what an adapter reset is to its devices, and to those who come then. */
#include "daemon/objects/machine.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client client, other;

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define AGAIN NAME(4) /* the name behind those of client_set_up */

static void set_up(void)
{
	fixture_start_adapters(&fixture, false, 2);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	client_set_up(&client, 1);
	client_set_up(&other, 1);
	GOOD(client_device_on(&other, AGAIN, 1));
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static struct penstock_device_state state_of(struct client *who, uint64_t device)
{
	struct penstock_device_state state;

	GOOD(penstock_query_device(who->session, ++who->serial, device, &state, &who->refusal));
	return state;
}

static struct penstock_adapter_view view(void)
{
	struct penstock_adapter_view found;

	penstock_observe_adapter(fixture.machine, 0, &found);
	return found;
}

static void ask_for_reset(void)
{
	penstock_adapter_reset(&fixture.machine->adapters[0], "it does not page");
}

START_TEST(E3_E8_every_device_of_it_answers_DEVICE_REMOVED_and_new_ones_work)
{
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_fill(&other, 0, NAME(3)));
	ask_for_reset();
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(fake.adapter_resets, 1);
	for (unsigned i = 0; i < 2; i++) {
		struct client *who = i == 0 ? &client : &other;

		ck_assert_uint_eq(who->fence_count, 1);
		ck_assert_int_eq(who->fences[0].status, PENSTOCK_STATUS_DEVICE_REMOVED);
		ck_assert_uint_eq(state_of(who, NAME(1)).execution_state, PENSTOCK_DEVICE_RESET);
		ck_assert_str_eq(state_of(who, NAME(1)).reason,
				 "the adapter was reset: it does not page");
		REFUSED(client_fill(who, 0, NAME(3)), DEVICE_REMOVED);
	}
	/* Another adapter's device of the same session has nothing to do with it. */
	ck_assert_uint_eq(state_of(&other, AGAIN).execution_state, PENSTOCK_DEVICE_ACTIVE);
	ck_assert_str_eq(view().state, "running");
	ck_assert_str_eq(view().failure, "");
	ck_assert_uint_eq(view().resets, 1);
	GOOD(client_device(&client, AGAIN));
	GOOD(client_context(&client, NAME(5), AGAIN));
	ck_assert_uint_eq(state_of(&client, AGAIN).execution_state, PENSTOCK_DEVICE_ACTIVE);
}
END_TEST

START_TEST(E3_until_it_is_done_nothing_new_is_made)
{
	ask_for_reset();
	ck_assert_str_eq(view().state, "resetting");
	REFUSED(client_device(&client, AGAIN), DEVICE_REMOVED);
	ck_assert_str_eq(client.refusal.sentence, "the adapter is being reset: it does not page");
	/* once is enough */
	ask_for_reset();
	turn(&fixture);
	ck_assert_uint_eq(fake.adapter_resets, 1);
	GOOD(client_device(&client, AGAIN));
}
END_TEST

START_TEST(E4_an_adapter_that_cannot_be_reset_stops)
{
	fake.unending = true;
	ask_for_reset();
	turn(&fixture);
	turn(&fixture);
	ck_assert_str_eq(view().state, "failed");
	ck_assert_str_eq(view().failure, "it does not page");
	/* It was lost by the reset, and says so. */
	ck_assert_uint_eq(state_of(&client, NAME(1)).execution_state, PENSTOCK_DEVICE_RESET);
	REFUSED(client_device(&client, AGAIN), DEVICE_REMOVED);
	ck_assert_uint_eq(state_of(&other, AGAIN).execution_state, PENSTOCK_DEVICE_ACTIVE);
}
END_TEST

START_TEST(E5_more_resets_than_TdrLimitCount_stop_the_adapter)
{
	for (unsigned i = 0; i < PENSTOCK_TDR_LIMIT_COUNT; i++) {
		ask_for_reset();
		turn(&fixture);
		turn(&fixture);
		ck_assert_str_eq(view().state, "running");
	}
	ask_for_reset();
	turn(&fixture);
	turn(&fixture);
	ck_assert_str_eq(view().state, "failed");
	ck_assert_str_eq(view().failure, "reset more than 5 times in 60 s: it does not page");
	ck_assert_uint_eq(fake.adapter_resets, PENSTOCK_TDR_LIMIT_COUNT);
	REFUSED(client_device(&client, AGAIN), DEVICE_REMOVED);
}
END_TEST

START_TEST(E10_a_defect_while_it_is_reset_stops_it)
{
	ask_for_reset();
	penstock_adapter_fail(&fixture.machine->adapters[0], "0x10E/0x12: on order");
	turn(&fixture);
	turn(&fixture);
	ck_assert_str_eq(view().state, "failed");
	ck_assert_uint_eq(fake.adapter_resets, 0);
}
END_TEST

START_TEST(E3_a_daemon_that_stops_does_not_wait_for_a_reset)
{
	GOOD(client_fill(&client, 0, NAME(3)));
	ask_for_reset();
	/* tear_down: everything is given back */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_reset");
	TCase *tcase = tcase_create("adapter reset");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, E3_E8_every_device_of_it_answers_DEVICE_REMOVED_and_new_ones_work);
	tcase_add_test(tcase, E3_until_it_is_done_nothing_new_is_made);
	tcase_add_test(tcase, E4_an_adapter_that_cannot_be_reset_stops);
	tcase_add_test(tcase, E5_more_resets_than_TdrLimitCount_stop_the_adapter);
	tcase_add_test(tcase, E10_a_defect_while_it_is_reset_stops_it);
	tcase_add_test(tcase, E3_a_daemon_that_stops_does_not_wait_for_a_reset);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
