/* SPDX-License-Identifier: MIT */
#include "daemon/objects/snapshot.h"
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
	ck_assert_uint_eq(state.dma_buffer_bytes, 4096);
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
	ck_assert_uint_eq(fake.closed, 0);
	client_disconnect(&client);
	turn(&fixture);
	ck_assert_uint_eq(fake.allocations, 1);
	ck_assert_uint_eq(fake.closed, 1);
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

START_TEST(shared_memory_is_taken_from_a_principal_with_the_openings_that_need_it)
{
	struct answered shared;

	client_set_up(&client, 1);
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(shared.status);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	GOOD(client_open(&other, NAME(2), NAME(1), &shared, true));
	GOOD(client_open(&other, NAME(3), NAME(1), &shared, false));
	GOOD(client_open(&other, NAME(4), NAME(1), &shared, false));
	GOOD(client_destroy(&other, NAME(3)));
	ck_assert_uint_eq(fake.closed, 0);
	GOOD(client_destroy(&other, NAME(4)));
	ck_assert_uint_eq(fake.closed, 1);
	GOOD(client_destroy(&other, NAME(2)));
	ck_assert_uint_eq(fake.closed, 2);
	ck_assert_uint_eq(fake.allocations, 1);
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

/* A client that destroys what it has queued and goes leaves no work behind. */
START_TEST(a_destroyed_context_runs_on_until_its_session_ends)
{
	struct answered answered;
	uint8_t *destination;

	client_set_up(&client, 2);
	GOOD(client_fill(&client, 0, NAME(3)));
	/* The upload waits for the first, and the second for the upload. */
	GOOD(client_upload_begin(&client, NAME(3), 0, 4, &answered, &destination));
	memset(destination, 1, 4);
	REFUSED(penstock_upload_end(&answered.request, false), PENDING);
	GOOD(client_fill(&client, 0, NAME(3)));
	GOOD(client_destroy(&client, NAME(2)));
	client_disconnect(&client);
	turn(&fixture);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	turn(&fixture);
	ck_assert_uint_eq(fake.submissions, 1);
	ck_assert(penstock_machine_idle(fixture.machine));
	ck_assert_uint_eq(fake.allocations, 0);
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
	penstock_observe_adapter(fixture.machine, 0, &view);
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
	penstock_observe_adapter(fixture.machine, 0, &view);
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

static void look_at_node(void *owner, const struct penstock_node_view *view)
{
	uint32_t *nodes = owner;

	ck_assert_uint_eq(view->hw_queue_packet_cap, 2);
	ck_assert_uint_eq(view->state.node_ordinal, *nodes);
	++*nodes;
}

static void look_at_segment(void *owner, const struct penstock_segment_view *view)
{
	uint32_t *segments = owner;

	ck_assert_uint_eq(view->state.id, ++*segments);
}

static void look_at_principal(void *owner, const struct penstock_principal_view *view)
{
	*(struct penstock_principal_view *)owner = *view;
}

START_TEST(an_operator_sees_what_there_is)
{
	struct penstock_principal_view principal = { .name = NULL };
	struct penstock_machine_view machine;
	struct penstock_adapter_view view;
	unsigned allocations = 0;
	uint32_t nodes = 0, segments = 0;

	client_set_up(&client, 3);
	GOOD(client_fill(&client, 0, NAME(3)));
	REFUSED(client_fill(&client, 0, NAME(99)), INVALID_HANDLE);
	fake_core_retire(1);
	turn(&fixture);
	penstock_observe_machine(fixture.machine, &machine);
	ck_assert_uint_eq(machine.adapters, 1);
	ck_assert_uint_eq(machine.sessions, 1);
	ck_assert_uint_eq(machine.connections, 1);
	penstock_observe_adapter(fixture.machine, 0, &view);
	ck_assert_str_eq(view.backend, "fake");
	ck_assert_str_eq(view.state, "running");
	ck_assert_uint_eq(view.contexts, 1);
	ck_assert_uint_eq(view.allocations, 3);
	ck_assert_int_eq(view.system_process, 4711);
	penstock_observe_allocations(fixture.machine, count_rows, &allocations);
	ck_assert_uint_eq(allocations, 3);
	penstock_observe_principals(fixture.machine, look_at_principal, &principal);
	ck_assert_uint_eq(principal.submissions, 1);
	ck_assert_uint_eq(principal.retired, 1);
	ck_assert_uint_eq(principal.refused, 1);
	ck_assert_uint_eq(principal.memory_bytes, 3 * 4096);
	ck_assert_int_eq(principal.gpu_process, 4711);
	GOOD(penstock_observe_nodes(fixture.machine, look_at_node, &nodes));
	ck_assert_uint_eq(nodes, PENSTOCK_NODE_COUNT);
	GOOD(penstock_observe_segments(fixture.machine, look_at_segment, &segments));
	ck_assert_uint_eq(segments, PENSTOCK_SEGMENT_COUNT);
	REFUSED(penstock_observe_submission(fixture.machine, 12345, NULL, NULL), NOT_FOUND);
}
END_TEST

START_TEST(P9_an_idle_context_costs_less_than_4096_bytes)
{
	/* Its struct, its last submission, its entry among the names with what a table may waste.
	 */
	ck_assert_uint_le(sizeof(struct penstock_context) + PENSTOCK_SNAPSHOT_SMALL_BYTES +
				  2u * sizeof(struct penstock_name_entry),
			  4096u);
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
	tcase_add_test(tcase, P9_an_idle_context_costs_less_than_4096_bytes);
	tcase_add_test(tcase, A2_content_survives_the_creator_while_another_has_it_open);
	tcase_add_test(tcase,
		       shared_memory_is_taken_from_a_principal_with_the_openings_that_need_it);
	tcase_add_test(tcase, A2_destroyed_while_queued_it_is_freed_after_the_fence);
	tcase_add_test(tcase, a_destroyed_context_runs_on_until_its_session_ends);
	tcase_add_test(tcase, A2_a_device_takes_its_contexts_and_openings_along);
	tcase_add_test(tcase, A2_what_cannot_be_allocated_is_refused_and_takes_no_name);
	tcase_add_test(tcase, A2_memory_is_charged_to_the_creator_until_it_is_freed);
	tcase_add_test(tcase, A3_names_of_another_session_stale_and_random_ones_are_invalid);
	tcase_add_test(tcase, A3_an_allocation_of_another_device_is_refused);
	tcase_add_test(tcase, A3_a_token_that_was_not_given_opens_nothing);
	tcase_add_test(tcase, a_read_only_opening_is_not_written);
	tcase_add_test(tcase, a_failed_adapter_removes_every_device_and_the_daemon_lives);
	tcase_add_test(tcase, a_backend_that_does_not_start_is_said);
	tcase_add_test(tcase, sessions_of_a_principal_are_limited);
	tcase_add_test(tcase, an_operator_sees_what_there_is);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
