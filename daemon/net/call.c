/* SPDX-License-Identifier: MIT */
#include "daemon/net/call.h"

#include "proto/wire/penstock.pb-c.h"

#include <stdio.h>

static enum penstock_status answer_success(struct penstock_connection *connection,
					   struct penstock_reply *reply)
{
	Penstock__Wire__Shared message = PENSTOCK__WIRE__SHARED__INIT;

	if (reply->frame_type == PENSTOCK_FRAME_SHARE_ALLOCATION) {
		message.token_high = reply->request.token_high;
		message.token_low = reply->request.token_low;
		return penstock_reply_message(&connection->outbox, reply, PENSTOCK_FRAME_SHARED,
					      &message.base);
	}
	if (penstock_reply_reads(reply)) {
		connection->net->counters.read_back_bytes += reply->request.size_bytes;
		penstock_reply_bytes(&connection->outbox, reply);
	} else {
		penstock_reply_success(&connection->outbox, reply);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static void request_done(struct penstock_request *request, enum penstock_status status)
{
	struct penstock_reply *reply =
		penstock_container_of(request, struct penstock_reply, request);
	struct penstock_connection *connection = reply->owner;

	PENSTOCK_REQUIRE(status != PENSTOCK_STATUS_PENDING);
	connection->pending--;
	if (connection->capture == reply) {
		connection->capture = NULL;
	}
	if (connection->state == PENSTOCK_CONNECTION_CLOSING) {
		penstock_reply_late(&connection->outbox, reply, status);
		penstock_connection_maybe_closed(connection);
		return;
	}
	penstock_connection_dirty(connection);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = answer_success(connection, reply);
	} else {
		connection->net->counters.refusals++;
		status = penstock_reply_refuse(&connection->outbox, reply, status);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_break(connection);
	}
}

bool penstock_call_begin(struct penstock_call *call, uint64_t serial)
{
	struct penstock_connection *connection = call->connection;

	call->serial = serial;
	call->reply =
		penstock_reply_new(&connection->outbox, connection, call->frame->type, serial);
	if (call->reply == NULL) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_NO_MEMORY, "out of memory");
		return false;
	}
	call->reply->request.done = request_done;
	call->refusal = &call->reply->request.refusal;
	return true;
}

static void refuse(struct penstock_call *call, enum penstock_status status)
{
	struct penstock_connection *connection = call->connection;

	connection->net->counters.refusals++;
	if (penstock_reply_refuse(&connection->outbox, call->reply, status) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_NO_MEMORY, "out of memory");
	}
}

void penstock_call_finish(struct penstock_call *call, enum penstock_status status)
{
	struct penstock_connection *connection = call->connection;
	struct penstock_outbox *outbox = &connection->outbox;
	bool submission = call->frame->type == PENSTOCK_FRAME_SUBMIT;

	if (status == PENSTOCK_STATUS_WRONG_SERIAL) {
		penstock_reply_drop(outbox, call->reply);
		penstock_connection_stop(connection, status, "the session is at another serial");
		return;
	}
	penstock_outbox_executed(outbox, call->serial,
				 status == PENSTOCK_STATUS_SUCCESS && !submission);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_reply_drop(outbox, call->reply);
	} else if (status == PENSTOCK_STATUS_PENDING) {
		connection->pending++;
		penstock_reply_pend(outbox, call->reply);
	} else {
		refuse(call, status);
	}
}

void penstock_call_answer(struct penstock_call *call, enum penstock_frame_type type,
			  const ProtobufCMessage *message)
{
	struct penstock_connection *connection = call->connection;

	penstock_outbox_executed(&connection->outbox, call->serial, false);
	if (penstock_reply_message(&connection->outbox, call->reply, type, message) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_NO_MEMORY, "out of memory");
	}
}

static void wrong_serial(struct penstock_call *call)
{
	penstock_reply_drop(&call->connection->outbox, call->reply);
	penstock_connection_stop(call->connection, PENSTOCK_STATUS_WRONG_SERIAL,
				 "the session is at another serial");
}

bool penstock_call_use_serial(struct penstock_call *call)
{
	struct penstock_connection *connection = call->connection;

	if (connection->session != NULL &&
	    penstock_sync(connection->session, call->serial) != PENSTOCK_STATUS_SUCCESS) {
		wrong_serial(call);
		return false;
	}
	return true;
}

void penstock_call_refuse(struct penstock_call *call, enum penstock_status status,
			  const char *sentence)
{
	struct penstock_connection *connection = call->connection;

	call->refusal->status = status;
	snprintf(call->refusal->sentence, sizeof(call->refusal->sentence), "%s", sentence);
	if (connection->session != NULL &&
	    penstock_refuse_request(connection->session, call->serial, call->refusal) ==
		    PENSTOCK_STATUS_WRONG_SERIAL) {
		wrong_serial(call);
		return;
	}
	penstock_outbox_executed(&connection->outbox, call->serial, false);
	refuse(call, status);
}

void penstock_call_receive(struct penstock_call *call, uint8_t *destination, uint32_t size_bytes)
{
	struct penstock_connection *connection = call->connection;

	penstock_outbox_executed(&connection->outbox, call->serial, false);
	penstock_reply_pend(&connection->outbox, call->reply);
	connection->upload = call->reply;
	connection->net->counters.upload_bytes += size_bytes;
	penstock_transport_receive(&connection->transport, destination, size_bytes);
}
