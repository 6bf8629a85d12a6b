/* SPDX-License-Identifier: MIT */
/* Guaranteed contexts, and translators that break the contract of Render. */
#include "daemon/objects/machine.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define FILL_BYTES  32u
#define PROMISED    NAME(6) /* a guaranteed context */
#define MULTIPASS   NAME(2)
#define DMA_BYTES   (256u << 10)
#define PATCHES     32768u
#define SHORT_FILLS 1000u /* rendered on the loop, and too much for a cached block */
#define LONG_FILLS  4000u /* by a worker */
#define MOST_FILLS  LONG_FILLS

static struct fixture fixture;
static struct client client;
static uint8_t command[MOST_FILLS * FILL_BYTES];
static bool no_heap;

/* The linker puts this in front of every malloc; small ones are left to libcheck. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return no_heap && size >= 1024 ? NULL : __real_malloc(size);
}

static enum penstock_status new_context(uint64_t name, uint32_t dma_bytes, uint32_t patches)
{
	const struct penstock_context_info info = {
		.name = name,
		.device = NAME(1),
		.flags = PENSTOCK_CONTEXT_GUARANTEED,
		.dma_buffer_bytes = dma_bytes,
		.allocation_list = 64,
		.patch_location_list = patches,
	};

	return penstock_create_context(client.session, ++client.serial, &info, &client.refusal);
}

static void set_up(void)
{
	no_heap = false;
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 3);
	GOOD(new_context(PROMISED, DMA_BYTES, PATCHES));
	for (uint32_t i = 0; i < MOST_FILLS; i++) {
		write_fill(command + (size_t)i * FILL_BYTES, 1);
	}
}

static void tear_down(void)
{
	no_heap = false;
	fixture_stop(&fixture);
	ck_assert_uint_eq(fake.promised_slots, 0);
}

static enum penstock_status submit_fills(uint64_t context, uint32_t fills, uint32_t flags,
					 uint32_t dma_bytes, struct answered *answered)
{
	const struct penstock_wire_allocation list[2] = {
		{ .name = 0 },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	const struct submit submit = {
		.context = context,
		.flags = flags,
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = fills * FILL_BYTES,
		.record = { .new_command_bytes = dma_bytes },
	};

	return client_submit(&client, &submit, answered);
}

static enum penstock_status fills(uint64_t context, uint32_t count)
{
	struct answered answered;

	return submit_fills(context, count, 0, 0, &answered);
}

static void finish(void)
{
	for (unsigned i = 0; i < 4; i++) {
		(void)fake_core_retire(UINT_MAX);
		turn(&fixture);
	}
}

/* ---------------------------------------------------------------- A8 */

START_TEST(A8_a_command_buffer_is_one_dma_buffer_or_invalid)
{
	GOOD(new_context(NAME(7), 4096, 64));
	GOOD(fills(NAME(7), 64));
	finish();
	REFUSED(fills(NAME(7), 65), INVALID_USER_BUFFER); /* patch locations */
	ck_assert(client.refusal.at_instruction);
	ck_assert_uint_eq(client.refusal.byte_offset, 64 * FILL_BYTES);
	ck_assert_str_eq(client.refusal.instruction, "fill");
	GOOD(new_context(NAME(8), 4096, PATCHES));
	REFUSED(fills(NAME(8), 129), LIMIT_EXCEEDED); /* longer than its command buffer */
	ck_assert_uint_eq(fake.submissions, 1);
	GOOD(fills(NAME(8), 128));
	finish();
	GOOD(fills(MULTIPASS, SHORT_FILLS)); /* others go on */
	finish();
}
END_TEST

START_TEST(A8_what_was_promised_is_there_when_memory_runs_out)
{
	uint32_t count = _i == 0 ? SHORT_FILLS : LONG_FILLS;
	struct answered answered;
	enum penstock_status status;

	no_heap = true;
	for (unsigned i = 0; i < 50; i++) {
		unsigned fences = client.fence_count, resumes = client.resumes;

		REFUSED(fills(MULTIPASS, SHORT_FILLS), NO_MEMORY);
		status = submit_fills(PROMISED, count, 0, 0, &answered);
		if (_i == 1) {
			ck_assert_int_eq(status, PENSTOCK_STATUS_PENDING);
			turn(&fixture);
			status = answered.status;
		}
		GOOD(status);
		/* Until it has ended the connection is not read: nothing fails meanwhile. */
		ck_assert(penstock_session_over_credit(client.session));
		finish();
		ck_assert_uint_eq(client.fence_count, fences + 1);
		GOOD(client.fences[fences].status);
		ck_assert_uint_eq(client.resumes, resumes + 1);
		ck_assert(!penstock_session_over_credit(client.session));
	}
}
END_TEST

START_TEST(A8_with_memory_nothing_waits_for_the_promise)
{
	for (unsigned i = 0; i < 50; i++) {
		GOOD(fills(PROMISED, SHORT_FILLS));
		ck_assert(!penstock_session_over_credit(client.session));
	}
	finish();
	GOOD(client.fences[0].status);
	ck_assert_uint_eq(client.fences[0].fence, client.serial);
}
END_TEST

START_TEST(A8_a_refused_submission_gives_its_promise_back)
{
	no_heap = true;
	write_fill(command + (SHORT_FILLS - 1) * FILL_BYTES, 9);
	for (unsigned i = 0; i < 3; i++) {
		REFUSED(fills(PROMISED, SHORT_FILLS), INVALID_HANDLE);
		ck_assert(!penstock_session_over_credit(client.session));
	}
	write_fill(command + (SHORT_FILLS - 1) * FILL_BYTES, 1);
	GOOD(fills(PROMISED, SHORT_FILLS));
	GOOD(client_destroy(&client, PROMISED)); /* in use: it goes with its last submission */
	finish();
	ck_assert(!penstock_session_over_credit(client.session));
	ck_assert_uint_eq(fake.promised_slots, 0);
}
END_TEST

START_TEST(A8_what_cannot_be_reserved_is_not_promised)
{
	unsigned made = 0;

	fake.no_slots = true;
	REFUSED(new_context(NAME(7), 0, 0), NO_MEMORY);
	fake.no_slots = false;
	/* The default sizes, as often as a principal may. */
	while (new_context(NAME(7 + made), 0, 0) == PENSTOCK_STATUS_SUCCESS) {
		made++;
		ck_assert_uint_lt(made, 100);
	}
	ck_assert_uint_ge(made, 8);
	REFUSED(new_context(NAME(7 + made), 0, 0), NO_MEMORY);
	GOOD(client_destroy(&client, NAME(7)));
	GOOD(new_context(NAME(7 + made), 0, 0));
	no_heap = true;
	REFUSED(new_context(NAME(8 + made), 4096, 64), NO_MEMORY);
}
END_TEST

static void expect_dma_bytes(uint32_t dma_bytes)
{
	struct penstock_context_state state;

	GOOD(penstock_query_context(client.session, ++client.serial, PROMISED, &state,
				    &client.refusal));
	ck_assert_uint_eq(state.dma_buffer_bytes, dma_bytes);
}

START_TEST(A16_a_guaranteed_context_is_resized_by_what_can_be_reserved)
{
	const uint32_t flags = PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER;
	struct answered answered;

	GOOD(submit_fills(PROMISED, 1, flags, DMA_BYTES * 2, &answered));
	expect_dma_bytes(DMA_BYTES * 2);
	fake.no_slots = true;
	GOOD(submit_fills(PROMISED, 1, flags, DMA_BYTES * 4, &answered));
	expect_dma_bytes(DMA_BYTES * 2); /* refused: the older promise holds */
	fake.no_slots = false;
	no_heap = true;
	GOOD(fills(PROMISED, SHORT_FILLS));
	ck_assert(penstock_session_over_credit(client.session));
	no_heap = false;
	/* While a submission uses the old one; the new one is there at once. */
	GOOD(submit_fills(PROMISED, 1, flags, DMA_BYTES, &answered));
	expect_dma_bytes(DMA_BYTES);
	ck_assert(!penstock_session_over_credit(client.session));
	no_heap = true;
	GOOD(fills(PROMISED, SHORT_FILLS));
	finish();
	GOOD(fills(PROMISED, SHORT_FILLS));
	finish();
	ck_assert_uint_eq(fake.promised_slots, 1);
}
END_TEST

/* ---------------------------------------------------------------- broken translators */

enum breach {
	BREACH_DMA,
	BREACH_LENGTH,
	BREACH_PATCH,
	BREACH_COUNT,
	BREACH_PRIVATE,
	BREACH_PRIVATE_END,
	BREACH_PRIVATE_START,
	BREACH_ROOM,
	BREACHES
};

static enum breach breach;
static unsigned good_calls; /* before it breaks the contract */

static enum penstock_status broken(struct penstock_render_args *args,
				   struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_render(args, ret_refusal);

	if (good_calls > 0) {
		good_calls--;
		return status;
	}
	switch (breach) {
	case BREACH_DMA:
		args->dma_buffer[args->dma_capacity] ^= 1;
		break;
	case BREACH_LENGTH:
		args->dma_length = args->dma_capacity + 4;
		break;
	case BREACH_PATCH:
		((uint8_t *)(args->patches_out + args->patch_capacity))[0] ^= 1;
		break;
	case BREACH_COUNT:
		args->patch_count = args->patch_capacity + 1;
		break;
	case BREACH_PRIVATE:
		args->private_data[args->private_capacity] ^= 1;
		break;
	case BREACH_PRIVATE_END:
		args->private_end = args->private_capacity + 1;
		break;
	case BREACH_PRIVATE_START:
		args->private_start = args->private_end + 1;
		break;
	case BREACH_ROOM:
	case BREACHES:
		return PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
	}
	return status;
}

static const char *const reports[BREACHES] = {
	[BREACH_DMA] = "0x10E/0x12: render overflowed its DMA buffer",
	[BREACH_LENGTH] = "0x10E/0x12: render overflowed its DMA buffer",
	[BREACH_PATCH] = "0x10E/0x12: render overflowed its patch-location list",
	[BREACH_COUNT] = "0x10E/0x12: render overflowed its patch-location list",
	[BREACH_PRIVATE] = "0x10E/0x13: render overflowed its private data",
	[BREACH_PRIVATE_END] = "0x10E/0x13: render overflowed its private data",
	[BREACH_PRIVATE_START] = "0x10E/0x13: render overflowed its private data",
	[BREACH_ROOM] = "0x10E/0x16: render found no room where its worst case fits",
};

static void expect_stopped(const char *why)
{
	struct penstock_adapter_view view;
	struct penstock_device_state state;

	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	penstock_observe_adapter(fixture.machine, 0, &view);
	ck_assert_str_eq(view.state, "failed");
	ck_assert_str_eq(view.failure, why);
	GOOD(penstock_query_device(client.session, ++client.serial, NAME(1), &state,
				   &client.refusal));
	ck_assert_uint_eq(state.execution_state, PENSTOCK_DEVICE_STOPPED);
	ck_assert_ptr_nonnull(strstr(state.reason, why));
	/* Whoever submits hears why, and the session is there for him. */
	REFUSED(fills(PROMISED, 1), DEVICE_REMOVED);
	ck_assert_uint_eq(fake.submissions, 0);
}

static void break_it(enum breach how, unsigned after)
{
	breach = how;
	good_calls = after;
	fixture.machine->adapters[0].config.translate = broken;
}

static void expect_stopped_by(enum breach how)
{
	break_it(how, 0);
	REFUSED(fills(PROMISED, SHORT_FILLS), DEVICE_REMOVED);
	ck_assert_str_eq(client.refusal.sentence, reports[how]);
	expect_stopped(reports[how]);
}

START_TEST(B14_a_translator_that_breaks_the_contract_stops_its_adapter)
{
	expect_stopped_by((enum breach)_i);
}
END_TEST

START_TEST(E10_0x10E_0x12_a_byte_behind_a_dma_buffer_stops_the_adapter)
{
	expect_stopped_by(BREACH_DMA);
}
END_TEST

START_TEST(E10_0x10E_0x13_a_byte_behind_private_data_stops_the_adapter)
{
	expect_stopped_by(BREACH_PRIVATE);
}
END_TEST

START_TEST(E10_0x10E_0x16_a_shortage_that_cannot_be_stops_the_adapter)
{
	expect_stopped_by(BREACH_ROOM);
}
END_TEST

START_TEST(B14_on_a_worker_too)
{
	struct answered answered;

	break_it((enum breach)_i, 0);
	ck_assert_int_eq(submit_fills(PROMISED, LONG_FILLS, 0, 0, &answered),
			 PENSTOCK_STATUS_PENDING);
	turn(&fixture);
	REFUSED(answered.status, DEVICE_REMOVED);
	expect_stopped(reports[_i]);
}
END_TEST

START_TEST(A8_a_translator_that_finds_no_room_stops_its_adapter)
{
	break_it(BREACH_ROOM, 0);
	REFUSED(fills(PROMISED, 1), DEVICE_REMOVED);
	expect_stopped(reports[BREACH_ROOM]);
}
END_TEST

static const enum breach in_a_chain[] = { BREACH_DMA, BREACH_PATCH, BREACH_PRIVATE };

START_TEST(B14_in_a_later_pass_it_ends_the_chain)
{
	const struct penstock_context_info info = { .name = NAME(7),
						    .device = NAME(1),
						    .dma_buffer_bytes = 4096 };
	struct penstock_adapter_view view;

	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
	break_it(in_a_chain[_i], 2);
	GOOD(fills(NAME(7), SHORT_FILLS));
	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	penstock_observe_adapter(fixture.machine, 0, &view);
	ck_assert_str_eq(view.failure, reports[in_a_chain[_i]]);
	ck_assert_uint_eq(client.fence_count, 1);
	ck_assert_int_eq(client.fences[0].status, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_promise");
	TCase *tcase = tcase_create("promise");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A8_a_command_buffer_is_one_dma_buffer_or_invalid);
	tcase_add_loop_test(tcase, A8_what_was_promised_is_there_when_memory_runs_out, 0, 2);
	tcase_add_test(tcase, A8_with_memory_nothing_waits_for_the_promise);
	tcase_add_test(tcase, A8_a_refused_submission_gives_its_promise_back);
	tcase_add_test(tcase, A8_what_cannot_be_reserved_is_not_promised);
	tcase_add_test(tcase, A16_a_guaranteed_context_is_resized_by_what_can_be_reserved);
	tcase_add_loop_test(tcase, B14_a_translator_that_breaks_the_contract_stops_its_adapter, 0,
			    BREACHES);
	tcase_add_loop_test(tcase, B14_on_a_worker_too, 0, BREACHES);
	tcase_add_test(tcase, E10_0x10E_0x12_a_byte_behind_a_dma_buffer_stops_the_adapter);
	tcase_add_test(tcase, E10_0x10E_0x13_a_byte_behind_private_data_stops_the_adapter);
	tcase_add_test(tcase, E10_0x10E_0x16_a_shortage_that_cannot_be_stops_the_adapter);
	tcase_add_test(tcase, A8_a_translator_that_finds_no_room_stops_its_adapter);
	tcase_add_loop_test(tcase, B14_in_a_later_pass_it_ends_the_chain, 0,
			    PENSTOCK_ARRAY_SIZE(in_a_chain));
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
