/* SPDX-License-Identifier: MIT */
#include "daemon/net/transport.h"

#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* An idle connection keeps no more than this of its last incomplete unit. */
#define KEPT_PARTIAL_BYTES 4096u
/* The least that a unit too large for the read buffer is given to grow into. */
#define PARTIAL_STEP_BYTES (64u << 10)
/*
 * Behind an upload there is often another: the next read takes no more than this, enough for its
 * header, so that its bytes are received into place and not copied there from the read buffer.
 */
#define PEEK_BYTES 4096u
/* One system call reads at most this much of a payload. */
#define RECEIVE_STEP_BYTES (16u << 20)

static void read_cb(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static struct penstock_transport *from_handle(void *handle)
{
	return penstock_container_of(handle, struct penstock_transport, handle);
}

static bool active(const struct penstock_transport *transport)
{
	return !transport->closing && !transport->ended && !transport->paused;
}

static enum penstock_status init(struct penstock_transport *transport, uv_loop_t *loop,
				 struct penstock_read_buffer *shared,
				 const struct penstock_transport_events *events, bool unix_socket)
{
	int error;

	*transport = (struct penstock_transport){
		.shared = shared,
		.events = events,
		.paused = true,
	};
	error = unix_socket ? uv_pipe_init(loop, &transport->handle.pipe, 0)
			    : uv_tcp_init(loop, &transport->handle.tcp);
	PENSTOCK_REQUIRE(error == 0); /* neither opens anything */
	return PENSTOCK_STATUS_SUCCESS;
}

/*
 * TCP: an answer is one write, the kernel has nothing to gather; its buffers it tunes itself. A
 * Unix socket's buffer is so large that the bytes of a read-back need few writes; the kernel may
 * grant less.
 */
static void set_options(struct penstock_transport *transport, bool unix_socket)
{
	int size = PENSTOCK_LIMIT_SEND_BUFFER_BYTES;

	if (unix_socket) {
		(void)uv_send_buffer_size((uv_handle_t *)&transport->handle.pipe, &size);
	} else {
		(void)uv_tcp_nodelay(&transport->handle.tcp, 1);
	}
}

enum penstock_status penstock_transport_open(struct penstock_transport *transport, uv_loop_t *loop,
					     struct penstock_read_buffer *shared,
					     const struct penstock_transport_events *events,
					     bool unix_socket, int descriptor)
{
	enum penstock_status status = init(transport, loop, shared, events, unix_socket);
	int error;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	error = unix_socket ? uv_pipe_open(&transport->handle.pipe, descriptor)
			    : uv_tcp_open(&transport->handle.tcp, descriptor);
	if (error != 0) {
		return penstock_status_from_errno(error);
	}
	set_options(transport, unix_socket);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- reading */

static void stop_reading(struct penstock_transport *transport)
{
	if (transport->reading) {
		uv_read_stop(&transport->handle.stream);
		transport->reading = false;
	}
}

static void report_end(struct penstock_transport *transport, int error)
{
	stop_reading(transport);
	transport->ended = true;
	transport->events->ended(transport, error);
}

static void count_received(struct penstock_transport *transport, uint64_t size)
{
	if (transport->remaining != UINT64_MAX) {
		transport->remaining -= size;
	}
	if (transport->destination != NULL) {
		transport->destination += size;
	}
	if (transport->remaining == 0) {
		transport->destination = NULL;
		transport->events->received(transport);
	}
}

/* Returns how many bytes of the front the owner has had. */
static size_t offer(struct penstock_transport *transport, const uint8_t *bytes, size_t size)
{
	size_t used = 0;

	while (used < size && active(transport)) {
		size_t taken;

		if (transport->remaining > 0) {
			taken = transport->remaining < size - used ? (size_t)transport->remaining
								   : size - used;
			if (transport->destination != NULL) {
				memcpy(transport->destination, bytes + used, taken);
			}
			used += taken;
			count_received(transport, taken);
			continue;
		}
		taken = transport->events->take(transport, bytes + used, size - used,
						&transport->need);
		if (taken == 0) {
			break;
		}
		PENSTOCK_REQUIRE(taken <= size - used);
		used += taken;
	}
	return used;
}

static bool grow_partial(struct penstock_transport *transport, size_t capacity)
{
	uint8_t *block;

	if (capacity <= transport->partial_capacity) {
		return true;
	}
	block = realloc(transport->partial, capacity);
	if (block == NULL) {
		return false;
	}
	transport->partial = block;
	transport->partial_capacity = capacity;
	return true;
}

static void drop_partial(struct penstock_transport *transport)
{
	transport->partial_bytes = 0;
	if (transport->partial_capacity > KEPT_PARTIAL_BYTES) {
		free(transport->partial);
		transport->partial = NULL;
		transport->partial_capacity = 0;
	}
}

/* Keeps what the owner did not take of bytes that are not in `partial`. */
static void keep(struct penstock_transport *transport, const uint8_t *bytes, size_t size)
{
	if (size == 0 || transport->closing || transport->ended) {
		return;
	}
	if (!grow_partial(transport, size)) {
		report_end(transport, UV_ENOMEM);
		return;
	}
	memcpy(transport->partial, bytes, size);
	transport->partial_bytes = size;
}

/* Offers what is in `partial`; afterwards it holds one incomplete unit or nothing. */
static void offer_partial(struct penstock_transport *transport)
{
	size_t size = transport->partial_bytes;
	size_t used = offer(transport, transport->partial, size);

	if (used == size) {
		drop_partial(transport);
		return;
	}
	if (used > 0) { /* a large unit that is taken in turns is not moved each time */
		memmove(transport->partial, transport->partial + used, size - used);
		transport->partial_bytes = size - used;
	}
}

static bool fits_shared(const struct penstock_transport *transport)
{
	return transport->need <= sizeof(transport->shared->bytes);
}

static uv_buf_t buffer_of(uint8_t *bytes, size_t size)
{
	return uv_buf_init((char *)bytes, (unsigned)size);
}

/* Where a unit too large for the read buffer goes on: doubles, up to its own size. */
static uv_buf_t large_unit_buffer(struct penstock_transport *transport)
{
	size_t capacity = transport->partial_capacity;

	if (transport->partial_bytes == capacity) {
		capacity += capacity > PARTIAL_STEP_BYTES ? capacity : PARTIAL_STEP_BYTES;
		capacity = capacity < transport->need ? capacity : transport->need;
		if (!grow_partial(transport, capacity)) {
			return buffer_of(NULL, 0); /* read_cb gets UV_ENOBUFS */
		}
	}
	capacity = capacity < transport->need ? capacity : transport->need;
	return buffer_of(transport->partial + transport->partial_bytes,
			 capacity - transport->partial_bytes);
}

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
	struct penstock_transport *transport = from_handle(handle);
	uint8_t *shared = transport->shared->bytes;
	size_t before = transport->partial_bytes;
	size_t room = sizeof(transport->shared->bytes) - before;

	(void)suggested;
	if (transport->remaining > 0 && transport->destination != NULL) {
		*ret_buffer =
			buffer_of(transport->destination, transport->remaining < RECEIVE_STEP_BYTES
								  ? (size_t)transport->remaining
								  : RECEIVE_STEP_BYTES);
		return;
	}
	if (before > 0 && !fits_shared(transport)) {
		*ret_buffer = large_unit_buffer(transport);
		return;
	}
	/* In front of the new bytes stands what is there of their unit; read_cb relies on it. */
	if (before > 0) {
		memcpy(shared, transport->partial, before);
	}
	*ret_buffer = buffer_of(shared + before,
				transport->peek && room > PEEK_BYTES ? PEEK_BYTES : room);
}

static void read_shared(struct penstock_transport *transport, size_t count)
{
	const uint8_t *shared = transport->shared->bytes;
	size_t size = transport->partial_bytes + count;
	size_t used;

	drop_partial(transport);
	transport->peek = false;
	used = offer(transport, shared, size);
	keep(transport, shared + used, size - used);
	if (size == sizeof(transport->shared->bytes) && active(transport)) {
		/* more is waiting, but so are the other connections of this turn */
		penstock_transport_pause(transport);
		transport->events->yielded(transport);
	}
}

static void read_cb(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct penstock_transport *transport = from_handle(stream);

	if (count == 0 || transport->closing) {
		return; /* nothing to read after all */
	}
	if (count < 0) {
		report_end(transport, count == UV_EOF ? 0 : (int)count);
		return;
	}
	if ((uint8_t *)buffer->base == transport->destination) {
		transport->peek = true;
		count_received(transport, (uint64_t)count);
		return;
	}
	if (transport->partial_bytes > 0 && !fits_shared(transport)) {
		transport->partial_bytes += (size_t)count;
		if (transport->partial_bytes == transport->need) {
			offer_partial(transport);
		}
		return;
	}
	read_shared(transport, (size_t)count);
}

void penstock_transport_receive(struct penstock_transport *transport, uint8_t *destination,
				uint64_t size_bytes)
{
	PENSTOCK_REQUIRE(size_bytes > 0);
	transport->destination = destination;
	transport->remaining = size_bytes;
}

void penstock_transport_pause(struct penstock_transport *transport)
{
	transport->paused = true;
	stop_reading(transport);
}

void penstock_transport_resume(struct penstock_transport *transport)
{
	int error;

	if (!transport->paused || transport->closing || transport->ended) {
		return;
	}
	transport->paused = false;
	if (transport->partial_bytes > 0) {
		offer_partial(transport);
	}
	if (!active(transport) || transport->reading) {
		return;
	}
	error = uv_read_start(&transport->handle.stream, alloc_cb, read_cb);
	if (error != 0) {
		report_end(transport, error);
		return;
	}
	transport->reading = true;
}

/* ---------------------------------------------------------------- writing */

int64_t penstock_transport_write(struct penstock_transport *transport, const uv_buf_t *buffers,
				 unsigned count)
{
	int written;

	PENSTOCK_REQUIRE(!transport->closing);
	written = uv_try_write(&transport->handle.stream, buffers, count);
	return written == UV_EAGAIN ? 0 : written;
}

static void write_cb(uv_write_t *request, int error)
{
	struct penstock_transport *transport =
		penstock_container_of(request, struct penstock_transport, write_request);

	transport->events->written(transport, error);
}

int penstock_transport_write_rest(struct penstock_transport *transport, const uv_buf_t *buffers,
				  unsigned count)
{
	PENSTOCK_REQUIRE(!transport->closing);
	return uv_write(&transport->write_request, &transport->handle.stream, buffers, count,
			write_cb);
}

void penstock_transport_shutdown(struct penstock_transport *transport)
{
	uv_os_fd_t descriptor;

	if (!transport->closing &&
	    uv_fileno((uv_handle_t *)&transport->handle.stream, &descriptor) == 0) {
		(void)shutdown(descriptor, SHUT_WR);
	}
}

static void close_cb(uv_handle_t *handle)
{
	struct penstock_transport *transport = from_handle(handle);

	free(transport->partial);
	transport->partial = NULL;
	transport->events->closed(transport);
}

void penstock_transport_close(struct penstock_transport *transport)
{
	if (transport->closing) {
		return;
	}
	transport->closing = true;
	transport->reading = false;
	uv_close((uv_handle_t *)&transport->handle.stream, close_cb);
}
