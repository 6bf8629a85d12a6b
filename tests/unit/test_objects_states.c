/* SPDX-License-Identifier: MIT */
/*
 * E10: each drawing of objects, read once more by hand. An arrow is gone along; what is none leaves
 * things as they are and stops the adapter, or, of a session, which no adapter can stop for, the
 * daemon.
 */
#include "daemon/objects/device.h"
#include "tests/drawing.h"
#include "tests/unit/objects_fixture.h"

#include <signal.h>

static struct fixture fixture;
static struct client client;

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static struct penstock_adapter *adapter(void)
{
	return &fixture.machine->adapters[0];
}

/* ---------------------------------------------------------------- adapter */

#define A(state) PENSTOCK_ADAPTER_##state

static const struct arrow adapter_arrows[] = {
	{ A(RUNNING), A(RESETTING) }, { A(RUNNING), A(FAILED) },   { A(RUNNING), A(STOPPING) },
	{ A(RESETTING), A(RUNNING) }, { A(RESETTING), A(FAILED) }, { A(RESETTING), A(STOPPING) },
	{ A(FAILED), A(STOPPING) },
};

static void try_adapter(unsigned from, unsigned to, bool drawn)
{
	bool stood = from == A(RUNNING) || from == A(RESETTING);

	adapter()->state = from;
	adapter()->failure[0] = '\0';
	ck_assert_int_eq(penstock_adapter_move(adapter(), to), drawn);
	if (drawn) {
		ck_assert_uint_eq(adapter()->state, to);
	} else {
		/* Who has failed or stops has said why. */
		ck_assert_uint_eq(adapter()->state, stood ? A(FAILED) : from);
		ck_assert_int_eq(strstr(adapter()->failure, "an adapter cannot become ") != NULL,
				 stood);
		ck_assert_int_eq(adapter()->turn.halt, stood);
	}
	adapter()->turn.halt = false;
	adapter()->state = A(RUNNING);
}

START_TEST(E10_an_adapter_goes_along_arrows_only)
{
	static const struct drawing drawing = DRAWING_OF(adapter_arrows, A(STATE_MAX));

	go_everywhere(&drawing, try_adapter);
}
END_TEST

/* ---------------------------------------------------------------- device */

#define D(state) PENSTOCK_DEVICE_##state

static const struct arrow device_arrows[] = {
	{ D(ACTIVE), D(RESET) },          { D(ACTIVE), D(HUNG) },
	{ D(ACTIVE), D(STOPPED) },        { D(ACTIVE), D(ERROR_OUTOFMEMORY) },
	{ D(ACTIVE), D(ERROR_DMAFAULT) }, { D(ACTIVE), D(ERROR_DMAPAGEFAULT) },
};

static struct penstock_device *new_device(void)
{
	static uint32_t generation;
	uint64_t name = NAME_OF(generation++, 1);

	GOOD(client_device(&client, name));
	return penstock_list_entry(penstock_list_first(&client.session->devices),
				   struct penstock_device, link);
}

static void try_device(unsigned from, unsigned to, bool drawn)
{
	const struct penstock_device_state state = { .execution_state = to, .reason = "on order" };
	struct penstock_device *device = new_device();

	device->state.execution_state = from;
	penstock_device_lose(device, &state);
	if (from == D(ACTIVE) && !drawn) {
		ck_assert_uint_eq(adapter()->state, A(FAILED));
		ck_assert_ptr_nonnull(strstr(adapter()->failure, "a device cannot become "));
		ck_assert_uint_eq(device->state.execution_state, D(STOPPED));
		adapter()->turn.halt = false;
		adapter()->state = A(RUNNING);
	} else {
		/* What happened first is what is told. */
		ck_assert_uint_eq(device->state.execution_state, drawn ? to : from);
		ck_assert_int_eq(strcmp(device->state.reason, "on order") == 0, drawn);
	}
	ck_assert_uint_eq(adapter()->state, A(RUNNING));
	GOOD(client_destroy(&client, device->name));
}

START_TEST(E8_E10_a_device_is_lost_once_and_in_a_state_that_there_is)
{
	static const struct drawing drawing = DRAWING_OF(device_arrows, D(ERROR_DMAPAGEFAULT) + 1);

	go_everywhere(&drawing, try_device);
}
END_TEST

/* What a store says, and what becomes of it. */
static const struct {
	uint32_t stored, restored;
} rows[] = {
	{ D(ACTIVE), D(ACTIVE) },
	{ D(HUNG), D(HUNG) },
	{ D(ERROR_DMAPAGEFAULT), D(ERROR_DMAPAGEFAULT) },
	{ 0, D(RESET) },
	{ D(ERROR_DMAPAGEFAULT) + 1, D(RESET) },
	{ UINT32_MAX, D(RESET) },
};

START_TEST(E8_a_stored_state_that_there_is_not_is_a_lost_device)
{
	const struct penstock_device_row row = {
		.id = 1,
		.name = NAME(1),
		.execution_state = rows[_i].stored,
	};
	struct penstock_device *device;

	GOOD(penstock_device_restore(client.session, &row, &device));
	ck_assert_uint_eq(device->state.execution_state, rows[_i].restored);
	ck_assert_int_eq(penstock_device_lost(device), rows[_i].restored != D(ACTIVE));
}
END_TEST

/* ---------------------------------------------------------------- session */

#define S(state) PENSTOCK_SESSION_##state

static const struct arrow session_arrows[] = {
	{ S(NEW), S(CONNECTED) },     { S(NEW), S(WAITING) },     { S(NEW), S(ENDED) },
	{ S(CONNECTED), S(WAITING) }, { S(CONNECTED), S(ENDED) }, { S(WAITING), S(CONNECTED) },
	{ S(WAITING), S(ENDED) },
};

static const struct drawing session_drawing = DRAWING_OF(session_arrows, S(STATE_MAX));

START_TEST(E10_a_session_goes_along_arrows)
{
	struct penstock_session session = { .state = session_arrows[_i].from };

	penstock_session_move(&session, session_arrows[_i].to);
	ck_assert_uint_eq(session.state, session_arrows[_i].to);
}
END_TEST

#define SESSION_MOVES (S(STATE_MAX) * (S(STATE_MAX) + 1))

/* Of all moves the one of that number that is none. */
START_TEST(E10_a_session_that_leaves_its_drawing_ends_the_daemon)
{
	int left = _i;

	for (unsigned move = 0; move < SESSION_MOVES; move++) {
		struct penstock_session session = { .state = move / (S(STATE_MAX) + 1) };
		unsigned to = move % (S(STATE_MAX) + 1);

		if (!drawing_has(&session_drawing, session.state, to) && left-- == 0) {
			penstock_session_move(&session, to);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_states");
	TCase *tcase = tcase_create("states");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, E10_an_adapter_goes_along_arrows_only);
	tcase_add_test(tcase, E8_E10_a_device_is_lost_once_and_in_a_state_that_there_is);
	tcase_add_loop_test(tcase, E8_a_stored_state_that_there_is_not_is_a_lost_device, 0,
			    PENSTOCK_ARRAY_SIZE(rows));
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("sessions");
	tcase_add_loop_test(tcase, E10_a_session_goes_along_arrows, 0,
			    PENSTOCK_ARRAY_SIZE(session_arrows));
	tcase_add_loop_test_raise_signal(
		tcase, E10_a_session_that_leaves_its_drawing_ends_the_daemon, SIGABRT, 0,
		(int)(SESSION_MOVES - PENSTOCK_ARRAY_SIZE(session_arrows)));
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
