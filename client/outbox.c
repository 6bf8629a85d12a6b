/* SPDX-License-Identifier: MIT */
#include "client/outbox.h"

#include "proto/wire/limits.h"
#include "proto/wire/penstock.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (96u << 10)
/* A batch is closed at this payload; a submission that is larger has a frame of its own. */
#define BATCH_BYTES (64u << 10)
/* Header and the Submit message: one byte of tag; one of a count below 128, two below 16384. */
#define LONE_PREFIX_BYTES  (PENSTOCK_FRAME_HEADER_BYTES + 2u)
#define BATCH_PREFIX_BYTES (PENSTOCK_FRAME_HEADER_BYTES + 3u)

_Static_assert(PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME < 16384, "a count is two bytes at most");

void penstock_outbox_init(struct penstock_outbox *outbox)
{
	*outbox = (struct penstock_outbox){ .batch_max = BATCH_BYTES };
	penstock_list_init(&outbox->chunks);
	penstock_list_init(&outbox->sent);
}

static struct penstock_chunk *chunk_of(struct penstock_list *link)
{
	return link == NULL ? NULL : penstock_container_of(link, struct penstock_chunk, link);
}

static struct penstock_chunk *last_chunk(const struct penstock_outbox *outbox)
{
	if (penstock_list_empty(&outbox->chunks)) {
		return NULL;
	}
	return chunk_of(outbox->chunks.previous);
}

static void chunk_free(struct penstock_outbox *outbox, struct penstock_chunk *chunk)
{
	penstock_list_remove(&chunk->link);
	if (outbox->spare == NULL && chunk->capacity == CHUNK_BYTES) {
		outbox->spare = chunk;
		return;
	}
	free(chunk);
}

static void free_all(struct penstock_outbox *outbox, struct penstock_list *head)
{
	while (!penstock_list_empty(head)) {
		chunk_free(outbox, chunk_of(head->next));
	}
}

void penstock_outbox_fini(struct penstock_outbox *outbox)
{
	free_all(outbox, &outbox->chunks);
	free_all(outbox, &outbox->sent);
	free(outbox->spare);
	outbox->spare = NULL;
	outbox->unsent_bytes = 0;
	outbox->batch_count = 0;
}

static void move_list(struct penstock_list *from, struct penstock_list *to)
{
	penstock_list_init(to);
	while (!penstock_list_empty(from)) {
		penstock_list_append(to, penstock_list_pop(from));
	}
}

void penstock_outbox_move(struct penstock_outbox *from, struct penstock_outbox *to)
{
	*to = *from;
	move_list(&from->chunks, &to->chunks);
	move_list(&from->sent, &to->sent);
	penstock_outbox_init(from);
	from->keep = to->keep;
	from->batch_max = to->batch_max;
}

static struct penstock_chunk *chunk_new(struct penstock_outbox *outbox, size_t size_bytes)
{
	size_t capacity = size_bytes > CHUNK_BYTES ? size_bytes : CHUNK_BYTES;
	struct penstock_chunk *chunk = outbox->spare;

	if (chunk != NULL && capacity == CHUNK_BYTES) {
		outbox->spare = NULL;
	} else {
		chunk = malloc(sizeof(*chunk) + capacity);
	}
	if (chunk == NULL) {
		return NULL;
	}
	*chunk = (struct penstock_chunk){ .bytes = (uint8_t *)(chunk + 1), .capacity = capacity };
	penstock_list_append(&outbox->chunks, &chunk->link);
	return chunk;
}

/* The last chunk where it has room, otherwise a new one. No batch is open. */
static struct penstock_chunk *chunk_with_room(struct penstock_outbox *outbox, size_t size_bytes)
{
	struct penstock_chunk *chunk = last_chunk(outbox);

	if (chunk != NULL && chunk->capacity >= chunk->length &&
	    chunk->capacity - chunk->length >= size_bytes) {
		return chunk;
	}
	return chunk_new(outbox, size_bytes);
}

uint8_t *penstock_outbox_reserve(struct penstock_outbox *outbox, size_t size_bytes,
				 uint64_t last_serial)
{
	struct penstock_chunk *chunk;
	uint8_t *at;

	penstock_outbox_close_batch(outbox);
	chunk = chunk_with_room(outbox, size_bytes);
	if (chunk == NULL) {
		return NULL;
	}
	at = chunk->bytes + chunk->length;
	chunk->length += size_bytes;
	chunk->last_serial = last_serial;
	outbox->unsent_bytes += size_bytes;
	return at;
}

int penstock_outbox_borrow(struct penstock_outbox *outbox, const uint8_t *bytes, size_t size_bytes,
			   uint64_t last_serial)
{
	struct penstock_chunk *chunk = malloc(sizeof(*chunk));

	if (chunk == NULL) {
		return -1;
	}
	*chunk = (struct penstock_chunk){
		.bytes = (uint8_t *)(uintptr_t)bytes,
		.length = size_bytes,
		.last_serial = last_serial,
	};
	penstock_list_append(&outbox->chunks, &chunk->link);
	outbox->unsent_bytes += size_bytes;
	return 0;
}

/* ---------------------------------------------------------------- the batch */

uint8_t *penstock_outbox_submission(struct penstock_outbox *outbox, size_t size_bytes,
				    uint64_t serial)
{
	struct penstock_chunk *chunk;
	uint8_t *at;

	if (outbox->batch_count > 0) {
		size_t payload = outbox->batch_end - outbox->batch_payload;

		chunk = last_chunk(outbox);
		if (payload + size_bytes > outbox->batch_max ||
		    outbox->batch_count == PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME ||
		    chunk->capacity - outbox->batch_end < size_bytes) {
			penstock_outbox_close_batch(outbox);
		}
	}
	if (outbox->batch_count == 0) {
		size_t prefix =
			size_bytes >= outbox->batch_max ? LONE_PREFIX_BYTES : BATCH_PREFIX_BYTES;

		chunk = chunk_with_room(outbox, prefix + size_bytes);
		if (chunk == NULL) {
			return NULL;
		}
		outbox->batch_payload = chunk->length + prefix;
		outbox->batch_end = outbox->batch_payload;
		outbox->batch_serial = serial;
	}
	chunk = last_chunk(outbox);
	at = chunk->bytes + outbox->batch_end;
	outbox->batch_end += size_bytes;
	outbox->batch_count++;
	chunk->last_serial = serial;
	return at;
}

/*
 * The message in front of the submissions is a byte shorter for a small count; then they move up,
 * which a small batch can afford. A submission that has a frame of its own has the right prefix.
 */
void penstock_outbox_close_batch(struct penstock_outbox *outbox)
{
	struct penstock_chunk *chunk = last_chunk(outbox);
	Penstock__Wire__Submit message = PENSTOCK__WIRE__SUBMIT__INIT;
	struct penstock_frame frame = { .type = PENSTOCK_FRAME_SUBMIT };
	size_t payload, total;
	uint8_t *at;

	if (outbox->batch_count == 0) {
		return;
	}
	payload = outbox->batch_end - outbox->batch_payload;
	message.count = outbox->batch_count;
	frame.message_bytes = (uint32_t)penstock__wire__submit__get_packed_size(&message);
	frame.payload_bytes = (uint32_t)payload;
	frame.serial = outbox->batch_serial;
	total = PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes + payload;
	at = chunk->bytes + chunk->length;
	if (chunk->length + total < outbox->batch_end) {
		memmove(at + total - payload, chunk->bytes + outbox->batch_payload, payload);
	}
	penstock_frame_encode(&frame, at);
	penstock__wire__submit__pack(&message, at + PENSTOCK_FRAME_HEADER_BYTES);
	chunk->length += total;
	outbox->unsent_bytes += total;
	outbox->batch_count = 0;
}

/* ---------------------------------------------------------------- sending */

int penstock_outbox_vectors(const struct penstock_outbox *outbox, struct iovec *vectors, int max)
{
	struct penstock_list *link = outbox->chunks.next;
	int count = 0;

	while (link != &outbox->chunks && count < max) {
		struct penstock_chunk *chunk = chunk_of(link);

		if (chunk->length > chunk->sent) {
			vectors[count].iov_base = chunk->bytes + chunk->sent;
			vectors[count].iov_len = chunk->length - chunk->sent;
			count++;
		}
		link = link->next;
	}
	return count;
}

/* Whether a batch is being written into this chunk. */
static bool holds_batch(const struct penstock_outbox *outbox, const struct penstock_chunk *chunk)
{
	return outbox->batch_count > 0 && chunk == last_chunk(outbox);
}

static void chunk_sent(struct penstock_outbox *outbox, struct penstock_chunk *chunk)
{
	if (holds_batch(outbox, chunk)) {
		return;
	}
	if (outbox->keep) {
		penstock_list_remove(&chunk->link);
		penstock_list_append(&outbox->sent, &chunk->link);
		return;
	}
	chunk_free(outbox, chunk);
}

void penstock_outbox_advance(struct penstock_outbox *outbox, size_t size_bytes)
{
	PENSTOCK_REQUIRE(size_bytes <= outbox->unsent_bytes);
	outbox->unsent_bytes -= size_bytes;
	while (!penstock_list_empty(&outbox->chunks)) {
		struct penstock_chunk *chunk = chunk_of(outbox->chunks.next);
		size_t left = chunk->length - chunk->sent;

		if (size_bytes < left) {
			chunk->sent += size_bytes;
			return;
		}
		chunk->sent = chunk->length;
		size_bytes -= left;
		chunk_sent(outbox, chunk);
		if (size_bytes == 0) {
			return;
		}
	}
}

void penstock_outbox_answered(struct penstock_outbox *outbox, uint64_t serial)
{
	while (!penstock_list_empty(&outbox->sent)) {
		struct penstock_chunk *chunk = chunk_of(outbox->sent.next);

		if (chunk->last_serial > serial) {
			return;
		}
		chunk_free(outbox, chunk);
	}
}
