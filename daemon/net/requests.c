/* SPDX-License-Identifier: MIT */
/*
 * The requests of a session: each takes its message apart and calls the objects.
 */
#include "daemon/net/dispatch.h"
#include "proto/wire/penstock.pb-c.h"

#include <string.h>

#define MESSAGE(call, type) ((const Penstock__Wire__##type *)(call)->message)

void penstock_handle_create_device(struct penstock_call *call)
{
	const Penstock__Wire__CreateDevice *message = MESSAGE(call, CreateDevice);

	penstock_call_finish(call, penstock_create_device(call->session, call->serial,
							  message->name, message->adapter,
							  message->flags, call->refusal));
}

void penstock_handle_create_context(struct penstock_call *call)
{
	const Penstock__Wire__CreateContext *message = MESSAGE(call, CreateContext);
	const struct penstock_context_info info = {
		.name = message->name,
		.device = message->device,
		.node_ordinal = message->node_ordinal,
		.engine_affinity = message->engine_affinity,
		.flags = message->flags,
		.dma_buffer_bytes = message->dma_buffer_bytes,
		.allocation_list = message->allocation_list,
		.patch_location_list = message->patch_location_list,
		.priority = message->priority,
	};

	penstock_call_finish(
		call, penstock_create_context(call->session, call->serial, &info, call->refusal));
}

void penstock_handle_create_allocation(struct penstock_call *call)
{
	const Penstock__Wire__CreateAllocation *message = MESSAGE(call, CreateAllocation);
	const struct penstock_create_allocation_info info = {
		.name = message->name,
		.device = message->device,
		.size_bytes = message->size_bytes,
		.width = message->width,
		.height = message->height,
		.format = message->format,
		.surface_type = message->surface_type,
		.pitch_bytes = message->pitch_bytes,
		.segment_set = message->segment_set,
		.preferred_segment = message->preferred_segment,
		.flags = message->flags,
		.priority = message->priority,
	};

	penstock_call_finish(call,
			     penstock_create_allocation(call->session, &info, &call->reply->request,
							call->refusal));
}

/* ---------------------------------------------------------------- pipelines */

/* What a message of ours can have of them. */
struct pipeline_parts {
	struct penstock_pipeline_stage_info stages[PENSTOCK_LIMIT_PIPELINE_STAGES];
	struct penstock_shader_constant constants[PENSTOCK_LIMIT_PIPELINE_STAGES]
						 [PENSTOCK_LIMIT_SHADER_CONSTANTS];
	struct penstock_graphics_state graphics;
};

/* False: more constants than a stage can have. */
static bool take_stage(const Penstock__Wire__ShaderStage *message, const uint8_t *spirv,
		       struct penstock_shader_constant *constants,
		       struct penstock_pipeline_stage_info *ret_stage)
{
	if (message->n_constants > PENSTOCK_LIMIT_SHADER_CONSTANTS) {
		return false;
	}
	for (size_t i = 0; i < message->n_constants; i++) {
		constants[i] = (struct penstock_shader_constant){
			.id = message->constants[i]->id,
			.bytes = message->constants[i]->size_bytes,
			.value = message->constants[i]->value,
		};
	}
	*ret_stage = (struct penstock_pipeline_stage_info){
		.stage = message->stage,
		.entry_point = message->entry_point,
		.spirv = spirv,
		.spirv_bytes = message->spirv_bytes,
		.constants = constants,
		.constant_count = (uint32_t)message->n_constants,
	};
	return true;
}

/* NULL, or why they are none: sizes have to add up to the payload. */
static const char *take_stages(const struct penstock_call *call, struct pipeline_parts *parts)
{
	const Penstock__Wire__CreatePipeline *message = MESSAGE(call, CreatePipeline);
	uint32_t left = call->frame->payload_bytes;

	if (message->n_stages > PENSTOCK_LIMIT_PIPELINE_STAGES) {
		return "more stages than a pipeline can have";
	}
	for (size_t i = 0; i < message->n_stages; i++) {
		const uint8_t *spirv = call->payload + (call->frame->payload_bytes - left);

		if (message->stages[i]->spirv_bytes > left) {
			return "the stages have more SPIR-V than the payload";
		}
		if (!take_stage(message->stages[i], spirv, parts->constants[i],
				&parts->stages[i])) {
			return "more specialization constants than a stage can have";
		}
		left -= message->stages[i]->spirv_bytes;
	}
	return left == 0 ? NULL : "the payload has more SPIR-V than the stages";
}

/* NULL, or why it is none. */
static const char *take_graphics(const Penstock__Wire__CreatePipeline *message,
				 struct pipeline_parts *parts)
{
	if (message->graphics.len != 0 && message->graphics.len != sizeof(parts->graphics)) {
		return "a graphics state has another size";
	}
	if (message->graphics.len != 0) {
		memcpy(&parts->graphics, message->graphics.data, sizeof(parts->graphics));
	}
	return NULL;
}

void penstock_handle_create_pipeline(struct penstock_call *call)
{
	const Penstock__Wire__CreatePipeline *message = MESSAGE(call, CreatePipeline);
	struct pipeline_parts parts;
	const struct penstock_create_pipeline_info info = {
		.name = message->name,
		.device = message->device,
		.stages = parts.stages,
		.stage_count = (uint32_t)message->n_stages,
		.graphics = message->graphics.len == 0 ? NULL : &parts.graphics,
	};
	const char *fault = take_stages(call, &parts);

	if (fault == NULL) {
		fault = take_graphics(message, &parts);
	}
	if (fault != NULL) {
		penstock_call_refuse(call, PENSTOCK_STATUS_INVALID_PARAMETER, fault);
		return;
	}
	penstock_call_finish(call, penstock_create_pipeline(call->session, &info,
							    &call->reply->request, call->refusal));
}

/* The token of a share that is done, or its refusal. */
static void answer_shared(struct penstock_call *call, enum penstock_status status)
{
	const struct penstock_request *request = &call->reply->request;
	Penstock__Wire__Shared shared = PENSTOCK__WIRE__SHARED__INIT;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_finish(call, status);
		return;
	}
	shared.token_high = request->token_high;
	shared.token_low = request->token_low;
	penstock_call_answer(call, PENSTOCK_FRAME_SHARED, &shared.base);
}

void penstock_handle_share_allocation(struct penstock_call *call)
{
	answer_shared(call,
		      penstock_share_allocation(call->session, MESSAGE(call, ShareAllocation)->name,
						&call->reply->request, call->refusal));
}

void penstock_handle_open_allocation(struct penstock_call *call)
{
	const Penstock__Wire__OpenAllocation *message = MESSAGE(call, OpenAllocation);

	penstock_call_finish(call, penstock_open_allocation(call->session, call->serial,
							    message->name, message->device,
							    message->token_high, message->token_low,
							    message->read_only, call->refusal));
}

/* ---------------------------------------------------------------- synchronisation objects */

void penstock_handle_create_sync_object(struct penstock_call *call)
{
	const Penstock__Wire__CreateSyncObject *message = MESSAGE(call, CreateSyncObject);

	penstock_call_finish(call, penstock_create_sync_object(call->session, call->serial,
							       message->name, message->device,
							       message->value, call->refusal));
}

void penstock_handle_share_sync_object(struct penstock_call *call)
{
	answer_shared(call, penstock_share_sync_object(call->session,
						       MESSAGE(call, ShareSyncObject)->name,
						       &call->reply->request, call->refusal));
}

void penstock_handle_open_sync_object(struct penstock_call *call)
{
	const Penstock__Wire__OpenSyncObject *message = MESSAGE(call, OpenSyncObject);

	penstock_call_finish(call,
			     penstock_open_sync_object(call->session, call->serial, message->name,
						       message->device, message->token_high,
						       message->token_low, call->refusal));
}

void penstock_handle_query_sync_object(struct penstock_call *call)
{
	Penstock__Wire__SyncObjectState answer = PENSTOCK__WIRE__SYNC_OBJECT_STATE__INIT;
	enum penstock_status status = penstock_query_sync_object(
		call->session, call->serial, MESSAGE(call, QuerySyncObject)->name, &answer.value,
		call->refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_finish(call, status);
		return;
	}
	penstock_call_answer(call, PENSTOCK_FRAME_SYNC_OBJECT_STATE, &answer.base);
}

void penstock_handle_signal(struct penstock_call *call)
{
	const Penstock__Wire__Signal *message = MESSAGE(call, Signal);
	const struct penstock_sync_info info = { message->context, message->object,
						 message->value };

	penstock_call_finish(call,
			     penstock_signal(call->session, call->serial, &info, call->refusal));
}

void penstock_handle_wait(struct penstock_call *call)
{
	const Penstock__Wire__Wait *message = MESSAGE(call, Wait);
	const struct penstock_sync_info info = { message->context, message->object,
						 message->value };

	penstock_call_finish(call,
			     penstock_wait(call->session, call->serial, &info, call->refusal));
}

/* ---------------------------------------------------------------- any object */

void penstock_handle_destroy(struct penstock_call *call)
{
	penstock_call_finish(call, penstock_destroy(call->session, call->serial,
						    MESSAGE(call, Destroy)->name, call->refusal));
}

/* ---------------------------------------------------------------- several allocations at once */

void penstock_handle_offer_allocations(struct penstock_call *call)
{
	const Penstock__Wire__OfferAllocations *message = MESSAGE(call, OfferAllocations);

	penstock_call_finish(call, penstock_offer_allocations(call->session, call->serial,
							      message->allocations,
							      message->n_allocations,
							      message->priority, call->refusal));
}

void penstock_handle_reclaim_allocations(struct penstock_call *call)
{
	const Penstock__Wire__ReclaimAllocations *message = MESSAGE(call, ReclaimAllocations);
	const size_t count = message->n_allocations;
	Penstock__Wire__Reclaimed answer = PENSTOCK__WIRE__RECLAIMED__INIT;
	protobuf_c_boolean told[PENSTOCK_LIMIT_REQUEST_ALLOCATIONS];
	bool discarded[PENSTOCK_LIMIT_REQUEST_ALLOCATIONS];
	enum penstock_status status = penstock_reclaim_allocations(
		call->session, call->serial, message->allocations, count, discarded, call->refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_finish(call, status);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		told[i] = discarded[i];
	}
	answer.n_discarded = count;
	answer.discarded = told;
	penstock_call_answer(call, PENSTOCK_FRAME_RECLAIMED, &answer.base);
}

void penstock_handle_set_allocation_priority(struct penstock_call *call)
{
	const Penstock__Wire__SetAllocationPriority *message = MESSAGE(call, SetAllocationPriority);

	penstock_call_finish(
		call, penstock_set_allocation_priority(call->session, call->serial,
						       message->allocations, message->n_allocations,
						       message->priority, call->refusal));
}

void penstock_handle_sync(struct penstock_call *call)
{
	if (penstock_call_use_serial(call)) {
		penstock_call_finish(call, PENSTOCK_STATUS_SUCCESS);
	}
}

void penstock_handle_goodbye(struct penstock_call *call)
{
	call->connection->goodbye = true;
	penstock_reply_drop(&call->connection->outbox, call->reply);
	penstock_connection_stop(call->connection, PENSTOCK_STATUS_SUCCESS, "goodbye");
}

/* ---------------------------------------------------------------- submissions */

/* Looks at the whole frame before the first submission of it is executed. */
static enum penstock_status payload_adds_up(const struct penstock_call *call, uint32_t count,
					    struct penstock_errbuf *reterr_text)
{
	struct penstock_submission_view view;
	uint32_t offset = 0;

	if (count == 0 || count > PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME) {
		penstock_errbuf_set(reterr_text, "%u submissions: 1 to %u may be in a frame", count,
				    PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME);
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	for (uint32_t i = 0; i < count; i++) {
		enum penstock_status status = penstock_submission_view(
			call->payload, call->frame->payload_bytes, &offset, &view, reterr_text);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	if (offset != call->frame->payload_bytes) {
		penstock_errbuf_set(reterr_text, "%u bytes are left behind the last submission",
				    call->frame->payload_bytes - offset);
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static void submit_one(struct penstock_call *call, const struct penstock_submission_view *view)
{
	penstock_call_finish(call, penstock_submit(call->session, call->serial, view,
						   &call->reply->request, call->refusal));
}

/*
 * The sizes of its context are a row, which must not be on disk in a crash that undoes the
 * acceptance of a submission before it: that one is sent again, and may not fit them.
 */
static bool resize_waits(const struct penstock_call *call,
			 const struct penstock_submission_view *view)
{
	const uint32_t resizes = PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER |
				 PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST |
				 PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST;

	return (view->record.flags & resizes) != 0 && penstock_session_gated(call->session);
}

/*
 * Executes submissions of the connection's frame until it is done or a turn's worth of bytes is:
 * the other connections shall not wait for all that a frame may hold. One at least, whole; none
 * beyond the credit, so that what a context was promised is there for each of them.
 */
static void submit_part(struct penstock_call *call)
{
	struct penstock_connection *connection = call->connection;
	const uint64_t first = call->frame->serial;
	const uint32_t start = connection->submit.offset;
	struct penstock_submission_view view;
	uint32_t offset = start;

	connection->waits_for_gate = false;
	while (connection->submit.done < connection->submit.count &&
	       (connection->submit.offset == start ||
		(connection->submit.offset - start < PENSTOCK_READ_BUFFER_BYTES &&
		 !penstock_session_over_credit(call->session)))) {
		if (penstock_submission_view(call->payload, call->frame->payload_bytes, &offset,
					     &view, NULL) != PENSTOCK_STATUS_SUCCESS) {
			return;
		}
		if (PENSTOCK_UNLIKELY(resize_waits(call, &view))) {
			connection->waits_for_gate = true;
			return;
		}
		if (!penstock_call_begin(call, first + connection->submit.done)) {
			return;
		}
		connection->submit.offset = offset;
		connection->submit.done++;
		submit_one(call, &view);
		if (connection->state != PENSTOCK_CONNECTION_OPEN) {
			return;
		}
	}
	if (connection->submit.done == connection->submit.count) {
		connection->submit.count = 0;
	}
}

void penstock_handle_submit(struct penstock_call *call)
{
	const uint32_t count = MESSAGE(call, Submit)->count;
	struct penstock_connection *connection = call->connection;
	struct penstock_errbuf text;

	if (payload_adds_up(call, count, &text) != PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_MALFORMED_FRAME, text.text);
		return;
	}
	connection->next_serial = call->frame->serial + count;
	connection->net->counters.submissions += count;
	connection->submit.count = count;
	connection->submit.done = 0;
	connection->submit.offset = 0;
	submit_part(call);
}

void penstock_submit_go_on(struct penstock_connection *connection,
			   const struct penstock_frame *frame, const uint8_t *payload)
{
	struct penstock_call call = {
		.connection = connection,
		.session = connection->session,
		.frame = frame,
		.payload = payload,
	};

	submit_part(&call);
}

/* ---------------------------------------------------------------- bulk bytes */

void penstock_handle_upload(struct penstock_call *call)
{
	const Penstock__Wire__Upload *message = MESSAGE(call, Upload);
	const uint32_t size_bytes = call->frame->payload_bytes;
	uint8_t *destination;
	enum penstock_status status;

	if (size_bytes == 0) {
		penstock_call_refuse(call, PENSTOCK_STATUS_INVALID_PARAMETER,
				     "an upload without bytes");
		return;
	}
	status = penstock_upload_begin(call->session, message->allocation, message->offset,
				       size_bytes, message->flags, &call->reply->request,
				       &destination, call->refusal);
	if (status == PENSTOCK_STATUS_SUCCESS && destination != NULL) {
		penstock_call_receive(call, destination, size_bytes);
	} else {
		penstock_call_finish(call, status);
	}
}

void penstock_handle_read_back(struct penstock_call *call)
{
	const Penstock__Wire__ReadBack *message = MESSAGE(call, ReadBack);
	struct penstock_connection *connection = call->connection;
	enum penstock_status status;

	if (message->size_bytes == 0) {
		penstock_call_refuse(call, PENSTOCK_STATUS_INVALID_PARAMETER,
				     "a read-back of no bytes");
		return;
	}
	if (message->size_bytes > PENSTOCK_LIMIT_PAYLOAD_BYTES) {
		penstock_call_refuse(call, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				     "more bytes than a payload can have");
		return;
	}
	status = penstock_read_back(call->session, message->allocation, message->offset,
				    message->size_bytes, message->flags, &call->reply->request,
				    call->refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_finish(call, status);
		return;
	}
	connection->net->counters.read_back_bytes += message->size_bytes;
	penstock_outbox_executed(&connection->outbox, call->serial, false);
	penstock_reply_bytes(&connection->outbox, call->reply);
}

/* ---------------------------------------------------------------- queries */

void penstock_handle_query_device(struct penstock_call *call)
{
	Penstock__Wire__DeviceState answer = PENSTOCK__WIRE__DEVICE_STATE__INIT;
	struct penstock_device_state state;
	enum penstock_status status =
		penstock_query_device(call->session, call->serial, MESSAGE(call, QueryDevice)->name,
				      &state, call->refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_finish(call, status);
		return;
	}
	answer.execution_state = state.execution_state;
	answer.fault_node = state.fault_node;
	answer.fault_address = state.fault_address;
	answer.fault_dma_offset = state.fault_dma_offset;
	answer.reason = state.reason;
	answer.fault_fence = state.fault_fence;
	answer.fault_instruction =
		(char *)(state.fault_instruction == NULL ? "" : state.fault_instruction);
	answer.fault_command_offset = state.fault_command_offset;
	penstock_call_answer(call, PENSTOCK_FRAME_DEVICE_STATE, &answer.base);
}

void penstock_handle_query_context(struct penstock_call *call)
{
	Penstock__Wire__ContextState answer = PENSTOCK__WIRE__CONTEXT_STATE__INIT;
	struct penstock_context_state state;
	enum penstock_status status =
		penstock_query_context(call->session, call->serial,
				       MESSAGE(call, QueryContext)->name, &state, call->refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_finish(call, status);
		return;
	}
	answer.dma_buffer_bytes = state.dma_buffer_bytes;
	answer.allocation_list = state.allocation_list;
	answer.patch_location_list = state.patch_location_list;
	answer.queued_buffer_count = state.queued_buffer_count;
	answer.completed_fence = state.completed_fence;
	penstock_call_answer(call, PENSTOCK_FRAME_CONTEXT_STATE, &answer.base);
}
