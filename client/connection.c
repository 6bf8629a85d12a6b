/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection and the one place where it waits.
 *
 * The socket stays in blocking mode; calls on it say MSG_DONTWAIT except where this is the place to
 * wait and there is no deadline. There a send may wait, for PENSTOCK_SEND_WAIT_MS at most, since a
 * daemon that does not read may be waiting for us to read; and where nothing is left to send,
 * waiting is a plain recvmsg, so that an idle round trip costs one write and one read. On a Unix
 * socket it is poll() and recvmsg: there a receive that sleeps is woken also when the other side
 * has read what we sent, for nothing, which costs two switches between the processes; poll() is
 * not.
 */
#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* A program that does not flush: closed batches are sent beyond this, and waited for beyond that.
 */
#define SEND_SOON_BYTES  (64u << 10)
#define UNSENT_MAX_BYTES (4u << 20)
#define SEND_VECTORS     64

int64_t penstock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t penstock_deadline(int32_t timeout_ms)
{
	return timeout_ms < 0 ? PENSTOCK_FOREVER : penstock_now_ms() + timeout_ms;
}

enum penstock_status penstock_connection_usable(const struct penstock_connection *connection)
{
	if (connection == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return connection->state == PENSTOCK_CONNECTION_LOST ? connection->ended
							     : PENSTOCK_STATUS_SUCCESS;
}

void penstock_connection_adopt_socket(struct penstock_connection *connection, int descriptor)
{
	const struct timeval limit = { .tv_usec = PENSTOCK_SEND_WAIT_MS * 1000 };
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (connection->tap.bytes != NULL && connection->welcome != NULL) {
		connection->tap.bytes(connection->tap.owner, false, NULL, 0);
	}
	connection->descriptor = descriptor;
	connection->unix_socket =
		getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
		domain == AF_UNIX;
	(void)setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

void penstock_connection_close_socket(struct penstock_connection *connection)
{
	if (connection->descriptor >= 0) {
		close(connection->descriptor);
		connection->descriptor = -1;
	}
	connection->in.start = 0;
	connection->in.end = 0;
	connection->in.payload = NULL;
	connection->send_failed = false;
	connection->congested = false;
}

enum penstock_status penstock_connection_lose(struct penstock_connection *connection,
					      enum penstock_status status, const char *format, ...)
{
	bool was_open = connection->welcome != NULL && !connection->reconnect.by_hand;
	struct penstock_errbuf sentence;
	va_list arguments;

	if (connection->state == PENSTOCK_CONNECTION_LOST) {
		return connection->ended;
	}
	connection->state = PENSTOCK_CONNECTION_LOST;
	connection->ended = status;
	va_start(arguments, format);
	vsnprintf(sentence.text, sizeof(sentence.text), format, arguments);
	va_end(arguments);
	penstock_text_copy(connection->sentence.text, sizeof(connection->sentence.text),
			   sentence.text);
	penstock_connection_close_socket(connection);
	penstock_requests_abandon(connection, status);
	if (was_open && connection->callbacks.closed != NULL) {
		connection->in_callback++;
		connection->callbacks.closed(connection->callbacks.owner, status,
					     connection->sentence.text);
		connection->in_callback--;
	}
	return status;
}

enum penstock_status penstock_connection_drop(struct penstock_connection *connection,
					      enum penstock_status status, const char *format, ...)
{
	struct penstock_errbuf sentence;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence.text, sizeof(sentence.text), format, arguments);
	va_end(arguments);
	if (!penstock_reconnect_may(connection)) {
		return penstock_connection_lose(connection, status, "%s", sentence.text);
	}
	return penstock_reconnect_lost(connection, status, sentence.text);
}

/* ---------------------------------------------------------------- sending and waiting */

void penstock_connection_tap(const struct penstock_connection *connection, bool sent,
			     const struct iovec *vectors, size_t size_bytes)
{
	const struct penstock_tap *tap = &connection->tap;

	if (tap->bytes == NULL) {
		return;
	}
	while (size_bytes > 0) {
		size_t part = vectors->iov_len < size_bytes ? vectors->iov_len : size_bytes;

		if (part > 0) {
			tap->bytes(tap->owner, sent, vectors->iov_base, part);
		}
		size_bytes -= part;
		vectors++;
	}
}

/* What `error` of a send means. SUCCESS: look at what comes in. */
static enum penstock_status sending_failed(struct penstock_connection *connection, int error)
{
	if (error == EAGAIN) {
		return PENSTOCK_STATUS_PENDING;
	}
	if (error == EPIPE || error == ECONNRESET) {
		/* What the daemon said last is still to be read; reading finds the end. */
		penstock_outbox_advance(&connection->out, connection->out.unsent_bytes);
		connection->hello_sent = connection->hello_bytes;
		connection->send_failed = true;
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (error == EINTR) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	return penstock_connection_drop(connection, penstock_status_from_errno(error),
					"sending failed: %s", strerror(error));
}

static enum penstock_status send_hello(struct penstock_connection *connection, int flags)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	while (status == PENSTOCK_STATUS_SUCCESS && penstock_connection_has_socket(connection) &&
	       connection->hello_sent < connection->hello_bytes) {
		ssize_t sent = send(
			connection->descriptor, connection->hello + connection->hello_sent,
			connection->hello_bytes - connection->hello_sent, MSG_NOSIGNAL | flags);

		if (sent >= 0) {
			const struct iovec hello = {
				.iov_base = connection->hello + connection->hello_sent,
				.iov_len = (size_t)sent,
			};

			penstock_connection_tap(connection, true, &hello, (size_t)sent);
			connection->hello_sent += (size_t)sent;
		} else {
			status = sending_failed(connection, errno);
		}
	}
	return status;
}

static enum penstock_status send_vectors(struct penstock_connection *connection, int flags)
{
	struct iovec vectors[SEND_VECTORS];
	struct msghdr message = { .msg_iov = vectors };

	while (connection->state == PENSTOCK_CONNECTION_OPEN && connection->out.unsent_bytes > 0) {
		enum penstock_status status;
		ssize_t sent;

		message.msg_iovlen =
			(size_t)penstock_outbox_vectors(&connection->out, vectors, SEND_VECTORS);
		sent = sendmsg(connection->descriptor, &message, MSG_NOSIGNAL | flags);
		if (sent >= 0) {
			penstock_connection_tap(connection, true, vectors, (size_t)sent);
			penstock_outbox_advance(&connection->out, (size_t)sent);
			continue;
		}
		status = sending_failed(connection, errno);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* Sends until the socket is full, which `flags` say whether to wait for. */
static enum penstock_status send_all(struct penstock_connection *connection, int flags)
{
	enum penstock_status status = penstock_connection_usable(connection);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	penstock_outbox_close_batch(&connection->out);
	if (connection->state == PENSTOCK_CONNECTION_AWAY) {
		status = PENSTOCK_STATUS_PENDING;
	} else if (connection->state == PENSTOCK_CONNECTION_HELLO) {
		status = send_hello(connection, MSG_DONTWAIT);
	} else {
		status = send_vectors(connection, flags);
	}
	connection->send_at_bytes = connection->out.unsent_bytes + SEND_SOON_BYTES;
	return status;
}

enum penstock_status penstock_connection_send(struct penstock_connection *connection)
{
	return send_all(connection, MSG_DONTWAIT);
}

enum penstock_status penstock_connection_poll(struct penstock_connection *connection, short events,
					      int64_t deadline_ms, short *ret_events)
{
	struct pollfd entry = { .fd = connection->descriptor, .events = events };
	int timeout = -1;
	int ready;

	if (deadline_ms != PENSTOCK_FOREVER) {
		int64_t left = deadline_ms - penstock_now_ms();

		timeout = left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
	}
	ready = poll(&entry, 1, timeout);
	if (ready < 0 && errno != EINTR) {
		return penstock_connection_lose(connection, penstock_status_from_errno(errno),
						"poll failed: %s", strerror(errno));
	}
	if (ready == 0) {
		return PENSTOCK_STATUS_TIMEOUT;
	}
	*ret_events = ready > 0 ? entry.revents : 0;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The wait itself: something comes, or can be sent, or the deadline is over. */
static enum penstock_status wait_and_receive(struct penstock_connection *connection, bool unsent,
					     int64_t deadline_ms)
{
	enum penstock_status status;
	short events = 0;

	if (!unsent && deadline_ms == PENSTOCK_FOREVER &&
	    (!connection->unix_socket || connection->in.payload != NULL)) {
		return penstock_inbox_receive(connection, true);
	}
	status = penstock_connection_poll(connection, unsent ? POLLIN | POLLOUT : POLLIN,
					  deadline_ms, &events);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
		return penstock_inbox_receive(connection, false);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* The connection is being made again: one step of that. */
static enum penstock_status run_reconnect(struct penstock_connection *connection,
					  int64_t deadline_ms)
{
	enum penstock_status status = penstock_reconnect_step(connection);
	int64_t due_ms = penstock_reconnect_due(connection);
	bool by_due = deadline_ms == PENSTOCK_FOREVER || due_ms < deadline_ms;
	short events = 0;

	if (status != PENSTOCK_STATUS_SUCCESS || due_ms == PENSTOCK_FOREVER) {
		return status;
	}
	if (connection->state == PENSTOCK_CONNECTION_AWAY) {
		status = penstock_connection_poll(connection, 0, by_due ? due_ms : deadline_ms,
						  &events);
	} else {
		status = send_all(connection, MSG_DONTWAIT);
		if (status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING) {
			status = wait_and_receive(connection, status == PENSTOCK_STATUS_PENDING,
						  by_due ? due_ms : deadline_ms);
		}
	}
	return status == PENSTOCK_STATUS_TIMEOUT && by_due ? PENSTOCK_STATUS_SUCCESS : status;
}

enum penstock_status penstock_connection_run(struct penstock_connection *connection,
					     int64_t deadline_ms)
{
	enum penstock_status status;

	if (connection->in_callback > 0) {
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	if (PENSTOCK_UNLIKELY(penstock_reconnect_due(connection) != PENSTOCK_FOREVER)) {
		return run_reconnect(connection, deadline_ms);
	}
	/*
	 * A send that waits keeps the socket full. Where it ran into the socket's time limit, the
	 * daemon is not reading: from then on what comes in counts as much, until all is sent.
	 */
	connection->congested &= connection->out.unsent_bytes > 0;
	status = send_all(connection, deadline_ms == PENSTOCK_FOREVER && !connection->congested
					      ? 0
					      : MSG_DONTWAIT);
	connection->congested |= status == PENSTOCK_STATUS_PENDING;
	if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
		return status;
	}
	if (!penstock_connection_has_socket(connection)) {
		return PENSTOCK_STATUS_SUCCESS; /* lost while it was sent: look again */
	}
	return wait_and_receive(connection, status == PENSTOCK_STATUS_PENDING, deadline_ms);
}

enum penstock_status penstock_connection_make_room(struct penstock_connection *connection)
{
	enum penstock_status status = penstock_connection_usable(connection);

	if (status != PENSTOCK_STATUS_SUCCESS ||
	    (connection->out.unsent_bytes < connection->send_at_bytes &&
	     connection->out.unsent_bytes < UNSENT_MAX_BYTES)) {
		return status;
	}
	status = penstock_connection_send(connection);
	if (status != PENSTOCK_STATUS_PENDING || connection->out.unsent_bytes < UNSENT_MAX_BYTES) {
		return status == PENSTOCK_STATUS_PENDING ? PENSTOCK_STATUS_SUCCESS : status;
	}
	if (!connection->blocking || connection->in_callback > 0) {
		return PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER;
	}
	do {
		status = penstock_connection_run(connection, PENSTOCK_FOREVER);
	} while (status == PENSTOCK_STATUS_SUCCESS &&
		 connection->out.unsent_bytes >= UNSENT_MAX_BYTES);
	return status;
}

/* ---------------------------------------------------------------- the public part */

/* Nothing is sent while the connection is being made again. */
static enum penstock_status send_or_wait(struct penstock_connection *connection)
{
	enum penstock_status status = penstock_connection_send(connection);

	return status == PENSTOCK_STATUS_SUCCESS && connection->state != PENSTOCK_CONNECTION_OPEN
		       ? PENSTOCK_STATUS_PENDING
		       : status;
}

enum penstock_status penstock_connection_flush(struct penstock_connection *connection)
{
	enum penstock_status status = penstock_connection_usable(connection);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = send_or_wait(connection);
	if (!connection->blocking || connection->in_callback > 0) {
		return status;
	}
	while (status == PENSTOCK_STATUS_PENDING) {
		status = penstock_connection_run(connection, PENSTOCK_FOREVER);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = send_or_wait(connection);
		}
	}
	return status;
}

enum penstock_status penstock_connection_dispatch(struct penstock_connection *connection)
{
	enum penstock_status status = penstock_connection_usable(connection);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (connection->in_callback > 0) {
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	status = penstock_reconnect_step(connection);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_connection_send(connection);
	}
	if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
		return status;
	}
	return penstock_connection_has_socket(connection)
		       ? penstock_inbox_receive(connection, false)
		       : penstock_connection_usable(connection);
}

enum penstock_status penstock_connection_wait(struct penstock_connection *connection,
					      int32_t timeout_ms)
{
	enum penstock_status status = penstock_connection_usable(connection);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_connection_run(connection, penstock_deadline(timeout_ms));
}

int penstock_connection_descriptor(const struct penstock_connection *connection)
{
	return connection == NULL ? -1 : connection->descriptor;
}

short penstock_connection_events(const struct penstock_connection *connection)
{
	if (connection == NULL || !penstock_connection_has_socket(connection)) {
		return 0;
	}
	if (connection->state == PENSTOCK_CONNECTION_HELLO) {
		return connection->hello_sent < connection->hello_bytes ? POLLIN | POLLOUT : POLLIN;
	}
	if (connection->out.unsent_bytes > 0 || connection->out.batch_count > 0) {
		return POLLIN | POLLOUT;
	}
	return POLLIN;
}

int32_t penstock_connection_timeout(const struct penstock_connection *connection)
{
	int64_t due_ms = connection == NULL ? PENSTOCK_FOREVER : penstock_reconnect_due(connection);
	int64_t left;

	if (due_ms == PENSTOCK_FOREVER) {
		return PENSTOCK_FOREVER;
	}
	left = due_ms - penstock_now_ms();
	return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int32_t)left;
}

void penstock_connection_set_blocking(struct penstock_connection *connection, bool blocking)
{
	if (connection != NULL) {
		connection->blocking = blocking;
	}
}

void penstock_connection_set_callbacks(struct penstock_connection *connection,
				       const struct penstock_callbacks *callbacks)
{
	if (connection != NULL) {
		connection->callbacks = callbacks == NULL
						? (struct penstock_callbacks){ .owner = NULL }
						: *callbacks;
	}
}

enum penstock_status penstock_connection_status(const struct penstock_connection *connection,
						const char **ret_sentence)
{
	enum penstock_status status = penstock_connection_usable(connection);

	if (ret_sentence != NULL) {
		*ret_sentence = connection == NULL || status == PENSTOCK_STATUS_SUCCESS
					? ""
					: connection->sentence.text;
	}
	return status;
}

void penstock_connection_close(struct penstock_connection *connection)
{
	if (connection == NULL || connection->in_callback > 0) {
		return;
	}
	connection->callbacks.closed = NULL; /* the caller knows */
	penstock_connection_lose(connection, PENSTOCK_STATUS_CANCELLED, "closed by the program");
	penstock_connection_close_socket(connection);
	penstock_outbox_fini(&connection->out);
	penstock_outbox_fini(&connection->reconnect.asked);
	penstock_inbox_fini(&connection->in);
	penstock_requests_fini(&connection->requests);
	penstock_contexts_fini(&connection->contexts);
	penstock_sync_states_fini(&connection->sync_states);
	penstock_names_fini(&connection->names);
	if (connection->welcome != NULL) {
		penstock__wire__welcome__free_unpacked(connection->welcome, NULL);
	}
	free(connection->hello);
	free(connection->server);
	free(connection->client);
	free(connection);
}
