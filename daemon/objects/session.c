/* SPDX-License-Identifier: MIT */
#include "daemon/objects/session.h"

#include "daemon/memory/progress.h"
#include "daemon/objects/condemned.h"
#include "daemon/objects/device.h"
#include "daemon/objects/held.h"
#include "daemon/objects/sync_object.h"
#include "daemon/objects/transfer.h"
#include "proto/base/states.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A connection that was stopped reads again below so many of four parts of its credit. */
#define RESUME_QUARTERS 3u

/* ---------------------------------------------------------------- making and freeing */

static struct penstock_session *make(struct penstock_principal *principal, const char *client,
				     uint32_t lease_s)
{
	struct penstock_session *session = calloc(1, sizeof(*session));

	if (session == NULL) {
		return NULL;
	}
	session->machine = principal->machine;
	session->principal = principal;
	session->references = 1;
	session->lease_s = lease_s;
	(void)snprintf(session->client, sizeof(session->client), "%s", client);
	penstock_name_table_init(&session->names);
	penstock_answers_init(&session->answers);
	penstock_list_init(&session->devices);
	penstock_list_init(&session->pending);
	penstock_list_init(&session->reading);
	penstock_list_init(&session->gated);
	penstock_list_init(&session->principal_link);
	penstock_list_init(&session->lease_link);
	penstock_list_init(&session->unsettled_link);
	penstock_list_init(&session->turn_link);
	return session;
}

#define TO(state) (1u << PENSTOCK_SESSION_##state)

static const struct penstock_state states[PENSTOCK_SESSION_STATE_MAX] = {
	[PENSTOCK_SESSION_NEW] = { "NEW", TO(CONNECTED) | TO(WAITING) | TO(ENDED) },
	[PENSTOCK_SESSION_CONNECTED] = { "CONNECTED", TO(WAITING) | TO(ENDED) },
	[PENSTOCK_SESSION_WAITING] = { "WAITING", TO(CONNECTED) | TO(ENDED) },
	[PENSTOCK_SESSION_ENDED] = { "ENDED", 0 },
};

void penstock_session_move(struct penstock_session *session, enum penstock_session_state to)
{
	static const struct penstock_states drawing = { "a session", PENSTOCK_SESSION_STATE_MAX,
							states };

	PENSTOCK_REQUIRE(penstock_states_drawn(&drawing, session->state, to));
	session->state = to;
}

/* Takes its place among the machine's sessions; takes over the reference to the principal. */
static enum penstock_status enter(struct penstock_session *session)
{
	struct penstock_machine *machine = session->machine;
	enum penstock_status status = penstock_directory_add_session(&machine->directory, session);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	penstock_list_append(&session->principal->sessions, &session->principal_link);
	session->principal->session_count++;
	machine->sessions++;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_session_ref(struct penstock_session *session)
{
	session->references++;
}

void penstock_session_put(struct penstock_session *session)
{
	PENSTOCK_REQUIRE(session->references > 0);
	if (--session->references > 0) {
		return;
	}
	PENSTOCK_REQUIRE(session->state == PENSTOCK_SESSION_ENDED);
	PENSTOCK_REQUIRE(penstock_list_empty(&session->devices));
	PENSTOCK_REQUIRE(session->held_submissions == 0);
	penstock_list_remove(&session->turn_link);
	penstock_name_table_fini(&session->names);
	penstock_answers_fini(session);
	penstock_principal_put(session->principal);
	free(session);
}

static uint32_t grant_lease(const struct penstock_machine *machine, uint32_t wish_s)
{
	uint32_t most = machine->config.max_lease_s < PENSTOCK_LIMIT_LEASE_S
				? machine->config.max_lease_s
				: PENSTOCK_LIMIT_LEASE_S;

	return wish_s < most ? wish_s : most;
}

static enum penstock_status check_sessions(const struct penstock_principal *principal)
{
	uint32_t most = principal->machine->config.max_sessions_per_principal;

	if (most == 0 || most > PENSTOCK_LIMIT_SESSIONS_PER_PRINCIPAL) {
		most = PENSTOCK_LIMIT_SESSIONS_PER_PRINCIPAL;
	}
	return principal->session_count < most ? PENSTOCK_STATUS_SUCCESS
					       : PENSTOCK_STATUS_QUOTA_EXCEEDED;
}

/* A progress record and, naming it, the row. */
static enum penstock_status keep_row(struct penstock_session *session)
{
	struct penstock_machine *machine = session->machine;
	struct penstock_session_row row = {
		.id = session->number,
		.id_high = session->id.high,
		.id_low = session->id.low,
		.principal = session->principal->id,
		.lease_s = session->lease_s,
	};
	enum penstock_status status;

	if (!penstock_session_leased(session)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_progress_allocate(machine->progress, &session->progress_record);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	row.progress_record = session->progress_record;
	memcpy(row.client, session->client, sizeof(row.client));
	/* Part of what serial 0 did: even the first answer waits for it. */
	penstock_session_wrote(session, 0, penstock_store_put_session(machine->config.store, &row));
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_session_new(struct penstock_machine *machine, const char *name,
					  const char *client, uint32_t lease_s,
					  const struct penstock_session_events *events,
					  struct penstock_session **ret_session,
					  uint32_t *ret_lease_s)
{
	struct penstock_principal *principal;
	struct penstock_session *session;
	enum penstock_status status;

	if (machine->stopping) {
		return PENSTOCK_STATUS_CANCELLED;
	}
	status = penstock_principal_get(machine, name, &principal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = check_sessions(principal);
	session = status == PENSTOCK_STATUS_SUCCESS
			  ? make(principal, client,
				 machine->config.store == NULL ? 0 : grant_lease(machine, lease_s))
			  : NULL;
	if (session == NULL) {
		penstock_principal_put(principal);
		return status == PENSTOCK_STATUS_SUCCESS ? PENSTOCK_STATUS_NO_MEMORY : status;
	}
	machine->config.random(machine->config.owner, (uint8_t *)&session->id);
	status = enter(session);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_session_move(session, PENSTOCK_SESSION_ENDED);
		penstock_session_put(session);
		return status;
	}
	penstock_session_move(session, PENSTOCK_SESSION_CONNECTED);
	session->number = ++machine->last_session_id;
	session->events = *events;
	principal->connections++;
	status = keep_row(session);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_session_finish(session, true);
		return status;
	}
	*ret_session = session;
	*ret_lease_s = session->lease_s;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_session_restore(struct penstock_principal *principal,
					      const struct penstock_session_row *row,
					      struct penstock_session **ret_session)
{
	struct penstock_machine *machine = principal->machine;
	struct penstock_session *session = make(principal, row->client, row->lease_s);
	uint64_t completed;

	if (session == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_principal_ref(principal);
	session->id = (struct penstock_session_id){ row->id_high, row->id_low };
	session->number = row->id;
	if (enter(session) != PENSTOCK_STATUS_SUCCESS) {
		penstock_session_move(session, PENSTOCK_SESSION_ENDED);
		penstock_session_put(session);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_session_move(session, PENSTOCK_SESSION_WAITING);
	session->progress_record = row->progress_record;
	if (penstock_progress_restore(machine->progress, row->progress_record,
				      &session->last_serial,
				      &completed) != PENSTOCK_STATUS_SUCCESS) {
		/* How far it had come is gone with its bytes; this much it was told at most. */
		session->progress_record = 0;
		session->last_serial = row->row_serial;
	}
	session->settled = session->last_serial;
	session->replay_until = row->row_serial;
	session->answers.forgotten = row->forgotten_serial;
	*ret_session = session;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_session_renew_progress(struct penstock_session *session)
{
	return session->progress_record != 0 ? PENSTOCK_STATUS_SUCCESS : keep_row(session);
}

struct penstock_session_id penstock_session_id(const struct penstock_session *session)
{
	return session->id;
}

/* ---------------------------------------------------------------- requests under way */

void penstock_pending_init(struct penstock_pending *pending, struct penstock_session *session,
			   struct penstock_request *request, bool effect)
{
	*pending = (struct penstock_pending){
		.request = request,
		.session = session,
		.serial = session->last_serial,
		.effect = effect,
	};
	request->refusal.status = PENSTOCK_STATUS_SUCCESS;
	penstock_list_init(&pending->session_link);
	penstock_list_append(effect ? &session->pending : &session->reading,
			     &pending->session_link);
}

void penstock_pending_finish(struct penstock_pending *pending, enum penstock_status status)
{
	struct penstock_session *session = pending->session;
	struct penstock_request *request = pending->request;
	const struct penstock_refusal *refusal = pending->refusal;

	if (!penstock_list_empty(&pending->session_link)) {
		if (pending->effect && status != PENSTOCK_STATUS_SUCCESS) {
			refusal = refusal == NULL && request != NULL ? &request->refusal : refusal;
			penstock_answers_refused(session, pending->serial, status, refusal);
		}
		penstock_list_remove(&pending->session_link);
		penstock_session_settle(session);
	}
	if (request != NULL) {
		pending->request = NULL;
		penstock_turn_answer(&session->machine->turn, request, status);
	}
}

static void cancel_requests(struct penstock_session *session, struct penstock_list *list)
{
	penstock_list_for_each_safe (link, list) {
		struct penstock_pending *pending =
			penstock_list_entry(link, struct penstock_pending, session_link);
		struct penstock_request *request = pending->request;

		if (request == NULL) {
			continue;
		}
		if (request->state != NULL) {
			penstock_transfer_abandon(pending);
			continue;
		}
		pending->request = NULL;
		penstock_turn_answer(&session->machine->turn, request, PENSTOCK_STATUS_CANCELLED);
	}
}

/* ---------------------------------------------------------------- connections and leases */

static void detach_syncs(struct penstock_device *device)
{
	penstock_list_for_each (link, &device->sync_openings) {
		penstock_sync_opening_detach(
			penstock_list_entry(link, struct penstock_sync_opening, link));
	}
}

/* Nobody listens from here on. */
static void detach(struct penstock_session *session)
{
	if (session->state != PENSTOCK_SESSION_CONNECTED) {
		return;
	}
	penstock_session_move(session, PENSTOCK_SESSION_WAITING);
	session->principal->connections--;
	session->over_credit = false;
	session->tell_resume = false;
	session->tell_durable = false;
	cancel_requests(session, &session->pending);
	cancel_requests(session, &session->reading);
	penstock_list_for_each (link, &session->devices) {
		detach_syncs(penstock_list_entry(link, struct penstock_device, link));
	}
	session->events = (struct penstock_session_events){ .owner = NULL };
}

static void leases_cb(uv_timer_t *timer)
{
	struct penstock_turn *turn = timer->data;

	penstock_session_expire(turn->machine);
}

void penstock_session_expire(struct penstock_machine *machine)
{
	uint64_t now = uv_now(machine->config.loop);
	uint64_t next = UINT64_MAX;

	penstock_list_for_each_safe (link, &machine->leases) {
		struct penstock_session *session =
			penstock_list_entry(link, struct penstock_session, lease_link);

		if (session->lease_end_ms <= now) {
			penstock_session_finish(session, false);
		} else if (session->lease_end_ms < next) {
			next = session->lease_end_ms;
		}
	}
	if (next != UINT64_MAX) {
		(void)uv_timer_start(&machine->turn.leases, leases_cb, next - now, 0);
	}
}

void penstock_session_wait(struct penstock_session *session)
{
	struct penstock_machine *machine = session->machine;

	session->lease_end_ms = uv_now(machine->config.loop) + session->lease_s * 1000ull;
	penstock_list_append(&machine->leases, &session->lease_link);
	penstock_session_expire(machine);
}

enum penstock_status penstock_session_resume(struct penstock_machine *machine,
					     const char *principal, struct penstock_session_id id,
					     const struct penstock_session_events *events,
					     struct penstock_session **ret_session,
					     uint32_t *ret_lease_s, uint64_t *ret_last_serial)
{
	struct penstock_session *session = penstock_directory_find_session(&machine->directory, id);
	struct penstock_session_events before;

	if (session == NULL || !penstock_session_leased(session) || machine->stopping ||
	    strcmp(session->principal->name, principal) != 0) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	if (session->state == PENSTOCK_SESSION_CONNECTED) {
		before = session->events;
		detach(session);
		before.ended(before.owner, PENSTOCK_STATUS_CANCELLED,
			     "another connection resumed this session");
	}
	penstock_list_remove(&session->lease_link);
	penstock_session_move(session, PENSTOCK_SESSION_CONNECTED);
	session->principal->connections++;
	session->events = *events;
	penstock_session_check_credit(session);
	*ret_session = session;
	*ret_lease_s = session->lease_s;
	*ret_last_serial = session->last_serial;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_session_disconnect(struct penstock_session *session)
{
	if (!penstock_session_leased(session) || session->machine->stopping) {
		penstock_session_finish(session, penstock_session_leased(session));
		return;
	}
	detach(session);
	penstock_session_wait(session);
}

void penstock_session_end(struct penstock_session *session)
{
	penstock_session_finish(session, false);
}

/* Its row takes those of its objects along: first, so that they know when they are gone. */
static void drop_rows(struct penstock_session *session)
{
	struct penstock_machine *machine = session->machine;
	bool stored = penstock_session_leased(session);

	if (stored) {
		session->end_sequence = penstock_store_delete(
			machine->config.store, PENSTOCK_STORE_SESSION, session->number);
	}
	penstock_condemn_progress(machine, stored, session->end_sequence, session->progress_record);
	session->progress_record = 0;
}

void penstock_session_finish(struct penstock_session *session, bool keep)
{
	struct penstock_machine *machine = session->machine;
	struct penstock_list *link;

	if (session->state == PENSTOCK_SESSION_ENDED) {
		return;
	}
	detach(session);
	penstock_session_move(session, PENSTOCK_SESSION_ENDED);
	penstock_list_remove(&session->lease_link);
	penstock_list_remove(&session->unsettled_link);
	session->uncommitted_count = 0;
	penstock_directory_remove_session(&machine->directory, session);
	penstock_list_remove(&session->principal_link);
	session->principal->session_count--;
	machine->sessions--;
	if (!keep) {
		drop_rows(session);
	}
	while ((link = penstock_list_first(&session->devices)) != NULL) {
		penstock_device_destroy(penstock_list_entry(link, struct penstock_device, link),
					keep);
	}
	penstock_session_settle(session);
	penstock_session_put(session);
}

void penstock_session_kill(struct penstock_session *session, const char *sentence)
{
	struct penstock_session_events events = session->events;

	penstock_session_finish(session, false);
	if (events.ended != NULL) {
		events.ended(events.owner, PENSTOCK_STATUS_CANCELLED, sentence);
	}
}

/* ---------------------------------------------------------------- serials */

void penstock_session_give_back(struct penstock_session *session, uint64_t serial)
{
	PENSTOCK_REQUIRE(session->machine->stopping);
	if (session->given_back == 0 || serial < session->given_back) {
		session->given_back = serial;
	}
}

/* It is refused as it was before a restart. */
static enum penstock_status answered_before(struct penstock_session *session, uint64_t serial,
					    struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_answers_find(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_session_settle(session);
	}
	return status;
}

enum penstock_status penstock_session_take_serial(struct penstock_session *session, uint64_t serial,
						  struct penstock_refusal *ret_refusal)
{
	if (PENSTOCK_UNLIKELY(serial != session->last_serial + 1)) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_WRONG_SERIAL,
				       "serial %" PRIu64 ", the next is %" PRIu64, serial,
				       session->last_serial + 1);
	}
	session->last_serial = serial;
	return PENSTOCK_UNLIKELY(penstock_session_replaying(session))
		       ? answered_before(session, serial, ret_refusal)
		       : PENSTOCK_STATUS_SUCCESS;
}

void penstock_session_wrote(struct penstock_session *session, uint64_t serial, uint64_t sequence)
{
	struct penstock_uncommitted *first = &session->uncommitted[0];
	struct penstock_uncommitted *last;

	if (!penstock_session_leased(session) || session->state == PENSTOCK_SESSION_ENDED) {
		return;
	}
	if (serial != 0) {
		(void)penstock_store_put_row_serial(session->machine->config.store, session->number,
						    serial);
	}
	sequence = sequence == 0 ? UINT64_MAX : sequence;
	last = session->uncommitted_count == 0
		       ? NULL
		       : &session->uncommitted[session->uncommitted_count - 1u];
	if (last == NULL) {
		session->uncommitted_count = 1;
		*first = (struct penstock_uncommitted){ sequence, serial };
		penstock_list_append(&session->machine->unsettled, &session->unsettled_link);
	} else if (serial < last->serial) {
		/* An earlier request that took its time: everything behind it waits with it. */
		first->serial = serial < first->serial ? serial : first->serial;
		first->sequence = sequence;
	} else if (serial == last->serial ||
		   session->uncommitted_count == PENSTOCK_SESSION_UNCOMMITTED) {
		/* Full: what the last one stands for waits for this row too. */
		last->sequence = sequence;
	} else {
		session->uncommitted[session->uncommitted_count++] =
			(struct penstock_uncommitted){ sequence, serial };
	}
	penstock_session_check_credit(session);
}

bool penstock_session_kept(const struct penstock_session *session)
{
	return session->uncommitted_count == 0 || session->uncommitted[0].serial > 0;
}

/* The connection hears how far everything is settled, on a later turn. */
static void tell_durable(struct penstock_session *session)
{
	if (session->state != PENSTOCK_SESSION_CONNECTED) {
		return;
	}
	session->tell_durable = true;
	if (penstock_list_empty(&session->turn_link)) {
		penstock_list_append(&session->machine->turn.sessions, &session->turn_link);
		penstock_turn_arm(&session->machine->turn);
	}
}

void penstock_session_committed(struct penstock_session *session, uint64_t sequence)
{
	const bool kept = penstock_session_kept(session);
	uint32_t done = 0;

	while (done < session->uncommitted_count &&
	       session->uncommitted[done].sequence <= sequence) {
		done++;
	}
	if (done == 0) {
		penstock_session_check_credit(session);
		return;
	}
	session->uncommitted_count -= done;
	memmove(session->uncommitted, session->uncommitted + done,
		session->uncommitted_count * sizeof(session->uncommitted[0]));
	if (session->uncommitted_count == 0) {
		penstock_list_remove(&session->unsettled_link);
	}
	if (!kept && penstock_session_kept(session)) {
		tell_durable(session);
	}
	penstock_session_check_credit(session);
	penstock_session_settle(session);
}

static uint64_t settled_now(const struct penstock_session *session)
{
	uint64_t serial = session->last_serial;
	const struct penstock_list *link = penstock_list_first(&session->pending);

	/* The row of the session itself stands for serial 0: nothing is before it. */
	if (session->uncommitted_count > 0 && session->uncommitted[0].serial <= serial) {
		serial = session->uncommitted[0].serial == 0 ? 0
							     : session->uncommitted[0].serial - 1;
	}
	if (link != NULL) {
		uint64_t first =
			penstock_list_entry(link, struct penstock_pending, session_link)->serial;

		serial = first - 1 < serial ? first - 1 : serial;
	}
	if (session->given_back != 0 && session->given_back - 1 < serial) {
		serial = session->given_back - 1;
	}
	return serial;
}

/* The first that waits; NULL: none of which everything before it is settled. */
static struct penstock_held *first_settled(const struct penstock_session *session)
{
	struct penstock_list *link = penstock_list_first(&session->gated);
	struct penstock_held *held =
		link == NULL ? NULL : penstock_list_entry(link, struct penstock_held, gate_link);

	return held == NULL || (session->state != PENSTOCK_SESSION_ENDED &&
				held->submission.serial > session->settled)
		       ? NULL
		       : held;
}

/*
 * What is settled, as the next run will read it: the contexts' records before the session's, and
 * both before anything runs. A crash in between loses a device, and nothing of it ran.
 */
static void keep_progress(const struct penstock_session *session)
{
	penstock_list_for_each (link, &session->gated) {
		struct penstock_held *held =
			penstock_list_entry(link, struct penstock_held, gate_link);

		if (held->submission.serial > session->settled) {
			break;
		}
		penstock_held_accepted(held);
	}
	if (session->progress_record != 0) {
		penstock_progress_set_accepted(session->machine->progress, session->progress_record,
					       session->settled);
	}
}

static void open_gate(struct penstock_session *session)
{
	struct penstock_held *held;

	while ((held = first_settled(session)) != NULL) {
		penstock_list_remove(&held->gate_link);
		penstock_held_ungate(held);
	}
}

bool penstock_session_gated(const struct penstock_session *session)
{
	return !penstock_list_empty(&session->gated);
}

void penstock_session_settle(struct penstock_session *session)
{
	uint64_t settled;

	if (!penstock_session_leased(session)) {
		session->settled = session->last_serial;
		return;
	}
	settled = settled_now(session);
	if (settled != session->settled) {
		session->settled = settled;
		tell_durable(session);
	}
	if (session->state != PENSTOCK_SESSION_ENDED) {
		keep_progress(session);
	}
	open_gate(session);
}

uint64_t penstock_session_durable_serial(const struct penstock_session *session)
{
	return penstock_session_leased(session) ? session->settled : session->last_serial;
}

/* ---------------------------------------------------------------- credits */

/* Rows of this session and of those before it that the disk has not taken yet. */
static uint64_t rows_behind(const struct penstock_session *session)
{
	uint64_t committed = session->machine->committed_sequence;
	uint64_t last;

	if (session->uncommitted_count == 0) {
		return 0;
	}
	last = session->uncommitted[session->uncommitted_count - 1u].sequence;
	return last == UINT64_MAX || last <= committed ? 0 : last - committed;
}

static bool over(const struct penstock_session *session, uint32_t quarters)
{
	return rows_behind(session) >= PENSTOCK_LIMIT_STORE_QUEUED / 4u * quarters ||
	       session->held_submissions >= PENSTOCK_LIMIT_HELD_SUBMISSIONS / 4u * quarters ||
	       session->held_bytes >= (uint64_t)PENSTOCK_LIMIT_HELD_BYTES / 4u * quarters ||
	       session->full_contexts > 0 || session->reads >= PENSTOCK_LIMIT_READS_IN_FLIGHT;
}

void penstock_session_may_read(struct penstock_session *session)
{
	if (session->state != PENSTOCK_SESSION_CONNECTED) {
		return;
	}
	session->tell_resume = true;
	if (penstock_list_empty(&session->turn_link)) {
		penstock_list_append(&session->machine->turn.sessions, &session->turn_link);
		penstock_turn_arm(&session->machine->turn);
	}
}

void penstock_session_check_credit(struct penstock_session *session)
{
	if (session->state != PENSTOCK_SESSION_CONNECTED) {
		return;
	}
	if (!session->over_credit) {
		session->over_credit = over(session, 4);
		return;
	}
	if (over(session, RESUME_QUARTERS)) {
		return;
	}
	session->over_credit = false;
	penstock_session_may_read(session);
}

void penstock_session_hold(struct penstock_session *session, uint32_t submissions, uint64_t bytes)
{
	session->held_submissions += submissions;
	session->held_bytes += bytes;
	penstock_session_check_credit(session);
}

void penstock_session_release(struct penstock_session *session, uint32_t submissions,
			      uint64_t bytes)
{
	PENSTOCK_REQUIRE(session->held_submissions >= submissions);
	PENSTOCK_REQUIRE(session->held_bytes >= bytes);
	session->held_submissions -= submissions;
	session->held_bytes -= bytes;
	penstock_session_check_credit(session);
}

bool penstock_session_over_credit(const struct penstock_session *session)
{
	return session->over_credit || session->principal->over_credit;
}

enum penstock_status penstock_session_check_objects(const struct penstock_session *session,
						    struct penstock_refusal *ret_refusal)
{
	if (session->principal->objects >= PENSTOCK_LIMIT_PRINCIPAL_OBJECTS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "the principal has its %u objects",
				       PENSTOCK_LIMIT_PRINCIPAL_OBJECTS);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

uint64_t penstock_session_forget(struct penstock_session *session, enum penstock_store_kind kind,
				 uint64_t id, uint64_t name)
{
	struct penstock_store *store = session->machine->config.store;
	uint64_t sequence;

	/* Where the whole session ends its row takes all others along. */
	if (!penstock_session_leased(session) || session->state == PENSTOCK_SESSION_ENDED) {
		return session->end_sequence;
	}
	/* The floor first: a name that is gone must not be valid again, whatever is committed. */
	(void)penstock_store_put_name_floor(store, session->number, penstock_name_index(name),
					    penstock_name_generation(name));
	sequence = penstock_store_delete(store, kind, id);
	penstock_session_wrote(session, session->last_serial, sequence);
	return sequence;
}

void penstock_session_keep_index(struct penstock_session *session, uint64_t name,
				 uint32_t generation, uint64_t serial)
{
	const struct penstock_machine *machine = session->machine;

	/*
	 * Where the machine stops the request does not count, and comes again. The name itself may
	 * come again too: there is nothing below generation 0 that could be kept.
	 */
	if (!penstock_session_leased(session) || session->state == PENSTOCK_SESSION_ENDED ||
	    machine->stopping || penstock_name_generation(name) == 0) {
		return;
	}
	penstock_session_wrote(session, serial,
			       penstock_store_put_name_floor(machine->config.store, session->number,
							     penstock_name_index(name),
							     generation));
}

bool penstock_session_overtaken(const struct penstock_session *session, uint64_t name)
{
	return penstock_session_replaying(session) &&
	       penstock_name_table_superseded(&session->names, name);
}

void penstock_session_tell(struct penstock_session *session)
{
	bool durable = session->tell_durable;

	session->tell_durable = false;
	penstock_session_ref(session);
	if (durable && session->events.durable != NULL) {
		session->events.durable(session->events.owner, session->settled);
	}
	/* The connection may have gone in that call. */
	if (session->tell_resume && session->events.resume != NULL) {
		session->tell_resume = false;
		session->events.resume(session->events.owner);
	}
	penstock_session_put(session);
}

/* ---------------------------------------------------------------- small requests */

enum penstock_status penstock_sync(struct penstock_session *session, uint64_t serial)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, NULL);

	return status == PENSTOCK_STATUS_SUCCESS ? penstock_session_executed(session, status, NULL)
						 : status;
}

enum penstock_status penstock_refuse_request(struct penstock_session *session, uint64_t serial,
					     const struct penstock_refusal *refusal)
{
	enum penstock_status status = penstock_session_take_serial(session, serial, NULL);

	if (status == PENSTOCK_STATUS_WRONG_SERIAL) {
		return status;
	}
	return penstock_session_executed(session, refusal->status, refusal);
}
