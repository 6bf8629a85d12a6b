/* SPDX-License-Identifier: MIT */
/*
 * What a leased session was told that is no success, kept so that it can be told again to a client
 * that lost its connection: refusals, and how submissions ended that did not run. What is not here
 * succeeded. Each is a row of the store too. That of a refusal belongs to its request, which is not
 * settled, and nobody is told, until it is on disk: a restart knows what was told, and a request
 * that is sent again because the restart does not know that it was executed gets the same answer.
 * An ending waits for nothing: the progress record of its context says first that there is one, so
 * that a restart without the row knows what it does not know.
 *
 * Bounded, for a session and for a principal: the oldest are forgotten, which is remembered.
 * Loop thread only.
 */
#ifndef PENSTOCK_ANSWERS_H
#define PENSTOCK_ANSWERS_H

#include "daemon/objects/objects.h"

struct penstock_context;

struct penstock_answers {
	struct penstock_list list; /* of answers, by serial */
	uint32_t count;
	uint64_t forgotten; /* refusals up to this serial may be missing */
};

void penstock_answers_init(struct penstock_answers *answers);
void penstock_answers_fini(struct penstock_session *session);

/*
 * The request `serial`, taken and not settled, is refused with `status`. `refusal` says the rest;
 * NULL, or one of another status: the status' own text.
 */
void penstock_answers_refused(struct penstock_session *session, uint64_t serial,
			      enum penstock_status status, const struct penstock_refusal *refusal);

/* The submissions behind completed_fence, up to `fence`, ended with `status`; not SUCCESS. */
void penstock_answers_ended(struct penstock_context *context, uint64_t fence,
			    enum penstock_status status);

/* What `serial` was refused with before a restart; SUCCESS: it was not. Borrowed: *ret_refusal. */
enum penstock_status penstock_answers_find(const struct penstock_session *session, uint64_t serial,
					   struct penstock_refusal *ret_refusal);

/* Whether it is known how the context's failed_fence ended. */
bool penstock_answers_has_ending(const struct penstock_context *context);

/* At start: a row of the store, by growing serial. SUCCESS, NO_MEMORY, DATA_ERROR. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_answers_restore(struct penstock_session *session,
					      const struct penstock_answer_row *row);

#endif
