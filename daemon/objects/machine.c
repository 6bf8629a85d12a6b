/* SPDX-License-Identifier: MIT */
#include "daemon/objects/machine.h"

#include "daemon/memory/progress.h"
#include "daemon/objects/allocation.h"
#include "daemon/objects/condemned.h"
#include "daemon/objects/context.h"
#include "daemon/objects/debug_report.h"
#include "daemon/objects/held.h"
#include "daemon/objects/pipeline.h"
#include "daemon/objects/principal.h"
#include "daemon/objects/session.h"

#include <stdio.h>
#include <stdlib.h>

void penstock_machine_log(struct penstock_machine *machine, int level, const char *group,
			  const char *format, ...)
{
	char text[640];
	va_list arguments;

	if (machine->config.log == NULL) {
		return;
	}
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	machine->config.log(machine->config.owner, level, group, text);
}

/* ---------------------------------------------------------------- start */

static struct penstock_machine *make(const struct penstock_machine_config *config)
{
	struct penstock_machine *machine = calloc(1, sizeof(*machine));
	uint8_t key[16];

	PENSTOCK_REQUIRE(config->adapter_count >= 1 &&
			 config->adapter_count <= PENSTOCK_LIMIT_ADAPTERS);
	if (machine == NULL) {
		return NULL;
	}
	machine->config = *config;
	if (machine->config.worker_bytes == 0) {
		machine->config.worker_bytes = PENSTOCK_WORKER_BYTES;
	}
	machine->config.memory_dir = NULL;
	machine->config.reports_path = NULL;
	machine->config.adapters = NULL;
	machine->adapter_count = config->adapter_count;
	penstock_trace_init(&machine->trace);
	penstock_list_init(&machine->principals);
	penstock_list_init(&machine->unsettled);
	penstock_list_init(&machine->condemned);
	penstock_list_init(&machine->debug_reports);
	penstock_list_init(&machine->leases);
	penstock_list_init(&machine->dirty_lists);
	penstock_list_init(&machine->snapshots);
	config->random(config->owner, key);
	if (penstock_directory_init(&machine->directory, key) != PENSTOCK_STATUS_SUCCESS) {
		free(machine);
		return NULL;
	}
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_ADAPTERS; i++) {
		penstock_adapter_init(&machine->adapters[i], machine, i);
	}
	penstock_turn_init(&machine->turn, machine, config->loop);
	return machine;
}

static enum penstock_status start_parts(struct penstock_machine *machine,
					const struct penstock_machine_config *config,
					struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = penstock_report_file_init(machine, config->reports_path);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status =
			penstock_progress_open(config->memory_dir, &machine->progress, reterr_text);
	} else {
		penstock_errbuf_set(reterr_text, "no memory for debug reports");
	}

	for (uint32_t i = 0; i < machine->adapter_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = penstock_adapter_start(&machine->adapters[i], &config->adapters[i],
						reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_machine_restore(machine, reterr_text);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	penstock_progress_restore_end(machine->progress);
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		penstock_vidmm_restore_end(machine->adapters[i].vidmm);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_machine_start(const struct penstock_machine_config *config,
					    struct penstock_machine **ret_machine,
					    struct penstock_errbuf *reterr_text)
{
	struct penstock_machine *machine = make(config);
	enum penstock_status status;

	if (machine == NULL) {
		penstock_errbuf_set(reterr_text, "no memory for the adapters");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = start_parts(machine, config, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		/* Nothing of the store is touched: it may be read by another version. */
		penstock_machine_keep(machine);
		penstock_machine_stop(machine, NULL, NULL);
		return status;
	}
	*ret_machine = machine;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_machine_committed(struct penstock_machine *machine, uint64_t sequence)
{
	machine->committed_sequence = sequence;
	penstock_condemned_free(machine, sequence);
	penstock_list_for_each_safe (link, &machine->unsettled) {
		penstock_session_committed(
			penstock_list_entry(link, struct penstock_session, unsettled_link),
			sequence);
	}
}

bool penstock_machine_idle(const struct penstock_machine *machine)
{
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		if (!penstock_adapter_idle(&machine->adapters[i])) {
			return false;
		}
	}
	return true;
}

/* ---------------------------------------------------------------- stop */

void penstock_machine_keep(struct penstock_machine *machine)
{
	machine->keeping = true;
	if (machine->progress != NULL) {
		penstock_progress_keep(machine->progress);
	}
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		if (machine->adapters[i].vidmm != NULL) {
			penstock_vidmm_keep(machine->adapters[i].vidmm);
		}
	}
}

/*
 *	HALTING: sessions without a lease ended, the backend stops, what it had is cancelled
 *	   --(no submission, no transfer)--> KEEPING: leased sessions leave memory, not the store
 *	   --(no object)--> freed, handles closed, `stopped`
 */

static void finish_sessions(struct penstock_machine *machine, bool leased)
{
	penstock_list_for_each_safe (principal_link, &machine->principals) {
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

static void cancel_queues(struct penstock_machine *machine)
{
	penstock_list_for_each (principal_link, &machine->principals) {
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

static void handles_closed(struct penstock_machine *machine)
{
	void (*stopped)(void *argument) = machine->stopped;
	void *argument = machine->stopped_argument;

	penstock_report_file_fini(&machine->report_file);
	penstock_debug_reports_fini(machine);
	penstock_held_pool_fini(&machine->held_pool);
	penstock_directory_fini(&machine->directory);
	penstock_trace_fini(&machine->trace);
	free(machine);
	if (stopped != NULL) {
		stopped(argument);
	}
}

static void free_parts(struct penstock_machine *machine)
{
	PENSTOCK_REQUIRE(machine->sessions == 0);
	penstock_principal_sweep(machine, true);
	for (uint32_t i = 0; i < PENSTOCK_LIMIT_ADAPTERS; i++) {
		penstock_adapter_free_parts(&machine->adapters[i]);
	}
	penstock_progress_close(machine->progress);
	machine->progress = NULL;
	penstock_turn_close(&machine->turn, handles_closed);
}

static bool backends_stopped(const struct penstock_machine *machine)
{
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		if (machine->adapters[i].backend_stopping) {
			return false;
		}
	}
	return true;
}

static bool principals_idle(const struct penstock_machine *machine)
{
	penstock_list_for_each (link, &machine->principals) {
		if (penstock_list_entry(link, struct penstock_principal, link)->references > 0) {
			return false;
		}
	}
	return true;
}

void penstock_machine_check_stopped(struct penstock_machine *machine)
{
	if (!machine->stopping || machine->closing || !backends_stopped(machine) ||
	    !penstock_machine_idle(machine) || penstock_report_file_busy(&machine->report_file)) {
		return;
	}
	penstock_machine_keep(machine);
	finish_sessions(machine, true);
	penstock_condemned_free(machine, UINT64_MAX);
	if (principals_idle(machine) && !penstock_turn_busy(&machine->turn)) {
		machine->closing = true;
		free_parts(machine);
	}
}

void penstock_machine_stop(struct penstock_machine *machine, void (*stopped)(void *argument),
			   void *argument)
{
	PENSTOCK_REQUIRE(!machine->stopping);
	machine->stopped = stopped;
	machine->stopped_argument = argument;
	if (machine->config.store != NULL && !machine->keeping) {
		penstock_context_store_lists(machine);
	}
	machine->stopping = true;
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		(void)penstock_adapter_move(&machine->adapters[i], PENSTOCK_ADAPTER_STOPPING);
	}
	cancel_queues(machine);
	finish_sessions(machine, false);
	penstock_pipelines_cancel(machine);
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		penstock_adapter_halt(&machine->adapters[i]);
	}
	penstock_turn_arm(&machine->turn);
}

/* ---------------------------------------------------------------- who is meant */

static bool is_device(const struct penstock_device *device, uint64_t id)
{
	return device->id == id;
}

static bool has_context(const struct penstock_device *device, uint64_t id)
{
	penstock_list_for_each (link, &device->contexts) {
		if (penstock_list_entry(link, struct penstock_context, link)->id == id) {
			return true;
		}
	}
	return false;
}

typedef bool device_matches(const struct penstock_device *device, uint64_t id);

static struct penstock_device *find_in_session(const struct penstock_session *session,
					       device_matches *matches, uint64_t id)
{
	penstock_list_for_each (link, &session->devices) {
		struct penstock_device *device =
			penstock_list_entry(link, struct penstock_device, link);

		if (matches(device, id)) {
			return device;
		}
	}
	return NULL;
}

static struct penstock_device *find(const struct penstock_machine *machine, device_matches *matches,
				    uint64_t id)
{
	struct penstock_device *device = NULL;

	penstock_list_for_each (principal_link, &machine->principals) {
		const struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_list_for_each (link, &principal->sessions) {
			device = find_in_session(
				penstock_list_entry(link, struct penstock_session, principal_link),
				matches, id);
			if (device != NULL) {
				return device;
			}
		}
	}
	return NULL;
}

struct penstock_device *penstock_machine_find_device(const struct penstock_machine *machine,
						     uint64_t id)
{
	return find(machine, is_device, id);
}

struct penstock_device *
penstock_machine_find_device_of_context(const struct penstock_machine *machine, uint64_t context_id)
{
	return find(machine, has_context, context_id);
}
