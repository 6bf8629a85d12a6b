/* SPDX-License-Identifier: MIT */
/*
 * The end of a session that is meant, and the end of a connection that is not, mended by hand:
 * goodbye, and resumption of a session with a lease.
 */
#include "client/address.h"
#include "client/connection.h"

enum penstock_status penstock_connection_goodbye(struct penstock_connection *connection,
						 int32_t timeout_ms)
{
	Penstock__Wire__Goodbye goodbye = PENSTOCK__WIRE__GOODBYE__INIT;
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_PLAIN };
	enum penstock_status status =
		penstock_request_message(connection, PENSTOCK_FRAME_GOODBYE, &goodbye.base, &entry);
	int64_t deadline_ms = penstock_deadline(timeout_ms);
	uint64_t serial = penstock_request_last(connection);

	while (status == PENSTOCK_STATUS_SUCCESS && connection->requests.answered < serial) {
		status = penstock_connection_run(connection, deadline_ms);
	}
	if (connection == NULL || status == PENSTOCK_STATUS_TIMEOUT ||
	    status == PENSTOCK_STATUS_NOT_SUPPORTED) {
		return status;
	}
	/* Answered, or the daemon closed as it does after a goodbye: over either way. */
	if (connection->state != PENSTOCK_CONNECTION_LOST) {
		penstock_connection_lose(connection, PENSTOCK_STATUS_CANCELLED,
					 "the program said goodbye");
	}
	/* NOT_FOUND: the connection was lost behind it, and there is no session any more. */
	return status == PENSTOCK_STATUS_CONNECTION_DISCONNECTED ||
			       status == PENSTOCK_STATUS_NOT_FOUND
		       ? PENSTOCK_STATUS_SUCCESS
		       : status;
}

/* Of a connection that is over: one attempt. */
static enum penstock_status resume_by_hand(struct penstock_connection *connection,
					   int64_t deadline_ms)
{
	int descriptor = -1;
	enum penstock_status status = penstock_address_connect(connection->server, deadline_ms,
							       &descriptor, &connection->sentence);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		connection->ended = status;
		return status;
	}
	penstock_connection_adopt_socket(connection, descriptor);
	connection->reconnect.by_hand = true;
	status = penstock_session_greet(connection);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_session_await(connection, deadline_ms);
	}
	connection->reconnect.by_hand = false;
	return status;
}

enum penstock_status penstock_connection_resume(struct penstock_connection *connection,
						int32_t timeout_ms)
{
	int64_t deadline_ms = penstock_deadline(timeout_ms);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (connection == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (connection->state == PENSTOCK_CONNECTION_OPEN || !connection->out.keep ||
	    connection->in_callback > 0) {
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	if (connection->state == PENSTOCK_CONNECTION_LOST) {
		return resume_by_hand(connection, deadline_ms);
	}
	while (status == PENSTOCK_STATUS_SUCCESS && connection->state != PENSTOCK_CONNECTION_OPEN) {
		status = penstock_connection_run(connection, deadline_ms);
	}
	return status;
}
