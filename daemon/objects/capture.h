/* SPDX-License-Identifier: MIT */
/*
 * A capture: what a surface shows, for the operator. It stands in the lane of an opening like a
 * read-back of its session, so it sees all of what the session asked for before and nothing of what
 * comes behind; but it is nobody's request of that session, and is charged to nobody. The bytes
 * are copied, so that the client waits for a copy and never for the operator's connection.
 *
 *   FREE --(begin)--> UNDER WAY: waits in the lane, is copied --> OUT --(end)--> FREE
 *                         |  '--(cancelled, and copied)-----------------------> FREE
 *                         '-----(refused after all: destroyed, no memory)-----> FREE
 *
 * There is one in a machine at a time, so what it may hold is one payload. Loop thread only.
 */
#ifndef PENSTOCK_CAPTURE_H
#define PENSTOCK_CAPTURE_H

#include "daemon/objects/objects.h"

struct penstock_transfer;

struct penstock_capture {
	struct penstock_machine *machine; /* borrowed, embeds us */
	struct penstock_transfer
		*transfer; /* UNDER WAY; it tells its end by penstock_capture_ended */
	struct penstock_request *request; /* borrowed; NULL: nobody wants it any more */
	uint8_t *bytes;                   /* owned; OUT */
};

/* The transfer is over, and the bytes are ours; NULL where the status is none of success. */
void penstock_capture_ended(struct penstock_capture *capture, enum penstock_status status,
			    uint8_t *bytes, uint32_t size_bytes);

#endif
