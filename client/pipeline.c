/* SPDX-License-Identifier: MIT */
/* Pipelines: shaders on their way to a daemon, copied into the frame that makes one of them. */
#include "client/connection.h"
#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

/* The message of a pipeline; what it points at is in here. */
struct composed {
	Penstock__Wire__CreatePipeline message;
	Penstock__Wire__ShaderStage stages[PENSTOCK_LIMIT_PIPELINE_STAGES];
	Penstock__Wire__ShaderStage *stage_list[PENSTOCK_LIMIT_PIPELINE_STAGES];
	Penstock__Wire__SpecializationConstant constants[PENSTOCK_LIMIT_PIPELINE_STAGES]
							[PENSTOCK_LIMIT_SHADER_CONSTANTS];
	Penstock__Wire__SpecializationConstant
		*constant_lists[PENSTOCK_LIMIT_PIPELINE_STAGES][PENSTOCK_LIMIT_SHADER_CONSTANTS];
	uint32_t payload_bytes;
};

static enum penstock_status check_stage(const struct penstock_shader_stage_info *info)
{
	if ((info->spirv == NULL && info->spirv_bytes > 0) ||
	    (info->constants == NULL && info->constant_count > 0)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return info->spirv_bytes > PENSTOCK_LIMIT_SHADER_BYTES ||
			       info->constant_count > PENSTOCK_LIMIT_SHADER_CONSTANTS
		       ? PENSTOCK_STATUS_LIMIT_EXCEEDED
		       : PENSTOCK_STATUS_SUCCESS;
}

static void compose_stage(struct composed *composed, uint32_t index,
			  const struct penstock_shader_stage_info *info)
{
	Penstock__Wire__ShaderStage *stage = &composed->stages[index];

	penstock__wire__shader_stage__init(stage);
	stage->stage = info->stage;
	/* protobuf-c's strings are not const; it only reads this one */
	stage->entry_point =
		(char *)(uintptr_t)(info->entry_point == NULL ? "main" : info->entry_point);
	stage->spirv_bytes = info->spirv_bytes;
	stage->constants = composed->constant_lists[index];
	stage->n_constants = info->constant_count;
	for (uint32_t i = 0; i < info->constant_count; i++) {
		Penstock__Wire__SpecializationConstant *constant = &composed->constants[index][i];

		penstock__wire__specialization_constant__init(constant);
		constant->id = info->constants[i].id;
		constant->size_bytes = info->constants[i].size_bytes;
		constant->value = info->constants[i].value;
		stage->constants[i] = constant;
	}
	composed->stage_list[index] = stage;
	composed->payload_bytes += info->spirv_bytes;
}

static enum penstock_status compose(const struct penstock_connection *connection,
				    const struct penstock_pipeline_create_info *info,
				    struct composed *composed)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (info->stages == NULL && info->stage_count > 0) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (info->stage_count > PENSTOCK_LIMIT_PIPELINE_STAGES) {
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	penstock__wire__create_pipeline__init(&composed->message);
	composed->message.name = 1; /* any: all have one size */
	composed->message.device = info->device;
	composed->message.stages = composed->stage_list;
	composed->message.n_stages = info->stage_count;
	if (info->graphics != NULL) {
		/* likewise: it is only read */
		composed->message.graphics.data = (uint8_t *)(uintptr_t)info->graphics;
		composed->message.graphics.len = sizeof(*info->graphics);
	}
	for (uint32_t i = 0; i < info->stage_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = check_stage(&info->stages[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			compose_stage(composed, i, &info->stages[i]);
		}
	}
	/* A larger frame would end the connection; the name of an entry point has any length. */
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    (composed->payload_bytes > connection->max_payload_bytes ||
	     penstock__wire__create_pipeline__get_packed_size(&composed->message) >
		     PENSTOCK_LIMIT_MESSAGE_BYTES)) {
		status = PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	return status;
}

static void copy_payload(const struct penstock_pipeline_create_info *info, uint8_t *payload)
{
	for (uint32_t i = 0; i < info->stage_count; i++) {
		if (info->stages[i].spirv_bytes > 0) {
			memcpy(payload, info->stages[i].spirv, info->stages[i].spirv_bytes);
		}
		payload += info->stages[i].spirv_bytes;
	}
}

static enum penstock_status create(struct penstock_connection *connection,
				   const struct penstock_pipeline_create_info *info,
				   struct composed *composed, uint64_t *ret_pipeline)
{
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_CREATE };
	enum penstock_status status = compose(connection, info, composed);
	uint8_t *payload;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_names_take(&connection->names, info->device, &entry.name);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	composed->message.name = entry.name;
	status = penstock_request_place(connection, PENSTOCK_FRAME_CREATE_PIPELINE,
					&composed->message.base, &entry, composed->payload_bytes,
					&payload);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_names_give_back(&connection->names, entry.name);
		return status;
	}
	copy_payload(info, payload);
	*ret_pipeline = entry.name;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_pipeline_create(struct penstock_connection *connection,
					      const struct penstock_pipeline_create_info *info,
					      uint64_t *ret_pipeline)
{
	enum penstock_status status = penstock_connection_usable(connection);
	struct composed *composed;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (info == NULL || ret_pipeline == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	composed = calloc(1, sizeof(*composed));
	if (composed == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = create(connection, info, composed, ret_pipeline);
	free(composed);
	return status;
}
