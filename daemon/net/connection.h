/* SPDX-License-Identifier: MIT */
/*
 * A connection: frames in, answers out, a session behind it. Loop thread only.
 *
 *             Hello, session there             fault, end of file, Goodbye, stop
 *   HELLO ------------------------> OPEN ------------------------------------+
 *     |                                                                      v
 *     +---- deadline, fault, end of file, refused hello ----------------> CLOSING --> freed
 *
 * One timer with the state's meaning: HELLO, the deadline for a hello; OPEN, an acknowledgement
 * that waits for a fence; CLOSING, how long the peer may take to hear the reason.
 *
 * CLOSING: the session is given back at once, Closing is the last frame, then the sending direction
 * is shut down and what still comes is dropped until the peer closes. Freed when nothing is under
 * way any more: penstock_connection's maybe_closed lists what can be.
 */
#ifndef PENSTOCK_CONNECTION_H
#define PENSTOCK_CONNECTION_H

#include "daemon/net/net.h"
#include "daemon/net/outbox.h"

enum penstock_connection_state {
	PENSTOCK_CONNECTION_HELLO,
	PENSTOCK_CONNECTION_OPEN,
	PENSTOCK_CONNECTION_CLOSING,
	PENSTOCK_CONNECTION_STATE_MAX
};

struct penstock_connection {
	struct penstock_list link;       /* penstock_net.connections */
	struct penstock_list dirty_link; /* penstock_net.dirty */
	struct penstock_net *net;        /* borrowed */
	struct penstock_transport transport;
	struct penstock_outbox outbox;
	uv_timer_t timer;
	enum penstock_connection_state state;
	struct penstock_session *session; /* ours to give back; NULL: none, or given back */
	uint64_t next_serial;
	struct penstock_reply *upload;  /* the upload being received */
	struct penstock_reply *capture; /* an administrator's, pending; NULL: none */
	/* A Submit frame that takes more than one turn; it stays at the front of the transport. */
	struct {
		uint32_t count;  /* submissions of it; 0: no frame is under way */
		uint32_t done;   /* of them */
		uint32_t offset; /* of the next one in the payload */
	} submit;
	char principal[32];
	int64_t uid;             /* of the peer; -1: unknown (TCP) */
	unsigned pending;        /* requests that objects hold */
	uint32_t reserved_bytes; /* of a unit larger than the read buffer */
	bool waits_for_room;     /* its principal receives as much as it may */
	bool waits_for_gate;     /* what is next, while submissions are before it */
	uint16_t held_up;        /* type of the frame that waits for pipelines; 0: none does */
	bool refused;            /* one too many: not counted, it hears why and goes */
	bool admin;              /* may make admin requests */
	bool goodbye;            /* the session ends, whatever its lease */
	bool tells_stored;       /* refusals of before the resume stand behind the Welcome */
	bool broken;             /* dirty: stopped this turn, for want of memory */
	bool shut;               /* Closing is written and the sending direction shut down */
	bool transport_gone;     /* closed callbacks */
	bool timer_gone;
};

/*
 * A connection on a socket that was accepted. The peer is asked for by SO_PEERCRED. It owns itself
 * and is in net->connections. SUCCESS, and it owns the descriptor; NO_MEMORY, IO_DEVICE_ERROR.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_connection_new(struct penstock_net *net, int descriptor,
					     bool unix_socket);

/*
 * The one way to end a connection: idempotent, only starts closing. With `sentence` NULL nothing
 * is said to the peer (it is gone).
 */
void penstock_connection_stop(struct penstock_connection *connection, enum penstock_status status,
			      const char *sentence);

/* A turn's work: reads on where it may, writes what may leave. For net. */
void penstock_connection_work(struct penstock_connection *connection);

/* ---------------------------------------------------------------- for the stage's own files */

/* There is work this turn. */
void penstock_connection_dirty(struct penstock_connection *connection);

/* Out of memory where the session may not be given back: this turn's work stops the connection. */
void penstock_connection_break(struct penstock_connection *connection);

/* Something that was under way is over. Frees a closing connection with nothing under way. */
void penstock_connection_maybe_closed(struct penstock_connection *connection);

/* Hello was accepted: OPEN. */
void penstock_connection_open(struct penstock_connection *connection, uint64_t last_serial);

/* The session's events, for penstock_session_new. */
struct penstock_session_events penstock_connection_events(struct penstock_connection *connection);

#endif
