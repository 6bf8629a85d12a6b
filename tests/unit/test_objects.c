/* SPDX-License-Identifier: MIT */
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

static struct fixture fixture;
static struct client client;
static struct client other;

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

/* ---------------------------------------------------------------- A1 */

START_TEST(A1_a_thousand_contexts_have_at_least_the_minimum)
{
	struct client clients[4];
	struct penstock_context_state state;

	for (unsigned c = 0; c < 4; c++) {
		GOOD(client_connect(&fixture, &clients[c], c < 2 ? "uid:1" : "uid:2", 0));
		GOOD(client_device(&clients[c], NAME(1)));
		for (unsigned i = 0; i < 250; i++) {
			GOOD(client_context(&clients[c], NAME(2 + i), NAME(1)));
			GOOD(penstock_query_context(clients[c].session, ++clients[c].serial,
						    NAME(2 + i), &state, &clients[c].refusal));
			ck_assert_uint_ge(state.dma_buffer_bytes, 512u << 10);
			ck_assert_uint_ge(state.allocation_list, 64);
			ck_assert_uint_ge(state.patch_location_list, 64);
			ck_assert_uint_eq(state.queued_buffer_count, 0);
		}
	}
	for (unsigned c = 0; c < 4; c++) {
		client_disconnect(&clients[c]);
	}
}
END_TEST

static enum penstock_status try_context(struct penstock_context_info info)
{
	info.device = NAME(1);
	info.name = NAME(2);
	return penstock_create_context(client.session, ++client.serial, &info, &client.refusal);
}

START_TEST(A1_bad_node_affinity_flags_and_priority_are_refused)
{
	GOOD(client_device(&client, NAME(1)));
	REFUSED(try_context((struct penstock_context_info){ .node_ordinal = 2 }),
		INVALID_PARAMETER);
	REFUSED(try_context((struct penstock_context_info){ .engine_affinity = 3 }),
		INVALID_PARAMETER);
	REFUSED(try_context((struct penstock_context_info){ .engine_affinity = 2 }),
		INVALID_PARAMETER);
	REFUSED(try_context((struct penstock_context_info){ .flags = PENSTOCK_CONTEXT_SYSTEM }),
		NOT_SUPPORTED);
	REFUSED(try_context((struct penstock_context_info){ .flags = 0x4 }), NOT_SUPPORTED);
	REFUSED(try_context((struct penstock_context_info){ .priority = 8 }), INVALID_PARAMETER);
	REFUSED(try_context((struct penstock_context_info){ .node_ordinal = 1,
							    .flags = PENSTOCK_CONTEXT_GDI }),
		INVALID_PARAMETER);
	/* A refused create takes no name. */
	GOOD(try_context(
		(struct penstock_context_info){ .engine_affinity = 1, .node_ordinal = 1 }));
	REFUSED(penstock_create_device(client.session, ++client.serial, NAME(3), 0, 1,
				       &client.refusal),
		NOT_SUPPORTED);
	REFUSED(penstock_create_device(client.session, ++client.serial, NAME(3), 1, 0,
				       &client.refusal),
		NOT_FOUND);
}
END_TEST

START_TEST(A1_a_gdi_context_has_an_allocation_list_of_256)
{
	const struct penstock_context_info info = { .name = NAME(2),
						    .device = NAME(1),
						    .flags = PENSTOCK_CONTEXT_GDI,
						    .allocation_list = 5000 };
	struct penstock_context_state state;

	GOOD(client_device(&client, NAME(1)));
	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
	GOOD(penstock_query_context(client.session, ++client.serial, NAME(2), &state,
				    &client.refusal));
	ck_assert_uint_eq(state.allocation_list, 256);
}
END_TEST

START_TEST(A1_wishes_and_resizes_are_granted_within_the_limits)
{
	const struct penstock_context_info info = { .name = NAME(2),
						    .device = NAME(1),
						    .dma_buffer_bytes = 1,
						    .allocation_list = UINT32_MAX,
						    .patch_location_list = UINT32_MAX };
	struct penstock_context_state state;
	struct answered answered;
	struct submit submit = {
		.context = NAME(2),
		.flags = PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER |
			 PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST |
			 PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST,
		.record = { .new_command_bytes = UINT32_MAX,
			    .new_allocation_list = 1,
			    .new_patch_list = 1000 },
	};

	GOOD(client_device(&client, NAME(1)));
	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
	GOOD(penstock_query_context(client.session, ++client.serial, NAME(2), &state,
				    &client.refusal));
	ck_assert_uint_eq(state.dma_buffer_bytes, 512u << 10);
	ck_assert_uint_eq(state.allocation_list, PENSTOCK_LIMIT_ALLOCATION_LIST);
	ck_assert_uint_eq(state.patch_location_list, PENSTOCK_LIMIT_PATCH_LIST);
	GOOD(client_submit(&client, &submit, &answered));
	GOOD(penstock_query_context(client.session, ++client.serial, NAME(2), &state,
				    &client.refusal));
	ck_assert_uint_eq(state.dma_buffer_bytes, PENSTOCK_LIMIT_DMA_BUFFER_BYTES);
	ck_assert_uint_eq(state.allocation_list, 64);
	ck_assert_uint_eq(state.patch_location_list, 1000);
	ck_assert_uint_eq(state.queued_buffer_count, 1);
}
END_TEST

START_TEST(the_smallest_dma_buffer_holds_the_largest_instruction)
{
	uint32_t most = 0;

	for (unsigned id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction =
			penstock_instruction_get((enum penstock_instruction_id)id);
		uint32_t room = PENSTOCK_LIMIT_INSTRUCTION_DWORDS * 4u - instruction->layout.bytes;
		uint32_t dma;
		uint32_t patches;

		penstock_instruction_cost(instruction,
					  instruction->layout.element_bytes == 0
						  ? 0
						  : room / instruction->layout.element_bytes,
					  &dma, &patches);
		most = dma > most ? dma : most;
		ck_assert_uint_le(patches, 64);
	}
	ck_assert_uint_le(most, 512u << 10);
}
END_TEST

/* ---------------------------------------------------------------- A2 */

START_TEST(A2_content_survives_the_creator_while_another_has_it_open)
{
	struct answered shared;
	struct answered answered;
	uint8_t *destination;

	client_set_up(&client, 1);
	GOOD(client_upload_begin(&client, NAME(3), 0, 5, &answered, &destination));
	memcpy(destination, "hello", 5);
	GOOD(penstock_upload_end(&answered.request, false));
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	ck_assert_uint_eq(shared.times, 1);
	GOOD(shared.status);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	GOOD(client_open(&other, NAME(2), NAME(1), &shared, true));
	client_disconnect(&client);
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 1);
	REFUSED(client_read_back(&other, NAME(2), 0, 5, &answered), PENDING);
	turn(&fixture);
	GOOD(answered.status);
	ck_assert_mem_eq(answered.request.bytes, "hello", 5);
	penstock_read_back_end(&answered.request);
	/* The last opening takes it along, and its token opens nothing. */
	GOOD(client_destroy(&other, NAME(2)));
	ck_assert_uint_eq(fake.allocations, 0);
	REFUSED(client_open(&other, NAME_OF(1, 2), NAME(1), &shared, true), NOT_FOUND);
}
END_TEST

START_TEST(A2_destroyed_while_queued_it_is_freed_after_the_fence)
{
	client_set_up(&client, 1);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_destroy(&client, NAME(3)));
	REFUSED(client_destroy(&client, NAME(3)), INVALID_HANDLE);
	REFUSED(client_fill(&client, 0, NAME(3)), INVALID_HANDLE);
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 1);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 0);
	ck_assert_uint_eq(client.fence_count, 1);
}
END_TEST

START_TEST(A2_a_device_takes_its_contexts_and_openings_along)
{
	struct penstock_adapter_view view;

	client_set_up(&client, 3);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_destroy(&client, NAME(1)));
	REFUSED(client_destroy(&client, NAME(2)), INVALID_HANDLE);
	REFUSED(client_destroy(&client, NAME(4)), INVALID_HANDLE);
	ck_assert_uint_eq(fake.allocations, 1); /* on the hardware */
	fake_core_retire(1);
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 0);
	penstock_observe_adapter(fixture.adapter, &view);
	ck_assert_uint_eq(view.devices + view.contexts + view.openings + view.allocations, 0);
	/* Indices are used again with a higher generation only. */
	REFUSED(client_device(&client, NAME(1)), INVALID_PARAMETER);
	GOOD(client_device(&client, NAME_OF(1, 1)));
	GOOD(client_context(&client, NAME_OF(7, 2), NAME_OF(1, 1)));
}
END_TEST

START_TEST(A2_what_cannot_be_allocated_is_refused_and_takes_no_name)
{
	struct penstock_create_allocation_info info = { .name = NAME(2), .device = NAME(1) };
	struct answered answered = { .times = 0 };
	static const struct {
		struct penstock_create_allocation_info info;
		enum penstock_status status;
	} cases[] = {
		{ { .size_bytes = 0 }, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .size_bytes = (1ull << 32) + 1 }, PENSTOCK_STATUS_LIMIT_EXCEEDED },
		{ { .size_bytes = UINT64_MAX }, PENSTOCK_STATUS_LIMIT_EXCEEDED },
		{ { .size_bytes = 65u << 20 }, PENSTOCK_STATUS_NO_MEMORY },
		{ { .size_bytes = 4096, .segment_set = 4 }, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .size_bytes = 4096, .segment_set = 1, .preferred_segment = 2 },
		  PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .size_bytes = 4096, .preferred_segment = 3 },
		  PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .size_bytes = 4096, .flags = 0x100 }, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .width = 16, .height = 16 }, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .width = 16, .height = 16, .format = 99 }, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .width = 16, .format = 1 }, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .width = 16385, .height = 1, .format = 1 }, PENSTOCK_STATUS_LIMIT_EXCEEDED },
		{ { .width = UINT32_MAX, .height = UINT32_MAX, .format = 1 },
		  PENSTOCK_STATUS_LIMIT_EXCEEDED },
		{ { .width = 17, .height = 2, .format = 1, .pitch_bytes = 64 },
		  PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .width = 16, .height = 2, .format = 1, .pitch_bytes = 65 },
		  PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .width = 16, .height = 3, .format = 1, .size_bytes = 191 },
		  PENSTOCK_STATUS_INVALID_PARAMETER },
		{ { .width = 16, .height = 3, .format = 1, .surface_type = 6 },
		  PENSTOCK_STATUS_INVALID_PARAMETER },
	};

	GOOD(client_device(&client, NAME(1)));
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(cases); i++) {
		info = cases[i].info;
		info.name = NAME(2);
		info.device = NAME(1);
		answered.request.serial = ++client.serial;
		ck_assert_msg(penstock_create_allocation(client.session, &info, &answered.request,
							 &client.refusal) == cases[i].status,
			      "case %u: %s", i, client.refusal.sentence);
		ck_assert_uint_gt(strlen(client.refusal.sentence), 0);
	}
	ck_assert_uint_eq(fake.allocations, 0);
	fake.no_more = true;
	REFUSED(client_allocation(&client, NAME(2), NAME(1), 4096, &answered), NO_MEMORY);
	fake.no_more = false;
	GOOD(client_allocation(&client, NAME(2), NAME(1), 4096, &answered));
}
END_TEST

START_TEST(A2_memory_is_charged_to_the_creator_until_it_is_freed)
{
	struct answered answered;
	struct answered shared;

	GOOD(client_device(&client, NAME(1)));
	GOOD(client_allocation(&client, NAME(2), NAME(1), 48u << 20, &answered));
	REFUSED(client_allocation(&client, NAME(3), NAME(1), 17u << 20, &answered), NO_MEMORY);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	GOOD(client_allocation(&other, NAME(2), NAME(1), 60u << 20, &answered));
	REFUSED(client_share(&client, NAME(2), &shared), PENDING);
	turn(&fixture);
	GOOD(client_open(&other, NAME(3), NAME(1), &shared, false));
	GOOD(client_destroy(&client, NAME(2)));
	/* Another has it open: the creator still pays. */
	REFUSED(client_allocation(&client, NAME(3), NAME(1), 17u << 20, &answered), NO_MEMORY);
	GOOD(client_destroy(&other, NAME(3)));
	GOOD(client_allocation(&client, NAME(3), NAME(1), 17u << 20, &answered));
}
END_TEST

/* ---------------------------------------------------------------- A3 */

START_TEST(A3_names_of_another_session_stale_and_random_ones_are_invalid)
{
	uint64_t state = 1;

	client_set_up(&client, 4);
	GOOD(client_connect(&fixture, &other, "uid:1", 0));
	GOOD(client_device(&other, NAME(1)));
	REFUSED(client_fill(&other, NAME(2), NAME(3)), INVALID_HANDLE);
	REFUSED(client_context(&other, NAME(2), NAME(3)), INVALID_HANDLE);
	GOOD(client_context(&other, NAME(2), NAME(1)));
	REFUSED(client_fill(&other, NAME(2), NAME(3)), INVALID_HANDLE);
	REFUSED(client_destroy(&other, NAME(3)), INVALID_HANDLE);
	GOOD(client_destroy(&client, NAME(3)));
	REFUSED(client_fill(&client, 0, NAME(3)), INVALID_HANDLE);
	/* Wrong kinds. */
	REFUSED(client_fill(&client, NAME(1), NAME(4)), INVALID_HANDLE);
	REFUSED(client_fill(&client, 0, NAME(2)), INVALID_HANDLE);
	REFUSED(client_context(&client, NAME(7), NAME(4)), INVALID_HANDLE);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t name;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		/* Half of them near names that exist. */
		name = i % 2 == 0 ? state : (state >> 33) % 16 | (state >> 40) % 3 << 32;
		if (name >> 32 == 0 && name <= 6 && name != 3) {
			continue;
		}
		ck_assert_int_eq(name == 0 ? PENSTOCK_STATUS_INVALID_HANDLE
					   : client_fill(&client, 0, name),
				 PENSTOCK_STATUS_INVALID_HANDLE);
		REFUSED(client_fill(&client, name, NAME(4)), INVALID_HANDLE);
		REFUSED(client_destroy(&client, name), INVALID_HANDLE);
	}
	GOOD(client_fill(&client, 0, NAME(4)));
}
END_TEST

START_TEST(A3_an_allocation_of_another_device_is_refused)
{
	client_set_up(&client, 1);
	GOOD(client_device(&client, NAME(4)));
	GOOD(client_context(&client, NAME(5), NAME(4)));
	REFUSED(client_fill(&client, NAME(5), NAME(3)), GRAPHICS_WRONG_ALLOCATION_DEVICE);
	GOOD(client_fill(&client, NAME(2), NAME(3)));
}
END_TEST

START_TEST(A3_a_token_that_was_not_given_opens_nothing)
{
	struct answered forged = { .request = { .token_high = 1, .token_low = 2 } };

	client_set_up(&client, 1);
	REFUSED(client_open(&client, NAME(4), NAME(1), &forged, false), NOT_FOUND);
	forged.request.token_high = forged.request.token_low = 0;
	REFUSED(client_open(&client, NAME(4), NAME(1), &forged, false), NOT_FOUND);
}
END_TEST

START_TEST(a_read_only_opening_is_not_written)
{
	const struct penstock_wire_allocation list[1] = { { .name = NAME(4) } };
	struct submit submit = { .context = NAME(2), .list = list, .list_count = 1 };
	struct answered answered;
	struct answered shared;
	uint8_t *destination;

	client_set_up(&client, 1);
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_open(&client, NAME(4), NAME(1), &shared, true));
	REFUSED(client_fill(&client, 0, NAME(4)), ACCESS_DENIED);
	REFUSED(client_upload_begin(&client, NAME(4), 0, 1, &answered, &destination),
		ACCESS_DENIED);
	GOOD(client_submit(&client, &submit, &answered));
	GOOD(client_fill(&client, 0, NAME(3)));
}
END_TEST

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

	penstock_observe_contexts(fixture.adapter, take_id, NULL);
	GOOD(penstock_observe_submission(fixture.adapter, only_context, see, &seen));
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
	submit.record.broadcast_count = 1;
	REFUSED(client_submit(&client, &submit, &answered), INVALID_PARAMETER);
	submit.record.broadcast_count = 0;
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

START_TEST(A7_what_needs_more_than_the_contexts_buffers_is_refused)
{
	const uint32_t count = 128;
	uint8_t *command = calloc(count, 32);
	struct submit shrink = {
		.context = NAME(2),
		.flags = PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST,
		.record = { .new_patch_list = 1 },
	};
	struct answered answered;

	ck_assert_ptr_nonnull(command);
	client_set_up(&client, 1);
	GOOD(client_submit(&client, &shrink, &answered));
	fake_core_retire(1);
	turn(&fixture);
	for (uint32_t i = 0; i < count; i++) {
		write_fill(command + i * 32, 1);
	}
	REFUSED(submit_bytes(command, count * 32), GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	next_one_works();
	GOOD(submit_bytes(command, 64 * 32));
	fake_core_retire(1);
	turn(&fixture);
	free(command);
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

/* ---------------------------------------------------------------- the adapter */

START_TEST(a_failed_adapter_removes_every_device_and_the_daemon_lives)
{
	struct penstock_adapter_view view;
	struct penstock_device_state state;

	client_set_up(&client, 1);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	client_set_up(&other, 1);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_fill(&other, 0, NAME(3)));
	fake_core_fail("a fence that was never submitted");
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(client.fence_count, 1);
	ck_assert_int_eq(client.fences[0].status, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(other.fences[0].status, PENSTOCK_STATUS_DEVICE_REMOVED);
	REFUSED(client_fill(&client, 0, NAME(3)), DEVICE_REMOVED);
	REFUSED(client_device(&other, NAME(4)), DEVICE_REMOVED);
	GOOD(penstock_query_device(other.session, ++other.serial, NAME(1), &state, &other.refusal));
	ck_assert_uint_eq(state.execution_state, PENSTOCK_DEVICE_STOPPED);
	penstock_observe_adapter(fixture.adapter, &view);
	ck_assert_str_eq(view.state, "failed");
	ck_assert_str_eq(view.failure, "a fence that was never submitted");
	/* An operator's session still works. */
	client_disconnect(&client);
	GOOD(client_connect(&fixture, &client, "uid:3", 0));
	GOOD(penstock_sync(client.session, ++client.serial));
}
END_TEST

START_TEST(a_backend_that_does_not_start_is_said)
{
	struct fixture second = fixture;
	struct penstock_errbuf text;

	fake.failed = "no such GPU";
	REFUSED(fixture_start_again(&second, &text), IO_DEVICE_ERROR);
	ck_assert_str_eq(text.text, "no such GPU");
	turn(&fixture);
}
END_TEST

START_TEST(sessions_of_a_principal_are_limited)
{
	static struct client clients[9]; /* still there when the adapter stops */

	for (unsigned i = 0; i < 7; i++) {
		GOOD(client_connect(&fixture, &clients[i], "uid:1", 0));
	}
	REFUSED(client_connect(&fixture, &clients[7], "uid:1", 0), QUOTA_EXCEEDED);
	GOOD(client_connect(&fixture, &clients[8], "uid:2", 0));
	client_disconnect(&clients[0]);
	GOOD(client_connect(&fixture, &clients[7], "uid:1", 0));
}
END_TEST

static void count_rows(void *owner, const struct penstock_allocation_view *view)
{
	ck_assert_str_eq(view->principal, "uid:1");
	ck_assert_str_eq(view->format, "");
	(*(unsigned *)owner)++;
}

static void look_at_principal(void *owner, const struct penstock_principal_view *view)
{
	*(struct penstock_principal_view *)owner = *view;
}

START_TEST(an_operator_sees_what_there_is)
{
	struct penstock_node_state nodes[PENSTOCK_NODE_COUNT];
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];
	struct penstock_principal_view principal = { .name = NULL };
	struct penstock_adapter_view view;
	unsigned allocations = 0;
	uint32_t cap;

	client_set_up(&client, 3);
	GOOD(client_fill(&client, 0, NAME(3)));
	REFUSED(client_fill(&client, 0, NAME(99)), INVALID_HANDLE);
	fake_core_retire(1);
	turn(&fixture);
	penstock_observe_adapter(fixture.adapter, &view);
	ck_assert_str_eq(view.backend, "fake");
	ck_assert_str_eq(view.state, "running");
	ck_assert_uint_eq(view.sessions, 1);
	ck_assert_uint_eq(view.connections, 1);
	ck_assert_uint_eq(view.contexts, 1);
	ck_assert_uint_eq(view.allocations, 3);
	penstock_observe_allocations(fixture.adapter, count_rows, &allocations);
	ck_assert_uint_eq(allocations, 3);
	penstock_observe_principals(fixture.adapter, look_at_principal, &principal);
	ck_assert_uint_eq(principal.submissions, 1);
	ck_assert_uint_eq(principal.retired, 1);
	ck_assert_uint_eq(principal.refused, 1);
	ck_assert_uint_eq(principal.memory_bytes, 3 * 4096);
	ck_assert_int_eq(principal.gpu_process, 4711);
	GOOD(penstock_observe_nodes(fixture.adapter, nodes, &cap));
	ck_assert_uint_eq(cap, 2);
	GOOD(penstock_observe_segments(fixture.adapter, segments));
	ck_assert_uint_eq(segments[1].id, 2);
	REFUSED(penstock_observe_submission(fixture.adapter, 12345, see, NULL), NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects");
	TCase *tcase = tcase_create("objects");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, A1_a_thousand_contexts_have_at_least_the_minimum);
	tcase_add_test(tcase, A1_bad_node_affinity_flags_and_priority_are_refused);
	tcase_add_test(tcase, A1_a_gdi_context_has_an_allocation_list_of_256);
	tcase_add_test(tcase, A1_wishes_and_resizes_are_granted_within_the_limits);
	tcase_add_test(tcase, the_smallest_dma_buffer_holds_the_largest_instruction);
	tcase_add_test(tcase, A2_content_survives_the_creator_while_another_has_it_open);
	tcase_add_test(tcase, A2_destroyed_while_queued_it_is_freed_after_the_fence);
	tcase_add_test(tcase, A2_a_device_takes_its_contexts_and_openings_along);
	tcase_add_test(tcase, A2_what_cannot_be_allocated_is_refused_and_takes_no_name);
	tcase_add_test(tcase, A2_memory_is_charged_to_the_creator_until_it_is_freed);
	tcase_add_test(tcase, A3_names_of_another_session_stale_and_random_ones_are_invalid);
	tcase_add_test(tcase, A3_an_allocation_of_another_device_is_refused);
	tcase_add_test(tcase, A3_a_token_that_was_not_given_opens_nothing);
	tcase_add_test(tcase, a_read_only_opening_is_not_written);
	tcase_add_test(tcase, A4_index_and_write_operation_are_kept);
	tcase_add_test(tcase, A4_reserved_bits_and_fields_are_refused);
	tcase_add_test(tcase, A11_a_dump_shows_the_patch_before_and_after);
	tcase_add_test(tcase, A7_after_every_refusal_the_next_submission_works);
	tcase_add_test(tcase, A7_what_needs_more_than_the_contexts_buffers_is_refused);
	tcase_add_test(tcase, A7_only_a_gpu_exception_loses_the_device);
	tcase_add_test(tcase, a_lost_device_cancels_what_is_queued_and_tells_it_in_order);
	tcase_add_test(tcase, fences_of_one_turn_are_one_event_a_context);
	tcase_add_test(tcase, a_serial_out_of_order_is_refused_and_changes_nothing);
	tcase_add_test(tcase, if_predecessor_ran_waits_for_it_and_falls_with_it);
	tcase_add_test(tcase, if_predecessor_ran_is_told_by_the_fence_when_it_is_known_late);
	tcase_add_test(tcase, large_command_buffers_render_on_a_worker_and_stay_in_order);
	tcase_add_test(tcase, a_failed_adapter_removes_every_device_and_the_daemon_lives);
	tcase_add_test(tcase, a_backend_that_does_not_start_is_said);
	tcase_add_test(tcase, sessions_of_a_principal_are_limited);
	tcase_add_test(tcase, an_operator_sees_what_there_is);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
