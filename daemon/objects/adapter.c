/* SPDX-License-Identifier: MIT */
#include "daemon/objects/adapter.h"

#include "daemon/objects/allocation.h"
#include "daemon/objects/condemned.h"
#include "daemon/objects/context.h"
#include "daemon/objects/held.h"
#include "daemon/objects/principal.h"
#include "daemon/objects/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* ---------------------------------------------------------------- text */

void penstock_adapter_log(struct penstock_adapter *adapter, int level, const char *group,
			  const char *format, ...)
{
	char text[640];
	va_list arguments;

	if (adapter->config.log == NULL) {
		return;
	}
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	adapter->config.log(adapter->config.owner, level, group, text);
}

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

static void progress(void *owner)
{
	struct penstock_adapter *adapter = owner;

	adapter->turn.progress = true;
	penstock_turn_arm(&adapter->turn);
}

static void defer(void *owner)
{
	struct penstock_adapter *adapter = owner;

	adapter->turn.deliver = true;
	penstock_turn_arm(&adapter->turn);
}

static void bells(void *owner)
{
	struct penstock_adapter *adapter = owner;

	adapter->turn.bells = true;
	penstock_turn_arm(&adapter->turn);
}

static void watch(void *owner)
{
	struct penstock_adapter *adapter = owner;

	penstock_turn_watch(&adapter->turn);
}

/* DxgkCbNotifyInterrupt of a fault: the submission's device is lost, and nobody else's. */
static void device_fault(void *owner, struct penstock_submission *submission,
			 const struct penstock_interrupt *interrupt, const char *text)
{
	struct penstock_adapter *adapter = owner;
	struct penstock_context *context = submission->context;
	struct penstock_device *device = context->device;
	bool page_fault =
		interrupt != NULL && interrupt->type == PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED;
	struct penstock_device_state state = {
		.execution_state = page_fault ? PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT
					      : PENSTOCK_DEVICE_ERROR_DMAFAULT,
		.fault_node = context->info.node_ordinal,
		.fault_address = interrupt == NULL ? 0 : interrupt->fault_address,
		.fault_dma_offset = interrupt == NULL ? 0 : interrupt->fault_dma_offset,
	};

	penstock_device_set_reason(&state, text);
	penstock_adapter_log(adapter, LOG_WARNING, "objects",
			     "device lost principal='%s' session=%" PRIu64 " device=%" PRIu64
			     " context=%" PRIu64 " serial=%" PRIu64 " node=%" PRIu32
			     " address=0x%" PRIx64 " dma_offset=0x%" PRIx32 " reason='%s'",
			     device->session->principal->name, device->session->number, device->id,
			     context->id, submission->serial, state.fault_node, state.fault_address,
			     state.fault_dma_offset, state.reason);
	penstock_device_lose(device, &state);
}

static void submitted(void *owner, struct penstock_submission *submission)
{
	(void)owner;
	penstock_held_submitted(submission);
}

/* ---------------------------------------------------------------- failure */

static void lose_sessions(struct penstock_principal *principal,
			  const struct penstock_device_state *state)
{
	penstock_list_for_each (session_link, &principal->sessions) {
		struct penstock_session *session =
			penstock_list_entry(session_link, struct penstock_session, principal_link);

		penstock_list_for_each (link, &session->devices) {
			penstock_device_lose(
				penstock_list_entry(link, struct penstock_device, link), state);
		}
	}
}

void penstock_adapter_fail(struct penstock_adapter *adapter, const char *reason)
{
	struct penstock_device_state state = { .execution_state = PENSTOCK_DEVICE_STOPPED };

	if (adapter->state != PENSTOCK_ADAPTER_RUNNING) {
		return;
	}
	adapter->state = PENSTOCK_ADAPTER_FAILED;
	(void)snprintf(adapter->failure, sizeof(adapter->failure), "%s", reason);
	penstock_adapter_log(adapter, LOG_CRIT, "objects", "adapter failed reason='%s'", reason);
	(void)snprintf(state.reason, sizeof(state.reason), "the adapter has stopped: %s", reason);
	penstock_list_for_each (link, &adapter->principals) {
		lose_sessions(penstock_list_entry(link, struct penstock_principal, link), &state);
	}
	/* Whoever found out may stand in the middle of something: the rest on a later turn. */
	adapter->turn.halt = true;
	penstock_turn_arm(&adapter->turn);
}

static void backend_stopped(void *argument)
{
	struct penstock_adapter *adapter = argument;

	adapter->backend_stopping = false;
	penstock_turn_arm(&adapter->turn);
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
	penstock_turn_arm(&adapter->turn);
	adapter->backend_stopping = true;
	backend->ops->stop(backend, backend_stopped, adapter);
}

/* ---------------------------------------------------------------- start */

static struct penstock_adapter *make(const struct penstock_adapter_config *config)
{
	struct penstock_adapter *adapter = calloc(1, sizeof(*adapter));
	uint8_t key[16];

	if (adapter == NULL) {
		return NULL;
	}
	adapter->config = *config;
	if (adapter->config.translate == NULL) {
		adapter->config.translate = penstock_render;
	}
	adapter->config.state_dir = NULL;
	adapter->config.memory_dir = NULL;
	penstock_list_init(&adapter->principals);
	penstock_list_init(&adapter->allocations);
	penstock_list_init(&adapter->unsettled);
	penstock_list_init(&adapter->condemned);
	penstock_list_init(&adapter->leases);
	penstock_list_init(&adapter->stalled);
	penstock_list_init(&adapter->dirty_lists);
	penstock_list_init(&adapter->snapshots);
	config->random(config->owner, key);
	if (penstock_directory_init(&adapter->directory, key) != PENSTOCK_STATUS_SUCCESS) {
		free(adapter);
		return NULL;
	}
	penstock_turn_init(&adapter->turn, adapter, config->loop);
	return adapter;
}

static enum penstock_status start_vidmm(struct penstock_adapter *adapter,
					const struct penstock_adapter_config *config,
					bool *ret_fresh, struct penstock_errbuf *reterr_text)
{
	const struct penstock_vidmm_config vidmm = {
		.memory_dir = config->memory_dir,
		.local_bytes = config->local_bytes,
		.aperture_bytes = config->aperture_bytes,
		.aperture_commit_limit_bytes = config->aperture_bytes,
		.backend = adapter->backend,
		.worker = config->worker,
		.owner = adapter,
		.progress = progress,
		.failed = failed,
	};

	return penstock_vidmm_new(&vidmm, &adapter->vidmm, ret_fresh, reterr_text);
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
		.owner = adapter,
		.device_fault = device_fault,
		.failed = failed,
		.submitted = submitted,
		.defer = defer,
		.bells = bells,
		.watch = watch,
	};
	enum penstock_status status = penstock_scheduler_new(&scheduler, &adapter->scheduler);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "scheduler: %s", penstock_status_text(status));
	}
	return status;
}

static enum penstock_status start_parts(struct penstock_adapter *adapter,
					const struct penstock_adapter_config *config,
					struct penstock_errbuf *reterr_text)
{
	const struct penstock_backend_callbacks callbacks = {
		.owner = adapter,
		.notify_interrupt = notify_interrupt,
		.process_died = process_died,
		.adapter_failed = failed,
	};
	bool fresh;
	enum penstock_status status =
		config->start_backend(config->owner, &callbacks, &adapter->backend, reterr_text);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = start_vidmm(adapter, config, &fresh, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = start_scheduler(adapter, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_adapter_restore(adapter, fresh, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_vidmm_restore_end(adapter->vidmm);
	}
	return status;
}

enum penstock_status penstock_adapter_start(const struct penstock_adapter_config *config,
					    struct penstock_adapter **ret_adapter,
					    struct penstock_errbuf *reterr_text)
{
	struct penstock_adapter *adapter = make(config);
	enum penstock_status status;

	if (adapter == NULL) {
		penstock_errbuf_set(reterr_text, "no memory for an adapter");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = start_parts(adapter, config, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		/* Nothing of the store is touched: it may be read by another version. */
		adapter->keeping = true;
		if (adapter->vidmm != NULL) {
			penstock_vidmm_keep(adapter->vidmm);
		}
		penstock_adapter_stop(adapter, NULL, NULL);
		return status;
	}
	*ret_adapter = adapter;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_adapter_committed(struct penstock_adapter *adapter, uint64_t sequence)
{
	adapter->committed_sequence = sequence;
	penstock_condemned_free(adapter, sequence);
	penstock_list_for_each_safe (link, &adapter->unsettled) {
		penstock_session_committed(
			penstock_list_entry(link, struct penstock_session, unsettled_link),
			sequence);
	}
}

bool penstock_adapter_idle(const struct penstock_adapter *adapter)
{
	return adapter->held == 0 && adapter->transfers == 0;
}

/* ---------------------------------------------------------------- stop */

/*
 *	HALTING: sessions without a lease ended, the backend stops, what it had is cancelled
 *	   --(no submission, no transfer)--> KEEPING: leased sessions leave memory, not the store
 *	   --(no object)--> freed, handles closed, `stopped`
 */

static void finish_sessions(struct penstock_adapter *adapter, bool leased)
{
	penstock_list_for_each_safe (principal_link, &adapter->principals) {
		struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_principal_ref(principal);
		penstock_list_for_each_safe (link, &principal->sessions) {
			struct penstock_session *session =
				penstock_list_entry(link, struct penstock_session, principal_link);
			struct penstock_session_events events = session->events;

			if (penstock_session_leased(session) != leased) {
				continue;
			}
			penstock_session_finish(session, leased);
			if (events.ended != NULL) {
				events.ended(events.owner, PENSTOCK_STATUS_CONNECTION_DISCONNECTED,
					     "the daemon stops");
			}
		}
		penstock_principal_put(principal);
	}
}

static void cancel_queues(struct penstock_adapter *adapter)
{
	penstock_list_for_each (principal_link, &adapter->principals) {
		struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_list_for_each (session_link, &principal->sessions) {
			struct penstock_session *session = penstock_list_entry(
				session_link, struct penstock_session, principal_link);

			penstock_list_for_each (device_link, &session->devices) {
				penstock_device_cancel(penstock_list_entry(
					device_link, struct penstock_device, link));
			}
		}
	}
}

static void handles_closed(struct penstock_adapter *adapter)
{
	void (*stopped)(void *argument) = adapter->stopped;
	void *argument = adapter->stopped_argument;

	penstock_held_pool_fini(&adapter->held_pool);
	penstock_directory_fini(&adapter->directory);
	free(adapter);
	if (stopped != NULL) {
		stopped(argument);
	}
}

static void free_parts(struct penstock_adapter *adapter)
{
	PENSTOCK_REQUIRE(adapter->sessions == 0 && adapter->devices == 0);
	PENSTOCK_REQUIRE(adapter->contexts == 0 && adapter->openings == 0);
	PENSTOCK_REQUIRE(adapter->allocation_count == 0 && adapter->held == 0);
	penstock_principal_sweep(adapter, true);
	penstock_scheduler_free(adapter->scheduler);
	penstock_vidmm_free(adapter->vidmm);
	adapter->scheduler = NULL;
	adapter->vidmm = NULL;
	penstock_turn_close(&adapter->turn, handles_closed);
}

static bool principals_idle(const struct penstock_adapter *adapter)
{
	penstock_list_for_each (link, &adapter->principals) {
		if (penstock_list_entry(link, struct penstock_principal, link)->references > 0) {
			return false;
		}
	}
	return true;
}

void penstock_adapter_check_stopped(struct penstock_adapter *adapter)
{
	if (adapter->state != PENSTOCK_ADAPTER_STOPPING || adapter->closing ||
	    adapter->backend_stopping || !penstock_adapter_idle(adapter)) {
		return;
	}
	adapter->keeping = true;
	if (adapter->vidmm != NULL) {
		penstock_vidmm_keep(adapter->vidmm);
	}
	finish_sessions(adapter, true);
	penstock_condemned_free(adapter, UINT64_MAX);
	if (principals_idle(adapter) && !penstock_turn_busy(&adapter->turn)) {
		adapter->closing = true;
		free_parts(adapter);
	}
}

void penstock_adapter_stop(struct penstock_adapter *adapter, void (*stopped)(void *argument),
			   void *argument)
{
	PENSTOCK_REQUIRE(adapter->state != PENSTOCK_ADAPTER_STOPPING);
	adapter->stopped = stopped;
	adapter->stopped_argument = argument;
	if (adapter->config.store != NULL && adapter->scheduler != NULL) {
		penstock_context_store_lists(adapter);
	}
	adapter->state = PENSTOCK_ADAPTER_STOPPING;
	cancel_queues(adapter);
	finish_sessions(adapter, false);
	penstock_adapter_halt(adapter);
	penstock_turn_arm(&adapter->turn);
}
