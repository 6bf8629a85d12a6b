/* SPDX-License-Identifier: MIT */
/* E5: who hangs an adapter again and again is kept away from it, and nobody else. */
#include "daemon/objects/block.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client bad, second, good;

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

/* Of the k-th hang: a device, a context and an allocation. */
#define DEVICE(k)     NAME(3 * (k) + 1)
#define CONTEXT(k)    NAME(3 * (k) + 2)
#define ALLOCATION(k) NAME(3 * (k) + 3)

static void set_up(void)
{
	fixture_start_adapters(&fixture, false, 2);
	GOOD(client_connect(&fixture, &bad, "uid:1", 0));
	GOOD(client_connect(&fixture, &second, "uid:1", 0));
	GOOD(client_connect(&fixture, &good, "uid:2", 0));
	client_set_up(&second, 1);
	client_set_up(&good, 1);
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

static struct penstock_principal_view view;

static void look(void *owner, const struct penstock_principal_view *found)
{
	if (strcmp(found->name, owner) == 0) {
		view = *found;
	}
}

static const struct penstock_principal_view *view_of(const char *principal)
{
	penstock_observe_principals(fixture.machine, look, (void *)(uintptr_t)principal);
	return &view;
}

static void limits(uint32_t count)
{
	const struct penstock_tdr_limits said = { count, 60000, 90000 };

	penstock_machine_set_tdr_limits(fixture.machine, 0, &said);
}

static void make(unsigned k)
{
	struct answered answered;

	GOOD(client_device(&bad, DEVICE(k)));
	GOOD(client_context(&bad, CONTEXT(k), DEVICE(k)));
	GOOD(client_allocation(&bad, ALLOCATION(k), DEVICE(k), 4096, &answered));
}

static void meet(unsigned k, enum penstock_interrupt_type type)
{
	const struct penstock_interrupt interrupt = { .type = type };

	make(k);
	GOOD(client_fill(&bad, CONTEXT(k), ALLOCATION(k)));
	fake_core_fault(&interrupt, "hang: on order");
	turn(&fixture);
}

static void hang(unsigned k)
{
	meet(k, PENSTOCK_INTERRUPT_DMA_PREEMPTED);
}

START_TEST(E5_a_principal_that_hangs_again_and_again_is_blocked_one_before_the_limit)
{
	for (unsigned k = 0; k < 4; k++) {
		hang(k);
		ck_assert_uint_eq(state_of(&bad, DEVICE(k)).execution_state, PENSTOCK_DEVICE_HUNG);
		ck_assert_uint_eq(state_of(&second, NAME(1)).execution_state,
				  PENSTOCK_DEVICE_ACTIVE);
	}
	ck_assert_uint_eq(view_of("uid:1")->blocked_ms, 0);
	hang(4);
	ck_assert_uint_eq(state_of(&bad, DEVICE(4)).execution_state, PENSTOCK_DEVICE_HUNG);
	ck_assert_uint_eq(view_of("uid:1")->hangs, 5);
	ck_assert_uint_gt(view_of("uid:1")->blocked_ms, 0);
	ck_assert_uint_le(view_of("uid:1")->blocked_ms, PENSTOCK_TDR_BLOCK_TIME_MS);
}
END_TEST

START_TEST(E5_E8_its_devices_are_lost_and_new_ones_are_refused_until_when_is_said)
{
	limits(1);
	hang(0);
	ck_assert_uint_eq(state_of(&second, NAME(1)).execution_state, PENSTOCK_DEVICE_STOPPED);
	ck_assert_str_eq(
		state_of(&second, NAME(1)).reason,
		"the principal is blocked from adapter 0 for 90 s: its work hung the GPU 1 "
		"times in 60 s");
	REFUSED(client_fill(&second, 0, NAME(3)), DEVICE_REMOVED);
	REFUSED(client_device(&bad, DEVICE(1)), ACCESS_DENIED);
	ck_assert_str_eq(bad.refusal.sentence,
			 "the principal is blocked from adapter 0 for 90 s more: its work hung the "
			 "GPU again and again");
	/* so for a session that comes only now */
	client_disconnect(&bad);
	GOOD(client_connect(&fixture, &bad, "uid:1", 0));
	REFUSED(client_device(&bad, DEVICE(0)), ACCESS_DENIED);
}
END_TEST

START_TEST(E5_nobody_else_and_no_other_adapter_is_touched)
{
	limits(1);
	hang(0);
	ck_assert_uint_eq(state_of(&good, NAME(1)).execution_state, PENSTOCK_DEVICE_ACTIVE);
	GOOD(client_fill(&good, 0, NAME(3)));
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	ck_assert_uint_eq(view_of("uid:2")->hangs, 0);
	ck_assert_uint_eq(view_of("uid:2")->blocked_ms, 0);
	GOOD(client_device_on(&bad, DEVICE(1), 1));
}
END_TEST

START_TEST(E5_only_hangs_count)
{
	limits(1);
	meet(0, PENSTOCK_INTERRUPT_DMA_FAULTED);
	meet(1, PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED);
	meet(2, PENSTOCK_INTERRUPT_NONE);
	ck_assert_uint_eq(view_of("uid:1")->hangs, 0);
	ck_assert_uint_eq(view_of("uid:1")->blocked_ms, 0);
}
END_TEST

START_TEST(E5_an_operator_admits_it_again_and_it_begins_anew)
{
	uint32_t adapters;

	REFUSED(penstock_unblock(fixture.machine, "uid:1", &adapters), NOT_FOUND);
	REFUSED(penstock_unblock(fixture.machine, "uid:3", &adapters), NOT_FOUND);
	limits(2);
	hang(0);
	hang(1);
	ck_assert_uint_gt(view_of("uid:1")->blocked_ms, 0);
	GOOD(penstock_unblock(fixture.machine, "uid:1", &adapters));
	ck_assert_uint_eq(adapters, 1);
	ck_assert_uint_eq(view_of("uid:1")->blocked_ms, 0);
	REFUSED(penstock_unblock(fixture.machine, "uid:1", &adapters), NOT_FOUND);
	/* one more is allowed, as at the beginning */
	hang(2);
	ck_assert_uint_eq(view_of("uid:1")->blocked_ms, 0);
	ck_assert_uint_eq(view_of("uid:1")->hangs, 3);
	/* What is lost stays lost. */
	ck_assert_uint_eq(state_of(&second, NAME(1)).execution_state, PENSTOCK_DEVICE_STOPPED);
}
END_TEST

/* It is not forgotten with its last object: who comes back is still blocked. */
START_TEST(E5_a_blocked_principal_is_kept)
{
	struct penstock_principal *principal;

	limits(1);
	hang(0);
	client_disconnect(&bad);
	client_disconnect(&second);
	turn(&fixture);
	principal = penstock_directory_find_principal(&fixture.machine->directory, "uid:1");
	ck_assert_uint_eq(principal->references, 0);
	principal->active_ms -= PENSTOCK_PRINCIPAL_IDLE_MS;
	penstock_principal_sweep(fixture.machine, false);
	ck_assert_uint_gt(view_of("uid:1")->blocked_ms, 0);
	ck_assert_ptr_eq(penstock_directory_find_principal(&fixture.machine->directory, "uid:1"),
			 principal);
	GOOD(client_connect(&fixture, &bad, "uid:1", 0));
	REFUSED(client_device(&bad, NAME(1)), ACCESS_DENIED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_block");
	TCase *tcase = tcase_create("block");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase,
		       E5_a_principal_that_hangs_again_and_again_is_blocked_one_before_the_limit);
	tcase_add_test(tcase,
		       E5_E8_its_devices_are_lost_and_new_ones_are_refused_until_when_is_said);
	tcase_add_test(tcase, E5_nobody_else_and_no_other_adapter_is_touched);
	tcase_add_test(tcase, E5_only_hangs_count);
	tcase_add_test(tcase, E5_an_operator_admits_it_again_and_it_begins_anew);
	tcase_add_test(tcase, E5_a_blocked_principal_is_kept);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
