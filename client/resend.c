/* SPDX-License-Identifier: MIT */
/*
 * A session on another connection: which of the frames that were kept are sent again, and which of
 * the questions are asked again.
 *
 * What the daemon has not executed goes again as it was, payloads of uploads included, which are
 * still the connection's. What it has executed is answered from what it stored, except for
 * questions: they are asked again under a new serial, behind everything else. For a read-back that
 * is the same answer only if nothing of the session was going to write the allocation behind it;
 * otherwise the bytes of its moment are gone.
 */
#include "client/connection.h"
#include "proto/isa/layout.h"
#include "proto/wire/penstock.pb-c.h"

#include <string.h>

/* A frame of ours, where it was kept. */
struct kept {
	struct penstock_frame frame;
	const uint8_t *message;
	const uint8_t *payload;
};

/* Over all frames that were kept, in order of serials. */
struct walk {
	const struct penstock_list *heads[3];
	size_t head;
	const struct penstock_list *link;
	size_t offset; /* in the chunk */
};

static struct walk walk_begin(const struct penstock_connection *connection)
{
	struct walk walk = {
		.heads = { &connection->reconnect.asked.chunks, &connection->out.sent,
			   &connection->out.chunks },
	};

	walk.link = walk.heads[0]->next;
	return walk;
}

static const struct penstock_chunk *chunk_of(const struct penstock_list *link)
{
	return (const struct penstock_chunk *)((const char *)link -
					       offsetof(struct penstock_chunk, link));
}

/* The chunk where the next bytes are, or NULL. */
static const struct penstock_chunk *walk_chunk(struct walk *walk)
{
	for (;;) {
		if (walk->link == walk->heads[walk->head]) {
			if (++walk->head == PENSTOCK_ARRAY_SIZE(walk->heads)) {
				walk->head--;
				return NULL;
			}
			walk->link = walk->heads[walk->head]->next;
			continue;
		}
		if (walk->offset < chunk_of(walk->link)->length) {
			return chunk_of(walk->link);
		}
		walk->link = walk->link->next;
		walk->offset = 0;
	}
}

/* Whether the payload is a copy of ours, right behind the message. */
static bool has_own_payload(uint16_t type)
{
	return type == PENSTOCK_FRAME_SUBMIT || type == PENSTOCK_FRAME_CREATE_PIPELINE;
}

/* The payload of an upload is a chunk of the caller's, right behind that with its header. */
static bool walk_next(struct walk *walk, struct kept *ret_kept)
{
	const struct penstock_chunk *chunk = walk_chunk(walk);
	enum penstock_status status;

	if (chunk == NULL) {
		return false;
	}
	status = penstock_frame_decode(chunk->bytes + walk->offset, &ret_kept->frame, NULL);
	PENSTOCK_REQUIRE(status == PENSTOCK_STATUS_SUCCESS); /* we wrote it */
	ret_kept->message = chunk->bytes + walk->offset + PENSTOCK_FRAME_HEADER_BYTES;
	ret_kept->payload = ret_kept->message + ret_kept->frame.message_bytes;
	walk->offset += PENSTOCK_FRAME_HEADER_BYTES + ret_kept->frame.message_bytes;
	if (has_own_payload(ret_kept->frame.type)) {
		walk->offset += ret_kept->frame.payload_bytes;
	} else if (ret_kept->frame.type == PENSTOCK_FRAME_UPLOAD) {
		chunk = walk_chunk(walk);
		if (chunk == NULL || chunk->capacity > 0) {
			return true; /* there was no memory for it: nobody waits for this one */
		}
		ret_kept->payload = chunk->bytes;
		walk->offset = chunk->length;
	}
	return true;
}

/* ---------------------------------------------------------------- what is written later */

static size_t submission_bytes(const uint8_t *at, struct penstock_wire_submission *ret_record)
{
	memcpy(ret_record, at, sizeof(*ret_record));
	return sizeof(*ret_record) +
	       ret_record->allocation_count * sizeof(struct penstock_wire_allocation) +
	       ret_record->patch_location_count * sizeof(struct penstock_patch_location) +
	       ret_record->broadcast_count * sizeof(uint64_t) +
	       (size_t)penstock_align_up(ret_record->command_length, 8);
}

static bool submission_writes(const uint8_t *at, uint32_t count, uint64_t allocation)
{
	struct penstock_wire_allocation element;

	for (uint32_t i = 0; i < count; i++) {
		memcpy(&element, at + sizeof(struct penstock_wire_submission) + i * sizeof(element),
		       sizeof(element));
		if (element.name == allocation &&
		    (element.flags & PENSTOCK_ALLOCATION_WRITE_OPERATION) != 0) {
			return true;
		}
	}
	return false;
}

static bool frame_writes(const struct kept *kept, uint64_t allocation)
{
	struct penstock_wire_submission record;
	size_t offset = 0;

	if (kept->frame.type == PENSTOCK_FRAME_UPLOAD) {
		Penstock__Wire__Upload *upload = penstock__wire__upload__unpack(
			NULL, kept->frame.message_bytes, kept->message);
		/* no memory to look: it may be */
		bool writes = upload == NULL || upload->allocation == allocation;

		if (upload != NULL) {
			penstock__wire__upload__free_unpacked(upload, NULL);
		}
		return writes;
	}
	while (kept->frame.type == PENSTOCK_FRAME_SUBMIT && offset < kept->frame.payload_bytes) {
		size_t size = submission_bytes(kept->payload + offset, &record);

		if (submission_writes(kept->payload + offset, record.allocation_count,
				      allocation)) {
			return true;
		}
		offset += size;
	}
	return false;
}

/* `walk` stands behind the question. */
static bool may_be_asked_again(struct walk walk, const struct kept *question)
{
	Penstock__Wire__ReadBack *read_back;
	struct kept later;
	bool may = true;

	if (question->frame.type != PENSTOCK_FRAME_READ_BACK) {
		return true;
	}
	read_back = penstock__wire__read_back__unpack(NULL, question->frame.message_bytes,
						      question->message);
	while (read_back != NULL && may && walk_next(&walk, &later)) {
		may = !frame_writes(&later, read_back->allocation);
	}
	if (read_back == NULL) {
		return false;
	}
	penstock__wire__read_back__free_unpacked(read_back, NULL);
	return may;
}

/* ---------------------------------------------------------------- sending again */

/* The frame with `serial`; of its payload only what is our own. -1: no memory. */
static int put_frame(struct penstock_outbox *outbox, const struct kept *kept, uint64_t serial,
		     uint32_t payload_bytes)
{
	struct penstock_frame frame = kept->frame;
	size_t own_bytes = has_own_payload(frame.type) ? payload_bytes : 0;
	uint8_t *at = penstock_outbox_reserve(
		outbox, PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes + own_bytes, serial);

	if (at == NULL) {
		return -1;
	}
	frame.serial = serial;
	frame.payload_bytes = payload_bytes;
	penstock_frame_encode(&frame, at);
	memcpy(at + PENSTOCK_FRAME_HEADER_BYTES, kept->message, frame.message_bytes);
	if (own_bytes > 0) { /* what was not kept is no pointer to copy from */
		memcpy(at + PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes, kept->payload,
		       own_bytes);
	}
	return 0;
}

/* Those submissions of a frame that are after `last_serial`. */
static int put_submissions(struct penstock_outbox *outbox, const struct kept *kept,
			   uint64_t last_serial)
{
	struct penstock_wire_submission record;
	uint64_t serial = kept->frame.serial;
	size_t offset = 0;

	for (; offset < kept->frame.payload_bytes; serial++) {
		size_t size = submission_bytes(kept->payload + offset, &record);

		if (serial > last_serial) {
			uint8_t *at = penstock_outbox_submission(outbox, size, serial);

			if (at == NULL) {
				return -1;
			}
			memcpy(at, kept->payload + offset, size);
		}
		offset += size;
	}
	penstock_outbox_close_batch(outbox);
	return 0;
}

static int put_sync(struct penstock_outbox *outbox, uint64_t serial)
{
	const struct kept sync = { .frame = { .type = PENSTOCK_FRAME_SYNC },
				   .message = (const uint8_t *)"" };

	return put_frame(outbox, &sync, serial, 0);
}

static int put_again(struct penstock_outbox *outbox, const struct kept *kept,
		     const struct penstock_request_entry *entry, uint64_t last_serial)
{
	if (kept->frame.type == PENSTOCK_FRAME_SUBMIT) {
		return put_submissions(outbox, kept, last_serial);
	}
	if (entry->kind == PENSTOCK_REQUEST_CALL && entry->call == NULL) {
		return put_sync(outbox, kept->frame.serial);
	}
	if (put_frame(outbox, kept, kept->frame.serial, kept->frame.payload_bytes) != 0) {
		return -1;
	}
	return kept->frame.payload_bytes == 0 || has_own_payload(kept->frame.type)
		       ? 0
		       : penstock_outbox_borrow(outbox, kept->payload, kept->frame.payload_bytes,
						kept->frame.serial);
}

static bool is_question(const struct penstock_request_entry *entry)
{
	return entry->kind == PENSTOCK_REQUEST_CALL && entry->call != NULL &&
	       entry->call->reply != PENSTOCK_FRAME_ACK;
}

/* One frame finds its place; `walk` stands behind it. */
static int place(struct penstock_connection *connection, const struct walk *walk,
		 const struct kept *kept, uint64_t last_serial, struct penstock_outbox *again,
		 struct penstock_outbox *asked)
{
	const struct penstock_request_entry *entry =
		penstock_requests_find(&connection->requests, kept->frame.serial);

	if (kept->frame.type == PENSTOCK_FRAME_SUBMIT || kept->frame.serial > last_serial) {
		return put_again(again, kept, entry, last_serial);
	}
	if (entry == NULL || !is_question(entry) || !may_be_asked_again(*walk, kept)) {
		return 0;
	}
	return put_frame(asked, kept, kept->frame.serial, 0);
}

enum penstock_status penstock_resend(struct penstock_connection *connection, uint64_t last_serial)
{
	struct penstock_outbox again, asked;
	struct walk walk;
	struct kept kept;
	int fault = 0;

	penstock_outbox_close_batch(&connection->out);
	penstock_outbox_init(&again);
	penstock_outbox_init(&asked);
	again.keep = connection->out.keep;
	again.batch_max = connection->out.batch_max;
	walk = walk_begin(connection);
	while (fault == 0 && walk_next(&walk, &kept)) {
		fault = place(connection, &walk, &kept, last_serial, &again, &asked);
	}
	if (fault != 0) {
		penstock_outbox_fini(&again);
		penstock_outbox_fini(&asked);
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
						"no memory to send requests again");
	}
	penstock_outbox_fini(&connection->out);
	penstock_outbox_move(&again, &connection->out);
	penstock_outbox_fini(&connection->reconnect.asked);
	penstock_outbox_move(&asked, &connection->reconnect.asked);
	connection->reconnect.resumed_serial = last_serial;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- asking again */

static bool find_asked(const struct penstock_connection *connection, uint64_t serial,
		       struct kept *ret_kept)
{
	struct walk walk = walk_begin(connection);

	while (walk_next(&walk, ret_kept) && walk.head == 0) {
		if (ret_kept->frame.serial == serial) {
			return true;
		}
	}
	return false;
}

enum penstock_status penstock_resend_question(struct penstock_connection *connection,
					      uint64_t serial, struct penstock_call *call)
{
	struct penstock_requests *requests = &connection->requests;
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_CALL, .call = call };
	struct kept kept;

	if (!find_asked(connection, serial, &kept)) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	if (penstock_requests_reserve(requests) != PENSTOCK_STATUS_SUCCESS ||
	    put_frame(&connection->out, &kept, requests->last_serial + 1, 0) != 0) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_requests_push(requests, &entry);
	return PENSTOCK_STATUS_SUCCESS;
}
