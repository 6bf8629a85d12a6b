/* SPDX-License-Identifier: MIT */
#include "client/admin.h"
#include "client/penstockctl/commands.h"

#include <stdio.h>

ProtobufCMessage *ask(struct penstock_connection *connection, uint16_t type,
		      const ProtobufCMessage *request, uint16_t reply)
{
	struct penstock_failure failure = { 0 };
	ProtobufCMessage *report = NULL;
	enum penstock_status status =
		penstock_admin_call(connection, type, request, reply, &report);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		return report;
	}
	(void)penstock_failure_of_call(connection, &failure);
	fprintf(stderr, "penstockctl: %s\n",
		failure.sentence[0] != '\0' ? failure.sentence : penstock_status_text(status));
	return NULL;
}
