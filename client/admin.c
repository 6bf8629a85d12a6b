/* SPDX-License-Identifier: MIT */
#include "client/admin.h"

#include "client/connection.h"

#include <stdlib.h>

/* The reply is borrowed, and small: it was unpacked within a budget. A copy of it is kept. */
static void take_report(struct penstock_call *call, enum penstock_status status,
			const ProtobufCMessage *reply)
{
	ProtobufCMessage **report = call->owner;
	size_t size_bytes;
	uint8_t *packed;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	size_bytes = protobuf_c_message_get_packed_size(reply);
	packed = malloc(size_bytes + 1);
	if (packed == NULL) {
		return;
	}
	protobuf_c_message_pack(reply, packed);
	*report = protobuf_c_message_unpack(reply->descriptor, NULL, size_bytes, packed);
	free(packed);
}

enum penstock_status penstock_admin_call(struct penstock_connection *connection, uint16_t type,
					 const ProtobufCMessage *request, uint16_t reply,
					 ProtobufCMessage **ret_report)
{
	ProtobufCMessage *report = NULL;
	struct penstock_call call = {
		.reply = reply,
		.complete = take_report,
		.owner = &report,
	};
	enum penstock_status status = penstock_request_call(connection, type, request, &call);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (report == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_report = report;
	return PENSTOCK_STATUS_SUCCESS;
}
