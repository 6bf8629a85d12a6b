/* SPDX-License-Identifier: MIT */
/*
 * A client for tests of net: the other end of a socket pair, on the same loop and thread. It turns
 * the loop while it waits; what never comes ends in libcheck's timeout.
 */
#ifndef PENSTOCK_NET_PEER_H
#define PENSTOCK_NET_PEER_H

#include "daemon/net/net.h"
#include "proto/wire/frame.h"

#include <protobuf-c/protobuf-c.h>

struct net_peer {
	int descriptor;
	uint64_t serial; /* of the next request */
	uint8_t *bytes;  /* received and not taken */
	size_t size;
	size_t capacity;
};

struct net_frame {
	struct penstock_frame header;
	uint8_t *message; /* owned: net_frame_free */
	uint8_t *payload; /* inside message's block */
};

extern uv_loop_t net_loop;
extern struct penstock_net *net_under_test;

/* A loop and a net with fresh fake objects; and its end, with nothing left open. */
void net_setup(void);
void net_setup_with(uint64_t hello_ms, uint64_t closing_ms, uint32_t max_connections);
void net_teardown(void);

/* As many turns as it takes until nothing happens any more, without waiting. */
void net_turns(void);

struct net_peer *net_peer_connect(void);
/* Connects and says hello; the Welcome is taken. */
struct net_peer *net_peer_open(void);
void net_peer_close(struct net_peer *peer);

/* Sends bytes, turning the loop where the socket is full. False: the other end is closed. */
bool net_peer_send(struct net_peer *peer, const void *bytes, size_t size);

void net_peer_frame(struct net_peer *peer, uint16_t type, uint64_t serial,
		    const ProtobufCMessage *message, const void *payload, size_t payload_bytes);

/* A request with the next serial. */
void net_peer_request(struct net_peer *peer, uint16_t type, const ProtobufCMessage *message);

/* Submissions of `context` with `bytes` command bytes each; takes `count` serials. */
void net_peer_submit(struct net_peer *peer, uint64_t context, uint32_t count, uint32_t bytes);

/* From now on acknowledgements of submissions leave with a fence, or when they are asked for. */
static inline void net_acks_wait(void)
{
	net_under_test->config.ack_delay_ms = 3600u * 1000u;
}

/* The next frame; waits for it. */
struct net_frame net_peer_receive(struct net_peer *peer);
void net_frame_free(struct net_frame *frame);

/* The next frame is of this type and serial; it is freed. */
void net_peer_expect(struct net_peer *peer, uint16_t type, uint64_t serial);
void net_peer_expect_refusal(struct net_peer *peer, uint64_t serial, enum penstock_status status);
void net_peer_expect_fence(struct net_peer *peer, uint64_t context, uint64_t fence);
/* Closing with this status and a sentence that has the word, then the end of the stream. */
void net_peer_expect_closing(struct net_peer *peer, enum penstock_status status, const char *word);
void net_peer_expect_end(struct net_peer *peer);
/* Nothing comes in as many turns as there is something to do. */
void net_peer_expect_silence(struct net_peer *peer);

#endif
