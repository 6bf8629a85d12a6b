/* SPDX-License-Identifier: MIT */
/*
 * A trace is read in reports that its reader asks for, so that he gets no more than he takes: what
 * he does not fetch in time is lost where it waits (daemon/schedule/trace.h).
 */
#include "daemon/net/admin.h"
#include "daemon/objects/operator.h"
#include "daemon/schedule/trace.h"
#include "proto/wire/limits.h"

static bool add_event(struct penstock_rows *rows, const struct penstock_trace_event *event)
{
	Penstock__Wire__TraceRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return false;
	}
	penstock__wire__trace_row__init(row);
	row->time_ns = event->time_ns;
	row->kind = event->kind;
	row->adapter = event->adapter;
	row->node = event->node;
	row->process = event->process;
	row->context = event->context;
	row->serial = event->serial;
	row->pass = event->pass;
	row->fence = event->fence_id;
	row->value = event->value;
	row->other = event->other;
	return true;
}

static void report_events(struct penstock_call *call, struct penstock_trace *trace)
{
	Penstock__Wire__TraceReport report = PENSTOCK__WIRE__TRACE_REPORT__INIT;
	struct penstock_trace_event event;
	struct penstock_rows rows;

	penstock_rows_init(&rows);
	report.lost = trace->lost;
	while (rows.count < PENSTOCK_LIMIT_TRACE_REPORT_EVENTS &&
	       penstock_trace_take(trace, &event) && add_event(&rows, &event)) {
	}
	report.more = trace->count > 0;
	report.n_events = rows.count;
	report.events = (Penstock__Wire__TraceRow **)rows.addresses;
	penstock_admin_answer(call, &rows, PENSTOCK_FRAME_TRACE_REPORT, &report.base);
	penstock_rows_fini(&rows);
}

static void start(struct penstock_call *call, struct penstock_trace *trace)
{
	struct penstock_net *net = call->connection->net;

	if (net->tracer != NULL) {
		penstock_call_refuse(call, PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER,
				     net->tracer == call->connection
					     ? "this connection traces already"
					     : "another connection traces");
		return;
	}
	if (penstock_trace_start(trace) != PENSTOCK_STATUS_SUCCESS) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NO_MEMORY, "no memory for a trace");
		return;
	}
	net->tracer = call->connection;
	report_events(call, trace);
}

void penstock_handle_admin_trace(struct penstock_call *call)
{
	const Penstock__Wire__AdminTrace *message = (const void *)call->message;
	struct penstock_net *net = call->connection->net;
	struct penstock_trace *trace = penstock_operator_trace(penstock_admin_machine(call));

	if (message->action == PENSTOCK_TRACE_START) {
		start(call, trace);
		return;
	}
	if (message->action != PENSTOCK_TRACE_READ && message->action != PENSTOCK_TRACE_STOP) {
		penstock_call_refuse(call, PENSTOCK_STATUS_INVALID_PARAMETER,
				     "a trace is started, read or stopped");
		return;
	}
	if (net->tracer != call->connection) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NOT_FOUND,
				     "this connection does not trace");
		return;
	}
	if (message->action == PENSTOCK_TRACE_STOP) {
		penstock_trace_stop(trace);
	}
	report_events(call, trace);
	if (!trace->on && trace->count == 0) {
		penstock_admin_trace_end(call->connection);
	}
}

void penstock_admin_trace_end(struct penstock_connection *connection)
{
	struct penstock_net *net = connection->net;

	if (net->tracer == connection) {
		net->tracer = NULL;
		penstock_trace_fini(penstock_operator_trace(net->config.machine));
	}
}
