/* SPDX-License-Identifier: MIT */
/*
 * What the store holds becomes objects again: leased sessions without a connection, whose leases
 * start now. Devices that had work in flight, or whose contents are gone, are lost and say so;
 * idle ones go on. Rows are only read while they are loaded; what has to be written is written
 * behind that.
 */
#include "daemon/memory/progress.h"
#include "daemon/objects/allocation.h"
#include "daemon/objects/context.h"
#include "daemon/objects/pipeline.h"
#include "daemon/objects/snapshot.h"
#include "daemon/objects/sync_object.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* Keys are ids of our own; the default function has a switch that clang warns of. */
#undef HASH_FUNCTION
#define HASH_FUNCTION HASH_SAX

/* An object of this run, by the id of its row. */
struct entry {
	uint64_t id;
	void *object;
	const char *fault; /* devices: why it is lost; allocations: contents are gone */
	UT_hash_handle hh;
};

struct restore {
	struct penstock_machine *machine;
	enum penstock_status status;
	struct entry *principals;
	struct entry *sessions;
	struct entry *devices;
	struct entry *contexts;
	struct entry *allocations;
	struct entry *openings;
	struct entry *sync_objects;
	uint64_t list_context; /* whose elements are being gathered */
	struct penstock_snapshot_element *elements;
	uint32_t element_count;
	uint32_t element_capacity;
};

static const char content_lost[] = "a restart lost the contents of its allocations";
static const char work_lost[] = "the daemon ended while its work was in flight";
static const char promise_lost[] =
	"a restart could not reserve what its guaranteed contexts were promised";
static const char adapter_gone[] = "the configuration does not have its adapter any more";
static const char progress_lost[] = "a restart lost how far its work had come";

/* Ends the load; the first status counts. What is freed from now on stays in the store. */
static bool stop(struct restore *restore, enum penstock_status status)
{
	if (restore->status == PENSTOCK_STATUS_SUCCESS) {
		restore->status = status;
		penstock_machine_keep(restore->machine);
	}
	return false;
}

static struct entry *find(struct entry *table, uint64_t id)
{
	struct entry *entry;

	HASH_FIND(hh, table, &id, sizeof(id), entry);
	return entry;
}

static bool add(struct restore *restore, struct entry **table, uint64_t id, void *object,
		const char *fault)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL) {
		return stop(restore, PENSTOCK_STATUS_NO_MEMORY);
	}
	*entry = (struct entry){ .id = id, .object = object, .fault = fault };
	HASH_ADD(hh, *table, id, sizeof(entry->id), entry);
	if (entry->hh.tbl == NULL) {
		free(entry);
		return stop(restore, PENSTOCK_STATUS_NO_MEMORY);
	}
	return true;
}

static void drop(struct entry **table)
{
	struct entry *entry;
	struct entry *next;

	HASH_ITER (hh, *table, entry, next) {
		HASH_DEL(*table, entry);
		free(entry);
	}
}

/* ---------------------------------------------------------------- rows */

static void on_adapter(void *owner, uint32_t index, const uint8_t id[16])
{
	struct restore *restore = owner;
	struct penstock_adapter *adapter = &restore->machine->adapters[index];
	uint8_t current[16];

	if (adapter->vidmm == NULL) {
		return;
	}
	penstock_vidmm_generation(adapter->vidmm, current);
	adapter->contents = adapter->contents && memcmp(id, current, sizeof(current)) == 0;
}

static bool on_principal(void *owner, const struct penstock_principal_row *row)
{
	struct restore *restore = owner;
	struct penstock_principal *principal;
	enum penstock_status status =
		penstock_principal_restore(restore->machine, row->id, row->name, &principal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return stop(restore, status);
	}
	if (!add(restore, &restore->principals, row->id, principal, NULL)) {
		penstock_principal_put(principal);
		return false;
	}
	return true;
}

static bool on_session(void *owner, const struct penstock_session_row *row)
{
	struct restore *restore = owner;
	struct entry *principal = find(restore->principals, row->principal);
	struct penstock_session *session;
	enum penstock_status status;

	if (principal == NULL || row->lease_s == 0 || row->lease_s > PENSTOCK_LIMIT_LEASE_S) {
		return stop(restore, PENSTOCK_STATUS_DATA_ERROR);
	}
	status = penstock_session_restore(principal->object, row, &session);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return stop(restore, status);
	}
	return add(restore, &restore->sessions, row->id, session, NULL);
}

static bool on_device(void *owner, const struct penstock_device_row *row)
{
	struct restore *restore = owner;
	struct entry *session = find(restore->sessions, row->session);
	struct penstock_device *device;
	enum penstock_status status =
		session == NULL ? PENSTOCK_STATUS_DATA_ERROR
				: penstock_device_restore(session->object, row, &device);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return stop(restore, status);
	}
	return add(restore, &restore->devices, row->id, device,
		   device->adapter->vidmm == NULL ? adapter_gone : NULL);
}

/* Why a device is lost: the latest that is found, but nothing weighs more than its adapter. */
static void blame(struct entry *device, const char *fault)
{
	if (fault != NULL && device->fault != adapter_gone) {
		device->fault = fault;
	}
}

/* Of what is settled: the client sends the rest again, and is answered as it was. */
static enum penstock_outcome outcome_of(const struct penstock_progress *progress,
					const struct penstock_context *context)
{
	const uint64_t refused = penstock_progress_refused(progress, context->progress_record);
	const bool was_refused =
		refused > context->last_serial && refused <= context->device->session->last_serial;
	const bool did_not_run =
		context->failed_fence != 0 && context->failed_fence == context->completed_fence;

	return was_refused || did_not_run ? PENSTOCK_OUTCOME_FAILED : PENSTOCK_OUTCOME_RAN;
}

static bool on_context(void *owner, const struct penstock_context_row *row)
{
	struct restore *restore = owner;
	struct entry *device = find(restore->devices, row->device);
	struct penstock_context *context;
	uint64_t accepted;
	uint64_t completed;
	bool promised;
	enum penstock_status status =
		device == NULL ? PENSTOCK_STATUS_DATA_ERROR
			       : penstock_context_restore(device->object, row, &promised, &context);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return stop(restore, status);
	}
	if (penstock_progress_restore(restore->machine->progress, row->progress_record, &accepted,
				      &completed) == PENSTOCK_STATUS_SUCCESS) {
		context->progress_record = row->progress_record;
		context->last_serial = accepted;
		context->completed_fence = completed;
		context->failed_fence =
			penstock_progress_failed(restore->machine->progress, row->progress_record);
		context->outcome = outcome_of(restore->machine->progress, context);
		blame(device, accepted == completed ? NULL : work_lost);
	} else {
		context->last_serial = context->device->session->last_serial;
		blame(device, progress_lost);
	}
	if (!promised) {
		blame(device, promise_lost);
	}
	return add(restore, &restore->contexts, row->id, context, NULL);
}

static bool on_allocation(void *owner, const struct penstock_allocation_row *row)
{
	struct restore *restore = owner;
	struct penstock_allocation_row known = *row;
	struct penstock_adapter *adapter = &restore->machine->adapters[row->adapter];
	struct entry *principal = find(restore->principals, row->principal);
	struct penstock_allocation *allocation;
	bool lost = false;
	enum penstock_status status;

	/* A record of another memory directory is somebody else's bytes. */
	known.record = adapter->contents ? row->record : UINT64_MAX;
	status = principal == NULL ? PENSTOCK_STATUS_DATA_ERROR
				   : penstock_allocation_restore(principal->object, adapter, &known,
								 &lost, &allocation);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return stop(restore, status);
	}
	if (!add(restore, &restore->allocations, row->id, allocation, lost ? content_lost : NULL)) {
		penstock_allocation_settle_restore(allocation);
		return false;
	}
	return true;
}

static bool on_pipeline(void *owner, const struct penstock_pipeline_row *row)
{
	struct restore *restore = owner;
	struct entry *allocation = find(restore->allocations, row->allocation);
	enum penstock_status status = allocation == NULL
					      ? PENSTOCK_STATUS_DATA_ERROR
					      : penstock_pipeline_restore(allocation->object, row);

	return status == PENSTOCK_STATUS_SUCCESS || stop(restore, status);
}

static bool on_pipeline_binding(void *owner, const struct penstock_pipeline_binding_row *row)
{
	struct restore *restore = owner;
	struct entry *allocation = find(restore->allocations, row->allocation);

	return (allocation != NULL && penstock_pipeline_restore_binding(allocation->object, row)) ||
	       stop(restore, PENSTOCK_STATUS_DATA_ERROR);
}

static bool on_opening(void *owner, const struct penstock_opening_row *row)
{
	struct restore *restore = owner;
	struct entry *device = find(restore->devices, row->device);
	struct entry *allocation = find(restore->allocations, row->allocation);
	struct penstock_opening *opening;
	enum penstock_status status =
		device == NULL || allocation == NULL
			? PENSTOCK_STATUS_DATA_ERROR
			: penstock_opening_restore(device->object, allocation->object, row,
						   &opening);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return stop(restore, status);
	}
	blame(device, allocation->fault);
	return add(restore, &restore->openings, row->id, opening, NULL);
}

static bool on_sync_object(void *owner, const struct penstock_sync_object_row *row)
{
	struct restore *restore = owner;
	struct penstock_sync_object *object;
	enum penstock_status status = penstock_sync_object_restore(restore->machine, row, &object);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return stop(restore, status);
	}
	if (!add(restore, &restore->sync_objects, row->id, object, NULL)) {
		penstock_sync_object_settle_restore(object);
		return false;
	}
	return true;
}

static bool on_sync_opening(void *owner, const struct penstock_sync_opening_row *row)
{
	struct restore *restore = owner;
	struct entry *device = find(restore->devices, row->device);
	struct entry *object = find(restore->sync_objects, row->sync_object);
	enum penstock_status status =
		device == NULL || object == NULL
			? PENSTOCK_STATUS_DATA_ERROR
			: penstock_sync_opening_restore(device->object, object->object, row);

	return status == PENSTOCK_STATUS_SUCCESS || stop(restore, status);
}

/* The list that was gathered is its context's. */
static void flush_list(struct restore *restore)
{
	struct entry *context = find(restore->contexts, restore->list_context);

	if (context != NULL && restore->element_count > 0) {
		penstock_snapshot_restore(context->object, restore->elements,
					  restore->element_count);
	}
	restore->element_count = 0;
}

static bool on_list(void *owner, uint64_t context, const struct penstock_list_row *row)
{
	struct restore *restore = owner;
	struct entry *found = find(restore->openings, row->opening);
	const struct penstock_opening *opening = found == NULL ? NULL : found->object;

	if (context != restore->list_context) {
		flush_list(restore);
		restore->list_context = context;
	}
	if (restore->element_count == restore->element_capacity) {
		uint32_t capacity = restore->element_capacity * 2u + 64u;
		struct penstock_snapshot_element *elements =
			realloc(restore->elements, capacity * sizeof(*elements));

		if (elements == NULL) {
			return stop(restore, PENSTOCK_STATUS_NO_MEMORY);
		}
		restore->elements = elements;
		restore->element_capacity = capacity;
	}
	restore->elements[restore->element_count++] = (struct penstock_snapshot_element){
		.opening = row->opening,
		.allocation = opening == NULL ? 0 : opening->allocation->id,
		.size_bytes = opening == NULL ? 0 : opening->allocation->info.size_bytes,
		.address = row->address,
		.segment_id = row->segment_id,
		.write_operation = row->write_operation,
	};
	return true;
}

static bool on_name_floor(void *owner, uint64_t session_id, uint32_t index, uint32_t generation)
{
	struct restore *restore = owner;
	struct entry *entry = find(restore->sessions, session_id);
	struct penstock_session *session = entry == NULL ? NULL : entry->object;
	enum penstock_status status =
		session == NULL ? PENSTOCK_STATUS_DATA_ERROR
				: penstock_name_table_restore(&session->names,
							      (uint64_t)generation << 32 | index,
							      PENSTOCK_NAME_FREE, NULL);

	return status == PENSTOCK_STATUS_SUCCESS || stop(restore, status);
}

static bool on_answer(void *owner, const struct penstock_answer_row *row)
{
	struct restore *restore = owner;
	struct entry *session = find(restore->sessions, row->session);
	enum penstock_status status = session == NULL
					      ? PENSTOCK_STATUS_DATA_ERROR
					      : penstock_answers_restore(session->object, row);

	return status == PENSTOCK_STATUS_SUCCESS || stop(restore, status);
}

/* ---------------------------------------------------------------- behind the load */

/* Something did not run whose answer is not on disk: more than that is not known. */
static void find_unknown(struct restore *restore)
{
	for (struct entry *entry = restore->contexts; entry != NULL; entry = entry->hh.next) {
		struct penstock_context *context = entry->object;

		if (penstock_answers_has_ending(context)) {
			continue;
		}
		if (context->failed_fence > context->completed_fence) {
			context->failed_fence = 0; /* it had not retired yet */
		}
		context->unknown_fence = context->failed_fence;
	}
}

static enum penstock_status renew_progress(struct restore *restore)
{
	struct penstock_machine *machine = restore->machine;

	for (struct entry *entry = restore->sessions; entry != NULL; entry = entry->hh.next) {
		enum penstock_status status = penstock_session_renew_progress(entry->object);

		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	for (struct entry *entry = restore->contexts; entry != NULL; entry = entry->hh.next) {
		struct penstock_context *context = entry->object;

		if (context->progress_record != 0) {
			continue;
		}
		if (penstock_progress_allocate(machine->progress, &context->progress_record) !=
		    PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
		penstock_context_resized(context);
	}
	for (struct entry *entry = restore->sync_objects; entry != NULL; entry = entry->hh.next) {
		if (penstock_sync_object_renew(entry->object) != PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/*
 * What was in flight has ended: nothing of it is waited for any more. Its record stays as it is, so
 * that a restart before this is on disk comes to the same end.
 */
static void end_work(struct penstock_context *context)
{
	const struct penstock_session *session = context->device->session;
	uint64_t fence = context->last_serial < session->last_serial ? context->last_serial
								     : session->last_serial;

	if (fence > context->completed_fence) {
		penstock_answers_ended(context, fence, PENSTOCK_STATUS_DEVICE_REMOVED);
	}
}

static void lose_devices(struct restore *restore)
{
	struct penstock_device_state state = { .fault_node = 0 };

	for (struct entry *entry = restore->devices; entry != NULL; entry = entry->hh.next) {
		struct penstock_device *device = entry->object;

		if (entry->fault == NULL) {
			continue;
		}
		state.execution_state = entry->fault == adapter_gone ? PENSTOCK_DEVICE_STOPPED
								     : PENSTOCK_DEVICE_RESET;
		penstock_device_set_reason(&state, entry->fault);
		penstock_device_lose(device, &state);
		penstock_list_for_each (link, &device->contexts) {
			end_work(penstock_list_entry(link, struct penstock_context, link));
		}
	}
}

static void settle_allocations(struct restore *restore)
{
	for (struct entry *entry = restore->allocations; entry != NULL; entry = entry->hh.next) {
		const struct penstock_allocation *allocation = entry->object;

		if (entry->fault != NULL && allocation->memory != NULL &&
		    !restore->machine->keeping) {
			(void)penstock_allocation_store(entry->object); /* its record is new */
		}
		penstock_allocation_settle_restore(entry->object);
	}
}

static void settle_sync_objects(struct restore *restore)
{
	for (struct entry *entry = restore->sync_objects; entry != NULL; entry = entry->hh.next) {
		penstock_sync_object_settle_restore(entry->object);
	}
}

static void put_principals(struct restore *restore)
{
	for (struct entry *entry = restore->principals; entry != NULL; entry = entry->hh.next) {
		penstock_principal_put(entry->object);
	}
}

static void start_leases(struct restore *restore)
{
	for (struct entry *entry = restore->sessions; entry != NULL; entry = entry->hh.next) {
		penstock_session_wait(entry->object);
	}
}

static void take_ids(struct penstock_machine *machine)
{
	struct penstock_store *store = machine->config.store;

	machine->last_principal_id = penstock_store_highest_id(store, PENSTOCK_STORE_PRINCIPAL);
	machine->last_session_id = penstock_store_highest_id(store, PENSTOCK_STORE_SESSION);
	machine->last_device_id = penstock_store_highest_id(store, PENSTOCK_STORE_DEVICE);
	machine->last_context_id = penstock_store_highest_id(store, PENSTOCK_STORE_CONTEXT);
	machine->last_allocation_id = penstock_store_highest_id(store, PENSTOCK_STORE_ALLOCATION);
	machine->last_opening_id = penstock_store_highest_id(store, PENSTOCK_STORE_OPENING);
	machine->last_sync_object_id = penstock_store_highest_id(store, PENSTOCK_STORE_SYNC_OBJECT);
	machine->last_sync_opening_id =
		penstock_store_highest_id(store, PENSTOCK_STORE_SYNC_OPENING);
}

static void put_generations(struct penstock_machine *machine)
{
	uint8_t generation[16];

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		penstock_vidmm_generation(machine->adapters[i].vidmm, generation);
		(void)penstock_store_put_adapter(machine->config.store, i, generation);
	}
}

static uint32_t count(const struct entry *table)
{
	return table == NULL ? 0 : HASH_COUNT(table);
}

static void report(struct restore *restore)
{
	unsigned lost = 0;

	for (struct entry *entry = restore->devices; entry != NULL; entry = entry->hh.next) {
		lost += entry->fault != NULL;
	}
	if (restore->sessions != NULL) {
		penstock_machine_log(restore->machine, LOG_INFO, "objects",
				     "restored sessions=%u devices=%u lost=%u contexts=%u "
				     "allocations=%u",
				     count(restore->sessions), count(restore->devices), lost,
				     count(restore->contexts), count(restore->allocations));
	}
}

static enum penstock_status finish(struct restore *restore, struct penstock_errbuf *reterr_text)
{
	struct penstock_machine *machine = restore->machine;
	enum penstock_status status;

	flush_list(restore);
	take_ids(machine);
	status = renew_progress(restore);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "no memory for progress records");
		return status;
	}
	find_unknown(restore);
	lose_devices(restore);
	put_generations(machine);
	start_leases(restore);
	report(restore);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_machine_restore(struct penstock_machine *machine,
					      struct penstock_errbuf *reterr_text)
{
	struct restore restore = { .machine = machine };
	const struct penstock_store_loader loader = {
		.owner = &restore,
		.adapter = on_adapter,
		.principal = on_principal,
		.session = on_session,
		.device = on_device,
		.context = on_context,
		.allocation = on_allocation,
		.pipeline = on_pipeline,
		.pipeline_binding = on_pipeline_binding,
		.opening = on_opening,
		.sync_object = on_sync_object,
		.sync_opening = on_sync_opening,
		.list = on_list,
		.name_floor = on_name_floor,
		.answer = on_answer,
	};
	enum penstock_status status;

	if (machine->config.store == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_store_load(machine->config.store, &loader, reterr_text);
	if (restore.status != PENSTOCK_STATUS_SUCCESS) {
		status = restore.status;
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = finish(&restore, reterr_text);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		/* The daemon does not start: what is kept stays as it was found. */
		penstock_machine_keep(machine);
	}
	settle_allocations(&restore);
	settle_sync_objects(&restore);
	put_principals(&restore);
	drop(&restore.principals);
	drop(&restore.sessions);
	drop(&restore.devices);
	drop(&restore.contexts);
	drop(&restore.allocations);
	drop(&restore.openings);
	drop(&restore.sync_objects);
	free(restore.elements);
	return status;
}
