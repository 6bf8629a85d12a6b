/* SPDX-License-Identifier: MIT */
#include "tests/unit/objects_fixture.h"

#include "proto/isa/instruction.h"

static void random_bytes(void *owner, uint8_t ret_bytes[16])
{
	static uint64_t state = 0x9e3779b97f4a7c15ull;

	(void)owner;
	for (unsigned i = 0; i < 16; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		ret_bytes[i] = (uint8_t)(state >> 56);
	}
}

static void on_fence(void *owner, uint64_t context, uint64_t fence, enum penstock_status status)
{
	struct client *client = owner;

	ck_assert_uint_lt(client->fence_count, MOST_EVENTS);
	client->fences[client->fence_count++] = (struct told_fence){ context, fence, status };
}

static void on_resume(void *owner)
{
	((struct client *)owner)->resumes++;
}

static void on_durable(void *owner, uint64_t serial)
{
	struct client *client = owner;

	ck_assert_uint_ge(serial, client->durable);
	client->durable = serial;
}

static void on_ended(void *owner, enum penstock_status status, const char *sentence)
{
	struct client *client = owner;

	ck_assert_ptr_nonnull(sentence);
	ck_assert_int_ne(status, PENSTOCK_STATUS_SUCCESS);
	client->ended++;
	client->session = NULL;
}

static void on_done(struct penstock_request *request, enum penstock_status status)
{
	struct answered *answered = penstock_container_of(request, struct answered, request);

	answered->times++;
	answered->status = status;
}

/* ---------------------------------------------------------------- shaders */

static enum penstock_status check_shader(struct penstock_shader_service *service,
					 const struct penstock_shader_request *request,
					 penstock_shader_answered *answered, void *owner,
					 struct penstock_shader_check **ret_check)
{
	struct fixture *fixture = (struct fixture *)service;
	struct fake_check *check;

	if (fixture->no_checks) {
		return PENSTOCK_STATUS_QUOTA_EXCEEDED;
	}
	check = calloc(1, sizeof(*check));
	*check = (struct fake_check){
		.answered = answered,
		.owner = owner,
		.first_word = request->words[0],
		.stage = request->stage,
	};
	penstock_list_init(&check->link);
	penstock_list_append(&fixture->checks, &check->link);
	fixture->checked++;
	fixture->check_count++;
	*ret_check = (struct penstock_shader_check *)check;
	return PENSTOCK_STATUS_SUCCESS;
}

static struct fixture *fixture_of_checks;

static void cancel_shader(struct penstock_shader_check *base)
{
	struct fake_check *check = (struct fake_check *)base;

	penstock_list_remove(&check->link);
	fixture_of_checks->cancelled++;
	fixture_of_checks->check_count--;
	free(check);
}

static void give(struct fixture *fixture, struct penstock_shader_answer *answer)
{
	struct penstock_list *link = penstock_list_pop(&fixture->checks);
	struct fake_check *check;
	uint32_t words[2];

	ck_assert_ptr_nonnull(link);
	check = penstock_list_entry(link, struct fake_check, link);
	words[0] = check->first_word;
	words[1] = check->first_word + 1;
	fixture->check_count--;
	if (answer->status == PENSTOCK_STATUS_SUCCESS) {
		answer->words = words;
		answer->word_count = 2;
	}
	check->answered(check->owner, answer);
	free(check);
}

void fixture_answer(struct fixture *fixture, const struct penstock_shader_reflection *reflection)
{
	struct penstock_shader_answer answer = { .status = PENSTOCK_STATUS_SUCCESS,
						 .sentence = "",
						 .reflection = reflection };

	give(fixture, &answer);
}

void fixture_refuse(struct fixture *fixture, enum penstock_status status, uint32_t word_offset,
		    const char *sentence)
{
	struct penstock_shader_answer answer = { .status = status,
						 .word_offset = word_offset,
						 .sentence = sentence };

	give(fixture, &answer);
}

/* ---------------------------------------------------------------- the adapter */

enum penstock_status fixture_start_again(struct fixture *fixture, struct penstock_errbuf *ret_text)
{
	fixture->stopped = false;
	return penstock_machine_start(&fixture->config, &fixture->machine, ret_text);
}

void fixture_start(struct fixture *fixture, bool store)
{
	fixture_start_adapters(fixture, store, 1);
}

void fixture_start_adapters(struct fixture *fixture, bool store, uint32_t adapter_count)
{
	struct penstock_errbuf text;

	fake_core_reset();
	penstock_list_init(&fixture->checks);
	fixture->checked = fixture->check_count = fixture->cancelled = 0;
	fixture->no_checks = false;
	fixture_of_checks = fixture;
	ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(fixture->adapters); i++) {
		fixture->adapters[i] = (struct penstock_adapter_config){
			.memory_dir = "",
			.local_bytes = 64u << 20,
			.aperture_bytes = 64u << 20,
			.hw_queue_packet_cap = 2,
			.pipelines = true,
		};
	}
	fixture->config = (struct penstock_machine_config){
		.memory_dir = "",
		.adapters = fixture->adapters,
		.adapter_count = adapter_count,
		.principal_quota_bytes = 64u << 20,
		.max_sessions_per_principal = 8,
		.max_lease_s = 30,
		.store = store ? fake_core_store() : NULL,
		.worker = { .run = fake_core_run },
		.shaders = { (struct penstock_shader_service *)fixture, check_shader,
			     cancel_shader },
		.loop = &fixture->loop,
		.random = random_bytes,
		.start_backend = fake_core_start_backend,
	};
	ck_assert_int_eq(fixture_start_again(fixture, &text), PENSTOCK_STATUS_SUCCESS);
}

void turn(struct fixture *fixture)
{
	(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void on_stopped(void *argument)
{
	((struct fixture *)argument)->stopped = true;
}

static void stop_machine(struct fixture *fixture)
{
	penstock_machine_stop(fixture->machine, on_stopped, fixture);
	for (unsigned i = 0; i < 16 && !fixture->stopped; i++) {
		(void)fake_core_work(UINT_MAX);
		turn(fixture);
	}
	ck_assert(fixture->stopped);
	ck_assert_uint_eq(fake.allocations, 0);
	ck_assert_uint_eq(fake.processes, 0);
}

void fixture_kill(struct fixture *fixture)
{
	struct penstock_errbuf text;

	fake_core_kill();
	stop_machine(fixture);
	fake_core_resurrect();
	ck_assert_int_eq(fixture_start_again(fixture, &text), PENSTOCK_STATUS_SUCCESS);
}

void fixture_stop(struct fixture *fixture)
{
	stop_machine(fixture);
	ck_assert_int_eq(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
	ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
	fake_core_reset();
}

/* ---------------------------------------------------------------- a client */

static void forget(struct client *client)
{
	*client = (struct client){ .id = client->id };
	client->events = (struct penstock_session_events){
		.owner = client,
		.fence = on_fence,
		.resume = on_resume,
		.durable = on_durable,
		.ended = on_ended,
	};
}

enum penstock_status client_connect(struct fixture *fixture, struct client *client,
				    const char *principal, uint32_t lease_s)
{
	enum penstock_status status;

	forget(client);
	status = penstock_session_new(fixture->machine, principal, "test", lease_s, &client->events,
				      &client->session, &client->lease_s);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		client->id = penstock_session_id(client->session);
	}
	return status;
}

enum penstock_status client_resume(struct fixture *fixture, struct client *client,
				   const char *principal)
{
	enum penstock_status status;

	forget(client);
	status = penstock_session_resume(fixture->machine, principal, client->id, &client->events,
					 &client->session, &client->lease_s,
					 &client->resumed_serial);
	client->serial = client->resumed_serial;
	return status;
}

void client_disconnect(struct client *client)
{
	penstock_session_disconnect(client->session);
	client->session = NULL;
}

static struct penstock_request *ask(struct client *client, struct answered *answered)
{
	*answered = (struct answered){ .times = 0 };
	answered->request.serial = ++client->serial;
	answered->request.done = on_done;
	return &answered->request;
}

enum penstock_status client_device_on(struct client *client, uint64_t name, uint32_t adapter)
{
	return penstock_create_device(client->session, ++client->serial, name, adapter, 0,
				      &client->refusal);
}

enum penstock_status client_device(struct client *client, uint64_t name)
{
	return client_device_on(client, name, 0);
}

enum penstock_status client_context(struct client *client, uint64_t name, uint64_t device)
{
	const struct penstock_context_info info = { .name = name, .device = device };

	return penstock_create_context(client->session, ++client->serial, &info, &client->refusal);
}

enum penstock_status client_allocation(struct client *client, uint64_t name, uint64_t device,
				       uint64_t size_bytes, struct answered *answered)
{
	const struct penstock_create_allocation_info info = { .name = name,
							      .device = device,
							      .size_bytes = size_bytes };

	return penstock_create_allocation(client->session, &info, ask(client, answered),
					  &client->refusal);
}

enum penstock_status client_pipeline_of(struct client *client,
					const struct penstock_create_pipeline_info *info,
					struct answered *answered)
{
	return penstock_create_pipeline(client->session, info, ask(client, answered),
					&client->refusal);
}

enum penstock_status client_pipeline(struct client *client, uint64_t name, uint64_t device,
				     uint32_t stage, uint32_t word, struct answered *answered)
{
	const struct penstock_pipeline_stage_info stages[] = {
		{ .stage = stage,
		  .entry_point = "main",
		  .spirv = (const uint8_t *)&word,
		  .spirv_bytes = sizeof(word) },
	};
	const struct penstock_create_pipeline_info info = {
		.name = name,
		.device = device,
		.stages = stages,
		.stage_count = 1,
	};

	return client_pipeline_of(client, &info, answered);
}

enum penstock_status client_share(struct client *client, uint64_t name, struct answered *answered)
{
	return penstock_share_allocation(client->session, name, ask(client, answered),
					 &client->refusal);
}

enum penstock_status client_open(struct client *client, uint64_t name, uint64_t device,
				 const struct answered *shared, bool read_only)
{
	return penstock_open_allocation(client->session, ++client->serial, name, device,
					shared->request.token_high, shared->request.token_low,
					read_only, &client->refusal);
}

enum penstock_status client_destroy(struct client *client, uint64_t name)
{
	return penstock_destroy(client->session, ++client->serial, name, &client->refusal);
}

void client_set_up(struct client *client, unsigned allocations)
{
	struct answered answered;

	ck_assert_int_eq(client_device(client, NAME(1)), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(client_context(client, NAME(2), NAME(1)), PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < allocations; i++) {
		ck_assert_int_eq(client_allocation(client, NAME(3 + i), NAME(1), 4096, &answered),
				 PENSTOCK_STATUS_SUCCESS);
	}
}

enum penstock_status client_submit(struct client *client, const struct submit *submit,
				   struct answered *answered)
{
	struct penstock_request *request = ask(client, answered);
	struct penstock_submission_view view = {
		.record = submit->record,
		.allocation_list = (const uint8_t *)submit->list,
		.broadcast = (const uint8_t *)submit->broadcast,
		.command = submit->command,
	};

	view.record.context = submit->context;
	view.record.flags = submit->flags;
	view.record.command_length = submit->command_bytes;
	view.record.allocation_count = submit->list_count;
	view.record.broadcast_count = submit->broadcast_count;
	return penstock_submit(client->session, request->serial, &view, request, &client->refusal);
}

void write_fill(uint8_t command[32], uint16_t index)
{
	const struct penstock_instruction *fill =
		penstock_instruction_get(PENSTOCK_INSTRUCTION_FILL);

	memset(command, 0, 32);
	penstock_store32(command, penstock_instruction_header(fill->layout.opcode, 32));
	penstock_store16(command + 4, index);
	penstock_store64(command + 16, 256);
	penstock_store32(command + 24, 0xdeadbeef);
}

enum penstock_status client_fill_flags(struct client *client, uint64_t context, uint64_t name,
				       uint32_t flags)
{
	const struct penstock_wire_allocation list[2] = {
		{ .name = 0 },
		{ .name = name, .flags = PENSTOCK_ALLOCATION_WRITE_OPERATION },
	};
	uint8_t command[32];
	struct answered answered;
	struct submit submit = {
		.context = context == 0 ? NAME(2) : context,
		.flags = flags,
		.list = list,
		.list_count = 2,
		.command = command,
		.command_bytes = sizeof(command),
	};

	write_fill(command, 1);
	return client_submit(client, &submit, &answered);
}

enum penstock_status client_fill(struct client *client, uint64_t context, uint64_t name)
{
	return client_fill_flags(client, context, name, 0);
}

enum penstock_status client_upload_begin(struct client *client, uint64_t name, uint64_t offset,
					 uint32_t size_bytes, struct answered *answered,
					 uint8_t **ret_destination)
{
	return client_upload_with(client, name, offset, size_bytes, 0, answered, ret_destination);
}

enum penstock_status client_upload_with(struct client *client, uint64_t name, uint64_t offset,
					uint32_t size_bytes, uint32_t flags,
					struct answered *answered, uint8_t **ret_destination)
{
	return penstock_upload_begin(client->session, name, offset, size_bytes, flags,
				     ask(client, answered), ret_destination, &client->refusal);
}

enum penstock_status client_read_back(struct client *client, uint64_t name, uint64_t offset,
				      uint32_t size_bytes, struct answered *answered)
{
	return client_read_back_with(client, name, offset, size_bytes, 0, answered);
}

enum penstock_status client_read_back_with(struct client *client, uint64_t name, uint64_t offset,
					   uint32_t size_bytes, uint32_t flags,
					   struct answered *answered)
{
	return penstock_read_back(client->session, name, offset, size_bytes, flags,
				  ask(client, answered), &client->refusal);
}
