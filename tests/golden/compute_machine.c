/* SPDX-License-Identifier: MIT */
#include "tests/golden/compute_machine.h"

#include "tests/harness.h"

#include <stdlib.h>
#include <sys/wait.h>

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

void compute_machine_start(struct penstock_daemon *machine, const char *const arguments[])
{
	struct penstock_errbuf text;
	unsigned count = 0;

	ck_assert_msg(penstock_daemon_init(machine, true, &text) == 0, "%s", text.text);
	machine->arguments[count++] = "--paranoid";
	for (; *arguments != NULL; arguments++) {
		machine->arguments[count++] = *arguments;
	}
	ck_assert_msg(penstock_daemon_start(machine, &text) == 0, "%s", text.text);
}

void compute_machine_stop(struct penstock_daemon *machine)
{
	int status = penstock_daemon_stop(machine);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "penstockd ended with %#x",
		      status);
	penstock_daemon_fini(machine);
}

void compute_client_open(struct compute_client *client, const char *server)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_context_create_info context = { .device = 0 };
	char sentence[PENSTOCK_SENTENCE_BYTES] = "";
	struct penstock_adapter_info adapter;

	options.server = server;
	ck_assert_msg(penstock_connect(&options, &client->connection, sentence, sizeof(sentence)) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", sentence);
	GOOD(penstock_connection_adapter(client->connection, 0, &adapter));
	ck_assert(adapter.pipelines);
	GOOD(penstock_device_create(client->connection, NULL, &client->device));
	context.device = client->device;
	GOOD(penstock_context_create(client->connection, &context, &client->context));
}

void compute_client_close(struct compute_client *client)
{
	struct penstock_failure failure;

	while (penstock_failure_next(client->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		ck_abort_msg("request %llu: %s: %s", (unsigned long long)failure.serial,
			     penstock_status_name(failure.status), failure.sentence);
	}
	penstock_connection_close(client->connection);
}

uint64_t compute_pipeline_new(struct compute_client *client, const char *shader,
			      const struct penstock_specialization_constant *constants,
			      uint32_t constant_count)
{
	size_t spirv_bytes;
	void *spirv = compute_shader(shader, &spirv_bytes);
	const struct penstock_shader_stage_info stage = {
		.stage = PENSTOCK_EXECUTION_MODEL_COMPUTE,
		.spirv = spirv,
		.spirv_bytes = (uint32_t)spirv_bytes,
		.constants = constants,
		.constant_count = constant_count,
	};
	const struct penstock_pipeline_create_info info = {
		.device = client->device,
		.stages = &stage,
		.stage_count = 1,
	};
	uint64_t pipeline;

	GOOD(penstock_pipeline_create(client->connection, &info, &pipeline));
	free(spirv);
	return pipeline;
}

void compute_objects_new(struct compute_client *client, const struct compute_case *program,
			 uint8_t *const memories[], uint32_t segment_set,
			 struct compute_objects *ret_objects)
{
	*ret_objects = (struct compute_objects){ { 0 }, { 0 } };
	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		const struct penstock_allocation_create_info info = {
			.device = client->device,
			.size_bytes = program->memories[m].size_bytes,
			.segment_set = segment_set,
		};

		if (info.size_bytes == 0) {
			continue;
		}
		GOOD(penstock_allocation_create(client->connection, &info,
						&ret_objects->memories[m]));
		GOOD(penstock_allocation_upload(client->connection, ret_objects->memories[m], 0,
						memories[m], info.size_bytes));
	}
	for (unsigned s = 0; s < COMPUTE_STEPS; s++) {
		const struct compute_step *step = &program->steps[s];

		if (step->kind == COMPUTE_DISPATCH) {
			ret_objects->pipelines[s] = compute_pipeline_new(
				client, step->shader, step->constants, step->constant_count);
		}
	}
}

void compute_objects_destroy(struct compute_client *client, const struct compute_objects *objects)
{
	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		if (objects->memories[m] != 0) {
			GOOD(penstock_object_destroy(client->connection, objects->memories[m]));
		}
	}
	for (unsigned s = 0; s < COMPUTE_STEPS; s++) {
		if (objects->pipelines[s] != 0) {
			GOOD(penstock_object_destroy(client->connection, objects->pipelines[s]));
		}
	}
}

static uint16_t list(struct penstock_command_buffer *buffer, uint64_t allocation, uint32_t flags)
{
	uint16_t index;

	GOOD(penstock_command_buffer_list(buffer, allocation, flags, &index));
	return index;
}

static void emit_bind(struct penstock_command_buffer *buffer, const struct compute_bind *bind,
		      uint64_t allocation)
{
	if (bind->access == COMPUTE_WRITE) {
		GOOD(penstock_emit_bind_buffer_write(
			buffer, list(buffer, allocation, PENSTOCK_ALLOCATION_WRITE_OPERATION),
			bind->offset, bind->size, bind->set, bind->binding, bind->element));
	} else {
		GOOD(penstock_emit_bind_buffer(buffer, list(buffer, allocation, 0), bind->offset,
					       bind->size, bind->set, bind->binding,
					       bind->element));
	}
}

static void emit_dispatch(struct penstock_command_buffer *buffer, const struct compute_step *step,
			  const struct compute_objects *objects, uint64_t pipeline)
{
	GOOD(penstock_emit_bind_pipeline(buffer, list(buffer, pipeline, 0)));
	for (const struct compute_bind *bind = step->binds; bind->size > 0; bind++) {
		emit_bind(buffer, bind, objects->memories[bind->memory]);
	}
	if (step->push_dwords > 0) {
		GOOD(penstock_emit_push_constants(buffer, step->push_offset, step->push,
						  step->push_dwords * (uint32_t)sizeof(uint32_t)));
	}
	GOOD(penstock_emit_dispatch(buffer, step->groups[0], step->groups[1], step->groups[2],
				    step->base[0], step->base[1], step->base[2]));
}

static void emit_step(struct penstock_command_buffer *buffer, const struct compute_step *step,
		      const struct compute_objects *objects, uint64_t pipeline)
{
	const uint32_t write = PENSTOCK_ALLOCATION_WRITE_OPERATION;
	uint16_t destination;

	if (step->kind == COMPUTE_DISPATCH) {
		emit_dispatch(buffer, step, objects, pipeline);
		return;
	}
	destination = list(buffer, objects->memories[step->destination], write);
	if (step->kind == COMPUTE_COPY) {
		GOOD(penstock_emit_copy(buffer, list(buffer, objects->memories[step->source], 0),
					step->source_offset, destination, step->destination_offset,
					step->size));
	} else {
		GOOD(penstock_emit_fill(buffer, destination, step->destination_offset, step->size,
					step->pattern));
	}
}

uint64_t compute_submit(struct compute_client *client, const struct compute_case *program,
			const struct compute_objects *objects)
{
	struct penstock_command_buffer *buffer;
	uint64_t fence;

	GOOD(penstock_command_buffer_new(&buffer));
	for (unsigned s = 0; s < COMPUTE_STEPS && program->steps[s].kind != 0; s++) {
		emit_step(buffer, &program->steps[s], objects, objects->pipelines[s]);
	}
	GOOD(penstock_command_buffer_submit(buffer, client->connection, client->context, 0,
					    &fence));
	penstock_command_buffer_free(buffer);
	return fence;
}

/* What went wrong: the device says it best, an earlier refusal otherwise. */
static void give_up(struct compute_client *client, enum penstock_status status,
		    const struct penstock_failure *failure)
{
	struct penstock_device_report report = { .reason = "" };
	struct penstock_failure earlier = { .sentence = "" };

	(void)penstock_device_query(client->connection, client->device, &report);
	(void)penstock_failure_next(client->connection, &earlier);
	ck_abort_msg("%s at byte %u: %s; the device: %s; before it: %s",
		     penstock_status_name(status), failure->byte_offset, failure->sentence,
		     report.reason, earlier.sentence);
}

void compute_wait(struct compute_client *client, uint64_t fence)
{
	struct penstock_failure failure = { .sentence = "" };
	enum penstock_status status = penstock_context_wait(client->connection, client->context,
							    fence, PENSTOCK_FOREVER, &failure);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		give_up(client, status, &failure);
	}
}

void compute_read(struct compute_client *client, const struct compute_case *program,
		  const struct compute_objects *objects, uint8_t *memories[])
{
	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		if (objects->memories[m] != 0) {
			GOOD(penstock_allocation_read_back(client->connection, objects->memories[m],
							   0, memories[m],
							   program->memories[m].size_bytes));
		}
	}
}
