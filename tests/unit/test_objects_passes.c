/* SPDX-License-Identifier: MIT */
/* Multipass: submissions whose command buffer one DMA buffer of their context does not hold. */
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define FILL_BYTES     32u
#define FILL_DMA_BYTES 24u
#define PASS_BYTES     4096u
#define PASS_FILLS     (PASS_BYTES / FILL_DMA_BYTES)
/* The last of six passes is not full. */
#define FILLS       (PASS_FILLS * 5 + 17)
#define PASSES      6u
#define COMMAND     (FILLS * FILL_BYTES)
#define SMALL       NAME(6) /* a context of PASS_BYTES */
#define MANY_FILLS  ((256u << 10) / FILL_BYTES)
#define WORKER_PASS (64u << 10)

static struct fixture fixture;
static struct client client;
static uint64_t third; /* element 3 of every list */
static uint8_t command[MANY_FILLS * FILL_BYTES];

static void new_context(uint64_t name, uint32_t dma_bytes, uint32_t patches)
{
	const struct penstock_context_info info = {
		.name = name,
		.device = NAME(1),
		.dma_buffer_bytes = dma_bytes,
		.patch_location_list = patches,
	};

	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
}

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 3); /* allocations 3, 4, 5 */
	new_context(SMALL, PASS_BYTES, 0);
	third = NAME(5);
	for (uint32_t i = 0; i < MANY_FILLS; i++) {
		uint8_t *fill = command + (size_t)i * FILL_BYTES;

		write_fill(fill, 1 + i % 2);
		penstock_store64(fill + 8, i * 4u % 2048u);
		penstock_store32(fill + 24, i);
	}
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static enum penstock_status submit_fills(uint64_t context, uint32_t fills, uint32_t flags,
					 struct answered *answered)
{
	const struct penstock_wire_allocation list[4] = {
		{ .name = 0 },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
		{ .name = NAME(4), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
		{ .name = third, .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	const struct submit submit = {
		.context = context,
		.flags = flags,
		.list = list,
		.list_count = 4,
		.command = command,
		.command_bytes = fills * FILL_BYTES,
	};

	return client_submit(&client, &submit, answered);
}

static enum penstock_status submit_chain(uint32_t flags)
{
	struct answered answered;

	return submit_fills(SMALL, FILLS, flags, &answered);
}

static unsigned on_hardware(void)
{
	unsigned count = 0;

	penstock_list_for_each (link, &fake.hardware) {
		count++;
	}
	return count;
}

static const struct penstock_submission *oldest(void)
{
	return penstock_list_entry(penstock_list_first(&fake.hardware), struct penstock_submission,
				   queue_link);
}

/* Executes everything, oldest first; what the DMA buffers held, one behind the other. */
struct executed {
	uint8_t dma[MANY_FILLS * FILL_DMA_BYTES];
	uint32_t dma_bytes;
	unsigned passes;
	unsigned most;
};

static struct executed executed;

static void execute_one(void)
{
	const struct penstock_submission *submission = oldest();
	const struct penstock_render_args *args = &submission->args;

	executed.most = on_hardware() > executed.most ? on_hardware() : executed.most;
	ck_assert_uint_le(executed.dma_bytes + args->dma_length, sizeof(executed.dma));
	memcpy(executed.dma + executed.dma_bytes, args->dma_buffer, args->dma_length);
	/* Each is complete: its patch list names every address in it, by its own offsets. */
	ck_assert_uint_eq(args->dma_length % FILL_DMA_BYTES, 0);
	ck_assert_uint_eq(args->patch_count, args->dma_length / FILL_DMA_BYTES);
	for (uint32_t i = 0; i < args->patch_count; i++) {
		ck_assert_uint_eq(args->patches_out[i].split_offset, i * FILL_DMA_BYTES);
	}
	executed.dma_bytes += args->dma_length;
	executed.passes++;
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
}

static void execute(void)
{
	executed = (struct executed){ .passes = 0 };
	while (on_hardware() > 0) {
		execute_one();
	}
}

static void expect_fence(uint64_t context, enum penstock_status status)
{
	ck_assert_uint_eq(client.fence_count, 1);
	ck_assert_uint_eq(client.fences[0].context, context);
	ck_assert_int_eq(client.fences[0].status, status);
	client.fence_count = 0;
}

static struct penstock_context_view seen_context;

static void take_view(void *owner, const struct penstock_context_view *view)
{
	if (view->name == *(uint64_t *)owner) {
		seen_context = *view;
	}
}

static const struct penstock_context_view *view_of(uint64_t name)
{
	penstock_observe_contexts(fixture.machine, take_view, &name);
	return &seen_context;
}

/* ---------------------------------------------------------------- A9: one submission */

START_TEST(A9_a_chain_is_one_submission_with_the_last_pass_as_its_fence)
{
	static uint8_t whole[FILLS * FILL_DMA_BYTES];
	struct answered answered;
	uint64_t serial;

	fake.segment_id = 1;
	GOOD(submit_fills(NAME(2), FILLS, 0, &answered));
	execute();
	ck_assert_uint_eq(executed.passes, 1);
	ck_assert_uint_eq(executed.dma_bytes, sizeof(whole));
	memcpy(whole, executed.dma, sizeof(whole));
	expect_fence(NAME(2), PENSTOCK_STATUS_SUCCESS);
	GOOD(submit_chain(0));
	serial = client.serial;
	/* What the client does to its bytes afterwards has no effect. */
	memset(command, 0xff, sizeof(command));
	for (unsigned pass = 1; pass < PASSES; pass++) {
		ck_assert_uint_eq(view_of(SMALL)->queued, 1);
		ck_assert_uint_eq(fake_core_retire(0), 0);
		ck_assert_uint_eq(client.fence_count, 0);
		if (pass == 1) {
			executed = (struct executed){ .passes = 0 };
		}
		execute_one();
	}
	execute_one();
	ck_assert_uint_eq(executed.passes, PASSES);
	ck_assert_uint_eq(executed.dma_bytes, sizeof(whole));
	ck_assert_mem_eq(executed.dma, whole, sizeof(whole));
	/* A few passes exist at once, not all. */
	ck_assert_uint_eq(executed.most, 3);
	expect_fence(SMALL, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(view_of(SMALL)->completed_fence, serial);
	ck_assert_uint_eq(view_of(SMALL)->queued, 0);
	ck_assert_uint_eq(view_of(SMALL)->submitted, 1);
	ck_assert_uint_eq(view_of(SMALL)->dma_buffers, PASSES);
	ck_assert_uint_eq(view_of(SMALL)->dma_bytes, sizeof(whole));
	ck_assert_uint_eq(view_of(SMALL)->patch_locations, FILLS);
}
END_TEST

START_TEST(A9_patch_entries_are_a_reason_for_another_pass)
{
	struct answered answered;

	new_context(NAME(7), 1u << 20, 64);
	GOOD(submit_fills(NAME(7), FILLS, 0, &answered));
	execute();
	ck_assert_uint_eq(executed.passes, (FILLS + 63) / 64);
	ck_assert_uint_eq(executed.dma_bytes, FILLS * FILL_DMA_BYTES);
	expect_fence(NAME(7), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A9_a_pass_is_patched_where_its_allocations_moved_meanwhile)
{
	uint64_t address;

	fake.segment_id = 1;
	GOOD(submit_chain(0));
	executed = (struct executed){ .passes = 0 };
	for (unsigned pass = 0; pass < PASSES; pass++) {
		fake.base += 1u << 20;
		address = penstock_load64(oldest()->args.dma_buffer + 8);
		ck_assert_uint_ge(address, pass < 3 ? 0 : fake.base - (3u << 20));
		execute_one();
	}
	expect_fence(SMALL, PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_gt(view_of(SMALL)->patched, 0);
}
END_TEST

START_TEST(A9_what_comes_behind_a_chain_waits_for_its_last_pass)
{
	unsigned retired = 0;

	GOOD(submit_chain(0));
	GOOD(client_fill(&client, SMALL, NAME(3)));
	while (oldest()->pass + 1 < PASSES) {
		ck_assert_uint_eq(fake_core_retire(1), 1);
		retired++;
		turn(&fixture);
		ck_assert_uint_eq(client.fence_count, 0);
	}
	ck_assert_uint_eq(retired, PASSES - 1);
	ck_assert_uint_eq(on_hardware(), 2);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	ck_assert_uint_eq(client.fences[0].fence, client.serial - 1);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 2);
	ck_assert_uint_eq(client.fences[1].fence, client.serial);
}
END_TEST

START_TEST(A9_a_read_back_waits_for_the_whole_chain)
{
	struct answered answered;

	GOOD(submit_chain(0));
	ck_assert_int_eq(client_read_back(&client, NAME(3), 0, 16, &answered),
			 PENSTOCK_STATUS_PENDING);
	for (unsigned pass = 0; pass < PASSES; pass++) {
		ck_assert_uint_eq(answered.times, 0);
		execute_one();
	}
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	GOOD(answered.status);
	penstock_read_back_end(&answered.request);
}
END_TEST

static void see_pass(void *owner, const struct penstock_dump_view *view)
{
	*(struct penstock_dump_view *)owner = *view;
}

START_TEST(A9_a_dump_shows_the_latest_pass_of_a_chain)
{
	struct penstock_dump_view view;

	GOOD(submit_chain(0));
	GOOD(penstock_observe_submission(fixture.machine, view_of(SMALL)->id, see_pass, &view));
	ck_assert_uint_eq(view.pass, 2);
	ck_assert_uint_eq(view.dma_bytes, PASS_FILLS * FILL_DMA_BYTES);
	execute();
	GOOD(penstock_observe_submission(fixture.machine, view_of(SMALL)->id, see_pass, &view));
	ck_assert_uint_eq(view.pass, PASSES - 1);
	ck_assert_uint_eq(view.dma_bytes, 17 * FILL_DMA_BYTES);
	ck_assert_uint_eq(view.patch_count, 17);
	ck_assert_uint_eq(view.serial, client.serial);
}
END_TEST

START_TEST(A9_long_passes_are_rendered_by_a_worker_while_the_last_one_executes)
{
	struct answered answered;

	new_context(NAME(7), WORKER_PASS, 0);
	fake.worker_later = true;
	ck_assert_int_eq(submit_fills(NAME(7), MANY_FILLS, 0, &answered), PENSTOCK_STATUS_PENDING);
	ck_assert_uint_eq(on_hardware(), 0);
	ck_assert_uint_eq(fake_core_work(1), 1);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	GOOD(answered.status);
	ck_assert_uint_eq(on_hardware(), 1);
	ck_assert_uint_eq(fake_core_work(1), 1); /* while pass 0 executes */
	ck_assert_uint_eq(on_hardware(), 2);
	executed = (struct executed){ .passes = 0 };
	while (on_hardware() > 0) {
		execute_one();
		(void)fake_core_work(UINT_MAX);
	}
	ck_assert_uint_eq(executed.dma_bytes, MANY_FILLS * FILL_DMA_BYTES);
	ck_assert_uint_gt(executed.passes, 2);
	expect_fence(NAME(7), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* ---------------------------------------------------------------- A9: all or nothing */

/* Instructions 0, in the middle of a pass, where one begins, and the last. */
static const uint32_t bad_ones[] = { 0, 100, PASS_FILLS, PASS_FILLS * 3 + 5, FILLS - 1 };

START_TEST(A9_a_chain_that_is_refused_leaves_no_side_effect)
{
	uint32_t bad = bad_ones[_i];

	write_fill(command + (size_t)bad * FILL_BYTES, 9);
	REFUSED(submit_chain(0), INVALID_HANDLE);
	ck_assert(client.refusal.at_instruction);
	ck_assert_uint_eq(client.refusal.byte_offset, bad * FILL_BYTES);
	ck_assert_uint_eq(fake.submissions, 0);
	ck_assert_uint_eq(view_of(SMALL)->queued, 0);
	ck_assert_uint_eq(view_of(SMALL)->dma_buffers, 0);
	write_fill(command + (size_t)bad * FILL_BYTES, 1);
	GOOD(submit_chain(0));
	execute();
	ck_assert_uint_eq(executed.passes, PASSES);
	expect_fence(SMALL, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* An update of so many bytes, of element 3. */
static void put_update(uint32_t at, uint32_t bytes)
{
	const struct penstock_instruction *update =
		penstock_instruction_get(PENSTOCK_INSTRUCTION_UPDATE);

	memset(command + at, 0, bytes);
	penstock_store32(command + at, penstock_instruction_header(update->layout.opcode, bytes));
	penstock_store16(command + at + 4, 3);
}

START_TEST(A9_an_instruction_that_fits_no_empty_buffer_is_refused_at_its_byte)
{
	const uint32_t at = FILLS / 2 * FILL_BYTES;
	struct answered answered;

	third = NAME(7);
	GOOD(client_allocation(&client, third, NAME(1), 2 * PASS_BYTES, &answered));
	put_update(at, PASS_BYTES + FILL_BYTES);
	REFUSED(submit_chain(0), INVALID_USER_BUFFER);
	ck_assert(client.refusal.at_instruction);
	ck_assert_uint_eq(client.refusal.byte_offset, at);
	ck_assert_uint_eq(fake.submissions, 0);
	put_update(at, PASS_BYTES); /* exactly a DMA buffer */
	put_update(at + PASS_BYTES, FILL_BYTES);
	GOOD(submit_chain(0));
	while (on_hardware() > 0) {
		ck_assert_uint_eq(fake_core_retire(1), 1);
		turn(&fixture);
	}
	expect_fence(SMALL, PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(A9_a_chain_whose_predecessor_fails_late_runs_no_pass)
{
	struct answered answered;

	fake.worker_later = true;
	write_fill(command + (size_t)(MANY_FILLS - 1) * FILL_BYTES, 9);
	ck_assert_int_eq(submit_fills(SMALL, MANY_FILLS, 0, &answered), PENSTOCK_STATUS_PENDING);
	GOOD(submit_chain(PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN));
	ck_assert_uint_eq(fake_core_work(1), 1);
	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	REFUSED(answered.status, INVALID_HANDLE);
	ck_assert_uint_eq(fake.submissions, 0);
	expect_fence(SMALL, PENSTOCK_STATUS_PREDECESSOR_FAILED);
}
END_TEST

START_TEST(A9_what_asks_for_a_chain_runs_when_its_last_pass_did)
{
	GOOD(submit_chain(0));
	GOOD(client_fill_flags(&client, SMALL, NAME(3), PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN));
	for (unsigned pass = 0; pass < PASSES - 2; pass++) {
		ck_assert_uint_le(fake.submissions, PASSES - 1);
		execute_one();
	}
	ck_assert_uint_eq(fake.submissions, PASSES + 1);
	execute();
	ck_assert_uint_eq(client.fence_count, 2);
	GOOD(client.fences[0].status);
	GOOD(client.fences[1].status);
}
END_TEST

START_TEST(A9_a_fault_in_the_middle_ends_the_chain_once)
{
	const struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED,
		.fault_address = 0x123456789,
	};

	GOOD(submit_chain(0));
	execute_one();
	fake_core_fault(&interrupt, "a fault of the test");
	turn(&fixture);
	(void)fake_core_retire(UINT_MAX);
	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	ck_assert_uint_eq(on_hardware(), 0);
	ck_assert_uint_eq(fake.submissions, 3);
	expect_fence(SMALL, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_uint_eq(view_of(SMALL)->queued, 0);
}
END_TEST

START_TEST(A9_an_adapter_that_stops_ends_the_chain)
{
	GOOD(submit_chain(0));
	execute_one();
	fake_core_fail("a defect of the test");
	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	expect_fence(SMALL, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

/* The daemon's memory is looked at by tear_down, and by the sanitizers. */
START_TEST(A9_a_client_that_is_gone_leaves_nothing_of_its_chain)
{
	struct answered answered;

	if (_i == 1) {
		new_context(NAME(7), WORKER_PASS, 0);
		fake.worker_later = true;
		ck_assert_int_eq(submit_fills(NAME(7), MANY_FILLS, 0, &answered),
				 PENSTOCK_STATUS_PENDING);
		ck_assert_uint_eq(fake_core_work(1), 1);
		turn(&fixture);
	} else {
		GOOD(submit_chain(0));
		execute_one();
	}
	client_disconnect(&client);
	(void)fake_core_work(UINT_MAX);
	turn(&fixture);
	(void)fake_core_retire(UINT_MAX);
	for (unsigned i = 0; i < 4; i++) {
		turn(&fixture);
	}
	ck_assert_uint_eq(on_hardware(), 0);
	ck_assert(penstock_machine_idle(fixture.machine));
	ck_assert_uint_eq(fake.allocations, 0);
}
END_TEST

START_TEST(A9_a_destroyed_context_runs_its_chain_to_the_end)
{
	GOOD(submit_chain(0));
	GOOD(client_destroy(&client, SMALL));
	execute();
	ck_assert_uint_eq(executed.passes, PASSES);
	turn(&fixture);
	ck_assert(penstock_machine_idle(fixture.machine));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_passes");
	TCase *tcase = tcase_create("passes");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A9_a_chain_is_one_submission_with_the_last_pass_as_its_fence);
	tcase_add_test(tcase, A9_patch_entries_are_a_reason_for_another_pass);
	tcase_add_test(tcase, A9_a_pass_is_patched_where_its_allocations_moved_meanwhile);
	tcase_add_test(tcase, A9_what_comes_behind_a_chain_waits_for_its_last_pass);
	tcase_add_test(tcase, A9_a_read_back_waits_for_the_whole_chain);
	tcase_add_test(tcase, A9_a_dump_shows_the_latest_pass_of_a_chain);
	tcase_add_test(tcase, A9_long_passes_are_rendered_by_a_worker_while_the_last_one_executes);
	tcase_add_loop_test(tcase, A9_a_chain_that_is_refused_leaves_no_side_effect, 0,
			    PENSTOCK_ARRAY_SIZE(bad_ones));
	tcase_add_test(tcase, A9_an_instruction_that_fits_no_empty_buffer_is_refused_at_its_byte);
	tcase_add_test(tcase, A9_a_chain_whose_predecessor_fails_late_runs_no_pass);
	tcase_add_test(tcase, A9_what_asks_for_a_chain_runs_when_its_last_pass_did);
	tcase_add_test(tcase, A9_a_fault_in_the_middle_ends_the_chain_once);
	tcase_add_test(tcase, A9_an_adapter_that_stops_ends_the_chain);
	tcase_add_loop_test(tcase, A9_a_client_that_is_gone_leaves_nothing_of_its_chain, 0, 2);
	tcase_add_test(tcase, A9_a_destroyed_context_runs_its_chain_to_the_end);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
