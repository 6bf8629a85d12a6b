/* SPDX-License-Identifier: MIT */
#include "daemon/objects/adapter.h"

#include "daemon/objects/block.h"
#include "daemon/objects/context.h"
#include "daemon/objects/debug_report.h"
#include "daemon/objects/fault.h"
#include "daemon/objects/held.h"
#include "daemon/objects/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

enum penstock_status penstock_refuse(struct penstock_refusal *ret_refusal,
				     enum penstock_status status, const char *format, ...)
{
	va_list arguments;

	if (ret_refusal == NULL) {
		return status;
	}
	ret_refusal->status = status;
	ret_refusal->at_instruction = false;
	ret_refusal->byte_offset = 0;
	ret_refusal->instruction = "";
	ret_refusal->operand = "";
	va_start(arguments, format);
	(void)vsnprintf(ret_refusal->sentence, sizeof(ret_refusal->sentence), format, arguments);
	va_end(arguments);
	return status;
}

/* ---------------------------------------------------------------- callbacks */

static void notify_interrupt(void *owner, void *process_owner,
			     const struct penstock_interrupt *interrupt)
{
	struct penstock_adapter *adapter = owner;

	if (adapter->scheduler != NULL) {
		penstock_scheduler_notify_interrupt(adapter->scheduler, process_owner, interrupt);
	}
}

static void process_died(void *owner, void *process_owner, int wait_status)
{
	struct penstock_adapter *adapter = owner;

	if (adapter->scheduler != NULL) {
		penstock_scheduler_process_died(adapter->scheduler, process_owner, wait_status);
	}
}

static void failed(void *owner, const char *reason)
{
	penstock_adapter_fail(owner, reason);
}

static void reset_adapter(void *owner, const char *reason)
{
	penstock_adapter_reset(owner, reason);
}

static void progress(void *owner)
{
	struct penstock_adapter *adapter = owner;

	adapter->turn.progress = true;
	penstock_turn_arm(&adapter->machine->turn);
}

static void defer(void *owner)
{
	struct penstock_adapter *adapter = owner;

	adapter->turn.deliver = true;
	penstock_turn_arm(&adapter->machine->turn);
}

static void bells(void *owner)
{
	struct penstock_adapter *adapter = owner;

	adapter->turn.bells = true;
	penstock_turn_arm(&adapter->machine->turn);
}

static void watch(void *owner)
{
	struct penstock_adapter *adapter = owner;

	penstock_adapter_turn_watch(&adapter->turn);
}

static void slice(void *owner)
{
	struct penstock_adapter *adapter = owner;

	penstock_adapter_turn_slice(&adapter->turn);
}

/* What a submission did or needs costs its device, and nobody else's. */
static void lose_device_of(struct penstock_adapter *adapter,
			   const struct penstock_submission *submission, int level,
			   const struct penstock_device_state *state)
{
	struct penstock_context *context = submission->context;
	struct penstock_device *device = context->device;

	penstock_machine_log(
		adapter->machine, level, "objects",
		"device lost adapter=%" PRIu32 " principal='%s' session=%" PRIu64 " device=%" PRIu64
		" context=%" PRIu64 " serial=%" PRIu64 " node=%" PRIu32 " address=0x%" PRIx64
		" dma_offset=0x%" PRIx32 " reason='%s'",
		adapter->index, device->session->principal->name, device->session->number,
		device->id, context->id, submission->serial, state->fault_node,
		state->fault_address, state->fault_dma_offset, state->reason);
	penstock_device_lose(device, state);
}

/* DxgkCbNotifyInterrupt of a fault. */
static void device_fault(void *owner, struct penstock_submission *submission,
			 const struct penstock_interrupt *interrupt, const char *text)
{
	const struct penstock_context *context = submission->context;
	struct penstock_adapter *adapter = owner;
	struct penstock_device_state state;

	penstock_fault_describe(submission, interrupt, text, &state);
	penstock_debug_report_submission(adapter, submission, interrupt, &state,
					 penstock_scheduler_dbg_info(adapter->scheduler));
	lose_device_of(adapter, submission, LOG_WARNING, &state);
	if (state.execution_state == PENSTOCK_DEVICE_HUNG) {
		penstock_block_hung(adapter, context->device->session->principal);
	}
}

/* Nothing is wrong: its client asks for more than there is. */
static void out_of_memory(void *owner, struct penstock_submission *submission, uint32_t dma_offset,
			  const char *text)
{
	const struct penstock_interrupt at = { .fault_dma_offset = dma_offset };
	struct penstock_device_state state;

	penstock_fault_describe(submission, &at, text, &state);
	state.execution_state = PENSTOCK_DEVICE_ERROR_OUTOFMEMORY;
	lose_device_of(owner, submission, LOG_NOTICE, &state);
}

static uint64_t now_ns(void *owner)
{
	(void)owner;
	return uv_hrtime();
}

/* What memory does with allocations, while somebody traces. */
static void paging(void *owner, const struct penstock_paging_event *event)
{
	const struct penstock_adapter *adapter = owner;
	struct penstock_trace *trace = &adapter->machine->trace;

	if (!penstock_trace_on(trace) || event->allocation_id == 0) {
		return;
	}
	penstock_trace_add(trace, &(struct penstock_trace_event){
					  .kind = PENSTOCK_TRACE_MOVED,
					  .time_ns = now_ns(owner),
					  .adapter = (uint16_t)adapter->index,
					  .node = PENSTOCK_NODE_COPY_ORDINAL,
					  .fence_id = event->out ? PENSTOCK_TRACE_MOVE_TRANSFER_OUT
								 : event->operation,
					  .pass = event->segment_id,
					  .value = event->allocation_id,
					  .other = event->size_bytes,
				  });
}

static void submitted(void *owner, struct penstock_submission *submission)
{
	(void)owner;
	penstock_held_submitted(submission);
}

/* ---------------------------------------------------------------- states */

#define TO(state) (1u << PENSTOCK_ADAPTER_##state)

static const struct penstock_state states[PENSTOCK_ADAPTER_STATE_MAX] = {
	[PENSTOCK_ADAPTER_RUNNING] = { "RUNNING", TO(RESETTING) | TO(FAILED) | TO(STOPPING) },
	[PENSTOCK_ADAPTER_RESETTING] = { "RESETTING", TO(RUNNING) | TO(FAILED) | TO(STOPPING) },
	[PENSTOCK_ADAPTER_FAILED] = { "FAILED", TO(STOPPING) },
	[PENSTOCK_ADAPTER_STOPPING] = { "STOPPING", 0 },
};

bool penstock_adapter_move(struct penstock_adapter *adapter, enum penstock_adapter_state to)
{
	static const struct penstock_states drawing = { "an adapter", PENSTOCK_ADAPTER_STATE_MAX,
							states };
	struct penstock_errbuf text;

	if (!penstock_states_lead(&drawing, "", adapter->state, to, &text)) {
		penstock_adapter_fail(adapter, text.text);
		return false;
	}
	adapter->state = to;
	return true;
}

/* ---------------------------------------------------------------- failure */

static void lose_devices(struct penstock_adapter *adapter, enum penstock_device_execution execution,
			 const char *what, const char *reason)
{
	struct penstock_device_state state = { .execution_state = execution };

	(void)snprintf(state.reason, sizeof(state.reason), "the adapter %s: %s", what, reason);
	penstock_list_for_each (link, &adapter->machine->principals) {
		penstock_principal_lose_devices(
			penstock_list_entry(link, struct penstock_principal, link), adapter,
			&state);
	}
}

void penstock_adapter_fail(struct penstock_adapter *adapter, const char *reason)
{
	if (adapter->state != PENSTOCK_ADAPTER_RUNNING &&
	    adapter->state != PENSTOCK_ADAPTER_RESETTING) {
		return;
	}
	(void)penstock_adapter_move(adapter, PENSTOCK_ADAPTER_FAILED);
	(void)snprintf(adapter->failure, sizeof(adapter->failure), "%s", reason);
	penstock_machine_log(adapter->machine, LOG_CRIT, "objects",
			     "adapter failed adapter=%" PRIu32 " reason='%s'", adapter->index,
			     reason);
	penstock_debug_report_adapter(adapter, "stopped-adapter", reason);
	lose_devices(adapter, PENSTOCK_DEVICE_STOPPED, "has stopped", reason);
	/* Whoever found out may stand in the middle of something: the rest on a later turn. */
	adapter->turn.halt = true;
	penstock_turn_arm(&adapter->machine->turn);
}

void penstock_adapter_reset(struct penstock_adapter *adapter, const char *reason)
{
	const struct penstock_tdr_limits *limits = &adapter->config.tdr_limits;
	char too_often[sizeof(adapter->failure)];

	if (adapter->state != PENSTOCK_ADAPTER_RUNNING) {
		return;
	}
	if (!penstock_timeouts_add(&adapter->resets, uv_now(adapter->machine->config.loop),
				   limits->count, limits->window_ms)) {
		(void)snprintf(too_often, sizeof(too_often),
			       "reset more than %" PRIu32 " times in %" PRIu64 " s: %s",
			       limits->count, limits->window_ms / 1000, reason);
		penstock_adapter_fail(adapter, too_often);
		return;
	}
	(void)penstock_adapter_move(adapter, PENSTOCK_ADAPTER_RESETTING);
	(void)snprintf(adapter->failure, sizeof(adapter->failure), "%s", reason);
	penstock_machine_log(adapter->machine, LOG_ERR, "objects",
			     "adapter reset adapter=%" PRIu32 " reason='%s'", adapter->index,
			     reason);
	penstock_debug_report_adapter(adapter, "reset-adapter", reason);
	lose_devices(adapter, PENSTOCK_DEVICE_RESET, "was reset", reason);
	/* Whoever found out may stand in the middle of something: the rest on a later turn. */
	adapter->turn.reset = true;
	penstock_turn_arm(&adapter->machine->turn);
}

void penstock_adapter_restart(struct penstock_adapter *adapter)
{
	char reason[sizeof(adapter->failure)];

	if (adapter->state != PENSTOCK_ADAPTER_RESETTING) {
		return; /* it failed, or stops */
	}
	if (!penstock_scheduler_reset_adapter(adapter->scheduler)) {
		(void)snprintf(reason, sizeof(reason), "%s", adapter->failure);
		penstock_adapter_fail(adapter, reason);
	} else if (adapter->state == PENSTOCK_ADAPTER_RESETTING &&
		   penstock_adapter_move(adapter, PENSTOCK_ADAPTER_RUNNING)) {
		penstock_machine_log(adapter->machine, LOG_NOTICE, "objects",
				     "adapter restarted adapter=%" PRIu32, adapter->index);
	}
}

static void backend_stopped(void *argument)
{
	struct penstock_adapter *adapter = argument;

	adapter->backend_stopping = false;
	penstock_turn_arm(&adapter->machine->turn);
}

void penstock_adapter_halt(struct penstock_adapter *adapter)
{
	struct penstock_backend *backend = adapter->backend;
	enum penstock_status status = adapter->state == PENSTOCK_ADAPTER_FAILED
					      ? PENSTOCK_STATUS_DEVICE_REMOVED
					      : PENSTOCK_STATUS_CANCELLED;

	adapter->backend = NULL;
	if (backend == NULL) {
		return;
	}
	if (adapter->scheduler != NULL) {
		penstock_scheduler_stopped(adapter->scheduler, status);
	}
	if (adapter->vidmm != NULL) {
		penstock_vidmm_stopped(adapter->vidmm);
	}
	adapter->turn.progress = adapter->scheduler != NULL; /* nothing moves any more */
	penstock_turn_arm(&adapter->machine->turn);
	adapter->backend_stopping = true;
	backend->ops->stop(backend, backend_stopped, adapter);
}

/* ---------------------------------------------------------------- start, end */

static enum penstock_status start_vidmm(struct penstock_adapter *adapter,
					const struct penstock_adapter_config *config,
					struct penstock_errbuf *reterr_text)
{
	const struct penstock_vidmm_config vidmm = {
		.memory_dir = config->memory_dir,
		.local_bytes = config->local_bytes,
		.aperture_bytes = config->aperture_bytes,
		.aperture_commit_limit_bytes = config->aperture_bytes,
		.backend = adapter->backend,
		.worker = adapter->machine->config.worker,
		.owner = adapter,
		.now_ns = now_ns,
		.paging = paging,
		.progress = progress,
		.failed = failed,
	};
	bool fresh;
	enum penstock_status status =
		penstock_vidmm_new(&vidmm, &adapter->vidmm, &fresh, reterr_text);

	adapter->contents = status == PENSTOCK_STATUS_SUCCESS && !fresh;
	return status;
}

static enum penstock_status start_scheduler(struct penstock_adapter *adapter,
					    struct penstock_errbuf *reterr_text)
{
	const struct penstock_scheduler_config scheduler = {
		.vidmm = adapter->vidmm,
		.backend = adapter->backend,
		.hw_queue_packet_cap = adapter->config.hw_queue_packet_cap,
		.first_fence_id = adapter->config.first_fence_id,
		.paranoid = adapter->config.paranoid,
		.trace = &adapter->machine->trace,
		.adapter = adapter->index,
		.split_points = adapter->config.split_points,
		.owner = adapter,
		.now_ns = now_ns,
		.device_fault = device_fault,
		.out_of_memory = out_of_memory,
		.failed = failed,
		.reset_adapter = reset_adapter,
		.submitted = submitted,
		.defer = defer,
		.bells = bells,
		.watch = watch,
		.slice = slice,
		.tdr_delay_ns = (uint64_t)adapter->config.tdr_delay_ms * 1000000u,
	};
	enum penstock_status status = penstock_scheduler_new(&scheduler, &adapter->scheduler);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "scheduler: %s", penstock_status_text(status));
	}
	return status;
}

void penstock_adapter_init(struct penstock_adapter *adapter, struct penstock_machine *machine,
			   uint32_t index)
{
	adapter->machine = machine;
	adapter->index = index;
	penstock_list_init(&adapter->allocations);
	penstock_list_init(&adapter->stalled);
	if (index >= machine->adapter_count) {
		adapter->state = PENSTOCK_ADAPTER_FAILED;
		(void)snprintf(adapter->failure, sizeof(adapter->failure),
			       "the configuration has no adapter %" PRIu32, index);
	}
}

enum penstock_status penstock_adapter_start(struct penstock_adapter *adapter,
					    const struct penstock_adapter_config *config,
					    struct penstock_errbuf *reterr_text)
{
	const struct penstock_backend_callbacks callbacks = {
		.owner = adapter,
		.notify_interrupt = notify_interrupt,
		.process_died = process_died,
		.adapter_failed = failed,
	};
	struct penstock_machine *machine = adapter->machine;
	enum penstock_status status;

	adapter->config = *config;
	if (adapter->config.translate == NULL) {
		adapter->config.translate = penstock_render;
	}
	if (adapter->config.tdr_delay_ms == 0) {
		adapter->config.tdr_delay_ms = PENSTOCK_TDR_DELAY_MS;
	}
	if (adapter->config.tdr_limits.count == 0) {
		adapter->config.tdr_limits = (struct penstock_tdr_limits){
			.count = PENSTOCK_TDR_LIMIT_COUNT,
			.window_ms = PENSTOCK_TDR_LIMIT_TIME_MS,
			.block_ms = PENSTOCK_TDR_BLOCK_TIME_MS,
		};
	}
	adapter->config.memory_dir = NULL;
	status = machine->config.start_backend(machine->config.owner, adapter->index, &callbacks,
					       &adapter->backend, reterr_text);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = start_vidmm(adapter, config, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = start_scheduler(adapter, reterr_text);
	}
	return status;
}

void penstock_adapter_free_parts(struct penstock_adapter *adapter)
{
	PENSTOCK_REQUIRE(adapter->devices == 0 && adapter->contexts == 0);
	PENSTOCK_REQUIRE(adapter->openings == 0 && adapter->allocation_count == 0);
	PENSTOCK_REQUIRE(adapter->sync_objects == 0 && adapter->held == 0);
	penstock_scheduler_free(adapter->scheduler);
	penstock_vidmm_free(adapter->vidmm);
	adapter->scheduler = NULL;
	adapter->vidmm = NULL;
}
