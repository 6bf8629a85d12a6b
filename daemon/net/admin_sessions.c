/* SPDX-License-Identifier: MIT */
/*
 * Who there is, and what an administrator does about him: sessions, kill, evict.
 */
#include "daemon/net/admin.h"
#include "daemon/objects/operator.h"

static void visit_session(void *owner, const struct penstock_session_view *view)
{
	struct penstock_rows *rows = owner;
	Penstock__Wire__SessionRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__session_row__init(row);
	row->id = view->id;
	row->session = view->session;
	row->principal = penstock_rows_text(rows, view->principal);
	row->client = penstock_rows_text(rows, view->client);
	row->connected = view->connected;
	row->lease_s = view->lease_s;
	row->devices = view->devices;
	row->contexts = view->contexts;
	row->submissions_held = view->submissions_held;
	row->last_serial = view->last_serial;
}

enum penstock_status penstock_admin_collect_sessions(const struct penstock_machine *machine,
						     struct penstock_rows *rows)
{
	penstock_observe_sessions(machine, visit_session, rows);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- kill, evict */

struct penstock_operator penstock_admin_operator(const struct penstock_call *call)
{
	return (struct penstock_operator){
		.uid = call->connection->uid,
		.own = call->session,
	};
}

/* What was done is answered, what was refused refused. */
static void finish(struct penstock_call *call, enum penstock_status status,
		   const struct penstock_refusal *refusal, enum penstock_frame_type type,
		   const ProtobufCMessage *report)
{
	const struct penstock_rows none = { .failed = false };

	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_admin_answer(call, &none, type, report);
	} else {
		penstock_call_refuse(call, status, refusal->sentence);
	}
}

void penstock_handle_admin_kill(struct penstock_call *call)
{
	const Penstock__Wire__AdminKill *message = (const void *)call->message;
	Penstock__Wire__KillReport report = PENSTOCK__WIRE__KILL_REPORT__INIT;
	const struct penstock_operator by = penstock_admin_operator(call);
	const struct penstock_target target = {
		.kind = message->kind,
		.id = message->id,
		.name = message->principal,
	};
	struct penstock_refusal refusal;
	struct penstock_killed killed;
	enum penstock_status status = penstock_operator_kill(penstock_admin_machine(call), &by,
							     &target, &killed, &refusal);

	report.sessions = killed.sessions;
	report.devices = killed.devices;
	finish(call, status, &refusal, PENSTOCK_FRAME_KILL_REPORT, &report.base);
}

void penstock_handle_admin_evict(struct penstock_call *call)
{
	const Penstock__Wire__AdminEvict *message = (const void *)call->message;
	Penstock__Wire__EvictReport report = PENSTOCK__WIRE__EVICT_REPORT__INIT;
	const struct penstock_operator by = penstock_admin_operator(call);
	const struct penstock_target target = {
		.kind = message->allocation != 0 ? PENSTOCK_TARGET_ALLOCATION
						 : PENSTOCK_TARGET_PRINCIPAL,
		.id = message->allocation,
		.name = message->principal,
	};
	struct penstock_refusal refusal;
	struct penstock_evicted evicted;
	enum penstock_status status = penstock_operator_evict(penstock_admin_machine(call), &by,
							      &target, &evicted, &refusal);

	report.evicted = evicted.evicted;
	report.pending = evicted.pending;
	report.busy = evicted.busy;
	report.absent = evicted.absent;
	report.bytes = evicted.bytes;
	finish(call, status, &refusal, PENSTOCK_FRAME_EVICT_REPORT, &report.base);
}
