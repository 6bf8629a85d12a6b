/* SPDX-License-Identifier: MIT */
#include "client/penstock/replay_script.h"

#include "proto/isa/layout.h"
#include "proto/wire/budget.h"
#include "proto/wire/limits.h"
#include "proto/wire/penstock.pb-c.h"

#include <stdlib.h>

struct reader {
	const char *name;
	const struct penstock_recording *recording;
	struct penstock_replay_script *script;
	/* the end of the latest submission by a context, under the index in its name: names are
	 * dense, so no more of them than requests */
	size_t *latest; /* [latest_count], owned */
	size_t latest_count;
	uint64_t answered;
	struct penstock_errbuf *text;
};

static enum penstock_status fault(const struct reader *reader, size_t index, const char *what)
{
	penstock_errbuf_set(reader->text, "%.120s: byte 0x%zx: %.100s", reader->name,
			    reader->recording->frames[index].offset, what);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

static enum penstock_status no_memory(const struct reader *reader)
{
	penstock_errbuf_set(reader->text, "%.150s: out of memory", reader->name);
	return PENSTOCK_STATUS_NO_MEMORY;
}

/* ------------------------------------------------------------------ requests */

static enum penstock_status read_hello(const struct reader *reader)
{
	const struct penstock_recorded_frame *frame = reader->recording->frames;
	Penstock__Wire__Hello *hello = NULL;
	struct penstock_budget budget;
	bool is_new;

	penstock_budget_init(&budget);
	if (reader->recording->count > 0 && frame->head.type == PENSTOCK_FRAME_HELLO) {
		hello = penstock__wire__hello__unpack(&budget.allocator, frame->head.message_bytes,
						      frame->message);
	}
	if (hello == NULL) {
		penstock_errbuf_set(reader->text, "%.120s: byte 0x%x: no hello is recorded",
				    reader->name, PENSTOCK_RECORDING_HEADER_BYTES);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	is_new = hello->session_high == 0 && hello->session_low == 0;
	penstock__wire__hello__free_unpacked(hello, &budget.allocator);
	return is_new ? PENSTOCK_STATUS_SUCCESS
		      : fault(reader, 0, "the recording is of a session that was resumed");
}

static enum penstock_status add(struct reader *reader, size_t index)
{
	struct penstock_replay_script *script = reader->script;
	struct penstock_replay_request *request;

	if (script->last + 1 == script->capacity) {
		size_t capacity = script->capacity * 2;

		request = reallocarray(script->requests, capacity, sizeof(*request));
		if (request == NULL) {
			return no_memory(reader);
		}
		script->requests = request;
		script->capacity = capacity;
	}
	request = &script->requests[++script->last];
	*request = (struct penstock_replay_request){ .request = index };
	return PENSTOCK_STATUS_SUCCESS;
}

/* The request that was added last is a submission of that context (too). */
static enum penstock_status add_end(struct reader *reader, uint64_t context)
{
	struct penstock_replay_script *script = reader->script;
	struct penstock_replay_request *request = &script->requests[script->last];
	uint32_t name = (uint32_t)context;
	struct penstock_replay_end *end;

	if (context == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (script->end_count == script->end_capacity) {
		size_t capacity = script->end_capacity * 2;

		end = reallocarray(script->ends, capacity, sizeof(*end));
		if (end == NULL) {
			return no_memory(reader);
		}
		script->ends = end;
		script->end_capacity = capacity;
	}
	end = &script->ends[script->end_count];
	*end = (struct penstock_replay_end){ .context = context, .serial = script->last };
	if (name < reader->latest_count) {
		size_t previous = reader->latest[name];

		end->previous = script->ends[previous].context == context ? previous : 0;
		reader->latest[name] = script->end_count;
	}
	if (request->end_count++ == 0) {
		request->first_end = script->end_count;
	}
	script->end_count++;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status add_submission(struct reader *reader, size_t index,
					   const struct penstock_submission_view *view)
{
	enum penstock_status status = add(reader, index);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = add_end(reader, view->record.context);
	}
	/* What names more is refused, and has no fence. */
	for (uint32_t i = 0;
	     i < view->record.broadcast_count && i < PENSTOCK_LIMIT_BROADCAST_CONTEXTS &&
	     status == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		status = add_end(reader, penstock_load64(view->broadcast + (size_t)i * 8u));
	}
	return status;
}

static uint32_t submit_count(const struct penstock_recorded_frame *frame)
{
	Penstock__Wire__Submit *submit;
	struct penstock_budget budget;
	uint32_t count = 0;

	penstock_budget_init(&budget);
	submit = penstock__wire__submit__unpack(&budget.allocator, frame->head.message_bytes,
						frame->message);
	if (submit != NULL) {
		count = submit->count;
		penstock__wire__submit__free_unpacked(submit, &budget.allocator);
	}
	return count;
}

static enum penstock_status read_submit(struct reader *reader, size_t index)
{
	const struct penstock_recorded_frame *frame = &reader->recording->frames[index];
	uint32_t count = submit_count(frame);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_submission_view view;
	uint32_t offset = 0;

	if (count == 0 || count > PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME) {
		return fault(reader, index, "a submit frame without submissions");
	}
	for (uint32_t i = 0; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		if (penstock_submission_view(frame->payload, frame->head.payload_bytes, &offset,
					     &view, NULL) != PENSTOCK_STATUS_SUCCESS) {
			return fault(reader, index, "a submit frame that does not add up");
		}
		status = add_submission(reader, index, &view);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && offset != frame->head.payload_bytes) {
		status = fault(reader, index, "a submit frame that does not add up");
	}
	return status;
}

/* The context of a Signal or a Wait, whose messages are alike; 0: the client itself. */
static uint64_t packet_context(const struct penstock_recorded_frame *frame)
{
	Penstock__Wire__Wait *wait;
	struct penstock_budget budget;
	uint64_t context = 0;

	if (frame->head.type != PENSTOCK_FRAME_SIGNAL && frame->head.type != PENSTOCK_FRAME_WAIT) {
		return 0;
	}
	penstock_budget_init(&budget);
	wait = penstock__wire__wait__unpack(&budget.allocator, frame->head.message_bytes,
					    frame->message);
	if (wait != NULL) {
		context = wait->context;
		penstock__wire__wait__free_unpacked(wait, &budget.allocator);
	}
	return context;
}

/* Or any other request, which is no submission of a context. */
static enum penstock_status read_packet(struct reader *reader, size_t index)
{
	enum penstock_status status = add(reader, index);

	return status == PENSTOCK_STATUS_SUCCESS
		       ? add_end(reader, packet_context(&reader->recording->frames[index]))
		       : status;
}

static enum penstock_status read_request(struct reader *reader, size_t index)
{
	const struct penstock_frame *head = &reader->recording->frames[index].head;

	if (head->type == PENSTOCK_FRAME_HELLO) {
		return index == 0 ? PENSTOCK_STATUS_SUCCESS
				  : fault(reader, index, "a second hello");
	}
	if (penstock_frame_name(head->type) == NULL) {
		return fault(reader, index, "a frame of no known type");
	}
	if (head->serial != reader->script->last + 1) {
		return fault(reader, index, "a request is missing before this one");
	}
	return head->type == PENSTOCK_FRAME_SUBMIT ? read_submit(reader, index)
						   : read_packet(reader, index);
}

/* ------------------------------------------------------------------ answers and fences */

bool penstock_replay_fence(const struct penstock_recorded_frame *frame,
			   struct penstock_replay_fence *ret_fence)
{
	Penstock__Wire__Fence *fence;
	struct penstock_budget budget;

	penstock_budget_init(&budget);
	fence = penstock__wire__fence__unpack(&budget.allocator, frame->head.message_bytes,
					      frame->message);
	if (fence == NULL) {
		return false;
	}
	*ret_fence = (struct penstock_replay_fence){
		.context = fence->context,
		.fence = fence->fence,
		.status = penstock_status_from_wire(fence->status),
	};
	penstock__wire__fence__free_unpacked(fence, &budget.allocator);
	return true;
}

size_t penstock_replay_end_of(const struct penstock_replay_script *script,
			      const struct penstock_replay_fence *fence)
{
	const struct penstock_replay_request *request;

	if (fence->fence == 0 || fence->fence > script->last) {
		return 0;
	}
	request = &script->requests[fence->fence];
	for (uint32_t i = 0; i < request->end_count; i++) {
		if (script->ends[request->first_end + i].context == fence->context) {
			return request->first_end + i;
		}
	}
	return 0;
}

/* Up to it, everything of the context that had not ended has: as the frame says. */
static enum penstock_status read_fence(struct reader *reader, size_t index)
{
	struct penstock_replay_end *ends = reader->script->ends;
	struct penstock_replay_fence fence;
	size_t end = 0;

	if (penstock_replay_fence(&reader->recording->frames[index], &fence)) {
		end = penstock_replay_end_of(reader->script, &fence);
	}
	if (end == 0) {
		return fault(reader, index, "a fence of no submission");
	}
	for (; end != 0 && !ends[end].ended; end = ends[end].previous) {
		ends[end].ended = true;
		ends[end].status = fence.status;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status read_answer(struct reader *reader, size_t index)
{
	const struct penstock_frame *head = &reader->recording->frames[index].head;
	struct penstock_replay_request *requests = reader->script->requests;

	if (penstock_frame_name(head->type) == NULL) {
		return fault(reader, index, "a frame of no known type");
	}
	if (head->serial <= reader->answered || head->serial > reader->script->last) {
		return fault(reader, index, "an answer to no request");
	}
	while (reader->answered < head->serial) {
		requests[++reader->answered].answered = true;
	}
	if (head->type != PENSTOCK_FRAME_ACK) {
		requests[head->serial].answer = index;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status read_frame(struct reader *reader, size_t index)
{
	const uint16_t type = reader->recording->frames[index].head.type;

	if (type < PENSTOCK_FRAME_WELCOME) {
		return read_request(reader, index);
	}
	if (type == PENSTOCK_FRAME_WELCOME || type == PENSTOCK_FRAME_SYNC_VALUE) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (type == PENSTOCK_FRAME_CLOSING) {
		reader->script->closing = index;
		return PENSTOCK_STATUS_SUCCESS;
	}
	return type == PENSTOCK_FRAME_FENCE ? read_fence(reader, index)
					    : read_answer(reader, index);
}

/* ------------------------------------------------------------------ its life */

enum penstock_status penstock_replay_script_init(struct penstock_replay_script *script,
						 const char *name,
						 const struct penstock_recording *recording,
						 struct penstock_errbuf *reterr_text)
{
	struct reader reader = {
		.name = name,
		.recording = recording,
		.script = script,
		.latest = calloc(recording->count + 1, sizeof(*reader.latest)),
		.latest_count = recording->count + 1,
		.text = reterr_text,
	};
	enum penstock_status status;

	*script = (struct penstock_replay_script){
		.requests = calloc(64, sizeof(*script->requests)),
		.capacity = 64,
		.ends = calloc(64, sizeof(*script->ends)),
		.end_count = 1,
		.end_capacity = 64,
	};
	if (reader.latest == NULL || script->requests == NULL || script->ends == NULL) {
		status = no_memory(&reader);
	} else {
		status = read_hello(&reader);
	}
	for (size_t i = 0; i < recording->count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = read_frame(&reader, i);
	}
	free(reader.latest);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_replay_script_fini(script);
	}
	return status;
}

void penstock_replay_script_fini(struct penstock_replay_script *script)
{
	free(script->requests);
	free(script->ends);
	*script = (struct penstock_replay_script){ .requests = NULL };
}
