/* SPDX-License-Identifier: MIT */
#include "daemon/objects/answers.h"

#include "daemon/memory/progress.h"
#include "daemon/objects/context.h"
#include "proto/wire/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct answer {
	struct penstock_list link; /* penstock_answers.list */
	struct penstock_answer_row row;
};

static struct answer *from_link(struct penstock_list *link)
{
	return penstock_list_entry(link, struct answer, link);
}

void penstock_answers_init(struct penstock_answers *answers)
{
	*answers = (struct penstock_answers){ .count = 0 };
	penstock_list_init(&answers->list);
}

static void drop(struct penstock_session *session, struct answer *answer)
{
	penstock_list_remove(&answer->link);
	session->answers.count--;
	session->principal->answers--;
	free(answer);
}

void penstock_answers_fini(struct penstock_session *session)
{
	struct penstock_list *link;

	while ((link = penstock_list_first(&session->answers.list)) != NULL) {
		drop(session, from_link(link));
	}
}

/* The refusal of that serial (context 0), or the ending of that context. */
static struct answer *find(const struct penstock_session *session, uint64_t serial,
			   uint64_t context)
{
	const struct penstock_list *list = &session->answers.list;

	for (struct penstock_list *link = list->previous; link != list; link = link->previous) {
		struct answer *answer = from_link(link);

		if (answer->row.serial < serial) {
			return NULL;
		}
		if (answer->row.serial == serial && answer->row.context == context) {
			return answer;
		}
	}
	return NULL;
}

/* Takes its place by serial; what a worker refuses may come behind later ones. */
static void enter(struct penstock_session *session, struct answer *answer)
{
	struct penstock_list *list = &session->answers.list;
	struct penstock_list *behind = list->previous;

	while (behind != list && from_link(behind)->row.serial > answer->row.serial) {
		behind = behind->previous;
	}
	penstock_list_append(behind->next, &answer->link);
	session->answers.count++;
	session->principal->answers++;
}

/* ---------------------------------------------------------------- forgetting */

/* The client can be told that how it ended is not known, unless it has heard of it. */
static void remember_lost(struct penstock_session *session, const struct penstock_answer_row *row)
{
	struct penstock_context *context;

	if (row->context == 0) {
		session->answers.forgotten = row->serial > session->answers.forgotten
						     ? row->serial
						     : session->answers.forgotten;
		return;
	}
	context = penstock_name_table_find(&session->names, row->context, PENSTOCK_NAME_CONTEXT);
	if (context != NULL && row->serial > context->unknown_fence) {
		context->unknown_fence = row->serial;
	}
}

static bool over(const struct penstock_session *session)
{
	return session->answers.count > PENSTOCK_LIMIT_STORED_ANSWERS ||
	       (session->principal->answers > PENSTOCK_LIMIT_PRINCIPAL_STORED_ANSWERS &&
		session->answers.count > 0);
}

static void forget_oldest(struct penstock_session *session)
{
	struct answer *oldest = from_link(penstock_list_first(&session->answers.list));

	remember_lost(session, &oldest->row);
	(void)penstock_store_forget_answers(session->machine->config.store, session->number,
					    oldest->row.serial);
	drop(session, oldest);
}

/* ---------------------------------------------------------------- keeping */

static void keep(struct penstock_session *session, const struct penstock_answer_row *row)
{
	struct penstock_store *store = session->machine->config.store;
	struct answer *answer = find(session, row->serial, row->context);
	uint64_t sequence;

	if (answer == NULL) {
		answer = malloc(sizeof(*answer));
		if (answer == NULL) {
			/* The row is written all the same; this run does not know it. */
			remember_lost(session, row);
		} else {
			answer->row = *row;
			enter(session, answer);
		}
	} else {
		answer->row = *row;
	}
	sequence = penstock_store_put_answer(store, row);
	if (row->context == 0) {
		penstock_session_wrote(session, row->serial, sequence);
	}
	while (over(session)) {
		forget_oldest(session);
	}
}

static bool keeps(const struct penstock_session *session)
{
	return penstock_session_leased(session) && session->state != PENSTOCK_SESSION_ENDED &&
	       !session->machine->stopping;
}

void penstock_answers_refused(struct penstock_session *session, uint64_t serial,
			      enum penstock_status status, const struct penstock_refusal *refusal)
{
	struct penstock_answer_row row = {
		.session = session->number,
		.serial = serial,
		.status = penstock_status_to_wire(status),
	};

	if (!keeps(session)) {
		return;
	}
	if (refusal != NULL && refusal->status == status && refusal->sentence[0] != '\0') {
		row.at_instruction = refusal->at_instruction;
		row.byte_offset = refusal->byte_offset;
		(void)snprintf(row.instruction, sizeof(row.instruction), "%s",
			       refusal->instruction);
		(void)snprintf(row.operand, sizeof(row.operand), "%s", refusal->operand);
		(void)snprintf(row.sentence, sizeof(row.sentence), "%s", refusal->sentence);
	} else {
		(void)snprintf(row.sentence, sizeof(row.sentence), "%s",
			       penstock_status_text(status));
	}
	keep(session, &row);
}

void penstock_answers_ended(struct penstock_context *context, uint64_t fence,
			    enum penstock_status status)
{
	struct penstock_session *session = context->device->session;
	struct penstock_answer_row row = {
		.session = session->number,
		.serial = fence,
		.context = context->info.name,
		.status = penstock_status_to_wire(status),
	};

	if (!keeps(session) || context->destroyed) {
		return;
	}
	/* Where the fence before it did not run either, that is said by its own answer. */
	row.ran_until =
		context->completed_fence == context->failed_fence ? 0 : context->completed_fence;
	context->failed_fence = fence;
	keep(session, &row);
	if (context->progress_record != 0) {
		penstock_progress_set_failed(session->machine->progress, context->progress_record,
					     fence);
	}
}

/* ---------------------------------------------------------------- after a restart */

/* Strings are borrowed from the row. */
static struct penstock_refusal refusal_of(const struct penstock_answer_row *row)
{
	struct penstock_refusal refusal = {
		.status = penstock_status_from_wire(row->status),
		.at_instruction = row->at_instruction,
		.byte_offset = row->byte_offset,
		.instruction = row->instruction,
		.operand = row->operand,
	};

	memcpy(refusal.sentence, row->sentence, sizeof(row->sentence));
	return refusal;
}

enum penstock_status penstock_answers_find(const struct penstock_session *session, uint64_t serial,
					   struct penstock_refusal *ret_refusal)
{
	const struct answer *answer = find(session, serial, 0);

	if (answer == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (ret_refusal != NULL) {
		*ret_refusal = refusal_of(&answer->row);
	}
	return penstock_status_from_wire(answer->row.status);
}

bool penstock_answers_has_ending(const struct penstock_context *context)
{
	return find(context->device->session, context->failed_fence, context->info.name) != NULL;
}

enum penstock_status penstock_answers_restore(struct penstock_session *session,
					      const struct penstock_answer_row *row)
{
	enum penstock_status status = penstock_status_from_wire(row->status);
	struct answer *answer;

	if (status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING ||
	    status == PENSTOCK_STATUS_WRONG_SERIAL) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	answer = malloc(sizeof(*answer));
	if (answer == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	answer->row = *row;
	enter(session, answer);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- telling again */

void penstock_session_received(struct penstock_session *session, uint64_t serial)
{
	struct penstock_list *link;
	bool any = false;

	while ((link = penstock_list_first(&session->answers.list)) != NULL &&
	       from_link(link)->row.serial <= serial) {
		drop(session, from_link(link));
		any = true;
	}
	if (any) {
		(void)penstock_store_delete_answers(session->machine->config.store, session->number,
						    serial);
	}
}

uint64_t penstock_session_forgotten(const struct penstock_session *session)
{
	return session->answers.forgotten;
}

bool penstock_session_refusals(const struct penstock_session *session, uint64_t after,
			       uint64_t until, penstock_refusal_fn *tell, void *owner)
{
	penstock_list_for_each (link, &session->answers.list) {
		const struct penstock_answer_row *row = &from_link(link)->row;
		const struct penstock_refusal refusal = refusal_of(row);

		if (row->context != 0 || row->serial <= after || row->serial > until) {
			continue;
		}
		if (!tell(owner, row->serial, &refusal)) {
			return false;
		}
	}
	return true;
}

static void tell_fence(const struct penstock_session *session,
		       const struct penstock_context *context, uint64_t fence,
		       enum penstock_status status)
{
	session->events.fence(session->events.owner, context->info.name, fence, status);
}

/* One of: what is not known of every context, and what ran last. */
static void tell_contexts(const struct penstock_session *session, uint64_t from, bool unknown)
{
	penstock_list_for_each (device_link, &session->devices) {
		const struct penstock_device *device =
			penstock_list_entry(device_link, struct penstock_device, link);

		penstock_list_for_each (link, &device->contexts) {
			const struct penstock_context *context =
				penstock_list_entry(link, struct penstock_context, link);

			if (unknown && context->unknown_fence >= from &&
			    context->unknown_fence != 0) {
				tell_fence(session, context, context->unknown_fence,
					   PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
			}
			if (!unknown && context->completed_fence >= from &&
			    context->completed_fence > context->failed_fence) {
				tell_fence(session, context, context->completed_fence,
					   PENSTOCK_STATUS_SUCCESS);
			}
		}
	}
}

void penstock_session_tell_fences(struct penstock_session *session, uint64_t from)
{
	tell_contexts(session, from, true);
	penstock_list_for_each (link, &session->answers.list) {
		const struct penstock_answer_row *row = &from_link(link)->row;
		const struct penstock_context *context;

		context = row->context == 0 || row->serial < from
				  ? NULL
				  : penstock_name_table_find(&session->names, row->context,
							     PENSTOCK_NAME_CONTEXT);
		if (context == NULL) {
			continue;
		}
		if (row->ran_until >= from) {
			tell_fence(session, context, row->ran_until, PENSTOCK_STATUS_SUCCESS);
		}
		tell_fence(session, context, row->serial, penstock_status_from_wire(row->status));
	}
	tell_contexts(session, from, false);
}
