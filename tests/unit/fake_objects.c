/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_objects.h"

#include "proto/wire/limits.h"

#include "daemon/objects/observe.h"
#include "daemon/objects/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct penstock_session {
	bool in_use;
	uint64_t executed;
};

struct fake_objects fake;

void fake_objects_reset(void)
{
	penstock_trace_fini(&fake.trace);
	memset(&fake, 0, sizeof(fake));
}

static enum penstock_status begin(const struct penstock_session_events *events, uint64_t executed,
				  struct penstock_session **ret_session)
{
	struct penstock_session *session;

	if (fake.session_answer != PENSTOCK_STATUS_SUCCESS) {
		return fake.session_answer;
	}
	session = calloc(1, sizeof(*session));
	if (session == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	session->in_use = true;
	session->executed = executed;
	fake.latest = session;
	fake.events = *events;
	fake.sessions_begun++;
	*ret_session = session;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_session_new(struct penstock_machine *machine, const char *principal,
					  const char *client, uint32_t lease_s,
					  const struct penstock_session_events *events,
					  struct penstock_session **ret_session,
					  uint32_t *ret_lease_s)
{
	(void)machine;
	(void)principal;
	*ret_lease_s = lease_s > PENSTOCK_LIMIT_LEASE_S ? PENSTOCK_LIMIT_LEASE_S : lease_s;
	snprintf(fake.client, sizeof(fake.client), "%s", client);
	return begin(events, 0, ret_session);
}

enum penstock_status penstock_session_resume(struct penstock_machine *machine,
					     const char *principal, struct penstock_session_id id,
					     const struct penstock_session_events *events,
					     struct penstock_session **ret_session,
					     uint32_t *ret_lease_s, uint64_t *ret_last_serial)
{
	(void)machine;
	(void)principal;
	(void)id;
	*ret_lease_s = PENSTOCK_LIMIT_LEASE_S;
	*ret_last_serial = fake.last_serial;
	return begin(events, fake.last_serial, ret_session);
}

static void give_back(struct penstock_session *session)
{
	if (fake.latest == session) {
		fake.latest = NULL;
	}
	session->in_use = false;
	free(session);
}

void fake_objects_end(enum penstock_status status, const char *sentence)
{
	struct penstock_session *session = fake.latest;

	fake.sessions_ended++;
	fake.events.ended(fake.events.owner, status, sentence);
	give_back(session);
}

void penstock_session_disconnect(struct penstock_session *session)
{
	PENSTOCK_REQUIRE(session->in_use);
	give_back(session);
	fake.sessions_disconnected++;
}

void penstock_session_end(struct penstock_session *session)
{
	PENSTOCK_REQUIRE(session->in_use);
	give_back(session);
	fake.sessions_ended++;
}

struct penstock_session_id penstock_session_id(const struct penstock_session *session)
{
	(void)session;
	return (struct penstock_session_id){ 0x1122334455667788, 0x99aabbccddeeff00 };
}

uint64_t penstock_session_durable_serial(const struct penstock_session *session)
{
	PENSTOCK_REQUIRE(session->in_use);
	return fake.leased ? fake.durable : session->executed;
}

bool penstock_session_kept(const struct penstock_session *session)
{
	PENSTOCK_REQUIRE(session->in_use);
	return !fake.not_kept;
}

bool penstock_session_gated(const struct penstock_session *session)
{
	(void)session;
	return fake.gated;
}

bool penstock_session_makes_pipelines(const struct penstock_session *session)
{
	(void)session;
	return fake.makes_pipelines;
}

bool penstock_session_makes_many_pipelines(const struct penstock_session *session)
{
	(void)session;
	return fake.makes_many_pipelines;
}

bool penstock_session_over_credit(const struct penstock_session *session)
{
	PENSTOCK_REQUIRE(session->in_use);
	return fake.over_credit;
}

/* ---------------------------------------------------------------- requests */

void fake_objects_finish(enum penstock_status status)
{
	struct penstock_request *request = fake.pending[0];

	PENSTOCK_REQUIRE(fake.pending_count > 0);
	fake.pending_count--;
	memmove(fake.pending, fake.pending + 1, fake.pending_count * sizeof(request));
	request->done(request, status);
}

static enum penstock_status run(struct penstock_session *session, uint64_t serial)
{
	PENSTOCK_REQUIRE(session->in_use);
	if (serial != session->executed + 1) {
		return PENSTOCK_STATUS_WRONG_SERIAL;
	}
	session->executed = serial;
	fake.calls++;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status answer(struct penstock_session *session, uint64_t serial,
				   struct penstock_request *request,
				   struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = run(session, serial);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (fake.pend && request != NULL && fake.pending_count < FAKE_REQUESTS) {
		fake.pending[fake.pending_count++] = request;
		return PENSTOCK_STATUS_PENDING;
	}
	if (fake.answer != PENSTOCK_STATUS_SUCCESS && ret_refusal != NULL) {
		ret_refusal->status = fake.answer;
		snprintf(ret_refusal->sentence, sizeof(ret_refusal->sentence), "the test says so");
	}
	return fake.answer;
}

enum penstock_status penstock_create_device(struct penstock_session *session, uint64_t serial,
					    uint64_t name, uint32_t adapter_index, uint32_t flags,
					    struct penstock_refusal *ret_refusal)
{
	(void)name;
	(void)adapter_index;
	(void)flags;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_create_context(struct penstock_session *session, uint64_t serial,
					     const struct penstock_context_info *info,
					     struct penstock_refusal *ret_refusal)
{
	(void)info;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_create_allocation(struct penstock_session *session,
						const struct penstock_create_allocation_info *info,
						struct penstock_request *request,
						struct penstock_refusal *ret_refusal)
{
	(void)info;
	return answer(session, request->serial, request, ret_refusal);
}

enum penstock_status penstock_create_pipeline(struct penstock_session *session,
					      const struct penstock_create_pipeline_info *info,
					      struct penstock_request *request,
					      struct penstock_refusal *ret_refusal)
{
	fake.pipelines++;
	fake.spirv_bytes = fake.spirv_sum = 0;
	fake.view_mask = info->graphics == NULL ? UINT32_MAX : info->graphics->view_mask;
	for (uint32_t i = 0; i < info->stage_count; i++) {
		fake.spirv_bytes += info->stages[i].spirv_bytes;
		fake.constants = info->stages[i].constant_count;
		for (uint32_t byte = 0; byte < info->stages[i].spirv_bytes; byte++) {
			fake.spirv_sum = fake.spirv_sum * 31 + info->stages[i].spirv[byte];
		}
	}
	return answer(session, request->serial, request, ret_refusal);
}

enum penstock_status penstock_share_allocation(struct penstock_session *session, uint64_t name,
					       struct penstock_request *request,
					       struct penstock_refusal *ret_refusal)
{
	(void)name;
	request->token_high = 0xaaaa;
	request->token_low = 0xbbbb;
	return answer(session, request->serial, request, ret_refusal);
}

enum penstock_status penstock_open_allocation(struct penstock_session *session, uint64_t serial,
					      uint64_t name, uint64_t device, uint64_t token_high,
					      uint64_t token_low, bool read_only,
					      struct penstock_refusal *ret_refusal)
{
	(void)name;
	(void)device;
	(void)token_high;
	(void)token_low;
	(void)read_only;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_create_sync_object(struct penstock_session *session, uint64_t serial,
						 uint64_t name, uint64_t device, uint64_t value,
						 struct penstock_refusal *ret_refusal)
{
	(void)name;
	(void)device;
	(void)value;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_share_sync_object(struct penstock_session *session, uint64_t name,
						struct penstock_request *request,
						struct penstock_refusal *ret_refusal)
{
	return penstock_share_allocation(session, name, request, ret_refusal);
}

enum penstock_status penstock_open_sync_object(struct penstock_session *session, uint64_t serial,
					       uint64_t name, uint64_t device, uint64_t token_high,
					       uint64_t token_low,
					       struct penstock_refusal *ret_refusal)
{
	return penstock_open_allocation(session, serial, name, device, token_high, token_low, false,
					ret_refusal);
}

enum penstock_status penstock_query_sync_object(struct penstock_session *session, uint64_t serial,
						uint64_t name, uint64_t *ret_value,
						struct penstock_refusal *ret_refusal)
{
	*ret_value = name + 1000;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_signal(struct penstock_session *session, uint64_t serial,
				     const struct penstock_sync_info *info,
				     struct penstock_refusal *ret_refusal)
{
	(void)info;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_wait(struct penstock_session *session, uint64_t serial,
				   const struct penstock_sync_info *info,
				   struct penstock_refusal *ret_refusal)
{
	(void)info;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_destroy(struct penstock_session *session, uint64_t serial,
				      uint64_t name, struct penstock_refusal *ret_refusal)
{
	(void)name;
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_sync(struct penstock_session *session, uint64_t serial)
{
	return run(session, serial);
}

enum penstock_status penstock_refuse_request(struct penstock_session *session, uint64_t serial,
					     const struct penstock_refusal *refusal)
{
	enum penstock_status status = run(session, serial);

	return status == PENSTOCK_STATUS_WRONG_SERIAL ? status : refusal->status;
}

void penstock_session_received(struct penstock_session *session, uint64_t serial)
{
	(void)session;
	fake.received = serial;
}

uint64_t penstock_session_forgotten(const struct penstock_session *session)
{
	(void)session;
	return fake.forgotten;
}

bool penstock_session_refusals(const struct penstock_session *session, uint64_t after,
			       uint64_t until, penstock_refusal_fn *tell, void *owner)
{
	(void)session;
	for (uint64_t serial = after + 1; serial <= until; serial++) {
		if (serial == fake.refused &&
		    !tell(owner, serial,
			  &(struct penstock_refusal){ .status = PENSTOCK_STATUS_ILLEGAL_INSTRUCTION,
						      .at_instruction = true,
						      .byte_offset = 12,
						      .instruction = "copy",
						      .operand = "size",
						      .sentence = "as before" })) {
			return false;
		}
	}
	return true;
}

void penstock_session_tell_fences(struct penstock_session *session, uint64_t from)
{
	(void)session;
	fake.fences_from = from;
	fake.events.fence(fake.events.owner, 0x77, from, PENSTOCK_STATUS_SUCCESS);
}

enum penstock_status penstock_submit(struct penstock_session *session, uint64_t serial,
				     const struct penstock_submission_view *view,
				     struct penstock_request *request,
				     struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = answer(session, serial, request, ret_refusal);

	for (uint32_t i = 0; i < view->record.command_length; i++) {
		fake.command_sum += view->command[i];
	}
	fake.submissions++;
	if (view->record.context == 0 && status == PENSTOCK_STATUS_SUCCESS) {
		status = PENSTOCK_STATUS_INVALID_HANDLE;
		ret_refusal->at_instruction = true;
		ret_refusal->byte_offset = 4;
		ret_refusal->instruction = "fill";
	}
	return status;
}

enum penstock_status penstock_upload_begin(struct penstock_session *session, uint64_t name,
					   uint64_t offset, uint32_t size_bytes, uint32_t flags,
					   struct penstock_request *request,
					   uint8_t **ret_destination,
					   struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = run(session, request->serial);

	(void)ret_refusal;
	fake.lock_flags = flags;
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (name == 0) {
		return PENSTOCK_STATUS_INVALID_HANDLE;
	}
	if (!penstock_range_fits(offset, size_bytes, FAKE_MEMORY_BYTES)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	fake.uploads++;
	*ret_destination = fake.memory + offset;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_upload_end(struct penstock_request *request, bool torn)
{
	fake.torn_uploads += torn;
	if (fake.pend && !torn && fake.pending_count < FAKE_REQUESTS) {
		fake.pending[fake.pending_count++] = request;
		return PENSTOCK_STATUS_PENDING;
	}
	return fake.answer;
}

enum penstock_status penstock_read_back(struct penstock_session *session, uint64_t name,
					uint64_t offset, uint32_t size_bytes, uint32_t flags,
					struct penstock_request *request,
					struct penstock_refusal *ret_refusal)
{
	enum penstock_status status;

	(void)name;
	fake.lock_flags = flags;
	if (!penstock_range_fits(offset, size_bytes, FAKE_MEMORY_BYTES)) {
		(void)run(session, request->serial);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	request->bytes = fake.memory + offset;
	request->size_bytes = size_bytes;
	status = answer(session, request->serial, request, ret_refusal);
	fake.read_backs += status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING;
	return status;
}

void penstock_read_back_end(struct penstock_request *request)
{
	PENSTOCK_REQUIRE(request->bytes != NULL);
	request->bytes = NULL;
	fake.read_backs_ended++;
}

enum penstock_status penstock_query_device(struct penstock_session *session, uint64_t serial,
					   uint64_t name, struct penstock_device_state *ret_state,
					   struct penstock_refusal *ret_refusal)
{
	(void)name;
	*ret_state = (struct penstock_device_state){ .execution_state = 1 };
	return answer(session, serial, NULL, ret_refusal);
}

enum penstock_status penstock_query_context(struct penstock_session *session, uint64_t serial,
					    uint64_t name, struct penstock_context_state *ret_state,
					    struct penstock_refusal *ret_refusal)
{
	(void)name;
	*ret_state = (struct penstock_context_state){ .completed_fence = 42 };
	return answer(session, serial, NULL, ret_refusal);
}

void fake_objects_cancel(void)
{
	while (fake.pending_count > 0) {
		fake_objects_finish(PENSTOCK_STATUS_CANCELLED);
	}
}

/* ---------------------------------------------------------------- operating */

enum penstock_status penstock_operator_kill(struct penstock_machine *machine,
					    const struct penstock_operator *by,
					    const struct penstock_target *target,
					    struct penstock_killed *ret_killed,
					    struct penstock_refusal *ret_refusal)
{
	(void)machine;
	(void)by;
	*ret_killed = (struct penstock_killed){ .sessions = 1, .devices = 2 };
	(void)snprintf(ret_refusal->sentence, sizeof(ret_refusal->sentence),
		       "there is no such thing as %u", target->kind);
	return fake.answer;
}

enum penstock_status penstock_operator_evict(struct penstock_machine *machine,
					     const struct penstock_operator *by,
					     const struct penstock_target *target,
					     struct penstock_evicted *ret_evicted,
					     struct penstock_refusal *ret_refusal)
{
	(void)machine;
	(void)by;
	*ret_evicted = (struct penstock_evicted){ .evicted = 1, .bytes = 4096 };
	(void)snprintf(ret_refusal->sentence, sizeof(ret_refusal->sentence),
		       "there is no such thing as %u", target->kind);
	return fake.answer;
}

enum penstock_status penstock_operator_capture(struct penstock_machine *machine,
					       const struct penstock_operator *by,
					       uint64_t context_id, uint64_t allocation_id,
					       struct penstock_request *request,
					       struct penstock_refusal *ret_refusal)
{
	(void)machine;
	(void)by;
	(void)request;
	(void)snprintf(ret_refusal->sentence, sizeof(ret_refusal->sentence),
		       "context %u has no allocation %u", (unsigned)context_id,
		       (unsigned)allocation_id);
	ret_refusal->status = fake.answer;
	return fake.answer;
}

void penstock_operator_capture_cancel(struct penstock_machine *machine,
				      struct penstock_request *request)
{
	(void)machine;
	(void)request;
}

void penstock_operator_capture_end(struct penstock_request *request)
{
	(void)request;
}

struct penstock_trace *penstock_operator_trace(struct penstock_machine *machine)
{
	(void)machine;
	return &fake.trace;
}

/* ---------------------------------------------------------------- observing */

void penstock_observe_machine(const struct penstock_machine *machine,
			      struct penstock_machine_view *ret_view)
{
	(void)machine;
	*ret_view = (struct penstock_machine_view){ .adapters = 1, .sessions = 1 };
}

void penstock_observe_adapter(const struct penstock_machine *machine, uint32_t index,
			      struct penstock_adapter_view *ret_view)
{
	(void)machine;
	(void)index;
	*ret_view = (struct penstock_adapter_view){ .backend = "fake",
						    .state = "running",
						    .failure = "" };
}

void penstock_observe_principals(const struct penstock_machine *machine,
				 void (*visit)(void *owner,
					       const struct penstock_principal_view *view),
				 void *owner)
{
	const struct penstock_principal_view view = { .name = "uid:7", .submissions = 9 };

	(void)machine;
	visit(owner, &view);
}

void penstock_observe_sessions(const struct penstock_machine *machine,
			       void (*visit)(void *owner, const struct penstock_session_view *view),
			       void *owner)
{
	const struct penstock_session_view view = {
		.id = 1,
		.principal = "uid:7",
		.client = "fake",
	};

	(void)machine;
	visit(owner, &view);
}

void penstock_observe_contexts(const struct penstock_machine *machine,
			       void (*visit)(void *owner, const struct penstock_context_view *view),
			       void *owner)
{
	struct penstock_context_view view = { .principal = "uid:7",
					      .device_state = "active",
					      .device_reason = "" };

	(void)machine;
	for (unsigned i = 0; i < fake.contexts; i++) {
		view.id = i + 1;
		visit(owner, &view);
	}
}

enum penstock_status
penstock_observe_submission(const struct penstock_machine *machine, uint64_t context_id,
			    void (*visit)(void *owner, const struct penstock_dump_view *view),
			    void *owner)
{
	static const struct penstock_element_view element = { .allocation = 3, .segment_id = 1 };
	static const struct penstock_patch_location patch = { .allocation_offset = 16 };
	static const uint64_t value = 0x1000;
	static const uint8_t dma[6] = { 0xff, 0xff, 0xff, 0xff, 1, 2 };
	const struct penstock_dump_view view = {
		.context = { .id = context_id,
			     .principal = "uid:7",
			     .device_state = "active",
			     .device_reason = "" },
		.serial = 5,
		.element_count = 1,
		.patch_count = 1,
		.dma_bytes = sizeof(dma),
		.elements = &element,
		.patches = &patch,
		.values_before = &value,
		.values_after = &value,
		.dma_before = dma,
		.dma_after = dma,
	};

	(void)machine;
	if (context_id != 1) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	visit(owner, &view);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_observe_allocations(const struct penstock_machine *machine,
				  void (*visit)(void *owner,
						const struct penstock_allocation_view *view),
				  void *owner)
{
	const struct penstock_allocation_view view = { .id = 3,
						       .principal = "uid:7",
						       .format = "" };

	(void)machine;
	visit(owner, &view);
}

void penstock_observe_places(const struct penstock_machine *machine,
			     void (*visit)(void *owner, const struct penstock_place_view *view),
			     void *owner)
{
	const struct penstock_place_view view = { .resident = { .id = 3, .segment_id = 1 } };

	(void)machine;
	visit(owner, &view);
}

enum penstock_status
penstock_observe_segments(const struct penstock_machine *machine,
			  void (*visit)(void *owner, const struct penstock_segment_view *view),
			  void *owner)
{
	const struct penstock_segment_view view = { .adapter = 0 };

	(void)machine;
	if (fake.answer == PENSTOCK_STATUS_SUCCESS) {
		visit(owner, &view);
	}
	return fake.answer;
}

enum penstock_status penstock_observe_nodes(const struct penstock_machine *machine,
					    void (*visit)(void *owner,
							  const struct penstock_node_view *view),
					    void *owner)
{
	const struct penstock_node_view view = { .hw_queue_packet_cap = 2 };

	(void)machine;
	if (fake.answer == PENSTOCK_STATUS_SUCCESS) {
		visit(owner, &view);
	}
	return fake.answer;
}

enum penstock_status penstock_unblock(struct penstock_machine *machine, const char *principal,
				      uint32_t *ret_adapters)
{
	(void)machine;
	(void)principal;
	*ret_adapters = 1;
	return fake.answer;
}

void penstock_observe_debug_reports(const struct penstock_machine *machine,
				    void (*visit)(void *owner,
						  const struct penstock_debug_report *report,
						  uint64_t age_ms),
				    void *owner)
{
	const struct penstock_debug_report report = { .id = 1, .event = "hung" };

	(void)machine;
	visit(owner, &report, 1000);
}

enum penstock_status penstock_offer_allocations(struct penstock_session *session, uint64_t serial,
						const uint64_t *names, size_t count,
						uint32_t priority,
						struct penstock_refusal *ret_refusal)
{
	(void)ret_refusal;
	fake.named = count == 0 ? 0 : names[count - 1];
	fake.named_count = count;
	fake.priority = priority;
	return run(session, serial);
}

enum penstock_status penstock_reclaim_allocations(struct penstock_session *session, uint64_t serial,
						  const uint64_t *names, size_t count,
						  bool *ret_discarded,
						  struct penstock_refusal *ret_refusal)
{
	if (count > PENSTOCK_LIMIT_REQUEST_ALLOCATIONS) {
		(void)run(session, serial);
		ret_refusal->status = PENSTOCK_STATUS_LIMIT_EXCEEDED;
		return ret_refusal->status;
	}
	for (size_t i = 0; i < count; i++) {
		ret_discarded[i] = names[i] % 2 == 1;
	}
	fake.named_count = count;
	return run(session, serial);
}

enum penstock_status penstock_set_allocation_priority(struct penstock_session *session,
						      uint64_t serial, const uint64_t *names,
						      size_t count, uint32_t priority,
						      struct penstock_refusal *ret_refusal)
{
	return penstock_offer_allocations(session, serial, names, count, priority, ret_refusal);
}
