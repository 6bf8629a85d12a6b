/* SPDX-License-Identifier: MIT */
/* Pipelines of leased sessions: what survives a restart, what is sent again, what a stop cancels.
 */
#include "daemon/objects/allocation.h"
#include "daemon/objects/composition.h"
#include "daemon/objects/machine.h"
#include "daemon/objects/session.h"
#include "proto/image/default_state.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)
#define SAYS(text)         ck_assert_ptr_nonnull(strstr(client.refusal.sentence, text))

#define ELEMENTS 3u

static struct fixture fixture;
static struct client client;
static struct penstock_shader_reflection reflection;

static void set_up(void)
{
	fixture_start(&fixture, true);
	GOOD(client_connect(&fixture, &client, "uid:1", 20));
	client_set_up(&client, 1);
	/* By set: an array of uniform buffers, and a storage buffer that is written. */
	reflection = (struct penstock_shader_reflection){
		.stage = PENSTOCK_SHADER_COMPUTE,
		.entry_point = "main",
		.workgroup_size = { 1, 1, 1 },
		.binding_count = 2,
		.bindings = { { .set = 2,
				.binding = 7,
				.kind = PENSTOCK_BINDING_STORAGE_BUFFER,
				.count = 1,
				.flags = PENSTOCK_BINDING_READ | PENSTOCK_BINDING_WRITTEN,
				.minimum_bytes = 16 },
			      { .set = 0,
				.binding = 9,
				.kind = PENSTOCK_BINDING_UNIFORM_BUFFER,
				.count = ELEMENTS,
				.flags = PENSTOCK_BINDING_READ,
				.minimum_bytes = 64 } },
	};
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

static enum penstock_status ask(uint64_t name, struct answered *answered)
{
	return client_pipeline(&client, name, NAME(1), PENSTOCK_SHADER_COMPUTE, 0x100, answered);
}

static void make(uint64_t name)
{
	struct answered answered;

	REFUSED(ask(name, &answered), PENDING);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1);
	GOOD(answered.status);
}

static uint8_t *put_bind(uint8_t *command, uint16_t opcode, uint32_t set, uint32_t binding,
			 uint32_t element, uint64_t bytes)
{
	penstock_store32(command, penstock_instruction_header(opcode, PENSTOCK_BYTES_BIND_BUFFER));
	penstock_store16(command + PENSTOCK_OPERAND_BIND_BUFFER_allocation, 1);
	penstock_store64(command + PENSTOCK_OPERAND_BIND_BUFFER_size, bytes);
	penstock_store32(command + PENSTOCK_OPERAND_BIND_BUFFER_set, set);
	penstock_store32(command + PENSTOCK_OPERAND_BIND_BUFFER_binding, binding);
	penstock_store32(command + PENSTOCK_OPERAND_BIND_BUFFER_element, element);
	return command + PENSTOCK_BYTES_BIND_BUFFER;
}

/* A dispatch with all that the pipeline uses, `bytes` of the storage buffer by `opcode`. */
static enum penstock_status dispatch_by(uint64_t pipeline, uint16_t opcode, uint64_t bytes,
					uint32_t elements)
{
	const struct penstock_wire_allocation list[] = {
		{ .name = pipeline },
		{ .name = NAME(3), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	uint8_t command[512] = { 0 };
	uint8_t *end = command + PENSTOCK_BYTES_BIND_PIPELINE;
	struct answered answered;
	struct submit submit = {
		.context = NAME(2),
		.list = list,
		.list_count = 2,
		.command = command,
	};

	penstock_store32(command, penstock_instruction_header(PENSTOCK_OPCODE_BIND_PIPELINE,
							      PENSTOCK_BYTES_BIND_PIPELINE));
	for (uint32_t element = 0; element < elements; element++) {
		end = put_bind(end, PENSTOCK_OPCODE_BIND_BUFFER, 0, 9, element, 64);
	}
	end = put_bind(end, opcode, 2, 7, 0, bytes);
	penstock_store32(end, penstock_instruction_header(PENSTOCK_OPCODE_DISPATCH,
							  PENSTOCK_BYTES_DISPATCH));
	submit.command_bytes = (uint32_t)(end - command) + PENSTOCK_BYTES_DISPATCH;
	return client_submit(&client, &submit, &answered);
}

/* Everything that render knows of a pipeline is as it was. */
static void check_pipeline(uint64_t name)
{
	const uint16_t write = PENSTOCK_OPCODE_BIND_BUFFER_WRITE;

	REFUSED(dispatch_by(name, write, 15, ELEMENTS), INVALID_PARAMETER);
	SAYS("needs 0x10 bytes");
	REFUSED(dispatch_by(name, write, 16, ELEMENTS - 1), INVALID_PARAMETER);
	SAYS("set 0, binding 9, element 2 of the pipeline is not bound");
	REFUSED(dispatch_by(name, PENSTOCK_OPCODE_BIND_BUFFER, 16, ELEMENTS), INVALID_PARAMETER);
	SAYS("needs bind_buffer_write");
	REFUSED(dispatch_by(NAME(3), write, 16, ELEMENTS), INVALID_PARAMETER);
	SAYS("is no pipeline");
	GOOD(dispatch_by(name, write, 16, ELEMENTS));
	commit();
	ck_assert_uint_eq(fake_core_retire(UINT_MAX), 1);
	turn(&fixture);
}

static void resume(uint64_t serial)
{
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, serial);
}

static uint32_t execution_state(uint64_t name)
{
	struct penstock_device_state state;

	GOOD(penstock_query_device(client.session, ++client.serial, name, &state, &client.refusal));
	return state.execution_state;
}

/* SIGTERM, until nothing is left of the run; what its store was given is on disk then. */
static void stop(void)
{
	penstock_machine_stop(fixture.machine, NULL, NULL);
	for (unsigned i = 0; i < 16; i++) {
		turn(&fixture);
	}
	ck_assert_uint_eq(fake.allocations, 0);
	fake.committed = fake.sequence;
	fake_core_kill();
	fake_core_resurrect();
}

static void start_again(void)
{
	struct penstock_errbuf text = { "" };

	ck_assert_msg(fixture_start_again(&fixture, &text) == PENSTOCK_STATUS_SUCCESS, "%s",
		      text.text);
}

/* ---------------------------------------------------------------- kill -9 */

START_TEST(a_pipeline_comes_back_after_a_kill_with_all_that_its_shaders_use)
{
	make(NAME(4));
	ck_assert_uint_lt(penstock_session_durable_serial(client.session), client.serial);
	commit();
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 4);
	check_pipeline(NAME(4));
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t serial = client.serial;

		fixture_kill(&fixture);
		resume(serial);
		ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_ACTIVE);
		check_pipeline(NAME(4));
	}
	ck_assert_uint_eq(fixture.checked, 1);
	/* It goes as others do, and another takes its place. */
	GOOD(client_destroy(&client, NAME(4)));
	commit();
	ck_assert_uint_eq(fake.allocations, 1);
	make(NAME_OF(1, 4));
	commit();
	fixture_kill(&fixture);
	resume(client.serial);
	ck_assert_uint_eq(fake.allocations, 2);
	REFUSED(dispatch_by(NAME(4), PENSTOCK_OPCODE_BIND_BUFFER_WRITE, 16, ELEMENTS),
		INVALID_HANDLE);
	check_pipeline(NAME_OF(1, 4));
}
END_TEST

START_TEST(a_pipeline_without_bindings_comes_back)
{
	reflection.binding_count = 0;
	make(NAME(4));
	commit();
	fixture_kill(&fixture);
	resume(4);
	GOOD(dispatch_by(NAME(4), PENSTOCK_OPCODE_BIND_BUFFER_WRITE, 16, 0));
	(void)fake_core_retire(UINT_MAX);
	turn(&fixture);
}
END_TEST

START_TEST(nothing_but_a_submission_uses_one_that_came_back)
{
	const struct penstock_wire_allocation written[] = {
		{ .name = NAME(4), .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	const struct submit submit = { .context = NAME(2), .list = written, .list_count = 1 };
	const uint64_t names[] = { NAME(4) };
	struct answered answered;
	uint8_t *destination;
	bool discarded = true;

	make(NAME(4));
	commit();
	for (unsigned i = 0; i < 2; i++) {
		REFUSED(client_upload_begin(&client, NAME(4), 0, 1, &answered, &destination),
			ACCESS_DENIED);
		SAYS("0x4 was opened read-only");
		/* Which is how it would be renamed. */
		REFUSED(client_upload_with(&client, NAME(4), 0, 1, PENSTOCK_LOCK_DISCARD, &answered,
					   &destination),
			ACCESS_DENIED);
		SAYS("0x4 was opened read-only");
		REFUSED(client_read_back(&client, NAME(4), 0, 1, &answered),
			GRAPHICS_INVALID_ALLOCATION_USAGE);
		SAYS("0x4 is a pipeline: submissions use it, and nothing else does");
		REFUSED(client_share(&client, NAME(4), &answered),
			GRAPHICS_INVALID_ALLOCATION_USAGE);
		SAYS("0x4 is a pipeline: submissions use it, and nothing else does");
		REFUSED(penstock_offer_allocations(client.session, ++client.serial, names, 1,
						   PENSTOCK_OFFER_NORMAL, &client.refusal),
			ACCESS_DENIED);
		SAYS("0x4 was opened read-only");
		REFUSED(client_submit(&client, &submit, &answered), ACCESS_DENIED);
		SAYS("allocation list element 0: 0x4 was opened read-only, and WriteOperation is "
		     "set");
		GOOD(penstock_reclaim_allocations(client.session, ++client.serial, names, 1,
						  &discarded, &client.refusal));
		ck_assert(!discarded);
		ck_assert_uint_eq(fake.offered, 0);
		commit();
		fixture_kill(&fixture);
		GOOD(client_resume(&fixture, &client, "uid:1"));
	}
	check_pipeline(NAME(4));
}
END_TEST

START_TEST(a_pipeline_that_is_being_made_has_a_priority_and_nothing_to_reclaim)
{
	const uint64_t names[] = { NAME(4) };
	struct answered answered;
	bool discarded = true;

	REFUSED(ask(NAME(4), &answered), PENDING);
	GOOD(penstock_set_allocation_priority(client.session, ++client.serial, names, 1,
					      PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM,
					      &client.refusal));
	GOOD(penstock_reclaim_allocations(client.session, ++client.serial, names, 1, &discarded,
					  &client.refusal));
	ck_assert(!discarded);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	GOOD(answered.status);
	commit();
	fixture_kill(&fixture);
	resume(client.serial);
	ck_assert_uint_eq(fake.restored_priority, PENSTOCK_ALLOCATION_PRIORITY_MAXIMUM);
	check_pipeline(NAME(4));
}
END_TEST

START_TEST(a_pipeline_whose_bytes_are_gone_loses_its_device)
{
	GOOD(client_device(&client, NAME(4)));
	REFUSED(client_pipeline(&client, NAME(5), NAME(4), PENSTOCK_SHADER_COMPUTE, 0x100,
				&(struct answered){ .times = 0 }),
		PENDING);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	commit();
	GOOD(client_device(&client, NAME(6)));
	commit();
	client_disconnect(&client);
	stop();
	fake_core_lose_memory();
	start_again();
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(execution_state(NAME(6)), PENSTOCK_DEVICE_ACTIVE);
	ck_assert_uint_eq(execution_state(NAME(4)), PENSTOCK_DEVICE_RESET);
	/* It is a pipeline all the same, and stays one for those that come later. */
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(execution_state(NAME(4)), PENSTOCK_DEVICE_RESET);
	GOOD(client_destroy(&client, NAME(5)));
	GOOD(client_destroy(&client, NAME(4)));
	commit();
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

/* ---------------------------------------------------------------- sent again */

START_TEST(one_that_was_made_and_not_counted_is_made_once)
{
	struct answered answered;

	make(NAME(4));
	fake.committed = fake.sequence; /* on disk, and the daemon dies before it hears of it */
	fixture_kill(&fixture);
	resume(0);
	client_set_up(&client, 1);
	GOOD(ask(NAME(4), &answered));
	ck_assert_uint_eq(fixture.checked, 1);
	ck_assert(!penstock_session_makes_pipelines(client.session));
	REFUSED(ask(NAME(4), &answered), INVALID_PARAMETER);
	SAYS("index 4 is in use");
	check_pipeline(NAME(4));
}
END_TEST

START_TEST(an_allocation_is_not_taken_for_a_pipeline_nor_one_for_it)
{
	struct answered answered;
	const uint64_t bytes = sizeof(struct penstock_pipeline) +
			       2 * sizeof(struct penstock_pipeline_binding) +
			       sizeof(struct penstock_pipeline_stage) + 2 * sizeof(uint32_t) + 8;

	make(NAME(4));
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	resume(0);
	GOOD(client_device(&client, NAME(1)));
	GOOD(client_context(&client, NAME(2), NAME(1)));
	REFUSED(ask(NAME(3), &answered), INVALID_PARAMETER);
	SAYS("index 3 is in use");
	REFUSED(client_allocation(&client, NAME(4), NAME(1), bytes, &answered), INVALID_PARAMETER);
	SAYS("index 4 is in use");
}
END_TEST

START_TEST(one_that_a_destroy_has_overtaken_is_not_made_again)
{
	struct answered answered;

	make(NAME(4));
	GOOD(client_destroy(&client, NAME(4)));
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	resume(0);
	client_set_up(&client, 1);
	GOOD(ask(NAME(4), &answered));
	ck_assert_uint_eq(fixture.checked, 1);
	GOOD(client_destroy(&client, NAME(4)));
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

START_TEST(one_that_was_refused_is_refused_with_the_stored_answer)
{
	struct answered answered;

	REFUSED(ask(NAME(4), &answered), PENDING);
	fixture_refuse(&fixture, PENSTOCK_STATUS_INVALID_PARAMETER, 17, "no such id");
	turn(&fixture);
	REFUSED(answered.status, INVALID_PARAMETER);
	fake.committed = fake.sequence;
	fixture_kill(&fixture);
	resume(0);
	client_set_up(&client, 1);
	REFUSED(ask(NAME(4), &answered), INVALID_PARAMETER);
	SAYS("compute shader, word 17: no such id");
	ck_assert_uint_eq(fixture.checked, 1);
	make(NAME(4));
	check_pipeline(NAME(4));
}
END_TEST

/* Behind it another device was made, and is on disk. */
START_TEST(one_that_was_being_made_is_made_again)
{
	struct answered answered;

	commit();
	REFUSED(ask(NAME(4), &answered), PENDING);
	GOOD(client_device(&client, NAME(5)));
	fake.committed = fake.sequence;
	fake_core_commit(fixture.machine);
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 3);
	fixture_kill(&fixture);
	ck_assert_uint_eq(fixture.check_count, 0); /* that run's were cancelled */
	resume(3);
	ck_assert_uint_eq(fake.allocations, 1);
	REFUSED(ask(NAME(4), &answered), PENDING);
	ck_assert(penstock_session_makes_pipelines(client.session));
	GOOD(client_device(&client, NAME(5)));
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 3);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	GOOD(answered.status);
	ck_assert(!penstock_session_makes_pipelines(client.session));
	commit();
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), 5);
	check_pipeline(NAME(4));
}
END_TEST

/* ---------------------------------------------------------------- an orderly end */

START_TEST(a_stop_keeps_what_is_made)
{
	make(NAME(4));
	commit();
	stop();
	start_again();
	resume(4);
	check_pipeline(NAME(4));
}
END_TEST

/* Two are checked and two wait for them: a stop waits for none, and they are sent again. */
START_TEST(a_stop_gives_back_what_is_being_checked)
{
	struct answered answered[4];

	commit();
	make(NAME(4));
	for (unsigned i = 0; i < 4; i++) {
		REFUSED(ask(NAME(5 + i), &answered[i]), PENDING);
	}
	GOOD(client_device(&client, NAME(9)));
	GOOD(client_fill(&client, 0, NAME(3)));
	commit();
	ck_assert_uint_eq(fake.submissions, 0);
	ck_assert_uint_eq(fixture.check_count, 2);
	client_disconnect(&client);
	stop();
	ck_assert_uint_eq(fixture.cancelled, 2);
	ck_assert_uint_eq(fixture.check_count, 0);
	start_again();
	resume(4);
	ck_assert_uint_eq(fake.allocations, 2);
	for (unsigned i = 0; i < 4; i++) {
		REFUSED(ask(NAME(5 + i), &answered[i]), PENDING);
	}
	GOOD(client_device(&client, NAME(9)));
	ck_assert_uint_eq(execution_state(NAME(1)), PENSTOCK_DEVICE_ACTIVE);
	while (fixture.check_count > 0) {
		fixture_answer(&fixture, &reflection);
	}
	turn(&fixture);
	commit();
	ck_assert_uint_eq(penstock_session_durable_serial(client.session), client.serial);
	for (unsigned i = 0; i < 5; i++) {
		check_pipeline(NAME(4 + i));
	}
}
END_TEST

START_TEST(a_stop_waits_for_pages_that_are_being_reserved)
{
	struct answered answered[2];

	commit();
	fake.reserve_later = true;
	REFUSED(ask(NAME(4), &answered[0]), PENDING);
	REFUSED(ask(NAME(5), &answered[1]), PENDING);
	fixture_answer(&fixture, &reflection);
	fixture_answer(&fixture, &reflection);
	client_disconnect(&client);
	penstock_machine_stop(fixture.machine, NULL, NULL);
	for (unsigned i = 0; i < 8; i++) {
		turn(&fixture);
	}
	ck_assert_uint_eq(fake.allocations, 3);
	fake_core_reserved(PENSTOCK_STATUS_SUCCESS);
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	for (unsigned i = 0; i < 8; i++) {
		turn(&fixture);
	}
	ck_assert_uint_eq(fake.allocations, 0);
	fake.committed = fake.sequence;
	fake_core_kill();
	fake_core_resurrect();
	start_again();
	resume(3);
	ck_assert_uint_eq(fake.allocations, 2);
	GOOD(ask(NAME(4), &answered[0]));
	/* Nobody was told of this one's refusal: it has another chance. */
	REFUSED(ask(NAME(5), &answered[1]), PENDING);
	fixture_answer(&fixture, &reflection);
	turn(&fixture);
	GOOD(answered[1].status);
	check_pipeline(NAME(4));
	check_pipeline(NAME(5));
}
END_TEST

/* ---------------------------------------------------------------- rows that cannot be */

static const struct penstock_pipeline_row whole = { .allocation = 2,
						    .kind = 1,
						    .binding_count = 2 };
static const struct penstock_pipeline_binding_row last = { .allocation = 2,
							   .set = 2,
							   .binding = 7,
							   .type = 7,
							   .count = 1,
							   .least_bytes = 16,
							   .written = true };
static const struct penstock_allocation_row plain = { .id = 2,
						      .principal = 1,
						      .size_bytes = 4096,
						      .record = UINT64_MAX,
						      .segment_set = 3,
						      .priority = 1 };

static void no_kind(void)
{
	struct penstock_pipeline_row row = whole;

	row.kind = 3;
	penstock_store_put_pipeline(NULL, &row);
}

static void one_binding_too_few(void)
{
	struct penstock_pipeline_row row = whole;

	row.binding_count = 3;
	penstock_store_put_pipeline(NULL, &row);
}

static void one_binding_too_many(void)
{
	struct penstock_pipeline_row row = whole;

	row.binding_count = 1;
	penstock_store_put_pipeline(NULL, &row);
}

static void more_bindings_than_there_can_be(void)
{
	struct penstock_pipeline_row row = whole;

	row.binding_count = UINT32_MAX;
	penstock_store_put_pipeline(NULL, &row);
}

static void no_descriptor(void)
{
	struct penstock_pipeline_binding_row row = last;

	row.type = 8;
	penstock_store_put_pipeline_binding(NULL, &row);
}

static void a_binding_of_no_pipeline(void)
{
	struct penstock_pipeline_binding_row row = last;

	row.allocation = 1;
	penstock_store_put_pipeline_binding(NULL, &row);
}

static void a_state_of_a_compute_pipeline(void)
{
	struct penstock_pipeline_row row = whole;

	penstock_graphics_state_default(&row.graphics);
	penstock_store_put_pipeline(NULL, &row);
}

static void no_state_of_a_graphics_pipeline(void)
{
	struct penstock_pipeline_row row = whole;

	row.kind = 2;
	penstock_store_put_pipeline(NULL, &row);
}

static void a_state_that_cannot_be(void)
{
	struct penstock_pipeline_row row = whole;

	row.kind = 2;
	penstock_graphics_state_default(&row.graphics);
	row.graphics.samples = 3;
	penstock_store_put_pipeline(NULL, &row);
}

static void targets_of_a_compute_pipeline(void)
{
	struct penstock_pipeline_row row = whole;

	row.targets_written = 1;
	penstock_store_put_pipeline(NULL, &row);
}

static void a_buffer_with_the_shape_of_an_image(void)
{
	struct penstock_pipeline_binding_row row = last;

	row.dimension = 1;
	penstock_store_put_pipeline_binding(NULL, &row);
}

static void an_image_of_no_shape(void)
{
	struct penstock_pipeline_binding_row row = last;

	row.type = 2;
	row.dimension = 7;
	penstock_store_put_pipeline_binding(NULL, &row);
}

static void one_of_no_allocation(void)
{
	struct penstock_pipeline_row row = whole;

	row.allocation = 77;
	penstock_store_put_pipeline(NULL, &row);
}

static void one_that_others_may_open(void)
{
	struct penstock_allocation_row row = plain;

	row.token_low = 1;
	penstock_store_put_allocation(NULL, &row);
}

static void one_too_small_for_its_bindings(void)
{
	struct penstock_allocation_row row = plain;

	row.size_bytes = 64;
	penstock_store_put_allocation(NULL, &row);
}

static void one_that_may_be_written(void)
{
	const struct penstock_opening_row row = {
		.id = 2, .device = 1, .allocation = 2, .name = NAME(4)
	};

	penstock_store_put_opening(NULL, &row);
}

static void (*const damages[])(void) = {
	no_kind,
	one_binding_too_few,
	one_binding_too_many,
	more_bindings_than_there_can_be,
	no_descriptor,
	a_binding_of_no_pipeline,
	a_state_of_a_compute_pipeline,
	no_state_of_a_graphics_pipeline,
	a_state_that_cannot_be,
	targets_of_a_compute_pipeline,
	a_buffer_with_the_shape_of_an_image,
	an_image_of_no_shape,
	one_of_no_allocation,
	one_that_others_may_open,
	one_too_small_for_its_bindings,
	one_that_may_be_written,
};

START_TEST(rows_that_cannot_be_are_refused_at_start)
{
	struct penstock_errbuf text;

	make(NAME(4));
	commit();
	damages[_i]();
	client_disconnect(&client);
	stop();
	REFUSED(fixture_start_again(&fixture, &text), DATA_ERROR);
	ck_assert_int_eq(uv_run(&fixture.loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&fixture.loop), 0);
	fixture_start(&fixture, true);
}
END_TEST

/* Stages in any order, checked as a pipeline has them; with all that render knows after a kill. */
START_TEST(a_graphics_pipeline_comes_back_with_its_state)
{
	static const uint32_t word = 0x100;
	const struct penstock_pipeline_stage_info stages[] = {
		{ .stage = PENSTOCK_SHADER_FRAGMENT,
		  .entry_point = "main",
		  .spirv = (const uint8_t *)&word,
		  .spirv_bytes = sizeof(word) },
		{ .stage = PENSTOCK_SHADER_VERTEX,
		  .entry_point = "main",
		  .spirv = (const uint8_t *)&word,
		  .spirv_bytes = sizeof(word) },
	};
	struct penstock_graphics_state state;
	const struct penstock_create_pipeline_info info = {
		.name = NAME(4),
		.device = NAME(1),
		.stages = stages,
		.stage_count = 2,
		.graphics = &state,
	};
	struct penstock_shader_reflection vertex = { .stage = PENSTOCK_SHADER_VERTEX,
						     .entry_point = "main",
						     .flags = PENSTOCK_SHADER_WRITES_POSITION };
	struct penstock_shader_reflection fragment = {
		.stage = PENSTOCK_SHADER_FRAGMENT,
		.entry_point = "main",
		.output_count = 1,
		.outputs = { { .location = 2, .components = 4, .number = 1, .bits = 32 } },
		.binding_count = 1,
		.bindings = { { .kind = PENSTOCK_BINDING_COMBINED_IMAGE_SAMPLER,
				.count = 1,
				.flags = PENSTOCK_BINDING_READ | PENSTOCK_BINDING_ARRAYED |
					 PENSTOCK_BINDING_DEPTH,
				.dimension = 1,
				.number = 1 } },
	};
	struct answered answered;
	const struct penstock_render_pipeline *render;
	struct penstock_allocation *allocation = NULL;

	penstock_graphics_state_default(&state);
	state.view_mask = 5;
	REFUSED(client_pipeline_of(&client, &info, &answered), PENDING);
	fixture_answer(&fixture, &vertex);
	fixture_answer(&fixture, &fragment);
	turn(&fixture);
	GOOD(answered.status);
	commit();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	penstock_list_for_each (link, &fixture.machine->adapters[0].allocations) {
		struct penstock_allocation *one =
			penstock_list_entry(link, struct penstock_allocation, link);

		allocation = one->is_pipeline ? one : allocation;
	}
	ck_assert_ptr_nonnull(allocation);
	render = &allocation->composition->render;
	ck_assert_mem_eq(render->graphics, &state, sizeof(state));
	ck_assert_uint_eq(render->targets_written, 1u << 2);
	ck_assert_uint_eq(render->topology_class, PENSTOCK_TOPOLOGY_TRIANGLES);
	ck_assert_uint_eq(render->bindings[0].flags,
			  PENSTOCK_BINDING_ARRAYED | PENSTOCK_BINDING_DEPTH);
	ck_assert_uint_eq(render->bindings[0].dimension, 1);
	ck_assert_uint_eq(render->bindings[0].number, 1);
}
END_TEST

/* The same rows, put again as they were, are no damage: what the test above finds is theirs. */
START_TEST(rows_that_can_be_are_not)
{
	const struct penstock_opening_row opening = {
		.id = 2, .device = 1, .allocation = 2, .name = NAME(4), .read_only = true
	};

	make(NAME(4));
	commit();
	penstock_store_put_allocation(NULL, &plain);
	penstock_store_put_pipeline(NULL, &whole);
	penstock_store_put_pipeline_binding(NULL, &last);
	penstock_store_put_opening(NULL, &opening);
	client_disconnect(&client);
	stop();
	start_again();
	GOOD(client_resume(&fixture, &client, "uid:1"));
}
END_TEST

/* What the store's order and keys do not let through. */
START_TEST(bindings_out_of_order_or_over_a_limit_are_none)
{
	static const struct {
		struct penstock_render_binding first, second;
	} wrongs[] = {
		{ { .set = 1, .binding = 1, .count = 1 }, { .set = 1, .binding = 1, .count = 1 } },
		{ { .set = 1, .binding = 2, .count = 1 }, { .set = 1, .binding = 1, .count = 1 } },
		{ { .set = 2, .binding = 1, .count = 1 }, { .set = 1, .binding = 2, .count = 1 } },
		{ { .binding = 0, .count = 1 }, { .binding = 1, .count = 0 } },
		{ { .binding = 0, .count = 1 },
		  { .binding = 1, .count = PENSTOCK_LIMIT_DESCRIPTORS } },
		{ { .binding = 0, .count = 1 }, { .binding = 1, .count = UINT32_MAX } },
		{ { .binding = 0, .count = 1 },
		  { .binding = PENSTOCK_LIMIT_BINDING_NUMBER, .count = 1 } },
		{ { .binding = 0, .count = 1 },
		  { .set = PENSTOCK_LIMIT_DESCRIPTOR_SETS, .count = 1 } },
		{ { .binding = 0, .count = 1 }, { .binding = 1, .count = 1, .type = 9 } },
	};
	struct penstock_composition_rest rest = { .kind = 1, .bytes = 4096, .binding_count = 2 };
	struct penstock_composition *composition;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(wrongs); i++) {
		GOOD(penstock_composition_restore(&rest, &composition));
		ck_assert(penstock_composition_restore_binding(composition, &wrongs[i].first));
		ck_assert(!penstock_composition_restore_binding(composition, &wrongs[i].second));
		ck_assert_uint_eq(composition->missing, 1);
		penstock_composition_free(composition);
	}
	rest.kind = 0;
	REFUSED(penstock_composition_restore(&rest, &composition), DATA_ERROR);
	rest = (struct penstock_composition_rest){ .kind = 1, .bytes = UINT32_MAX + 1ull };
	REFUSED(penstock_composition_restore(&rest, &composition), DATA_ERROR);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_pipeline_lease");
	TCase *tcase = tcase_create("pipelines of leased sessions");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_pipeline_comes_back_after_a_kill_with_all_that_its_shaders_use);
	tcase_add_test(tcase, a_pipeline_without_bindings_comes_back);
	tcase_add_test(tcase, nothing_but_a_submission_uses_one_that_came_back);
	tcase_add_test(tcase, a_pipeline_that_is_being_made_has_a_priority_and_nothing_to_reclaim);
	tcase_add_test(tcase, a_pipeline_whose_bytes_are_gone_loses_its_device);
	tcase_add_test(tcase, one_that_was_made_and_not_counted_is_made_once);
	tcase_add_test(tcase, an_allocation_is_not_taken_for_a_pipeline_nor_one_for_it);
	tcase_add_test(tcase, one_that_a_destroy_has_overtaken_is_not_made_again);
	tcase_add_test(tcase, one_that_was_refused_is_refused_with_the_stored_answer);
	tcase_add_test(tcase, one_that_was_being_made_is_made_again);
	tcase_add_test(tcase, a_stop_keeps_what_is_made);
	tcase_add_test(tcase, a_stop_gives_back_what_is_being_checked);
	tcase_add_test(tcase, a_stop_waits_for_pages_that_are_being_reserved);
	tcase_add_loop_test(tcase, rows_that_cannot_be_are_refused_at_start, 0,
			    (int)PENSTOCK_ARRAY_SIZE(damages));
	tcase_add_test(tcase, a_graphics_pipeline_comes_back_with_its_state);
	tcase_add_test(tcase, rows_that_can_be_are_not);
	tcase_add_test(tcase, bindings_out_of_order_or_over_a_limit_are_none);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
