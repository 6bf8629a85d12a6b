/* SPDX-License-Identifier: MIT */
/* What a surface shows: answered like a read-back, when the work before it is done. */
#include "daemon/net/admin.h"

void penstock_handle_admin_capture(struct penstock_call *call)
{
	const Penstock__Wire__AdminCapture *message = (const void *)call->message;
	struct penstock_connection *connection = call->connection;
	const struct penstock_operator by = penstock_admin_operator(call);
	enum penstock_status status;

	/* first: once it is under way, its reply must stay where it is */
	if (!penstock_call_use_serial(call)) {
		return;
	}
	status = penstock_operator_capture(penstock_admin_machine(call), &by, message->context,
					   message->allocation, &call->reply->request,
					   call->refusal);
	if (status == PENSTOCK_STATUS_PENDING) {
		connection->capture = call->reply;
	}
	penstock_call_finish(call, status);
}

void penstock_admin_capture_cancel(struct penstock_connection *connection)
{
	if (connection->capture != NULL) {
		penstock_operator_capture_cancel(connection->net->config.machine,
						 &connection->capture->request);
	}
}
