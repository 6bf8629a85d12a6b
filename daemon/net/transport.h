/* SPDX-License-Identifier: MIT */
/*
 * A byte stream, read as units and written as buffers. Loop thread only.
 *
 * "Read exactly n, then call me" without a system call for each n: bytes arrive in one read buffer
 * of the whole loop and are offered to the owner, who takes whole units off the front, many in a
 * row, in place. What is left of an incomplete unit is kept by the transport, in memory that grows
 * with the bytes received and never with what a header announces. A unit's tail can be received
 * straight into memory of the owner (penstock_transport_receive).
 *
 * Writing: what the socket takes at once is written at once; the rest by one request at a time.
 */
#ifndef PENSTOCK_TRANSPORT_H
#define PENSTOCK_TRANSPORT_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

#include <uv.h>

/* The read buffer of a loop; every transport of the loop shares it. */
#define PENSTOCK_READ_BUFFER_BYTES (256u << 10)

struct penstock_read_buffer {
	uint8_t bytes[PENSTOCK_READ_BUFFER_BYTES];
};

struct penstock_transport;

/* Made from the loop only, never from inside a call of the owner but penstock_transport_resume. */
struct penstock_transport_events {
	/*
	 * Takes one unit off the front of `bytes` and returns its size; 0 where it is not whole,
	 * with *ret_need > size: how large it is as far as is known. A whole unit may be left
	 * where it is by 0, *ret_need == size and a pause: it is offered again after the resume.
	 * May call every function below. Not called while paused or closed, or while a receive is
	 * under way.
	 */
	size_t (*take)(struct penstock_transport *transport, const uint8_t *bytes, size_t size,
		       size_t *ret_need);
	/* What penstock_transport_receive asked for is there. */
	void (*received)(struct penstock_transport *transport);
	/* A turn's worth was read: the transport has paused itself, see penstock_transport_resume.
	 */
	void (*yielded)(struct penstock_transport *transport);
	/* End of file (`error` is 0) or an error (errno, negative). Reading is over. */
	void (*ended)(struct penstock_transport *transport, int error);
	/* What penstock_transport_write_rest was given is written, or will never be (negative). */
	void (*written)(struct penstock_transport *transport, int error);
	/* After penstock_transport_close: the memory is the owner's again. */
	void (*closed)(struct penstock_transport *transport);
};

struct penstock_transport {
	union {
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} handle;
	uv_write_t write_request;
	const struct penstock_transport_events *events; /* borrowed, static */
	struct penstock_read_buffer *shared;            /* borrowed, outlives us */
	uint8_t *partial;                               /* owned: an incomplete unit */
	size_t partial_bytes;
	size_t partial_capacity;
	size_t need;          /* size of the unit in `partial`, as far as is known */
	uint8_t *destination; /* borrowed; NULL while `remaining` > 0: bytes are dropped */
	uint64_t remaining;   /* of a receive */
	bool peek;            /* a payload was received into place, the next header was not read */
	bool reading;
	bool paused;
	bool ended;
	bool closing;
};

/*
 * Takes over a connected socket, and starts paused. `unix_socket` says which kind. The descriptor
 * is owned on SUCCESS. SUCCESS, IO_DEVICE_ERROR, NO_MEMORY; after a failure the transport must be
 * closed as well (it holds a handle).
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_transport_open(struct penstock_transport *transport, uv_loop_t *loop,
					     struct penstock_read_buffer *shared,
					     const struct penstock_transport_events *events,
					     bool unix_socket, int descriptor);

/*
 * The next `size_bytes` > 0 bytes go to `destination` (NULL: nowhere), then `received` is called.
 * Only from inside `take`, for the bytes behind the unit that it takes, or while nothing is under
 * way. UINT64_MAX with NULL: everything that still comes is dropped.
 */
void penstock_transport_receive(struct penstock_transport *transport, uint8_t *destination,
				uint64_t size_bytes);

/* Nothing is taken or read until resume. Idempotent. */
void penstock_transport_pause(struct penstock_transport *transport);

/* Goes on: takes what is there already, from inside this call, then reads. Idempotent. */
void penstock_transport_resume(struct penstock_transport *transport);

/*
 * Writes what the socket takes at once. Returns the number of bytes, 0 where it takes none, or a
 * negative error. Not while write_rest is under way.
 */
int64_t penstock_transport_write(struct penstock_transport *transport, const uv_buf_t *buffers,
				 unsigned count);

/* Writes all of it, `written` tells when; the bytes (not the array) are borrowed until then. */
PENSTOCK_MUST_CHECK
int penstock_transport_write_rest(struct penstock_transport *transport, const uv_buf_t *buffers,
				  unsigned count);

/* Shuts down the sending direction. Everything was written before. */
void penstock_transport_shutdown(struct penstock_transport *transport);

/* Closes, whatever is under way: no event but `written` (with an error) and `closed` after this. */
void penstock_transport_close(struct penstock_transport *transport);

#endif
