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
#include "daemon/objects/operator.h"
#include "proto/wire/penstock.pb-c.h"

void penstock_handle_admin_status(struct penstock_call *call);
/* sessions, contexts, allocations, segments, places, queues */
void penstock_handle_admin_rows(struct penstock_call *call);
void penstock_handle_admin_context(struct penstock_call *call);
void penstock_handle_admin_dump(struct penstock_call *call);
void penstock_handle_admin_metrics(struct penstock_call *call);
void penstock_handle_admin_kill(struct penstock_call *call);
void penstock_handle_admin_evict(struct penstock_call *call);
void penstock_handle_admin_capture(struct penstock_call *call);
void penstock_handle_admin_trace(struct penstock_call *call);
void penstock_handle_admin_unblock(struct penstock_call *call);
void penstock_handle_admin_reports(struct penstock_call *call);
void penstock_handle_admin_report(struct penstock_call *call);

/* The connection ends: so does its trace, where it has one. */
void penstock_admin_trace_end(struct penstock_connection *connection);

/* Likewise the capture that it waits for. */
void penstock_admin_capture_cancel(struct penstock_connection *connection);

/* Between the files of them. */

/* Who asks. */
struct penstock_operator penstock_admin_operator(const struct penstock_call *call);

struct penstock_machine *penstock_admin_machine(const struct penstock_call *call);

/* No adapter has what was asked for any more. */
void penstock_admin_refuse_stopped(struct penstock_call *call);

/* A context's row; NULL: no memory, or no more rows. */
Penstock__Wire__ContextRow *penstock_admin_context_row(struct penstock_rows *rows,
						       const struct penstock_context_view *view);

/* The row of a list element. */
void penstock_admin_element_row(struct penstock_rows *rows,
				const struct penstock_element_view *element);

/*
 * Add the rows of a report that is rows of one kind (admin_rows.c). SUCCESS; DEVICE_REMOVED: no
 * adapter has any any more.
 */
typedef enum penstock_status penstock_admin_collect(const struct penstock_machine *machine,
						    struct penstock_rows *rows);
penstock_admin_collect penstock_admin_collect_sessions, penstock_admin_collect_allocations,
	penstock_admin_collect_segments, penstock_admin_collect_places,
	penstock_admin_collect_contexts, penstock_admin_collect_queues;

/* Answers with the report, or refuses where its rows did not find memory. */
void penstock_admin_answer(struct penstock_call *call, const struct penstock_rows *rows,
			   enum penstock_frame_type type, const ProtobufCMessage *report);

#endif
