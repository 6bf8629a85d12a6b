/* SPDX-License-Identifier: MIT */
#include "daemon/net/chain.h"

#include <stdlib.h>

#define CHUNK_BYTES (16u << 10)
/* Buffers of one write. */
#define GATHERED 64u

void penstock_chain_init(struct penstock_chain *chain, struct penstock_transport *transport,
			 void (*returned)(struct penstock_chain *chain, void *borrowed))
{
	chain->transport = transport;
	chain->returned = returned;
	chain->first = (struct penstock_chunk){ .bytes = chain->first_bytes,
						.capacity = sizeof(chain->first_bytes) };
	chain->bytes = 0;
	chain->borrowed = 0;
	chain->in_flight = 0;
	chain->bytes_written = 0;
	chain->writing = false;
	penstock_list_init(&chain->chunks);
	penstock_list_init(&chain->first.link);
}

static struct penstock_chunk *from_link(struct penstock_list *link)
{
	return penstock_list_entry(link, struct penstock_chunk, link);
}

static void remove_chunk(struct penstock_chain *chain, struct penstock_chunk *chunk)
{
	void *borrowed = chunk->borrowed;

	penstock_list_remove(&chunk->link);
	if (chunk == &chain->first) {
		chunk->size = 0;
		chunk->sent = 0;
		return;
	}
	free(chunk);
	if (borrowed != NULL) {
		chain->borrowed--;
		chain->returned(chain, borrowed);
	}
}

void penstock_chain_fini(struct penstock_chain *chain)
{
	struct penstock_list *link;

	PENSTOCK_REQUIRE(!chain->writing);
	while ((link = penstock_list_first(&chain->chunks)) != NULL) {
		remove_chunk(chain, from_link(link));
	}
}

void penstock_chain_abandon(struct penstock_chain *chain)
{
	penstock_list_for_each_safe (link, &chain->chunks) {
		struct penstock_chunk *chunk = from_link(link);

		if (chunk->borrowed != NULL) {
			remove_chunk(chain, chunk);
		}
	}
}

static struct penstock_chunk *chunk_with_room(struct penstock_chain *chain, size_t size)
{
	struct penstock_chunk *chunk;
	size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;

	if (!penstock_chain_empty(chain)) {
		chunk = from_link(chain->chunks.previous);
		if (chunk->capacity - chunk->size >= size && chunk->capacity > 0) {
			return chunk;
		}
	}
	if (penstock_list_empty(&chain->first.link) && size <= chain->first.capacity) {
		chunk = &chain->first;
	} else {
		chunk = malloc(sizeof(*chunk) + capacity);
		if (chunk == NULL) {
			return NULL;
		}
		*chunk = (struct penstock_chunk){ .bytes = (uint8_t *)(chunk + 1),
						  .capacity = capacity };
	}
	penstock_list_append(&chain->chunks, &chunk->link);
	return chunk;
}

uint8_t *penstock_chain_append(struct penstock_chain *chain, size_t size)
{
	struct penstock_chunk *chunk = chunk_with_room(chain, size);
	uint8_t *place;

	if (chunk == NULL) {
		return NULL;
	}
	place = (uint8_t *)chunk->bytes + chunk->size;
	chunk->size += size;
	chain->bytes += size;
	return place;
}

bool penstock_chain_borrow(struct penstock_chain *chain, const uint8_t *bytes, size_t size,
			   void *borrowed)
{
	struct penstock_chunk *chunk = malloc(sizeof(*chunk));

	PENSTOCK_REQUIRE(borrowed != NULL);
	if (chunk == NULL) {
		return false;
	}
	*chunk = (struct penstock_chunk){ .bytes = bytes, .size = size, .borrowed = borrowed };
	penstock_list_append(&chain->chunks, &chunk->link);
	chain->borrowed++;
	return true;
}

static unsigned gather(struct penstock_chain *chain, uv_buf_t *ret_buffers, size_t *ret_bytes)
{
	unsigned count = 0;

	*ret_bytes = 0;
	penstock_list_for_each (link, &chain->chunks) {
		struct penstock_chunk *chunk = from_link(link);
		size_t size = chunk->size - chunk->sent;

		if (count == GATHERED) {
			break;
		}
		ret_buffers[count++] =
			uv_buf_init((char *)chunk->bytes + chunk->sent, (unsigned)size);
		*ret_bytes += size;
	}
	return count;
}

/* `size` more bytes of the front are written. */
static void advance(struct penstock_chain *chain, size_t size)
{
	chain->bytes_written += size;
	while (!penstock_chain_empty(chain)) {
		struct penstock_chunk *chunk = from_link(chain->chunks.next);
		size_t left = chunk->size - chunk->sent;
		size_t part = size < left ? size : left;

		chunk->sent += part;
		size -= part;
		if (chunk->borrowed == NULL) {
			chain->bytes -= part;
		}
		if (chunk->sent < chunk->size) {
			break;
		}
		remove_chunk(chain, chunk);
	}
	PENSTOCK_REQUIRE(size == 0);
}

static int write_rest(struct penstock_chain *chain)
{
	uv_buf_t buffers[GATHERED];
	unsigned count = gather(chain, buffers, &chain->in_flight);
	int error = penstock_transport_write_rest(chain->transport, buffers, count);

	chain->writing = error == 0;
	return error;
}

int penstock_chain_flush(struct penstock_chain *chain)
{
	while (!chain->writing && !penstock_chain_empty(chain)) {
		uv_buf_t buffers[GATHERED];
		size_t size;
		unsigned count = gather(chain, buffers, &size);
		int64_t written = penstock_transport_write(chain->transport, buffers, count);

		if (written < 0) {
			return (int)written;
		}
		advance(chain, (size_t)written);
		if ((size_t)written < size) {
			return write_rest(chain);
		}
	}
	return 0;
}

int penstock_chain_written(struct penstock_chain *chain, int error)
{
	PENSTOCK_REQUIRE(chain->writing);
	chain->writing = false;
	if (error != 0) {
		return error;
	}
	advance(chain, chain->in_flight);
	return penstock_chain_flush(chain);
}
