/* SPDX-License-Identifier: MIT */
#include "daemon/net/admin.h"

#include <stdlib.h>

void penstock_admin_answer(struct penstock_call *call, const struct penstock_rows *rows,
			   enum penstock_frame_type type, const ProtobufCMessage *report)
{
	if (rows->failed) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NO_MEMORY, "no memory for the report");
		return;
	}
	if (protobuf_c_message_get_packed_size(report) > PENSTOCK_LIMIT_PAYLOAD_BYTES) {
		penstock_call_refuse(call, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				     "the report is longer than a frame may be");
		return;
	}
	if (penstock_call_use_serial(call)) {
		penstock_call_answer(call, type, report);
	}
}

struct penstock_machine *penstock_admin_machine(const struct penstock_call *call)
{
	return call->connection->net->config.machine;
}

void penstock_admin_refuse_stopped(struct penstock_call *call)
{
	penstock_call_refuse(call, PENSTOCK_STATUS_DEVICE_REMOVED, "the adapter stopped");
}

/* ---------------------------------------------------------------- status */

static void add_shares(struct penstock_rows *rows, const struct penstock_principal_view *view,
		       Penstock__Wire__PrincipalRow *row)
{
	Penstock__Wire__PrincipalNodeRow *nodes =
		penstock_rows_alloc(rows, view->node_count * sizeof(*nodes));
	Penstock__Wire__PrincipalNodeRow **addresses =
		penstock_rows_alloc(rows, view->node_count * sizeof(*addresses));

	if (nodes == NULL || addresses == NULL) {
		return;
	}
	for (uint32_t i = 0; i < view->node_count; i++) {
		penstock__wire__principal_node_row__init(&nodes[i]);
		nodes[i].adapter = view->nodes[i].adapter;
		nodes[i].node = view->nodes[i].node_ordinal;
		nodes[i].gpu_ns = view->nodes[i].gpu_ns;
		nodes[i].preemptions = view->nodes[i].preemptions;
		nodes[i].on_hardware = view->nodes[i].on_hardware;
		addresses[i] = &nodes[i];
	}
	row->n_nodes = view->node_count;
	row->nodes = addresses;
}

static void visit_principal(void *owner, const struct penstock_principal_view *view)
{
	struct penstock_rows *rows = owner;
	Penstock__Wire__PrincipalRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__principal_row__init(row);
	row->name = penstock_rows_text(rows, view->name);
	row->sessions = view->sessions;
	row->connections = view->connections;
	row->memory_bytes = view->memory_bytes;
	row->memory_quota_bytes = view->memory_quota_bytes;
	row->dma_pool_bytes = view->dma_pool_bytes;
	row->gpu_process = view->gpu_process;
	row->submissions = view->submissions;
	row->retired = view->retired;
	row->refused = view->refused;
	row->id = view->id;
	row->submissions_held = view->held;
	row->gpu_ns = view->gpu_ns;
	row->preemptions = view->preemptions;
	row->resident_bytes = view->resident_bytes;
	row->evicted = view->evicted;
	add_shares(rows, view, row);
	row->hangs = view->hangs;
	row->blocked_s = (view->blocked_ms + 999) / 1000;
}

static void count_adapter(Penstock__Wire__StatusReport *report,
			  const struct penstock_adapter_view *view)
{
	report->devices += view->devices;
	report->devices_lost += view->devices_lost;
	report->contexts += view->contexts;
	report->allocations += view->allocations;
	report->openings += view->openings;
	report->sync_objects += view->sync_objects;
	report->submissions_held += view->submissions_held;
}

static void add_adapter(struct penstock_rows *rows, const struct penstock_net *net, uint32_t index,
			const struct penstock_adapter_view *view)
{
	Penstock__Wire__AdapterRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__adapter_row__init(row);
	row->index = index;
	row->backend = (char *)net->config.adapters[index].backend;
	row->state = penstock_rows_text(rows, view->state);
	row->failure = penstock_rows_text(rows, view->failure);
	row->devices = view->devices;
	row->devices_lost = view->devices_lost;
	row->contexts = view->contexts;
	row->allocations = view->allocations;
	row->openings = view->openings;
	row->sync_objects = view->sync_objects;
	row->submissions_held = view->submissions_held;
	row->resets = view->resets;
	row->system_process = view->system_process;
}

/* What is said of one adapter outside of the rows is said of the first, as before there were more.
 */
static void fill_adapters(Penstock__Wire__StatusReport *report, struct penstock_rows *rows,
			  const struct penstock_net *net, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct penstock_adapter_view view;

		penstock_observe_adapter(net->config.machine, i, &view);
		count_adapter(report, &view);
		add_adapter(rows, net, i, &view);
		if (i == 0) {
			report->backend = (char *)net->config.adapters[0].backend;
			report->adapter_state = penstock_rows_text(rows, view.state);
			report->adapter_failure = penstock_rows_text(rows, view.failure);
			report->system_process = view.system_process;
		}
	}
	report->n_adapters = rows->count;
	report->adapters = (Penstock__Wire__AdapterRow **)rows->addresses;
}

void penstock_handle_admin_status(struct penstock_call *call)
{
	const struct penstock_net *net = call->connection->net;
	Penstock__Wire__StatusReport report = PENSTOCK__WIRE__STATUS_REPORT__INIT;
	struct penstock_machine_view view;
	struct penstock_rows adapters, principals;

	penstock_rows_init(&adapters);
	penstock_rows_init(&principals);
	penstock_observe_machine(penstock_admin_machine(call), &view);
	fill_adapters(&report, &adapters, net, view.adapters);
	report.sessions = view.sessions;
	report.leased_sessions = view.leased_sessions;
	report.time_ns = view.time_ns;
	report.version = (char *)net->config.server;
	report.uptime_s = (uv_now(net->config.loop) - net->start_ms) / 1000;
	report.connections = net->connection_count;
	report.draining = net->draining;
	penstock_observe_principals(penstock_admin_machine(call), visit_principal, &principals);
	report.n_principals = principals.count;
	report.principals = (Penstock__Wire__PrincipalRow **)principals.addresses;
	principals.failed = principals.failed || adapters.failed;
	penstock_admin_answer(call, &principals, PENSTOCK_FRAME_STATUS_REPORT, &report.base);
	penstock_rows_fini(&adapters);
	penstock_rows_fini(&principals);
}

/* ---------------------------------------------------------------- contexts */

Penstock__Wire__ContextRow *penstock_admin_context_row(struct penstock_rows *rows,
						       const struct penstock_context_view *view)
{
	Penstock__Wire__ContextRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return NULL;
	}
	penstock__wire__context_row__init(row);
	row->id = view->id;
	row->session = view->session;
	row->principal = penstock_rows_text(rows, view->principal);
	row->name = view->name;
	row->device = view->device;
	row->device_state = penstock_rows_text(rows, view->device_state);
	row->device_reason = penstock_rows_text(rows, view->device_reason);
	row->adapter = view->adapter;
	row->node = view->node_ordinal;
	row->flags = view->flags;
	row->priority = view->priority;
	row->queued = view->queued;
	row->submitted = view->submitted;
	row->dma_buffers = view->dma_buffers;
	row->splits = view->splits;
	row->parts = view->parts;
	row->refused = view->refused;
	row->last_serial = view->last_serial;
	row->completed_fence = view->completed_fence;
	row->dma_buffer_bytes = view->dma_buffer_bytes;
	row->allocation_list = view->allocation_list;
	row->patch_location_list = view->patch_location_list;
	row->command_bytes = view->command_bytes;
	row->dma_bytes = view->dma_bytes;
	row->patch_locations = view->patch_locations;
	row->patched = view->patched;
	row->on_hardware = view->on_hardware;
	row->gpu_ns = view->gpu_ns;
	row->preemptions = view->preemptions;
	row->waits_for = (uint32_t)view->waits_for;
	row->waits_serial = view->waits_serial;
	row->waits_object = view->waits_object;
	row->waits_value = view->waits_value;
	return row;
}

static void visit_context(void *owner, const struct penstock_context_view *view)
{
	(void)penstock_admin_context_row(owner, view);
}

enum penstock_status penstock_admin_collect_contexts(const struct penstock_machine *machine,
						     struct penstock_rows *rows)
{
	penstock_observe_contexts(machine, visit_context, rows);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- queues */

static void visit_node(void *owner, const struct penstock_node_view *view)
{
	const struct penstock_node_state *state = &view->state;
	Penstock__Wire__QueueRow *row = penstock_rows_add(owner, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__queue_row__init(row);
	row->node = state->node_ordinal;
	row->adapter = view->adapter;
	row->hw_queue_packet_cap = view->hw_queue_packet_cap;
	row->on_hardware = state->on_hardware;
	row->contexts_waiting = state->contexts_waiting;
	row->submissions_waiting = state->submissions_waiting;
	row->last_fence_submitted = state->last_fence_submitted;
	row->last_fence_completed = state->last_fence_completed;
	row->packets = state->packets;
	row->paging_packets = state->paging_packets;
	row->preemptions = state->preemptions;
	row->resets = state->resets;
	row->gpu_ns = state->gpu_ns;
}

enum penstock_status penstock_admin_collect_queues(const struct penstock_machine *machine,
						   struct penstock_rows *rows)
{
	return penstock_observe_nodes(machine, visit_node, rows);
}

/* ---------------------------------------------------------------- metrics */

void penstock_handle_admin_metrics(struct penstock_call *call)
{
	const struct penstock_net_config *config = &call->connection->net->config;
	Penstock__Wire__MetricsReport report = PENSTOCK__WIRE__METRICS_REPORT__INIT;
	const struct penstock_rows none = { .failed = false };
	char *text = config->metrics(config->owner);

	if (text == NULL) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NO_MEMORY, "no memory for the report");
		return;
	}
	report.text = text;
	penstock_admin_answer(call, &none, PENSTOCK_FRAME_METRICS_REPORT, &report.base);
	free(text);
}
