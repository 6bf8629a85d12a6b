/* SPDX-License-Identifier: MIT */
#include "daemon/objects/observe.h"

#include "daemon/objects/allocation.h"
#include "daemon/objects/block.h"
#include "daemon/objects/context.h"
#include "daemon/objects/instance.h"
#include "daemon/objects/passes.h"
#include "daemon/objects/snapshot.h"
#include "daemon/objects/sync_object.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
	[PENSTOCK_ADAPTER_RUNNING] = "running",
	[PENSTOCK_ADAPTER_RESETTING] = "resetting",
	[PENSTOCK_ADAPTER_FAILED] = "failed",
	[PENSTOCK_ADAPTER_STOPPING] = "stopping",
};

static const char *const execution_names[] = {
	[PENSTOCK_DEVICE_ACTIVE] = "active",
	[PENSTOCK_DEVICE_RESET] = "reset",
	[PENSTOCK_DEVICE_HUNG] = "hung",
	[PENSTOCK_DEVICE_STOPPED] = "stopped",
	[PENSTOCK_DEVICE_ERROR_OUTOFMEMORY] = "out-of-memory",
	[PENSTOCK_DEVICE_ERROR_DMAFAULT] = "dma-fault",
	[PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT] = "dma-page-fault",
};

const char *penstock_execution_name(uint32_t state)
{
	/* A stored state may be any number. */
	return state < PENSTOCK_ARRAY_SIZE(execution_names) && execution_names[state] != NULL
		       ? execution_names[state]
		       : "unknown";
}

/* ---------------------------------------------------------------- status */

static uint32_t count_list(const struct penstock_list *head)
{
	uint32_t count = 0;

	penstock_list_for_each (link, head) {
		count++;
	}
	return count;
}

/* The pid of a GPU process, 0 where there is none. */
static int64_t process_id(const struct penstock_adapter *adapter,
			  const struct penstock_vidmm_process *process)
{
	if (adapter->backend == NULL || process == NULL) {
		return 0;
	}
	return adapter->backend->ops->process_id(penstock_vidmm_process_backend(process));
}

static uint32_t count_lost_of(const struct penstock_session *session,
			      const struct penstock_adapter *adapter)
{
	uint32_t count = 0;

	penstock_list_for_each (link, &session->devices) {
		const struct penstock_device *device =
			penstock_list_entry(link, struct penstock_device, link);

		count += device->adapter == adapter && penstock_device_lost(device);
	}
	return count;
}

static uint32_t count_lost(const struct penstock_adapter *adapter)
{
	uint32_t count = 0;

	penstock_list_for_each (principal_link, &adapter->machine->principals) {
		const struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_list_for_each (link, &principal->sessions) {
			count += count_lost_of(
				penstock_list_entry(link, struct penstock_session, principal_link),
				adapter);
		}
	}
	return count;
}

void penstock_observe_machine(const struct penstock_machine *machine,
			      struct penstock_machine_view *ret_view)
{
	*ret_view = (struct penstock_machine_view){
		.adapters = machine->adapter_count,
		.sessions = machine->sessions,
		.leased_sessions = count_list(&machine->leases),
		.time_ns = uv_hrtime(),
	};
	penstock_list_for_each (link, &machine->principals) {
		ret_view->connections +=
			penstock_list_entry(link, struct penstock_principal, link)->connections;
	}
}

void penstock_observe_adapter(const struct penstock_machine *machine, uint32_t index,
			      struct penstock_adapter_view *ret_view)
{
	const struct penstock_adapter *adapter = &machine->adapters[index];

	*ret_view = (struct penstock_adapter_view){
		.backend = adapter->backend == NULL ? "" : adapter->backend->ops->name,
		.state = state_names[adapter->state],
		.failure = adapter->state == PENSTOCK_ADAPTER_RUNNING ? "" : adapter->failure,
		.resets = (uint32_t)adapter->resets.total,
		.running = adapter->state == PENSTOCK_ADAPTER_RUNNING,
		.devices = adapter->devices,
		.devices_lost = count_lost(adapter),
		.contexts = adapter->contexts,
		.allocations = adapter->allocation_count,
		.openings = adapter->openings,
		.sync_objects = adapter->sync_objects,
		.submissions_held = adapter->held,
		.transfers = adapter->transfers,
		.system_process =
			adapter->vidmm == NULL
				? 0
				: process_id(adapter, penstock_vidmm_system(adapter->vidmm)),
	};
}

static void add_tenant(const struct penstock_adapter *adapter,
		       const struct penstock_principal *principal,
		       struct penstock_principal_view *view)
{
	const struct penstock_tenant *tenant = &principal->tenants[adapter->index];
	uint64_t blocked_ms = penstock_block_left_ms(principal, adapter->index);
	struct penstock_paging_count paging;

	view->hangs += tenant->hangs.total;
	if (blocked_ms > view->blocked_ms) {
		view->blocked_ms = blocked_ms;
	}
	if (tenant->process == NULL) {
		return;
	}
	view->memory_bytes += penstock_vidmm_process_used_bytes(tenant->process);
	view->dma_pool_bytes += penstock_vidmm_process_pool_bytes(tenant->process);
	penstock_vidmm_query_process(tenant->process, &paging);
	view->resident_bytes += penstock_vidmm_process_resident_bytes(tenant->process);
	view->evicted += paging.evicted;
	view->held += tenant->held;
	if (view->gpu_process == 0) {
		view->gpu_process = process_id(adapter, tenant->process);
	}
	for (uint32_t i = 0; adapter->scheduler != NULL && i < PENSTOCK_NODE_COUNT; i++) {
		const struct penstock_process_node *share = &tenant->scheduling.nodes[i];
		struct penstock_principal_node_view *node = &view->nodes[view->node_count++];

		*node = (struct penstock_principal_node_view){
			.adapter = adapter->index,
			.node_ordinal = i,
			.on_hardware = share->on_hardware,
			.gpu_ns = penstock_scheduler_process_gpu_ns(adapter->scheduler,
								    &tenant->scheduling, i),
			.preemptions = share->preemptions,
		};
		view->gpu_ns += node->gpu_ns;
		view->preemptions += node->preemptions;
	}
}

void penstock_observe_principals(const struct penstock_machine *machine,
				 void (*visit)(void *owner,
					       const struct penstock_principal_view *view),
				 void *owner)
{
	penstock_list_for_each (link, &machine->principals) {
		const struct penstock_principal *principal =
			penstock_list_entry(link, struct penstock_principal, link);
		struct penstock_principal_view view = {
			.id = principal->id,
			.name = principal->name,
			.sessions = principal->session_count,
			.connections = principal->connections,
			.objects = principal->objects,
			.memory_quota_bytes = machine->config.principal_quota_bytes,
			.submissions = principal->submissions,
			.retired = principal->retired,
			.refused = principal->refused,
		};

		for (uint32_t i = 0; i < machine->adapter_count; i++) {
			add_tenant(&machine->adapters[i], principal, &view);
		}
		visit(owner, &view);
	}
}

/* ---------------------------------------------------------------- sessions */

/* What nobody can resume a session with. */
static uint64_t short_id(const struct penstock_session *session)
{
	return session->id.high >> 32;
}

static struct penstock_session_view view_session(const struct penstock_session *session)
{
	struct penstock_session_view view = {
		.id = session->number,
		.session = short_id(session),
		.principal = session->principal->name,
		.client = session->client,
		.connected = session->state == PENSTOCK_SESSION_CONNECTED,
		.lease_s = session->lease_s,
		.devices = count_list(&session->devices),
		.submissions_held = session->held_submissions,
		.last_serial = session->last_serial,
	};

	penstock_list_for_each (link, &session->devices) {
		view.contexts += count_list(
			&penstock_list_entry(link, struct penstock_device, link)->contexts);
	}
	return view;
}

void penstock_observe_sessions(const struct penstock_machine *machine,
			       void (*visit)(void *owner, const struct penstock_session_view *view),
			       void *owner)
{
	penstock_list_for_each (principal_link, &machine->principals) {
		const struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_list_for_each (link, &principal->sessions) {
			const struct penstock_session_view view = view_session(
				penstock_list_entry(link, struct penstock_session, principal_link));

			visit(owner, &view);
		}
	}
}

/* ---------------------------------------------------------------- contexts */

/* The first that the scheduler has not got yet; NULL: there is none. */
static const struct penstock_held *first_outside(const struct penstock_context *context)
{
	penstock_list_for_each (link, &context->held) {
		const struct penstock_held *held = penstock_held_from(
			penstock_list_entry(link, struct penstock_submission, context_link));

		if (!held->handed_over && !held->retired) {
			return held;
		}
	}
	return NULL;
}

static enum penstock_trace_wait held_waits_for(const struct penstock_held *held)
{
	if (!held->rendered && held->submission.state == PENSTOCK_SUBMISSION_RENDERING) {
		return PENSTOCK_TRACE_WAIT_RENDER;
	}
	return penstock_list_empty(&held->gate_link) ? PENSTOCK_TRACE_WAIT_ORDER
						     : PENSTOCK_TRACE_WAIT_DISK;
}

static void view_wait(const struct penstock_context *context,
		      struct penstock_context_view *ret_view)
{
	const struct penstock_held *held;
	struct penstock_submission *head = NULL;

	if (context->queue.scheduler != NULL) {
		ret_view->waits_for = penstock_queue_waits_for(&context->queue, &head);
	}
	if (head != NULL) {
		ret_view->waits_serial = head->serial;
		if (ret_view->waits_for == PENSTOCK_TRACE_WAIT_OBJECT) {
			ret_view->waits_object = penstock_held_from(head)->sync_object->id;
			ret_view->waits_value = head->sync_value;
		}
	} else if ((held = first_outside(context)) != NULL) {
		ret_view->waits_for = held_waits_for(held);
		ret_view->waits_serial = held->submission.serial;
	}
}

static struct penstock_context_view view_context(const struct penstock_context *context)
{
	const struct penstock_device *device = context->device;
	struct penstock_context_view view = {
		.id = context->id,
		.session = short_id(device->session),
		.principal = device->session->principal->name,
		.name = context->info.name,
		.device = device->id,
		.adapter = device->adapter->index,
		.device_state = penstock_execution_name(device->state.execution_state),
		.device_reason = device->state.reason,
		.node_ordinal = context->info.node_ordinal,
		.flags = context->info.flags,
		.priority = context->info.priority,
		.queued = context->held_count,
		.submitted = context->statistics.submitted,
		.dma_buffers = context->statistics.dma_buffers,
		.splits = context->queue.splits,
		.parts = context->queue.parts,
		.refused = context->statistics.refused,
		.last_serial = context->last_serial,
		.completed_fence = context->completed_fence,
		.dma_buffer_bytes = context->info.dma_buffer_bytes,
		.allocation_list = context->info.allocation_list,
		.patch_location_list = context->info.patch_location_list,
		.command_bytes = context->statistics.command_bytes,
		.dma_bytes = context->statistics.dma_bytes,
		.patch_locations = context->statistics.patch_locations,
		.patched = context->statistics.patched,
		.on_hardware = context->queue.on_hardware,
		.gpu_ns = context->queue.scheduler == NULL ? 0
							   : penstock_queue_gpu_ns(&context->queue),
		.preemptions = context->queue.preemptions,
	};

	view_wait(context, &view);
	return view;
}

/* Stops where `visit` says so. */
static void each_context_of(const struct penstock_session *session,
			    bool (*visit)(void *owner, struct penstock_context *context),
			    void *owner, bool *go_on)
{
	penstock_list_for_each (device_link, &session->devices) {
		const struct penstock_device *device =
			penstock_list_entry(device_link, struct penstock_device, link);

		penstock_list_for_each (link, &device->contexts) {
			if (!visit(owner,
				   penstock_list_entry(link, struct penstock_context, link))) {
				*go_on = false;
				return;
			}
		}
	}
}

static void each_context(const struct penstock_machine *machine,
			 bool (*visit)(void *owner, struct penstock_context *context), void *owner)
{
	bool go_on = true;

	penstock_list_for_each (principal_link, &machine->principals) {
		const struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_list_for_each (link, &principal->sessions) {
			if (!go_on) {
				return;
			}
			each_context_of(
				penstock_list_entry(link, struct penstock_session, principal_link),
				visit, owner, &go_on);
		}
	}
}

struct context_visit {
	void (*visit)(void *owner, const struct penstock_context_view *view);
	void *owner;
};

static bool visit_context(void *owner, struct penstock_context *context)
{
	const struct context_visit *visit = owner;
	const struct penstock_context_view view = view_context(context);

	visit->visit(visit->owner, &view);
	return true;
}

void penstock_observe_contexts(const struct penstock_machine *machine,
			       void (*visit)(void *owner, const struct penstock_context_view *view),
			       void *owner)
{
	struct context_visit each = { visit, owner };

	each_context(machine, visit_context, &each);
}

/* ---------------------------------------------------------------- a submission */

struct context_search {
	uint64_t id;
	struct penstock_context *found;
};

static bool match_context(void *owner, struct penstock_context *context)
{
	struct context_search *search = owner;

	if (context->id != search->id) {
		return true;
	}
	search->found = context;
	return false;
}

/* Where the parts of a last submission stand: in one that is held, or in a snapshot. */
struct source {
	const struct penstock_held *held;
	const struct penstock_submission *pass; /* of held, the latest */
	const struct penstock_snapshot *snapshot;
	const struct penstock_patch_location *patches;
	const uint64_t *before;
	const uint8_t *dma;
};

static struct source find_source(const struct penstock_context *context)
{
	const struct penstock_snapshot *snapshot = context->last;
	struct source source = { .held = NULL };

	penstock_list_for_each (link, &context->held) {
		const struct penstock_held *held = penstock_held_from(
			penstock_list_entry(link, struct penstock_submission, context_link));

		if (held->handed_over && held->sync_object == NULL) {
			source.held = held;
		}
	}
	if (source.held != NULL) {
		source.pass = penstock_held_latest(source.held, &source.before);
		source.patches = source.pass->args.patches_out;
		source.dma = source.pass->args.dma_buffer;
	} else if (snapshot != NULL) {
		source.snapshot = snapshot;
		source.patches = snapshot->patches;
		source.before = snapshot->before;
		source.dma = snapshot->dma;
	}
	return source;
}

static void view_counts(const struct source *source, struct penstock_dump_view *ret_view)
{
	if (source->held != NULL) {
		const struct penstock_submission *submission = source->pass;

		ret_view->pass = submission->pass;
		ret_view->serial = submission->serial;
		ret_view->submission_fence_id = submission->submission_fence_id;
		ret_view->patched = submission->patched;
		ret_view->element_count = submission->reference_count;
		ret_view->patch_count = submission->args.patch_count;
		ret_view->dma_bytes = submission->args.dma_length;
	} else if (source->snapshot != NULL) {
		ret_view->pass = source->snapshot->pass;
		ret_view->serial = source->snapshot->serial;
		ret_view->submission_fence_id = source->snapshot->submission_fence_id;
		ret_view->patched = source->snapshot->patched;
		ret_view->element_count = source->snapshot->element_count;
		ret_view->patch_count = source->snapshot->patch_count;
		ret_view->dma_bytes = source->snapshot->dma_bytes;
	}
}

static void fill_elements(const struct source *source, uint32_t count,
			  struct penstock_element_view *ret_elements)
{
	for (uint32_t i = 0; i < count; i++) {
		struct penstock_snapshot_element element =
			source->held != NULL ? penstock_snapshot_element(source->held, i)
					     : source->snapshot->elements[i];

		ret_elements[i] = (struct penstock_element_view){
			.index = i,
			.allocation = element.allocation,
			.size_bytes = element.size_bytes,
			.segment_id = element.segment_id,
			.address = element.address,
			.write_operation = element.write_operation,
		};
	}
}

/* Reads the sites as they are, and undoes the patch in a copy. */
static void fill_values(const struct source *source, const struct penstock_dump_view *view,
			uint64_t *ret_after, uint8_t *ret_dma_before)
{
	if (view->dma_bytes > 0) {
		memcpy(ret_dma_before, source->dma, view->dma_bytes);
	}
	for (uint32_t i = 0; i < view->patch_count; i++) {
		const struct penstock_patch_location *patch = &source->patches[i];

		ret_after[i] = penstock_patch_value(patch, source->dma);
		if (patch->allocation_index != PENSTOCK_PATCH_NULL_INDEX) {
			penstock_store64(ret_dma_before + patch->patch_offset, source->before[i]);
		}
	}
}

enum penstock_status
penstock_observe_submission(const struct penstock_machine *machine, uint64_t context_id,
			    void (*visit)(void *owner, const struct penstock_dump_view *view),
			    void *owner)
{
	struct context_search search = { .id = context_id };
	struct penstock_dump_view view = { .serial = 0 };
	struct penstock_element_view *elements;
	uint64_t *after;
	uint8_t *dma_before;
	struct source source;

	each_context(machine, match_context, &search);
	if (search.found == NULL) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	view.context = view_context(search.found);
	source = find_source(search.found);
	view_counts(&source, &view);
	elements = calloc(view.element_count + 1u, sizeof(*elements));
	after = calloc(view.patch_count + 1u, sizeof(*after));
	dma_before = malloc(view.dma_bytes + 1u);
	if (elements != NULL && after != NULL && dma_before != NULL) {
		fill_elements(&source, view.element_count, elements);
		fill_values(&source, &view, after, dma_before);
		view.elements = elements;
		view.patches = source.patches;
		view.values_before = source.before;
		view.values_after = after;
		view.dma_before = dma_before;
		view.dma_after = source.dma;
		visit(owner, &view);
	}
	free(elements);
	free(after);
	free(dma_before);
	return view.elements != NULL ? PENSTOCK_STATUS_SUCCESS : PENSTOCK_STATUS_NO_MEMORY;
}

/* ---------------------------------------------------------------- memory and queues */

/* Those beside the current one. */
static void view_instances(const struct penstock_allocation *allocation,
			   struct penstock_instance_view instances[PENSTOCK_LIMIT_RENAMING_LIST],
			   struct penstock_allocation_view *ret_view)
{
	ret_view->instances = instances;
	penstock_list_for_each (link, &allocation->instances) {
		const struct penstock_instance *instance =
			penstock_list_entry(link, struct penstock_instance, link);
		struct penstock_vidmm_location location;

		penstock_vidmm_allocation_location(instance->memory, &location);
		instances[ret_view->instance_count++] = (struct penstock_instance_view){
			.segment_id = location.segment_id,
			.address = location.address,
			.references = location.references,
			.spare = penstock_instance_is_spare(allocation, instance),
		};
	}
}

static void observe_allocations_of(const struct penstock_adapter *adapter,
				   void (*visit)(void *owner,
						 const struct penstock_allocation_view *view),
				   void *owner)
{
	penstock_list_for_each (link, &adapter->allocations) {
		const struct penstock_allocation *allocation =
			penstock_list_entry(link, struct penstock_allocation, link);
		const char *format = penstock_format_name(allocation->info.format);
		struct penstock_vidmm_location location = { .segment_id = 0 };
		struct penstock_instance_view instances[PENSTOCK_LIMIT_RENAMING_LIST];
		struct penstock_allocation_view view;

		if (allocation->memory != NULL) {
			penstock_vidmm_allocation_location(allocation->memory, &location);
		}
		view = (struct penstock_allocation_view){
			.id = allocation->id,
			.principal = allocation->principal->name,
			.size_bytes = allocation->info.size_bytes,
			.segment_id = location.segment_id,
			.address = location.address,
			.openings = allocation->openings,
			.shared = penstock_allocation_shared(allocation),
			.width = allocation->info.width,
			.height = allocation->info.height,
			.format = format == NULL ? "" : format,
			.pitch_bytes = allocation->info.pitch_bytes,
			.references = location.references,
			.segment_set = allocation->info.segment_set,
			.adapter = adapter->index,
		};
		view_instances(allocation, instances, &view);
		visit(owner, &view);
	}
}

void penstock_observe_allocations(const struct penstock_machine *machine,
				  void (*visit)(void *owner,
						const struct penstock_allocation_view *view),
				  void *owner)
{
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_ADAPTERS; i++) {
		observe_allocations_of(&machine->adapters[i], visit, owner);
	}
}

struct place_visit {
	void (*visit)(void *owner, const struct penstock_place_view *view);
	void *owner;
	uint32_t adapter;
};

static void visit_place(void *owner, const struct penstock_resident_view *view)
{
	const struct place_visit *visit = owner;

	visit->visit(visit->owner, &(struct penstock_place_view){ visit->adapter, *view });
}

void penstock_observe_places(const struct penstock_machine *machine,
			     void (*visit)(void *owner, const struct penstock_place_view *view),
			     void *owner)
{
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		struct place_visit each = { visit, owner, i };

		for (uint32_t id = 1;
		     machine->adapters[i].vidmm != NULL && id <= PENSTOCK_SEGMENT_COUNT; id++) {
			penstock_vidmm_visit_segment(machine->adapters[i].vidmm, id, visit_place,
						     &each);
		}
	}
}

enum penstock_status
penstock_observe_segments(const struct penstock_machine *machine,
			  void (*visit)(void *owner, const struct penstock_segment_view *view),
			  void *owner)
{
	enum penstock_status status = PENSTOCK_STATUS_DEVICE_REMOVED;

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		struct penstock_segment_state states[PENSTOCK_SEGMENT_COUNT];

		if (machine->adapters[i].vidmm == NULL) {
			continue;
		}
		penstock_vidmm_query_segments(machine->adapters[i].vidmm, states);
		for (size_t j = 0; j < PENSTOCK_ARRAY_SIZE(states); j++) {
			visit(owner, &(struct penstock_segment_view){ i, states[j] });
		}
		status = PENSTOCK_STATUS_SUCCESS;
	}
	return status;
}

enum penstock_status penstock_observe_nodes(const struct penstock_machine *machine,
					    void (*visit)(void *owner,
							  const struct penstock_node_view *view),
					    void *owner)
{
	enum penstock_status status = PENSTOCK_STATUS_DEVICE_REMOVED;

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		uint32_t cap = machine->adapters[i].config.hw_queue_packet_cap;
		struct penstock_node_state states[PENSTOCK_NODE_COUNT];

		if (machine->adapters[i].scheduler == NULL) {
			continue;
		}
		penstock_scheduler_query_nodes(machine->adapters[i].scheduler, states);
		for (size_t j = 0; j < PENSTOCK_ARRAY_SIZE(states); j++) {
			visit(owner, &(struct penstock_node_view){ i, cap, states[j] });
		}
		status = PENSTOCK_STATUS_SUCCESS;
	}
	return status;
}
