/* SPDX-License-Identifier: MIT */
/*
 * Requests whose answer is a message that the caller keeps: the administrator's, one call for all
 * of them, for penstockctl, and what an adapter can do. Not part of the SDK's interface. The daemon
 * serves the administrator's to uid 0 and its own uid on the Unix socket only.
 */
#ifndef PENSTOCK_CLIENT_ADMIN_H
#define PENSTOCK_CLIENT_ADMIN_H

#include "client/include/penstock/penstock.h"
#include "proto/wire/frame.h"
#include "proto/wire/penstock.pb-c.h"

/*
 * Makes a request and waits for its report, a frame of type `reply`:
 *
 *	Penstock__Wire__AdminStatus request = PENSTOCK__WIRE__ADMIN_STATUS__INIT;
 *	ProtobufCMessage *report;
 *
 *	status = penstock_admin_call(connection, PENSTOCK_FRAME_ADMIN_STATUS, &request.base,
 *				     PENSTOCK_FRAME_STATUS_REPORT, &report);
 *
 * On success the caller owns *ret_report and frees it with protobuf_c_message_free_unpacked(report,
 * NULL). Text in it is the daemon's: show it through penstock_text_copy. ACCESS_DENIED, NOT_FOUND
 * and what else the daemon refuses with: penstock_failure_of_call tells the sentence.
 */
enum penstock_status penstock_admin_call(struct penstock_connection *connection, uint16_t type,
					 const ProtobufCMessage *request, uint16_t reply,
					 ProtobufCMessage **ret_report);

#endif
