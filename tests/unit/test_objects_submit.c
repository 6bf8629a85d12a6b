/* SPDX-License-Identifier: MIT */
#include "daemon/objects/machine.h"
#include "daemon/objects/device.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client client;

static void set_up(void)
{
	fixture_start(&fixture, false);
	ck_assert_int_eq(client_connect(&fixture, &client, "uid:1", 0), PENSTOCK_STATUS_SUCCESS);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

/* ---------------------------------------------------------------- A4 */

struct seen {
	unsigned calls;
	uint32_t count;
	struct penstock_element_view elements[8];
	uint32_t patch_count;
	uint32_t dma_bytes;
	uint32_t patched;
	uint64_t before;
	uint64_t after;
	uint64_t dma_before;
	uint64_t dma_after;
};

static void see(void *owner, const struct penstock_dump_view *view)
{
	struct seen *seen = owner;

	seen->calls++;
	seen->count = view->element_count;
	ck_assert_uint_le(view->element_count, 8);
	memcpy(seen->elements, view->elements, view->element_count * sizeof(seen->elements[0]));
	seen->patch_count = view->patch_count;
	seen->dma_bytes = view->dma_bytes;
	seen->patched = view->patched;
	if (view->patch_count > 0) {
		uint32_t at = view->patches[0].patch_offset;

		seen->before = view->values_before[0];
		seen->after = view->values_after[0];
		seen->dma_before = penstock_load64(view->dma_before + at);
		seen->dma_after = penstock_load64(view->dma_after + at);
	}
}

static uint64_t only_context;

static void take_id(void *owner, const struct penstock_context_view *view)
{
	(void)owner;
	only_context = view->id;
}

static struct seen look(void)
{
	struct seen seen = { .calls = 0 };

	penstock_observe_contexts(fixture.machine, take_id, NULL);
	GOOD(penstock_observe_submission(fixture.machine, only_context, see, &seen));
	ck_assert_uint_eq(seen.calls, 1);
	return seen;
}

static void check_list(const struct seen *seen)
{
	static const bool write[5] = { false, true, false, true, false };

	ck_assert_uint_eq(seen->count, 5);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(seen->elements[i].index, i);
		ck_assert_int_eq(seen->elements[i].write_operation, write[i]);
	}
	ck_assert_uint_eq(seen->elements[0].allocation, 0);
	ck_assert_uint_ne(seen->elements[1].allocation, 0);
	ck_assert_uint_eq(seen->elements[1].allocation, seen->elements[2].allocation);
	ck_assert_uint_ne(seen->elements[3].allocation, seen->elements[1].allocation);
	ck_assert_uint_eq(seen->elements[4].size_bytes, 4096);
}

START_TEST(A4_index_and_write_operation_are_kept)
{
	struct penstock_wire_allocation list[5] = {
		{ .name = 0 },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
		{ .name = NAME(3) },
		{ .name = NAME(4),
		  .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION |
			   PENSTOCK_ALLOCATION_DO_NOT_RETIRE_INSTANCE },
		{ .name = NAME(5) },
	};
	uint8_t command[32];
	struct submit submit = {
		.context = NAME(2),
		.list = list,
		.list_count = 5,
		.command = command,
		.command_bytes = 32,
	};
	struct answered answered;
	struct seen seen;

	client_set_up(&client, 3);
	write_fill(command, 3);
	GOOD(client_submit(&client, &submit, &answered));
	/* What the client does to its request afterwards has no effect. */
	memset(list, 0xff, sizeof(list));
	memset(command, 0xff, sizeof(command));
	seen = look();
	check_list(&seen);
	fake_core_retire(1);
	turn(&fixture);
	seen = look();
	check_list(&seen);
}
END_TEST

START_TEST(A4_reserved_bits_and_fields_are_refused)
{
	struct penstock_wire_allocation list[1] = { { .name = NAME(3), .flags = 4 } };
	struct submit submit = { .context = NAME(2), .list = list, .list_count = 1 };
	struct answered answered;

	client_set_up(&client, 1);
	REFUSED(client_submit(&client, &submit, &answered), INVALID_PARAMETER);
	list[0] = (struct penstock_wire_allocation){ .name = NAME(3), .reserved = 1 };
	REFUSED(client_submit(&client, &submit, &answered), INVALID_PARAMETER);
	list[0] = (struct penstock_wire_allocation){ .name = NAME(3) };
	submit.record.reserved = 1;
	REFUSED(client_submit(&client, &submit, &answered), INVALID_PARAMETER);
	submit.record.reserved = 0;
	submit.flags = 0x10;
	REFUSED(client_submit(&client, &submit, &answered), INVALID_PARAMETER);
	submit.flags = PENSTOCK_SUBMIT_RENDER_KM;
	REFUSED(client_submit(&client, &submit, &answered), INVALID_PARAMETER);
	submit.flags = 0;
	submit.record.command_offset = 4;
	REFUSED(client_submit(&client, &submit, &answered), INVALID_PARAMETER);
	submit.record.command_offset = 0;
	GOOD(client_submit(&client, &submit, &answered));
}
END_TEST

START_TEST(A11_a_dump_shows_the_patch_before_and_after)
{
	struct seen seen;

	client_set_up(&client, 1);
	fake.segment_id = 1;
	GOOD(client_fill(&client, 0, NAME(3)));
	seen = look();
	ck_assert_uint_eq(seen.patch_count, 1);
	ck_assert_uint_eq(seen.before, 0);
	ck_assert_uint_ne(seen.after, 0);
	ck_assert_uint_eq(seen.patched, 1);
	ck_assert_uint_eq(seen.dma_before, 0);
	ck_assert_uint_eq(seen.dma_after, seen.after);
	fake_core_retire(1);
	turn(&fixture);
	/* Nothing moved: pre-patched, nothing is patched. */
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(1);
	turn(&fixture);
	seen = look();
	ck_assert_uint_eq(seen.before, seen.after);
	ck_assert_uint_eq(seen.patched, 0);
	ck_assert_uint_gt(seen.dma_bytes, 0);
	/* It moves between render and patch. */
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(1);
	fake.base += 1u << 20;
	GOOD(client_fill(&client, 0, NAME(3)));
	fake_core_retire(1);
	turn(&fixture);
	seen = look();
	ck_assert_uint_eq(seen.before, seen.after);
}
END_TEST

START_TEST(A11_a_slot_that_goes_out_of_use_has_no_site)
{
	const struct penstock_instruction *copy =
		penstock_instruction_get(PENSTOCK_INSTRUCTION_COPY);
	const struct penstock_wire_allocation list[2] = {
		{ .name = NAME(4) },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	uint8_t command[64] = { 0 };
	struct submit submit = {
		.context = NAME(2),
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = sizeof(command),
	};
	struct answered answered;
	struct seen seen;

	client_set_up(&client, 2);
	fake.segment_id = 1;
	penstock_store32(command, penstock_instruction_header(copy->layout.opcode, 32));
	penstock_store16(command + 6, 1);
	penstock_store64(command + 24, 16);
	write_fill(command + 32, 1);
	GOOD(client_submit(&client, &submit, &answered));
	seen = look();
	ck_assert_uint_eq(seen.patch_count, 4); /* two of the copy, the fill's, and a NULL one */
	ck_assert_uint_eq(seen.patched, 3);
	fake_core_retire(1);
	turn(&fixture);
	seen = look();
	ck_assert_uint_eq(seen.patched, 3);
	ck_assert_uint_eq(seen.dma_before, 0);
}
END_TEST

/* ---------------------------------------------------------------- A7 */

static enum penstock_status submit_bytes(const uint8_t *command, uint32_t size)
{
	const struct penstock_wire_allocation list[2] = {
		{ .name = 0 }, { .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION }
	};
	struct submit submit = {
		.context = NAME(2),
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = size,
	};
	struct answered answered;

	return client_submit(&client, &submit, &answered);
}

static void next_one_works(void)
{
	struct penstock_device_state state;
	unsigned before = client.fence_count;

	GOOD(client_fill(&client, 0, NAME(3)));
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 1);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, before + 1);
	ck_assert_uint_eq(client.fences[before].fence, client.serial);
	GOOD(client.fences[before].status);
	GOOD(penstock_query_device(client.session, ++client.serial, NAME(1), &state,
				   &client.refusal));
	ck_assert_uint_eq(state.execution_state, PENSTOCK_DEVICE_ACTIVE);
}

START_TEST(A7_after_every_refusal_the_next_submission_works)
{
	uint8_t command[64];

	client_set_up(&client, 1);
	next_one_works();
	memset(command, 0, sizeof(command));
	penstock_store32(command, penstock_instruction_header(0x3fff, 4));
	REFUSED(submit_bytes(command, 4), ILLEGAL_INSTRUCTION);
	ck_assert(client.refusal.at_instruction);
	next_one_works();
	for (unsigned id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction =
			penstock_instruction_get((enum penstock_instruction_id)id);

		if (instruction->privilege == PENSTOCK_PRIVILEGED &&
		    instruction->layout.bytes <= 64) {
			memset(command, 0, sizeof(command));
			penstock_store32(command,
					 penstock_instruction_header(instruction->layout.opcode,
								     instruction->layout.bytes));
			REFUSED(submit_bytes(command, instruction->layout.bytes),
				PRIVILEGED_INSTRUCTION);
			next_one_works();
			break;
		}
	}
	write_fill(command, 1);
	REFUSED(submit_bytes(command, 28), INVALID_USER_BUFFER);
	next_one_works();
	penstock_store64(command + 16, 1ull << 40);
	REFUSED(submit_bytes(command, 32), INVALID_PARAMETER);
	next_one_works();
	write_fill(command, 7);
	REFUSED(submit_bytes(command, 32), INVALID_HANDLE);
	next_one_works();
	write_fill(command, 0);
	REFUSED(submit_bytes(command, 32), INVALID_HANDLE);
	next_one_works();
}
END_TEST

START_TEST(A7_only_a_gpu_exception_loses_the_device)
{
	const struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED,
		.node_ordinal = 0,
		.fault_address = 0x123456789,
		.fault_dma_offset = 24,
	};
	struct penstock_device_state state;
	struct answered answered;

	client_set_up(&client, 1);
	GOOD(client_device(&client, NAME(4)));
	GOOD(client_context(&client, NAME(5), NAME(4)));
	GOOD(client_allocation(&client, NAME(6), NAME(4), 4096, &answered));
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	GOOD(client_fill(&client, NAME(5), NAME(6)));
	fake_core_fault(&interrupt, "page fault at 0x123456789");
	REFUSED(client_fill(&client, NAME(2), NAME(3)), DEVICE_REMOVED);
	REFUSED(client_context(&client, NAME(7), NAME(1)), DEVICE_REMOVED);
	REFUSED(client_read_back(&client, NAME(3), 0, 1, &answered), DEVICE_REMOVED);
	GOOD(penstock_query_device(client.session, ++client.serial, NAME(1), &state,
				   &client.refusal));
	ck_assert_uint_eq(state.execution_state, PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT);
	ck_assert_uint_eq(state.fault_address, 0x123456789);
	ck_assert_uint_eq(state.fault_dma_offset, 24);
	ck_assert_str_eq(state.reason, "page fault at 0x123456789");
	/* The other device does not notice. */
	GOOD(client_fill(&client, NAME(5), NAME(6)));
	fake_core_retire(UINT_MAX);
	turn(&fixture);
	GOOD(client_destroy(&client, NAME(1)));
	GOOD(client_device(&client, NAME_OF(1, 1)));
}
END_TEST

START_TEST(a_lost_device_cancels_what_is_queued_and_tells_it_in_order)
{
	const struct penstock_interrupt interrupt = { .type = PENSTOCK_INTERRUPT_DMA_FAULTED };
	struct answered answered;
	uint8_t *destination;

	client_set_up(&client, 2);
	GOOD(client_fill(&client, 0, NAME(3)));
	/* The upload is staged, so the last two wait in the queue. */
	GOOD(client_upload_begin(&client, NAME(3), 0, 4, &answered, &destination));
	memset(destination, 1, 4);
	REFUSED(penstock_upload_end(&answered.request, false), PENDING);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_fill(&client, 0, NAME(4)));
	ck_assert_uint_eq(fake.submissions, 1);
	fake_core_fault(&interrupt, "illegal instruction");
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 2);
	ck_assert_int_eq(client.fences[0].status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_int_eq(client.fences[1].status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_uint_eq(client.fences[1].fence, client.serial);
	ck_assert_uint_eq(answered.times, 1);
}
END_TEST

START_TEST(E10_0x10E_0x33_a_device_destroyed_with_openings_stops_the_adapter)
{
	struct penstock_adapter_view view;
	struct penstock_device *device;
	uint32_t references;

	client_set_up(&client, 1);
	device = penstock_list_entry(penstock_list_first(&client.session->devices),
				     struct penstock_device, link);
	references = device->references;
	device->references = 1;
	penstock_device_put(device);
	ck_assert_uint_eq(device->references, 1);
	device->references = references;
	penstock_observe_adapter(fixture.machine, 0, &view);
	ck_assert_str_eq(view.state, "failed");
	ck_assert_ptr_eq(strstr(view.failure, "0x10E/0x33: "), view.failure);
	ck_assert_uint_eq(view.devices_lost, 1);
	REFUSED(client_device(&client, NAME(9)), DEVICE_REMOVED);
	ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "0x10E/0x33: "));
	turn(&fixture);
}
END_TEST

START_TEST(fences_of_one_turn_are_one_event_a_context)
{
	client_set_up(&client, 1);
	GOOD(client_context(&client, NAME(4), NAME(1)));
	for (unsigned i = 0; i < 100; i++) {
		GOOD(client_fill(&client, i % 2 == 0 ? NAME(2) : NAME(4), NAME(3)));
	}
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 100);
	ck_assert_uint_eq(client.fence_count, 0);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 2);
	ck_assert_uint_eq(client.fences[0].context, NAME(2));
	ck_assert_uint_eq(client.fences[0].fence, client.serial - 1);
	ck_assert_uint_eq(client.fences[1].fence, client.serial);
}
END_TEST

START_TEST(a_serial_out_of_order_is_refused_and_changes_nothing)
{
	REFUSED(penstock_create_device(client.session, 2, NAME(1), 0, 0, &client.refusal),
		WRONG_SERIAL);
	REFUSED(penstock_sync(client.session, 0), WRONG_SERIAL);
	GOOD(penstock_sync(client.session, 1));
	REFUSED(penstock_sync(client.session, 1), WRONG_SERIAL);
	GOOD(penstock_create_device(client.session, 2, NAME(1), 0, 0, &client.refusal));
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 2);
}
END_TEST

/* ---------------------------------------------------------------- predecessors */

START_TEST(if_predecessor_ran_waits_for_it_and_falls_with_it)
{
	const uint32_t flag = PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN;
	uint8_t bad[4] = { 0xff, 0x3f, 1, 0 };
	struct answered answered;
	struct submit refused = { .context = NAME(2), .command = bad, .command_bytes = 4 };

	client_set_up(&client, 1);
	/* There was none: nothing that did not run. */
	GOOD(client_fill_flags(&client, 0, NAME(3), flag));
	GOOD(client_fill_flags(&client, 0, NAME(3), flag));
	ck_assert_uint_eq(fake.submissions, 2);
	REFUSED(client_submit(&client, &refused, &answered), ILLEGAL_INSTRUCTION);
	REFUSED(client_fill_flags(&client, 0, NAME(3), flag), PREDECESSOR_FAILED);
	REFUSED(client_fill_flags(&client, 0, NAME(3), flag), PREDECESSOR_FAILED);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_fill_flags(&client, 0, NAME(3), flag));
	ck_assert_uint_eq(fake.submissions, 4);
	fake_core_retire(UINT_MAX);
	turn(&fixture);
	GOOD(client_fill_flags(&client, 0, NAME(3), flag));
}
END_TEST

START_TEST(if_predecessor_ran_is_told_by_the_fence_when_it_is_known_late)
{
	const uint32_t flag = PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN;
	struct answered answered;

	client_set_up(&client, 1);
	fake.reserve_later = true;
	REFUSED(client_allocation(&client, NAME(4), NAME(1), 4096, &answered), PENDING);
	GOOD(client_fill(&client, 0, NAME(4)));
	GOOD(client_fill_flags(&client, 0, NAME(3), flag));
	GOOD(client_fill(&client, 0, NAME(3)));
	ck_assert_uint_eq(fake.submissions, 0);
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	ck_assert_int_eq(answered.status, PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_uint_gt(strlen(answered.request.refusal.sentence), 0);
	ck_assert_uint_eq(fake.submissions, 1);
	fake_core_retire(UINT_MAX);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 3);
	ck_assert_int_eq(client.fences[0].status, PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_int_eq(client.fences[1].status, PENSTOCK_STATUS_PREDECESSOR_FAILED);
	GOOD(client.fences[2].status);
	/* The name is free again, with a higher generation. */
	fake.reserve_later = false;
	REFUSED(client_destroy(&client, NAME(4)), INVALID_HANDLE);
	GOOD(client_allocation(&client, NAME_OF(1, 4), NAME(1), 4096, &answered));
}
END_TEST

/* ---------------------------------------------------------------- large ones */

START_TEST(large_command_buffers_render_on_a_worker_and_stay_in_order)
{
	const uint32_t count = 4096;
	uint8_t *command = calloc(count, 32);
	const struct penstock_wire_allocation list[2] = {
		{ .name = 0 }, { .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION }
	};
	struct submit submit = {
		.context = NAME(2),
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = count * 32,
	};
	struct answered answered[3];

	ck_assert_ptr_nonnull(command);
	client_set_up(&client, 1);
	GOOD(client_context(&client, NAME(4), NAME(1)));
	for (uint32_t i = 0; i < count; i++) {
		write_fill(command + i * 32, 1);
	}
	fake.worker_later = true;
	REFUSED(client_submit(&client, &submit, &answered[0]), PENDING);
	command[4000 * 32] = 0xff; /* the first was copied */
	command[4000 * 32 + 1] = 0x3f;
	REFUSED(client_submit(&client, &submit, &answered[1]), PENDING);
	memset(command, 0xff, 32);
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	/* Another context passes. */
	GOOD(client_fill(&client, NAME(4), NAME(3)));
	ck_assert_uint_eq(fake.submissions, 1);
	ck_assert_uint_eq(fake_core_work(1), 1);
	ck_assert_uint_eq(fake.submissions, 2);
	ck_assert_uint_eq(fake_core_work(1), 1);
	ck_assert_uint_eq(fake.submissions, 3);
	turn(&fixture);
	ck_assert_uint_eq(answered[0].times, 1);
	GOOD(answered[0].status);
	ck_assert_uint_eq(answered[1].times, 1);
	ck_assert_int_eq(answered[1].status, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	ck_assert(answered[1].request.refusal.at_instruction);
	ck_assert_uint_eq(answered[1].request.refusal.byte_offset, 4000 * 32);
	fake_core_retire(UINT_MAX);
	turn(&fixture);
	/* Its session goes while a worker has it. */
	write_fill(command, 1);
	write_fill(command + 4000 * 32, 1);
	REFUSED(client_submit(&client, &submit, &answered[2]), PENDING);
	GOOD(client_fill(&client, NAME(2), NAME(3)));
	client_disconnect(&client);
	turn(&fixture);
	ck_assert_uint_eq(answered[2].times, 1);
	ck_assert_int_eq(answered[2].status, PENSTOCK_STATUS_CANCELLED);
	ck_assert_uint_eq(fake.allocations, 1);
	ck_assert_uint_eq(fake_core_work(1), 1);
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 0);
	free(command);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_submit");
	TCase *tcase = tcase_create("objects_submit");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A4_index_and_write_operation_are_kept);
	tcase_add_test(tcase, A4_reserved_bits_and_fields_are_refused);
	tcase_add_test(tcase, A11_a_dump_shows_the_patch_before_and_after);
	tcase_add_test(tcase, A11_a_slot_that_goes_out_of_use_has_no_site);
	tcase_add_test(tcase, A7_after_every_refusal_the_next_submission_works);
	tcase_add_test(tcase, A7_only_a_gpu_exception_loses_the_device);
	tcase_add_test(tcase, a_lost_device_cancels_what_is_queued_and_tells_it_in_order);
	tcase_add_test(tcase, E10_0x10E_0x33_a_device_destroyed_with_openings_stops_the_adapter);
	tcase_add_test(tcase, fences_of_one_turn_are_one_event_a_context);
	tcase_add_test(tcase, a_serial_out_of_order_is_refused_and_changes_nothing);
	tcase_add_test(tcase, if_predecessor_ran_waits_for_it_and_falls_with_it);
	tcase_add_test(tcase, if_predecessor_ran_is_told_by_the_fence_when_it_is_known_late);
	tcase_add_test(tcase, large_command_buffers_render_on_a_worker_and_stay_in_order);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
