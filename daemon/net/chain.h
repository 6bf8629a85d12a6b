/* SPDX-License-Identifier: MIT */
/*
 * Bytes on their way out of a connection, in order: chunks of our own, into which frames are
 * encoded, and borrowed ranges (read-backs), which are written from where they are. Written with
 * as few system calls as the socket allows. Loop thread only.
 */
#ifndef PENSTOCK_CHAIN_H
#define PENSTOCK_CHAIN_H

#include "daemon/net/transport.h"
#include "proto/base/list.h"

/* The first chunk is part of the chain, so that an idle round trip allocates nothing. */
#define PENSTOCK_CHAIN_FIRST_BYTES 1024u

struct penstock_chunk {
	struct penstock_list link; /* penstock_chain.chunks */
	const uint8_t *bytes;
	size_t size; /* of what is to be written */
	size_t sent;
	size_t capacity; /* 0: borrowed */
	void *borrowed;  /* what `returned` gets */
};

struct penstock_chain {
	struct penstock_transport *transport; /* borrowed */
	struct penstock_list chunks;          /* penstock_chunk.link */
	/* A borrowed range is written, or dropped. May not call the chain. */
	void (*returned)(struct penstock_chain *chain, void *borrowed);
	struct penstock_chunk first;
	size_t bytes;           /* of our own, not yet written */
	unsigned borrowed;      /* borrowed ranges */
	size_t in_flight;       /* bytes that the transport was given */
	uint64_t bytes_written; /* ever */
	bool writing;
	uint8_t first_bytes[PENSTOCK_CHAIN_FIRST_BYTES];
};

void penstock_chain_init(struct penstock_chain *chain, struct penstock_transport *transport,
			 void (*returned)(struct penstock_chain *chain, void *borrowed));

/* Returns every borrowed range and frees everything. Nothing may be in flight. */
void penstock_chain_fini(struct penstock_chain *chain);

/* Room for `size` bytes at the end, to be filled before the next call; NULL: no memory. */
uint8_t *penstock_chain_append(struct penstock_chain *chain, size_t size);

/* Appends bytes of somebody else; false: no memory. */
PENSTOCK_MUST_CHECK
bool penstock_chain_borrow(struct penstock_chain *chain, const uint8_t *bytes, size_t size,
			   void *borrowed);

/* Returns every borrowed range; the chain must not be written any more after that. */
void penstock_chain_abandon(struct penstock_chain *chain);

/* Writes what the socket takes, hands the rest to the transport. 0 or a negative errno. */
PENSTOCK_MUST_CHECK
int penstock_chain_flush(struct penstock_chain *chain);

/* The transport's `written`. Goes on with what has come since. 0 or a negative errno. */
PENSTOCK_MUST_CHECK
int penstock_chain_written(struct penstock_chain *chain, int error);

static inline bool penstock_chain_empty(const struct penstock_chain *chain)
{
	return penstock_list_empty(&chain->chunks);
}

#endif
