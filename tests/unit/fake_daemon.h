/* SPDX-License-Identifier: MIT */
/*
 * The other end of a client's socket, played by a test: it says whatever the test wants, ahead of
 * time where the client will wait for it. Every failure of its own is a failure of the test.
 */
#ifndef PENSTOCK_FAKE_DAEMON_H
#define PENSTOCK_FAKE_DAEMON_H

#include "client/include/penstock/penstock.h"
#include "proto/wire/frame.h"
#include "proto/wire/penstock.pb-c.h"

/* protobuf-c's strings are not const. */
static inline char *fake_text(const char *text)
{
	return (char *)(uintptr_t)text;
}

struct fake_daemon {
	int descriptor; /* the daemon's end */
	int client;     /* the client's end, until it is connected */
	Penstock__Wire__Welcome welcome;
};

/* A frame as it was received; owned by the test until fake_frame_free. */
struct fake_frame {
	struct penstock_frame frame;
	uint8_t *message;
	uint8_t *payload;
};

/* Makes the pair, and a welcome that the test may change. */
void fake_daemon_init(struct fake_daemon *daemon);
void fake_daemon_fini(struct fake_daemon *daemon);

/* Sends the welcome, connects a client with these options (NULL: none) and takes its hello. */
struct penstock_connection *fake_daemon_connect(struct fake_daemon *daemon,
						const struct penstock_options *options);

void fake_send(int descriptor, uint16_t type, uint64_t serial, const ProtobufCMessage *message,
	       const void *payload, uint32_t payload_bytes);
void fake_send_ack(int descriptor, uint64_t serial);
void fake_send_fence(int descriptor, uint64_t context, uint64_t fence, enum penstock_status status);
void fake_send_refusal(int descriptor, uint64_t serial, enum penstock_status status,
		       const char *sentence);

/* The next frame, which must be of that type. */
struct fake_frame fake_receive(int descriptor, uint16_t type);
void fake_frame_free(struct fake_frame *frame);

/* Whether the client has sent anything that was not received yet. */
bool fake_has_input(int descriptor);

#endif
