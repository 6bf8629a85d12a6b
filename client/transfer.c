/* SPDX-License-Identifier: MIT */
/*
 * Transfers: uploads from and read-backs into the caller's memory, without a copy on the way. A
 * transfer is cut into pieces; all of them are requested at once, so that the whole transfer
 * stands in one place of the session's order. It is over when the last piece is.
 */
#include "client/connection.h"

#include <stdlib.h>

#define PIECE_BYTES (8u << 20)

struct transfer {
	struct penstock_connection *connection;
	penstock_transfer_done *done;
	void *owner;
	uint64_t pieces_left;        /* not answered */
	enum penstock_status status; /* the first that is none of success */
	bool waited_for;             /* the storage is the waiter's */
	bool over;
	struct penstock_call calls[]; /* one a piece */
};

static void piece_done(struct penstock_call *call, enum penstock_status status,
		       const ProtobufCMessage *reply)
{
	struct transfer *transfer = call->owner;

	transfer->connection->in.expected -= call->reply == PENSTOCK_FRAME_READ_DATA;
	if (transfer->status == PENSTOCK_STATUS_SUCCESS) {
		transfer->status = status;
	}
	transfer->pieces_left--;
	if (transfer->pieces_left > 0) {
		return;
	}
	transfer->over = true;
	if (transfer->waited_for) {
		return;
	}
	transfer->done(transfer->owner, transfer->status);
	free(transfer);
}

/* What is transferred. */
struct range {
	uint64_t allocation;
	uint64_t offset;
	uint8_t *bytes;
	uint64_t size_bytes;
	bool upload;
	uint32_t flags; /* PENSTOCK_LOCK_ */
};

/* Requests one piece. On failure it was not requested. */
static enum penstock_status start_piece(struct penstock_connection *connection,
					const struct range *range, uint64_t offset, uint32_t size,
					struct penstock_call *call)
{
	struct penstock_request_entry entry = { .kind = PENSTOCK_REQUEST_CALL, .call = call };
	Penstock__Wire__ReadBack read_back = PENSTOCK__WIRE__READ_BACK__INIT;
	Penstock__Wire__Upload upload = PENSTOCK__WIRE__UPLOAD__INIT;
	enum penstock_status status;

	if (!range->upload) {
		read_back.allocation = range->allocation;
		read_back.offset = range->offset + offset;
		read_back.size_bytes = size;
		read_back.flags = range->flags;
		call->reply = PENSTOCK_FRAME_READ_DATA;
		call->destination = range->bytes + offset;
		call->size_bytes = size;
		status = penstock_request_append(connection, PENSTOCK_FRAME_READ_BACK,
						 &read_back.base, &entry, 0);
		connection->in.expected += status == PENSTOCK_STATUS_SUCCESS;
		return status;
	}
	upload.allocation = range->allocation;
	upload.offset = range->offset + offset;
	upload.flags = offset == 0 ? range->flags : range->flags & ~PENSTOCK_LOCK_DISCARD;
	call->reply = PENSTOCK_FRAME_ACK;
	status = penstock_request_append(connection, PENSTOCK_FRAME_UPLOAD, &upload.base, &entry,
					 size);
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    penstock_outbox_borrow(&connection->out, range->bytes + offset, size,
				   connection->requests.last_serial) != 0) {
		/* The frame would be torn. */
		(void)penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
					       "no memory to send an upload");
	}
	return status;
}

/*
 * Requests every piece. Where the first cannot be requested, nothing was done; a later one has no
 * reason to fail but memory, and then the connection and all pieces end.
 */
static enum penstock_status start_pieces(struct transfer *transfer, const struct range *range,
					 uint64_t piece_bytes, uint64_t count)
{
	enum penstock_status status = penstock_connection_make_room(transfer->connection);
	uint64_t made = 0;

	transfer->pieces_left = count;
	while (status == PENSTOCK_STATUS_SUCCESS && made < count) {
		uint64_t offset = made * piece_bytes;
		uint64_t left = range->size_bytes - offset;
		uint32_t size = (uint32_t)(left < piece_bytes ? left : piece_bytes);
		struct penstock_call *call = &transfer->calls[made];

		*call = (struct penstock_call){ .complete = piece_done, .owner = transfer };
		call->failure = transfer->waited_for ? &transfer->connection->call_failure : NULL;
		status = start_piece(transfer->connection, range, offset, size, call);
		made += status == PENSTOCK_STATUS_SUCCESS;
	}
	if (status == PENSTOCK_STATUS_SUCCESS || made == 0) {
		return status;
	}
	(void)penstock_connection_lose(transfer->connection, status,
				       "no memory for the requests of a transfer");
	for (; made < count; made++) {
		struct penstock_call unmade = { .owner = transfer };

		piece_done(&unmade, status, NULL);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status transfer_new(struct penstock_connection *connection,
					 const struct range *range, uint64_t count,
					 struct transfer **ret_transfer)
{
	struct transfer *transfer = NULL;

	if (range->bytes == NULL || range->offset + range->size_bytes < range->offset) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (count < SIZE_MAX / sizeof(transfer->calls[0]) / 2) {
		transfer = malloc(sizeof(*transfer) + count * sizeof(transfer->calls[0]));
	}
	if (transfer == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*transfer = (struct transfer){ .connection = connection };
	*ret_transfer = transfer;
	return PENSTOCK_STATUS_SUCCESS;
}

/* It cannot be taken in part. */
static enum penstock_status check_pieces(const struct range *range, uint64_t count)
{
	return (range->flags & PENSTOCK_LOCK_DONOT_WAIT) != 0 && count > 1
		       ? PENSTOCK_STATUS_LIMIT_EXCEEDED
		       : PENSTOCK_STATUS_SUCCESS;
}

static uint64_t piece_size(const struct penstock_connection *connection)
{
	return connection->max_payload_bytes < PIECE_BYTES ? connection->max_payload_bytes
							   : PIECE_BYTES;
}

static enum penstock_status start(struct penstock_connection *connection, const struct range *range,
				  penstock_transfer_done *done, void *owner)
{
	enum penstock_status status = penstock_connection_usable(connection);
	struct transfer *transfer;
	uint64_t count;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (done == NULL || range->size_bytes == 0) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	count = (range->size_bytes - 1) / piece_size(connection) + 1;
	status = check_pieces(range, count);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = transfer_new(connection, range, count, &transfer);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	transfer->done = done;
	transfer->owner = owner;
	status = start_pieces(transfer, range, piece_size(connection), count);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(transfer);
	}
	return status;
}

static enum penstock_status wait(struct penstock_connection *connection, const struct range *range)
{
	enum penstock_status status = penstock_connection_usable(connection);
	struct transfer *transfer;
	uint64_t count;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (connection->in_callback > 0) {
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	connection->call_failure.status = PENSTOCK_STATUS_SUCCESS;
	if (range->size_bytes == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	count = (range->size_bytes - 1) / piece_size(connection) + 1;
	status = check_pieces(range, count);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = transfer_new(connection, range, count, &transfer);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	transfer->waited_for = true;
	status = start_pieces(transfer, range, piece_size(connection), count);
	while (status == PENSTOCK_STATUS_SUCCESS && !transfer->over) {
		(void)penstock_connection_run(connection, PENSTOCK_FOREVER); /* a loss ends it */
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = transfer->status;
	}
	free(transfer);
	return status;
}

/* ---------------------------------------------------------------- the public part */

static struct range upload_range(uint64_t allocation, uint64_t offset, const void *bytes,
				 uint64_t size_bytes)
{
	return (struct range){
		.allocation = allocation,
		.offset = offset,
		.bytes = (uint8_t *)(uintptr_t)bytes, /* only read */
		.size_bytes = size_bytes,
		.upload = true,
	};
}

static struct range read_range(uint64_t allocation, uint64_t offset, void *bytes,
			       uint64_t size_bytes)
{
	return (struct range){
		.allocation = allocation,
		.offset = offset,
		.bytes = bytes,
		.size_bytes = size_bytes,
	};
}

/* With `done` it starts, without it waits. */
static enum penstock_status run(struct penstock_connection *connection, const struct range *range,
				penstock_transfer_done *done, void *owner)
{
	return done == NULL ? wait(connection, range) : start(connection, range, done, owner);
}

enum penstock_status penstock_allocation_upload(struct penstock_connection *connection,
						uint64_t allocation, uint64_t offset,
						const void *bytes, uint64_t size_bytes)
{
	struct range range = upload_range(allocation, offset, bytes, size_bytes);

	return wait(connection, &range);
}

enum penstock_status penstock_allocation_read_back(struct penstock_connection *connection,
						   uint64_t allocation, uint64_t offset,
						   void *ret_bytes, uint64_t size_bytes)
{
	struct range range = read_range(allocation, offset, ret_bytes, size_bytes);

	return wait(connection, &range);
}

enum penstock_status penstock_allocation_upload_start(struct penstock_connection *connection,
						      uint64_t allocation, uint64_t offset,
						      const void *bytes, uint64_t size_bytes,
						      penstock_transfer_done *done, void *owner)
{
	struct range range = upload_range(allocation, offset, bytes, size_bytes);

	return start(connection, &range, done, owner);
}

enum penstock_status penstock_allocation_read_back_start(struct penstock_connection *connection,
							 uint64_t allocation, uint64_t offset,
							 void *bytes, uint64_t size_bytes,
							 penstock_transfer_done *done, void *owner)
{
	struct range range = read_range(allocation, offset, bytes, size_bytes);

	return start(connection, &range, done, owner);
}

enum penstock_status penstock_allocation_upload_with(struct penstock_connection *connection,
						     uint64_t allocation, uint64_t offset,
						     const void *bytes, uint64_t size_bytes,
						     uint32_t flags, penstock_transfer_done *done,
						     void *owner)
{
	struct range range = upload_range(allocation, offset, bytes, size_bytes);

	range.flags = flags;
	return run(connection, &range, done, owner);
}

enum penstock_status penstock_allocation_read_back_with(struct penstock_connection *connection,
							uint64_t allocation, uint64_t offset,
							void *bytes, uint64_t size_bytes,
							uint32_t flags,
							penstock_transfer_done *done, void *owner)
{
	struct range range = read_range(allocation, offset, bytes, size_bytes);

	range.flags = flags;
	return run(connection, &range, done, owner);
}
