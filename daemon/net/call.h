/* SPDX-License-Identifier: MIT */
/*
 * A call: one request on its way to the objects and its outcome on the way back. What a handler
 * sees of its connection. Loop thread only.
 */
#ifndef PENSTOCK_CALL_H
#define PENSTOCK_CALL_H

#include "daemon/net/connection.h"

/* What a handler is given. */
struct penstock_call {
	struct penstock_connection *connection;
	struct penstock_session *session;
	const struct penstock_frame *frame;
	const ProtobufCMessage *message;
	const uint8_t *payload; /* borrowed for the call, at any alignment */
	uint64_t serial;
	struct penstock_reply *reply; /* NEW; taken by answering or penstock_call_finish */
	struct penstock_refusal *refusal;
};

/* A reply for this serial. False: no memory, the connection was stopped. */
PENSTOCK_MUST_CHECK
bool penstock_call_begin(struct penstock_call *call, uint64_t serial);

/* The outcome of the objects' function: SUCCESS without an answer, PENDING, or a refusal. */
void penstock_call_finish(struct penstock_call *call, enum penstock_status status);

/* The request succeeded with this answer. */
void penstock_call_answer(struct penstock_call *call, enum penstock_frame_type type,
			  const ProtobufCMessage *message);

/* The request does not reach the objects: its serial is used up, and it is refused. */
void penstock_call_refuse(struct penstock_call *call, enum penstock_status status,
			  const char *sentence);

/* Uses the serial up where the net answers itself. False: the connection was stopped. */
PENSTOCK_MUST_CHECK
bool penstock_call_use_serial(struct penstock_call *call);

/* An upload begins: `size_bytes` bytes behind this frame's message go to `destination`. */
void penstock_call_receive(struct penstock_call *call, uint8_t *destination, uint32_t size_bytes);

#endif
