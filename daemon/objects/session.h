/* SPDX-License-Identifier: MIT */
/*
 * A session: WDDM's process. What a client names belongs to one; it is found by the connection
 * that has it, never by anything in a message.
 *
 *	NEW --(hello)--> CONNECTED <--(resume)--- WAITING (nobody listens) <--(restart)-- NEW
 *	  |                 |   '---(disconnect, or another one resumes it)--->|
 *	  |                 |(goodbye, kill)            (its lease is over, or it had none)
 *	  '-(not entered)-->+----------------> ENDED <-------------------------'
 *
 * Anything else is a defect of ours that no adapter can stop for, as a session is the machine's:
 * PENSTOCK_REQUIRE.
 *
 * Serials. `last_serial` is the highest executed. A leased session keeps more: `settled` is the
 * highest serial up to which everything survives a crash, that is, no row is uncommitted and no
 * request is under way. Submissions of a leased session wait until everything before them is
 * settled: whatever a crash undoes, no submission ran that the client is going to send again.
 *
 * After a restart the store may be ahead of `settled`: a request up to `replay_until` that the
 * client sends again was executed already, in full or not at all. Creates, destroys and uploads
 * are then compared with what is there: one that was executed, or that a later one has overtaken,
 * succeeds and does nothing.
 * Loop thread only.
 */
#ifndef PENSTOCK_SESSION_H
#define PENSTOCK_SESSION_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/objects/machine.h"
#include "daemon/objects/answers.h"
#include "daemon/objects/name_table.h"
#include "daemon/objects/principal.h"

enum penstock_session_state {
	PENSTOCK_SESSION_NEW, /* not yet among the machine's */
	PENSTOCK_SESSION_CONNECTED,
	PENSTOCK_SESSION_WAITING,
	PENSTOCK_SESSION_ENDED,
	PENSTOCK_SESSION_STATE_MAX
};

/* Rows put for `serial` and later ones are on disk with `sequence`. */
struct penstock_uncommitted {
	uint64_t sequence;
	uint64_t serial;
};

#define PENSTOCK_SESSION_UNCOMMITTED 8u

/*
 * A request under way, between the call that returned PENDING and its answer. Embedded in what is
 * under way, which may outlive its answer and its session.
 */
struct penstock_pending {
	struct penstock_list session_link;      /* penstock_session.pending or .reading */
	struct penstock_request *request;       /* borrowed; NULL: nobody listens */
	struct penstock_session *session;       /* borrowed; what we are embedded in holds it */
	const struct penstock_refusal *refusal; /* borrowed; why it fails; NULL: the request's */
	uint64_t serial;
	bool effect; /* a crash would undo it; its refusal is kept */
};

struct penstock_session {
	struct penstock_machine *machine;     /* borrowed */
	struct penstock_principal *principal; /* counted */
	enum penstock_session_state state;
	struct penstock_session_events events; /* CONNECTED: the connection's */
	struct penstock_session_id id;
	uint64_t number; /* the store's */
	uint32_t references;
	uint32_t lease_s; /* 0: nothing is kept */
	uint64_t lease_end_ms;
	uint64_t progress_record; /* leased */
	char client[64];
	struct penstock_name_table names;
	struct penstock_answers answers;     /* leased */
	struct penstock_list devices;        /* penstock_device.link */
	struct penstock_list pending;        /* penstock_pending.session_link, by serial: effects */
	struct penstock_list reading;        /* likewise, read-backs */
	struct penstock_list gated;          /* penstock_held.gate_link, by serial */
	struct penstock_list principal_link; /* penstock_principal.sessions */
	struct penstock_list lease_link;     /* penstock_machine.leases, while WAITING */
	struct penstock_list unsettled_link; /* penstock_machine.unsettled */
	struct penstock_list turn_link;      /* penstock_turn.sessions */
	UT_hash_handle hh;
	uint64_t last_serial;
	uint64_t settled;
	uint64_t replay_until;
	uint64_t end_sequence; /* ENDED: with which its row is gone, and those of its objects */
	struct penstock_uncommitted uncommitted[PENSTOCK_SESSION_UNCOMMITTED]; /* oldest first */
	uint32_t uncommitted_count;
	uint32_t held_submissions;
	uint32_t full_contexts; /* penstock_context.full */
	uint32_t reads;
	uint32_t pipelines;  /* being made */
	uint64_t given_back; /* a request, and all behind it: see penstock_session_give_back */
	uint64_t held_bytes;
	bool over_credit;  /* the connection was told to stop reading */
	bool tell_resume;  /* for the turn */
	bool tell_durable; /* likewise */
};

static inline bool penstock_session_leased(const struct penstock_session *session)
{
	return session->lease_s != 0;
}

/* Along an arrow of the drawing; there is one. */
void penstock_session_move(struct penstock_session *session, enum penstock_session_state to);

void penstock_session_ref(struct penstock_session *session);
void penstock_session_put(struct penstock_session *session);

/*
 * `serial` is the next: SUCCESS, and it is taken; WRONG_SERIAL. Where it is sent again after a
 * restart that knows that it was refused, that refusal: it is executed and answered. Every other
 * request begins with this and ends with penstock_session_executed: in between nothing of it counts
 * as settled.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_session_take_serial(struct penstock_session *session, uint64_t serial,
						  struct penstock_refusal *ret_refusal);

/*
 * The machine stops before the request could be executed: it and what is behind it do not count as
 * settled, so that the client sends them again to the next run. Submissions behind it have not run.
 */
void penstock_session_give_back(struct penstock_session *session, uint64_t serial);

/*
 * A row was put that belongs to the request `serial`, which is not settled yet; sequence 0 (the
 * store failed) never commits.
 */
void penstock_session_wrote(struct penstock_session *session, uint64_t serial, uint64_t sequence);

/* Everything up to `sequence` is on disk. */
void penstock_session_committed(struct penstock_session *session, uint64_t sequence);

/* Something settled, or a request was executed: what may go on goes on. */
void penstock_session_settle(struct penstock_session *session);

/*
 * The request's rows are queued, what is under way is on its list; `refusal` is looked at where
 * `status` is one. Returns `status`.
 */
static inline enum penstock_status penstock_session_executed(struct penstock_session *session,
							     enum penstock_status status,
							     const struct penstock_refusal *refusal)
{
	if (!penstock_session_leased(session)) {
		return status;
	}
	if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
		penstock_answers_refused(session, session->last_serial, status, refusal);
	}
	penstock_session_settle(session);
	return status;
}

/* A request is under way from now on; `effect`: a crash would undo it. */
void penstock_pending_init(struct penstock_pending *pending, struct penstock_session *session,
			   struct penstock_request *request, bool effect);

/* It is over: answers it, unless nobody listens. Idempotent. */
void penstock_pending_finish(struct penstock_pending *pending, enum penstock_status status);

/* Credits: a submission of so many bytes is held, or staged bytes with count 0. */
void penstock_session_hold(struct penstock_session *session, uint32_t submissions, uint64_t bytes);
void penstock_session_release(struct penstock_session *session, uint32_t submissions,
			      uint64_t bytes);

/* Its connection is told to read again, on a later turn; whether it may is asked there. */
void penstock_session_may_read(struct penstock_session *session);

/* Something that credits depend on changed. */
void penstock_session_check_credit(struct penstock_session *session);

/*
 * May its principal have another device, context or opening? SUCCESS or NO_MEMORY (WDDM's
 * "unlimited" has a quota). Whoever makes one counts it in principal.objects.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_session_check_objects(const struct penstock_session *session,
						    struct penstock_refusal *ret_refusal);

/*
 * The index of a name that the request `serial` did not get after all is there all the same, up to
 * that generation, for the store too: what the client names next may be behind it.
 */
void penstock_session_keep_index(struct penstock_session *session, uint64_t name,
				 uint32_t generation, uint64_t serial);

/*
 * An object with a name was destroyed by a request: its row goes, the generation of its name stays.
 * Returns the sequence with which its row is gone.
 */
uint64_t penstock_session_forget(struct penstock_session *session, enum penstock_store_kind kind,
				 uint64_t id, uint64_t name);

/* The request whose serial was taken last may have been executed before a restart. */
static inline bool penstock_session_replaying(const struct penstock_session *session)
{
	return PENSTOCK_UNLIKELY(session->last_serial <= session->replay_until);
}

/* And it is about a name that a later request has overtaken: it succeeds and does nothing. */
bool penstock_session_overtaken(const struct penstock_session *session, uint64_t name);

/* The turn's part: what is to be told is told. */
void penstock_session_tell(struct penstock_session *session);

/* Leases that are over. */
void penstock_session_expire(struct penstock_machine *machine);

/* Ends it whatever its lease, and tells its connection, where it has one, why. */
void penstock_session_kill(struct penstock_session *session, const char *sentence);

/* Ends the session; `keep`: its rows stay in the store. */
void penstock_session_finish(struct penstock_session *session, bool keep);

/* At start: a row of the store. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_session_restore(struct penstock_principal *principal,
					      const struct penstock_session_row *row,
					      struct penstock_session **ret_session);

/* A progress record that did not survive is made anew. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_session_renew_progress(struct penstock_session *session);

/* Starts waiting for its lease to end or for somebody to resume it. */
void penstock_session_wait(struct penstock_session *session);

#endif
