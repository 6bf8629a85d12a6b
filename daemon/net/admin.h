/* SPDX-License-Identifier: MIT */
/*
 * The admin requests' handlers. The role column of the dispatch table has kept everybody out who
 * is not the administrator before one of these runs.
 */
#ifndef PENSTOCK_ADMIN_H
#define PENSTOCK_ADMIN_H

#include "daemon/net/call.h"
#include "daemon/net/rows.h"
#include "daemon/objects/observe.h"
#include "proto/wire/penstock.pb-c.h"

void penstock_handle_admin_status(struct penstock_call *call);
void penstock_handle_admin_contexts(struct penstock_call *call);
void penstock_handle_admin_context(struct penstock_call *call);
void penstock_handle_admin_allocations(struct penstock_call *call);
void penstock_handle_admin_segments(struct penstock_call *call);
void penstock_handle_admin_queues(struct penstock_call *call);
void penstock_handle_admin_dump(struct penstock_call *call);
void penstock_handle_admin_metrics(struct penstock_call *call);
void penstock_handle_admin_sessions(struct penstock_call *call);
void penstock_handle_admin_kill(struct penstock_call *call);
void penstock_handle_admin_evict(struct penstock_call *call);
void penstock_handle_admin_places(struct penstock_call *call);
void penstock_handle_admin_trace(struct penstock_call *call);

/* The connection ends: so does its trace, where it has one. */
void penstock_admin_trace_end(struct penstock_connection *connection);

/* Between the files of them. */

struct penstock_machine *penstock_admin_machine(const struct penstock_call *call);

/* No adapter has what was asked for any more. */
void penstock_admin_refuse_stopped(struct penstock_call *call);

/* A context's row; NULL: no memory, or no more rows. */
Penstock__Wire__ContextRow *penstock_admin_context_row(struct penstock_rows *rows,
						       const struct penstock_context_view *view);

/* Answers with the report, or refuses where its rows did not find memory. */
void penstock_admin_answer(struct penstock_call *call, const struct penstock_rows *rows,
			   enum penstock_frame_type type, const ProtobufCMessage *report);

#endif
