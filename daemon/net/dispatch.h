/* SPDX-License-Identifier: MIT */
/*
 * From a frame to its handler: one table, looked at before anything is unpacked.
 */
#ifndef PENSTOCK_DISPATCH_H
#define PENSTOCK_DISPATCH_H

#include "daemon/net/call.h"

enum penstock_role {
	PENSTOCK_ROLE_HELLO,   /* the first frame, and only that */
	PENSTOCK_ROLE_SESSION, /* needs a session */
	PENSTOCK_ROLE_ANY,
	PENSTOCK_ROLE_ADMIN, /* uid 0 or the daemon's own, on the Unix socket */
};

enum penstock_payload {
	PENSTOCK_PAYLOAD_NONE,
	PENSTOCK_PAYLOAD_WHOLE,    /* there before the handler is called */
	PENSTOCK_PAYLOAD_STREAMED, /* the handler says where it is received */
};

struct penstock_dispatch_row {
	const ProtobufCMessageDescriptor *descriptor; /* NULL: a type that is no request */
	void (*handle)(struct penstock_call *call);
	uint32_t message_min; /* bytes */
	uint32_t message_max;
	enum penstock_payload payload;
	enum penstock_role role;
	/*
	 * It takes as many serials as it says itself, and a message that is no good ends the
	 * connection: nobody knows how many that were.
	 */
	bool many;
};

/* NULL for a type that is no request. */
const struct penstock_dispatch_row *penstock_dispatch_row(uint16_t type);

/*
 * Whether the frame may come now, by its header alone. Returns its row, or NULL after stopping the
 * connection.
 */
const struct penstock_dispatch_row *penstock_dispatch_admit(struct penstock_connection *connection,
							    const struct penstock_frame *frame);

/*
 * A whole frame (of a streamed one, header and message). The next serial is its serial. Role, size
 * and message are checked; then its handler runs.
 */
void penstock_dispatch(struct penstock_connection *connection, const struct penstock_frame *frame,
		       const uint8_t *message, const uint8_t *payload);

/* More of a Submit frame of which connection->submit says that it is under way. requests.c */
void penstock_submit_go_on(struct penstock_connection *connection,
			   const struct penstock_frame *frame, const uint8_t *payload);

/* Handlers: requests.c, hello.c, admin.c */
void penstock_handle_hello(struct penstock_call *call);
void penstock_handle_create_device(struct penstock_call *call);
void penstock_handle_create_context(struct penstock_call *call);
void penstock_handle_create_allocation(struct penstock_call *call);
void penstock_handle_create_pipeline(struct penstock_call *call);
void penstock_handle_share_allocation(struct penstock_call *call);
void penstock_handle_open_allocation(struct penstock_call *call);
void penstock_handle_create_sync_object(struct penstock_call *call);
void penstock_handle_share_sync_object(struct penstock_call *call);
void penstock_handle_open_sync_object(struct penstock_call *call);
void penstock_handle_query_sync_object(struct penstock_call *call);
void penstock_handle_signal(struct penstock_call *call);
void penstock_handle_wait(struct penstock_call *call);
void penstock_handle_destroy(struct penstock_call *call);
void penstock_handle_submit(struct penstock_call *call);
void penstock_handle_upload(struct penstock_call *call);
void penstock_handle_read_back(struct penstock_call *call);
void penstock_handle_query_device(struct penstock_call *call);
void penstock_handle_query_context(struct penstock_call *call);
void penstock_handle_offer_allocations(struct penstock_call *call);
void penstock_handle_reclaim_allocations(struct penstock_call *call);
void penstock_handle_set_allocation_priority(struct penstock_call *call);
void penstock_handle_query_adapter(struct penstock_call *call);
void penstock_handle_sync(struct penstock_call *call);
void penstock_handle_goodbye(struct penstock_call *call);

#endif
