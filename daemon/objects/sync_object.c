/* SPDX-License-Identifier: MIT */
#include "daemon/objects/sync_object.h"

#include "daemon/memory/progress.h"
#include "daemon/objects/allocation.h"
#include "daemon/objects/condemned.h"
#include "daemon/objects/held.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- making and freeing */

static struct penstock_sync_object *make(struct penstock_adapter *adapter, uint64_t value)
{
	struct penstock_sync_object *object = calloc(1, sizeof(*object));

	if (object != NULL) {
		object->adapter = adapter;
		object->references = 1;
		penstock_sync_init(&object->sync, adapter->scheduler, value);
		adapter->sync_objects++;
	}
	return object;
}

static void put(struct penstock_sync_object *object)
{
	struct penstock_machine *machine = object->adapter->machine;
	bool stored = object->progress_record != 0;
	uint64_t sequence = 0;

	PENSTOCK_REQUIRE(object->references > 0);
	if (--object->references > 0) {
		return;
	}
	if (stored && !object->kept && !machine->keeping) {
		sequence = penstock_store_delete(machine->config.store, PENSTOCK_STORE_SYNC_OBJECT,
						 object->id);
		penstock_condemn_progress(machine, true, sequence, object->progress_record);
	}
	penstock_sync_fini(&object->sync);
	object->adapter->sync_objects--;
	free(object);
}

/* The value, as the next run will read it. */
static void keep_value(const struct penstock_sync_object *object)
{
	if (object->progress_record != 0) {
		penstock_progress_set_completed(object->adapter->machine->progress,
						object->progress_record, object->sync.value);
	}
}

/* Whether it has Signals that will not run, should the daemon die. */
static void keep_counted(const struct penstock_sync_object *object)
{
	if (object->progress_record != 0) {
		penstock_progress_set_accepted(object->adapter->machine->progress,
					       object->progress_record, object->counted > 0);
	}
}

static void raise_value(struct penstock_sync_object *object, uint64_t value)
{
	if (object->adapter->scheduler != NULL) {
		penstock_sync_signal(&object->sync, value);
	} else if (value > object->sync.value) {
		object->sync.value = value; /* of an adapter that is not configured any more */
	}
	keep_value(object);
}

/* Nobody is left who could signal it: whoever waits would wait for ever. */
static void check_signallers(struct penstock_sync_object *object)
{
	if (object->openings == 0 && object->signals == 0) {
		raise_value(object, PENSTOCK_SYNC_END);
	}
}

static void told_on_reached(struct penstock_sync_wait *wait);

/* An opening without a name; takes over one reference to the object. NULL: no memory. */
static struct penstock_sync_opening *
make_opening(struct penstock_device *device, struct penstock_sync_object *object, uint64_t name)
{
	struct penstock_sync_opening *opening = calloc(1, sizeof(*opening));

	if (opening == NULL) {
		put(object);
		return NULL;
	}
	opening->device = device;
	opening->object = object;
	opening->name = name;
	opening->wait.reached = told_on_reached;
	penstock_list_init(&opening->link);
	penstock_list_init(&opening->turn_link);
	return opening;
}

/* It has its name now. */
static void enter(struct penstock_sync_opening *opening)
{
	struct penstock_device *device = opening->device;

	penstock_device_ref(device);
	device->session->principal->objects++;
	opening->object->openings++;
	penstock_list_append(&device->sync_openings, &opening->link);
}

void penstock_sync_opening_close(struct penstock_sync_opening *opening, bool keep)
{
	struct penstock_session *session = opening->device->session;
	struct penstock_sync_object *object = opening->object;

	penstock_name_table_remove(&session->names, opening->name);
	object->kept = object->kept || keep;
	if (!keep) {
		(void)penstock_session_forget(session, PENSTOCK_STORE_SYNC_OPENING, opening->id,
					      opening->name);
	}
	penstock_sync_opening_detach(opening);
	penstock_list_remove(&opening->link);
	if (--object->openings == 0 && object->published) {
		object->published = false;
		penstock_directory_remove_sync(&object->adapter->machine->directory, object);
	}
	if (!keep) {
		check_signallers(object);
	}
	put(object);
	session->principal->objects--;
	penstock_device_put(opening->device);
	free(opening);
}

/* ---------------------------------------------------------------- rows */

/* Its row, or its row again. Returns the sequence. */
static uint64_t put_row(const struct penstock_sync_object *object)
{
	const struct penstock_sync_object_row row = {
		.id = object->id,
		.adapter = object->adapter->index,
		.token_high = object->token.high,
		.token_low = object->token.low,
		.progress_record = object->progress_record,
	};

	return penstock_store_put_sync_object(object->adapter->machine->config.store, &row);
}

/* It has a row from now on. SUCCESS, NO_MEMORY: no progress record. */
static enum penstock_status store(struct penstock_sync_object *object)
{
	enum penstock_status status = penstock_progress_allocate(object->adapter->machine->progress,
								 &object->progress_record);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		keep_value(object);
		keep_counted(object);
		(void)put_row(object);
	}
	return status;
}

static void store_opening(const struct penstock_sync_opening *opening)
{
	struct penstock_session *session = opening->device->session;
	const struct penstock_sync_opening_row row = {
		.id = opening->id,
		.device = opening->device->id,
		.sync_object = opening->object->id,
		.name = opening->name,
	};

	if (penstock_session_leased(session)) {
		penstock_session_wrote(
			session, session->last_serial,
			penstock_store_put_sync_opening(session->machine->config.store, &row));
	}
}

/* ---------------------------------------------------------------- create, open, share */

static struct penstock_sync_opening *find_restored(const struct penstock_session *session,
						   uint64_t name, uint64_t device)
{
	struct penstock_sync_opening *opening =
		penstock_name_table_find(&session->names, name, PENSTOCK_NAME_SYNC);

	return opening != NULL && opening->restored && penstock_session_replaying(session) &&
			       opening->device->name == device
		       ? opening
		       : NULL;
}

/* The device opens the object, whose reference is taken over. */
static enum penstock_status open_object(struct penstock_device *device,
					struct penstock_sync_object *object, uint64_t name,
					struct penstock_refusal *ret_refusal)
{
	struct penstock_session *session = device->session;
	struct penstock_sync_opening *opening = make_opening(device, object, name);
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;

	if (opening != NULL) {
		status = penstock_session_leased(session) && object->progress_record == 0
				 ? store(object)
				 : PENSTOCK_STATUS_SUCCESS;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		if (opening != NULL) {
			put(object);
		}
		free(opening);
		return penstock_refuse(ret_refusal, status,
				       "no memory for a synchronisation object");
	}
	opening->id = ++session->machine->last_sync_opening_id;
	PENSTOCK_REQUIRE(penstock_name_table_insert(&session->names, name, PENSTOCK_NAME_SYNC,
						    opening, NULL) == PENSTOCK_STATUS_SUCCESS);
	enter(opening);
	store_opening(opening);
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status create(struct penstock_session *session, uint64_t name,
				   uint64_t device_name, uint64_t value,
				   struct penstock_refusal *ret_refusal)
{
	struct penstock_sync_opening *before = find_restored(session, name, device_name);
	struct penstock_sync_object *object;
	struct penstock_device *device;
	enum penstock_status status;

	if (before != NULL || penstock_session_overtaken(session, name)) {
		if (before != NULL) {
			before->restored = false;
		}
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_opening_check(session, name, device_name, &device, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	object = make(device->adapter, value);
	if (object == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a synchronisation object");
	}
	object->id = ++session->machine->last_sync_object_id;
	return open_object(device, object, name, ret_refusal);
}

enum penstock_status penstock_create_sync_object(struct penstock_session *session, uint64_t serial,
						 uint64_t name, uint64_t device, uint64_t value,
						 struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_session_executed(session, create(session, name, device, value, ret_refusal),
					 ret_refusal);
}

static enum penstock_status open_by_token(struct penstock_session *session, uint64_t name,
					  uint64_t device_name, struct penstock_session_id token,
					  struct penstock_refusal *ret_refusal)
{
	struct penstock_sync_opening *before = find_restored(session, name, device_name);
	struct penstock_sync_object *object;
	struct penstock_device *device;
	enum penstock_status status;

	if (before != NULL && before->object->token.high == token.high &&
	    before->object->token.low == token.low) {
		before->restored = false;
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (penstock_session_overtaken(session, name)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_opening_check(session, name, device_name, &device, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	object = penstock_directory_find_sync(&session->machine->directory, token);
	status = penstock_opening_check_shared(device, object == NULL ? NULL : object->adapter,
					       "synchronisation object", ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	object->references++;
	return open_object(device, object, name, ret_refusal);
}

enum penstock_status penstock_open_sync_object(struct penstock_session *session, uint64_t serial,
					       uint64_t name, uint64_t device, uint64_t token_high,
					       uint64_t token_low,
					       struct penstock_refusal *ret_refusal)
{
	struct penstock_session_id token = { token_high, token_low };
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_session_executed(
		session, open_by_token(session, name, device, token, ret_refusal), ret_refusal);
}

/* The opening that a request names. INVALID_HANDLE, DEVICE_REMOVED. */
static enum penstock_status find(struct penstock_session *session, uint64_t name,
				 struct penstock_sync_opening **ret_opening,
				 struct penstock_refusal *ret_refusal)
{
	struct penstock_sync_opening *opening =
		penstock_name_table_find(&session->names, name, PENSTOCK_NAME_SYNC);

	if (opening == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
				       "0x%" PRIx64 " names no synchronisation object", name);
	}
	*ret_opening = opening;
	return penstock_device_check(opening->device, ret_refusal);
}

static enum penstock_status publish(struct penstock_session *session,
				    struct penstock_sync_object *object,
				    struct penstock_refusal *ret_refusal)
{
	struct penstock_machine *machine = session->machine;

	if (object->published) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	while (object->token.high == 0 && object->token.low == 0) {
		machine->config.random(machine->config.owner, (uint8_t *)&object->token);
	}
	if (penstock_directory_add_sync(&machine->directory, object) != PENSTOCK_STATUS_SUCCESS) {
		object->token = (struct penstock_session_id){ 0, 0 };
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a token");
	}
	object->published = true;
	if (object->progress_record != 0) {
		penstock_session_wrote(session, session->last_serial, put_row(object));
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_share_sync_object(struct penstock_session *session, uint64_t name,
						struct penstock_request *request,
						struct penstock_refusal *ret_refusal)
{
	enum penstock_status status =
		penstock_session_take_serial(session, request->serial, ret_refusal);
	struct penstock_sync_opening *opening;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = find(session, name, &opening, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = publish(session, opening->object, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		request->token_high = opening->object->token.high;
		request->token_low = opening->object->token.low;
	}
	return penstock_session_executed(session, status, ret_refusal);
}

enum penstock_status penstock_query_sync_object(struct penstock_session *session, uint64_t serial,
						uint64_t name, uint64_t *ret_value,
						struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);
	struct penstock_sync_opening *opening;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = find(session, name, &opening, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_value = opening->object->sync.value;
	}
	return penstock_session_executed(session, status, ret_refusal);
}

/* ---------------------------------------------------------------- its client waits */

static void tell_later(struct penstock_sync_opening *opening)
{
	struct penstock_turn *turn = &opening->device->session->machine->turn;

	if (penstock_list_empty(&opening->turn_link)) {
		penstock_list_append(&turn->syncs, &opening->turn_link);
		penstock_turn_arm(turn);
	}
}

static void told_on_reached(struct penstock_sync_wait *wait)
{
	tell_later(penstock_container_of(wait, struct penstock_sync_opening, wait));
}

void penstock_sync_opening_lost(struct penstock_sync_opening *opening)
{
	if (opening->wait.sync != NULL) {
		penstock_sync_wait_end(&opening->wait);
		tell_later(opening);
	}
}

void penstock_sync_opening_detach(struct penstock_sync_opening *opening)
{
	penstock_sync_wait_end(&opening->wait);
	penstock_list_remove(&opening->turn_link);
}

void penstock_sync_opening_tell(struct penstock_sync_opening *opening)
{
	const struct penstock_session_events *events = &opening->device->session->events;

	if (events->sync_value != NULL) {
		events->sync_value(events->owner, opening->name, opening->object->sync.value,
				   penstock_device_lost(opening->device)
					   ? PENSTOCK_STATUS_DEVICE_REMOVED
					   : PENSTOCK_STATUS_SUCCESS);
	}
}

static void wait_for(struct penstock_sync_opening *opening, uint64_t value)
{
	penstock_sync_opening_detach(opening);
	if (opening->object->sync.value >= value) {
		tell_later(opening);
	} else {
		penstock_sync_wait_begin(&opening->object->sync, &opening->wait, value);
	}
}

/* ---------------------------------------------------------------- signal and wait */

/* Of a context: a packet in its stream. */
static enum penstock_status queue_packet(struct penstock_session *session,
					 const struct penstock_sync_info *info, bool signals,
					 struct penstock_refusal *ret_refusal)
{
	struct penstock_context *context =
		penstock_name_table_find(&session->names, info->context, PENSTOCK_NAME_CONTEXT);
	struct penstock_sync_opening *opening;
	enum penstock_status status;

	if (context == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
				       "0x%" PRIx64 " names no context", info->context);
	}
	status = find(session, info->object, &opening, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS && opening->device != context->device) {
		status = penstock_refuse(
			ret_refusal, PENSTOCK_STATUS_GRAPHICS_WRONG_ALLOCATION_DEVICE,
			"0x%" PRIx64 " is of another device than the context", info->object);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_context_queue_packet(context, opening->object, info->value,
						       signals, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_context_count_refused(context, session->last_serial);
	}
	return status;
}

/* Of the client itself: now. */
static enum penstock_status act(struct penstock_session *session,
				const struct penstock_sync_info *info, bool signals,
				struct penstock_refusal *ret_refusal)
{
	struct penstock_sync_opening *opening;
	enum penstock_status status = find(session, info->object, &opening, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (signals) {
		raise_value(opening->object, info->value);
	} else {
		wait_for(opening, info->value);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status request(struct penstock_session *session, uint64_t serial,
				    const struct penstock_sync_info *info, bool signals,
				    struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status == PENSTOCK_STATUS_WRONG_SERIAL) {
		return status;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		/* As before a restart. */
		struct penstock_context *context = penstock_name_table_find(
			&session->names, info->context, PENSTOCK_NAME_CONTEXT);

		if (context != NULL) {
			penstock_context_refused(context, NULL, serial);
		}
		return status;
	}
	status = info->context == 0 ? act(session, info, signals, ret_refusal)
				    : queue_packet(session, info, signals, ret_refusal);
	return penstock_session_executed(session, status, ret_refusal);
}

enum penstock_status penstock_signal(struct penstock_session *session, uint64_t serial,
				     const struct penstock_sync_info *info,
				     struct penstock_refusal *ret_refusal)
{
	return request(session, serial, info, true, ret_refusal);
}

enum penstock_status penstock_wait(struct penstock_session *session, uint64_t serial,
				   const struct penstock_sync_info *info,
				   struct penstock_refusal *ret_refusal)
{
	return request(session, serial, info, false, ret_refusal);
}

/* ---------------------------------------------------------------- packets */

static void count(struct penstock_held *held)
{
	if (held->submission.sync_signals && !held->signal_counted) {
		held->signal_counted = true;
		held->sync_object->counted++;
		keep_counted(held->sync_object);
	}
}

void penstock_sync_object_hold(struct penstock_held *held)
{
	held->sync_object->references++;
	held->sync_object->signals += held->submission.sync_signals;
	if (!penstock_session_leased(held->context->device->session)) {
		count(held);
	}
}

void penstock_sync_object_accepted(struct penstock_held *held)
{
	count(held);
}

void penstock_sync_object_ended(struct penstock_held *held)
{
	struct penstock_sync_object *object = held->sync_object;
	const bool stopping = object->adapter->machine->stopping;

	if (!held->submission.sync_signals) {
		return;
	}
	object->signals--;
	if (stopping && held->status != PENSTOCK_STATUS_SUCCESS) {
		return; /* the next run finds it counted, and its device with work in flight */
	}
	if (held->status == PENSTOCK_STATUS_SUCCESS) {
		keep_value(object);
	} else {
		raise_value(object, PENSTOCK_SYNC_END);
	}
	if (held->signal_counted) {
		object->counted--;
		keep_counted(object);
	}
	check_signallers(object);
}

void penstock_sync_object_release(struct penstock_held *held)
{
	put(held->sync_object);
	held->sync_object = NULL;
}

/* ---------------------------------------------------------------- restore */

enum penstock_status penstock_sync_object_restore(struct penstock_machine *machine,
						  const struct penstock_sync_object_row *row,
						  struct penstock_sync_object **ret_object)
{
	struct penstock_sync_object *object =
		make(&machine->adapters[row->adapter], PENSTOCK_SYNC_END);
	uint64_t counted;
	uint64_t value;

	if (object == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	object->id = row->id;
	object->token = (struct penstock_session_id){ row->token_high, row->token_low };
	if (penstock_progress_restore(machine->progress, row->progress_record, &counted, &value) ==
	    PENSTOCK_STATUS_SUCCESS) {
		object->progress_record = row->progress_record;
		object->sync.value = counted == 0 ? value : PENSTOCK_SYNC_END;
	}
	if (object->token.high != 0 || object->token.low != 0) {
		object->published = penstock_directory_add_sync(&machine->directory, object) ==
				    PENSTOCK_STATUS_SUCCESS;
	}
	*ret_object = object;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_sync_opening_restore(struct penstock_device *device,
						   struct penstock_sync_object *object,
						   const struct penstock_sync_opening_row *row)
{
	struct penstock_sync_opening *opening;
	enum penstock_status status;

	object->references++;
	opening = make_opening(device, object, row->name);
	if (opening == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = device->adapter != object->adapter
			 ? PENSTOCK_STATUS_DATA_ERROR
			 : penstock_name_table_restore(&device->session->names, row->name,
						       PENSTOCK_NAME_SYNC, opening);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		put(object);
		free(opening);
		return status;
	}
	opening->id = row->id;
	opening->restored = true;
	enter(opening);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_sync_object_renew(struct penstock_sync_object *object)
{
	if (object->progress_record == 0) {
		return store(object);
	}
	keep_value(object);
	keep_counted(object);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_sync_object_settle_restore(struct penstock_sync_object *object)
{
	if (object->openings == 0 && object->published) {
		object->published = false;
		penstock_directory_remove_sync(&object->adapter->machine->directory, object);
	}
	put(object);
}
