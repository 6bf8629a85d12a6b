/* SPDX-License-Identifier: MIT */
#include "daemon/net/connection.h"

#include "daemon/net/admin.h"
#include "daemon/net/dispatch.h"
#include "proto/wire/penstock.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* So many connections beyond the limit hear at a time why they are closed. */
#define TOLD_OF_LIMIT 64u

static const bool moves[PENSTOCK_CONNECTION_STATE_MAX][PENSTOCK_CONNECTION_STATE_MAX] = {
	[PENSTOCK_CONNECTION_HELLO] = { [PENSTOCK_CONNECTION_OPEN] = true,
					[PENSTOCK_CONNECTION_CLOSING] = true },
	[PENSTOCK_CONNECTION_OPEN] = { [PENSTOCK_CONNECTION_CLOSING] = true },
};

static void move(struct penstock_connection *connection, enum penstock_connection_state state)
{
	PENSTOCK_REQUIRE(moves[connection->state][state]);
	connection->state = state;
}

void penstock_connection_dirty(struct penstock_connection *connection)
{
	if (penstock_list_empty(&connection->dirty_link)) {
		penstock_list_append(&connection->net->dirty, &connection->dirty_link);
		penstock_net_awake(connection->net);
	}
}

void penstock_connection_break(struct penstock_connection *connection)
{
	connection->broken = true;
	penstock_connection_dirty(connection);
}

/* ---------------------------------------------------------------- room for large units */

/*
 * A unit larger than the read buffer is kept until it is whole. All of a principal's together are
 * bounded: who would go over that is not read until another of them is whole or gone. Each waits
 * with nothing reserved, so that they cannot wait for one another.
 */
static bool reserve_room(struct penstock_connection *connection, size_t unit)
{
	uint64_t reserved = unit;

	if (connection->reserved_bytes > 0 || unit <= PENSTOCK_READ_BUFFER_BYTES) {
		return true;
	}
	penstock_list_for_each (link, &connection->net->connections) {
		const struct penstock_connection *other =
			penstock_list_entry(link, struct penstock_connection, link);

		reserved += other->uid == connection->uid ? other->reserved_bytes : 0;
	}
	if (reserved > PENSTOCK_LIMIT_RECEIVING_BYTES) {
		connection->waits_for_room = true;
		return false;
	}
	connection->reserved_bytes = (uint32_t)unit;
	return true;
}

static void give_back_room(struct penstock_connection *connection)
{
	if (connection->reserved_bytes == 0) {
		return;
	}
	connection->reserved_bytes = 0;
	penstock_list_for_each (link, &connection->net->connections) {
		struct penstock_connection *other =
			penstock_list_entry(link, struct penstock_connection, link);

		if (other->waits_for_room && other->uid == connection->uid) {
			other->waits_for_room = false;
			penstock_connection_dirty(other);
		}
	}
}

/* ---------------------------------------------------------------- closing */

void penstock_connection_maybe_closed(struct penstock_connection *connection)
{
	struct penstock_net *net = connection->net;

	if (!connection->transport_gone || !connection->timer_gone) {
		return;
	}
	if (connection->pending > 0) {
		return; /* objects hold requests of ours */
	}
	PENSTOCK_REQUIRE(connection->session == NULL);
	penstock_list_remove(&connection->link);
	penstock_list_remove(&connection->dirty_link);
	net->refused_count -= connection->refused;
	net->counters.bytes_written += connection->outbox.chain.bytes_written;
	penstock_outbox_fini(&connection->outbox);
	free(connection);
	net->connection_count--;
	penstock_net_maybe_stopped(net);
}

static void timer_closed(uv_handle_t *handle)
{
	struct penstock_connection *connection = handle->data;

	connection->timer_gone = true;
	penstock_connection_maybe_closed(connection);
}

static void close_handles(struct penstock_connection *connection)
{
	if (!connection->transport.closing) {
		uv_close((uv_handle_t *)&connection->timer, timer_closed);
		penstock_transport_close(&connection->transport);
	}
}

static void give_back_session(struct penstock_connection *connection)
{
	struct penstock_session *session = connection->session;

	connection->session = NULL;
	if (session == NULL) {
		return;
	}
	if (connection->goodbye) {
		penstock_session_end(session);
	} else {
		penstock_session_disconnect(session);
	}
}

static void tear_upload(struct penstock_connection *connection)
{
	struct penstock_reply *reply = connection->upload;

	if (reply != NULL) {
		connection->upload = NULL;
		(void)penstock_upload_end(&reply->request, true);
		penstock_reply_late(&connection->outbox, reply, PENSTOCK_STATUS_CANCELLED);
	}
}

static void count_broken(struct penstock_connection *connection, enum penstock_status status)
{
	if (status == PENSTOCK_STATUS_MALFORMED_FRAME || status == PENSTOCK_STATUS_WRONG_SERIAL ||
	    status == PENSTOCK_STATUS_TIMEOUT) {
		connection->net->counters.connections_broken++;
	}
}

static bool say_closing(struct penstock_connection *connection, enum penstock_status status,
			const char *sentence)
{
	Penstock__Wire__Closing message = PENSTOCK__WIRE__CLOSING__INIT;

	message.status = penstock_status_to_wire(status);
	message.sentence = (char *)sentence;
	return penstock_outbox_frame(&connection->outbox, PENSTOCK_FRAME_CLOSING, 0,
				     &message.base) == PENSTOCK_STATUS_SUCCESS;
}

static void timer_cb(uv_timer_t *timer);

void penstock_connection_stop(struct penstock_connection *connection, enum penstock_status status,
			      const char *sentence)
{
	bool reading = penstock_outbox_reading(&connection->outbox);

	if (connection->state == PENSTOCK_CONNECTION_CLOSING) {
		return;
	}
	move(connection, PENSTOCK_CONNECTION_CLOSING);
	count_broken(connection, status);
	give_back_room(connection);
	tear_upload(connection);
	penstock_admin_trace_end(connection);
	penstock_admin_capture_cancel(connection);
	penstock_outbox_stop(&connection->outbox);
	give_back_session(connection);
	/* in the middle of a read-back's bytes there is no place for a word */
	if (sentence == NULL || reading || connection->transport.ended ||
	    !say_closing(connection, status, sentence)) {
		close_handles(connection);
		return;
	}
	penstock_transport_receive(&connection->transport, NULL, UINT64_MAX);
	(void)uv_timer_start(&connection->timer, timer_cb, connection->net->config.closing_ms, 0);
	penstock_connection_dirty(connection);
}

/* ---------------------------------------------------------------- a turn's work */

/*
 * Pipelines take long to make, and nothing can be drawn with one before: a submission waits for
 * those before it, and so does what takes a name away. One more of them waits where there are many.
 */
static bool waits_for_pipelines(const struct penstock_connection *connection, uint16_t type)
{
	if (connection->session == NULL) {
		return false;
	}
	switch (type) {
	case PENSTOCK_FRAME_SUBMIT:
	case PENSTOCK_FRAME_DESTROY:
		return penstock_session_makes_pipelines(connection->session);
	case PENSTOCK_FRAME_CREATE_PIPELINE:
		return penstock_session_makes_many_pipelines(connection->session);
	default:
		return false;
	}
}

/* Inside of an upload nobody stops: what it takes is counted already. */
static bool over_limit(const struct penstock_connection *connection)
{
	if (connection->upload != NULL) {
		return false;
	}
	if (connection->waits_for_room || penstock_outbox_full(&connection->outbox)) {
		return true;
	}
	return connection->session != NULL &&
	       (penstock_session_over_credit(connection->session) ||
		(connection->waits_for_gate && penstock_session_gated(connection->session)) ||
		waits_for_pipelines(connection, connection->held_up));
}

static void work_closing(struct penstock_connection *connection)
{
	if (connection->transport.closing) {
		return;
	}
	if (penstock_chain_flush(&connection->outbox.chain) != 0) {
		close_handles(connection);
		return;
	}
	if (penstock_outbox_empty(&connection->outbox) && !connection->shut) {
		connection->shut = true;
		penstock_transport_shutdown(&connection->transport);
	}
	penstock_transport_resume(&connection->transport);
}

static bool tell_refusal(void *owner, uint64_t serial, const struct penstock_refusal *refusal)
{
	struct penstock_connection *connection = owner;

	return penstock_outbox_greet_refusal(&connection->outbox, serial, refusal) ==
	       PENSTOCK_STATUS_SUCCESS;
}

/* Now that everything up to the Welcome's serial has its answer. False: no memory. */
static bool tell_stored(struct penstock_connection *connection)
{
	const struct penstock_outbox *outbox = &connection->outbox;

	if (!connection->tells_stored || !penstock_outbox_may_greet(outbox)) {
		return true;
	}
	connection->tells_stored = false;
	return penstock_session_refusals(connection->session, outbox->acked,
					 outbox->greeting_serial, tell_refusal, connection);
}

static void work_flush(struct penstock_connection *connection)
{
	bool ack_waits;

	connection->outbox.session_kept =
		connection->session == NULL || penstock_session_kept(connection->session);
	if (connection->session != NULL) {
		penstock_outbox_durable(&connection->outbox,
					penstock_session_durable_serial(connection->session));
	} else {
		penstock_outbox_durable(&connection->outbox, connection->outbox.executed);
	}
	if (!tell_stored(connection)) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_NO_MEMORY, "out of memory");
		return;
	}
	if (penstock_outbox_flush(&connection->outbox, &ack_waits) != 0) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_CONNECTION_DISCONNECTED, NULL);
		return;
	}
	if (ack_waits && !uv_is_active((uv_handle_t *)&connection->timer)) {
		(void)uv_timer_start(&connection->timer, timer_cb,
				     connection->net->config.ack_delay_ms, 0);
	}
	if (connection->transport.paused && !over_limit(connection)) {
		penstock_connection_dirty(
			connection); /* writing made room: read on in the next turn */
	}
}

void penstock_connection_work(struct penstock_connection *connection)
{
	if (connection->broken) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_NO_MEMORY, "out of memory");
	}
	if (connection->state != PENSTOCK_CONNECTION_CLOSING && !over_limit(connection)) {
		penstock_transport_resume(&connection->transport);
	}
	if (connection->state == PENSTOCK_CONNECTION_CLOSING) {
		work_closing(connection);
	} else {
		work_flush(connection);
	}
}

static void timer_cb(uv_timer_t *timer)
{
	struct penstock_connection *connection = timer->data;

	switch (connection->state) {
	case PENSTOCK_CONNECTION_HELLO:
		penstock_connection_stop(connection, PENSTOCK_STATUS_TIMEOUT, "no hello in time");
		break;
	case PENSTOCK_CONNECTION_OPEN:
		penstock_outbox_ack_due(&connection->outbox);
		penstock_connection_dirty(connection);
		break;
	case PENSTOCK_CONNECTION_CLOSING:
		close_handles(connection);
		break;
	case PENSTOCK_CONNECTION_STATE_MAX:
		break;
	}
}

/* ---------------------------------------------------------------- the transport's events */

static struct penstock_connection *from_transport(struct penstock_transport *transport)
{
	return penstock_container_of(transport, struct penstock_connection, transport);
}

static size_t unit_bytes(const struct penstock_frame *frame,
			 const struct penstock_dispatch_row *row)
{
	size_t size = PENSTOCK_FRAME_HEADER_BYTES + (size_t)frame->message_bytes;

	return row->payload == PENSTOCK_PAYLOAD_STREAMED ? size : size + frame->payload_bytes;
}

/* A refused upload's bytes still come; they go nowhere. */
static void skip_payload(struct penstock_connection *connection, const struct penstock_frame *frame)
{
	if (connection->state != PENSTOCK_CONNECTION_CLOSING && connection->upload == NULL &&
	    frame->payload_bytes > 0) {
		penstock_transport_receive(&connection->transport, NULL, frame->payload_bytes);
	}
}

/*
 * What a Destroy takes away must not be gone after a crash that undoes the acceptance of a
 * submission before it: that one is sent again, and would not find it. `durable` goes on.
 */
static bool must_wait(struct penstock_connection *connection, uint16_t type)
{
	connection->held_up = waits_for_pipelines(connection, type) ? type : 0;
	connection->waits_for_gate = type == PENSTOCK_FRAME_DESTROY &&
				     connection->session != NULL &&
				     penstock_session_gated(connection->session);
	return connection->waits_for_gate || connection->held_up != 0;
}

static void pause_over_limit(struct penstock_connection *connection)
{
	if (connection->state != PENSTOCK_CONNECTION_CLOSING && over_limit(connection)) {
		connection->net->counters.reading_stopped++;
		penstock_transport_pause(&connection->transport);
	}
}

/*
 * The frame was given its turn. Returns what of it is used up: all, or nothing yet where more of
 * its submissions are to come in the next turn, behind what the other connections want in this one.
 */
static size_t frame_used(struct penstock_connection *connection, size_t unit, size_t *ret_need)
{
	penstock_connection_dirty(connection);
	if (connection->submit.count > 0 && connection->state != PENSTOCK_CONNECTION_CLOSING) {
		connection->net->counters.frames_continued++;
		penstock_transport_pause(&connection->transport);
		*ret_need = unit;
		return 0;
	}
	give_back_room(connection);
	pause_over_limit(connection);
	return unit;
}

static size_t take(struct penstock_transport *transport, const uint8_t *bytes, size_t size,
		   size_t *ret_need)
{
	struct penstock_connection *connection = from_transport(transport);
	const struct penstock_dispatch_row *row;
	struct penstock_errbuf text;
	struct penstock_frame frame;
	const uint8_t *message = bytes + PENSTOCK_FRAME_HEADER_BYTES;
	size_t unit;

	if (size < PENSTOCK_FRAME_HEADER_BYTES) {
		*ret_need = PENSTOCK_FRAME_HEADER_BYTES;
		return 0;
	}
	if (penstock_frame_decode(bytes, &frame, &text) != PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_MALFORMED_FRAME, text.text);
		return size;
	}
	if (connection->submit.count > 0) {
		penstock_submit_go_on(connection, &frame, message + frame.message_bytes);
		return frame_used(connection,
				  PENSTOCK_FRAME_HEADER_BYTES + (size_t)frame.message_bytes +
					  frame.payload_bytes,
				  ret_need);
	}
	row = penstock_dispatch_admit(connection, &frame);
	if (row == NULL) {
		return size;
	}
	unit = unit_bytes(&frame, row);
	if (size < unit) {
		*ret_need = unit;
		if (!reserve_room(connection, unit)) {
			connection->net->counters.reading_stopped++;
			penstock_transport_pause(transport);
		}
		return 0;
	}
	if (must_wait(connection, frame.type)) {
		penstock_transport_pause(transport);
		*ret_need = unit;
		return 0;
	}
	connection->net->counters.frames++;
	penstock_dispatch(connection, &frame, message, message + frame.message_bytes);
	if (row->payload == PENSTOCK_PAYLOAD_STREAMED) {
		skip_payload(connection, &frame);
	}
	return frame_used(connection, unit, ret_need);
}

static void received(struct penstock_transport *transport)
{
	struct penstock_connection *connection = from_transport(transport);
	struct penstock_reply *reply = connection->upload;
	enum penstock_status status;

	penstock_connection_dirty(connection);
	if (reply == NULL) {
		return; /* what was dropped is over */
	}
	connection->upload = NULL;
	connection->pending++;
	status = penstock_upload_end(&reply->request, false);
	if (status != PENSTOCK_STATUS_PENDING) {
		reply->request.done(&reply->request, status);
	}
	pause_over_limit(connection);
}

static void yielded(struct penstock_transport *transport)
{
	penstock_connection_dirty(from_transport(transport));
}

static void ended(struct penstock_transport *transport, int error)
{
	struct penstock_connection *connection = from_transport(transport);

	(void)error; /* whichever it was: the peer is not there any more */
	if (connection->state == PENSTOCK_CONNECTION_CLOSING) {
		close_handles(connection);
		return;
	}
	penstock_connection_stop(connection, PENSTOCK_STATUS_CONNECTION_DISCONNECTED, NULL);
}

static void written(struct penstock_transport *transport, int error)
{
	struct penstock_connection *connection = from_transport(transport);

	if (transport->closing) {
		connection->outbox.chain.writing = false;
		return;
	}
	if (penstock_outbox_written(&connection->outbox, error) == 0) {
		penstock_connection_dirty(connection);
	} else if (connection->state == PENSTOCK_CONNECTION_CLOSING) {
		close_handles(connection);
	} else {
		penstock_connection_stop(connection, PENSTOCK_STATUS_CONNECTION_DISCONNECTED, NULL);
	}
}

static void transport_closed(struct penstock_transport *transport)
{
	struct penstock_connection *connection = from_transport(transport);

	connection->transport_gone = true;
	penstock_connection_maybe_closed(connection);
}

static const struct penstock_transport_events transport_events = {
	.take = take,
	.received = received,
	.yielded = yielded,
	.ended = ended,
	.written = written,
	.closed = transport_closed,
};

/* ---------------------------------------------------------------- the session's events */

static void session_fence(void *owner, uint64_t context_name, uint64_t fence,
			  enum penstock_status status)
{
	struct penstock_connection *connection = owner;

	if (connection->state != PENSTOCK_CONNECTION_OPEN) {
		return;
	}
	connection->net->counters.fences++;
	penstock_connection_dirty(connection);
	if (penstock_outbox_fence(&connection->outbox, context_name, fence, status) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_break(connection);
	}
}

static void session_sync_value(void *owner, uint64_t object_name, uint64_t value,
			       enum penstock_status status)
{
	struct penstock_connection *connection = owner;

	if (connection->state != PENSTOCK_CONNECTION_OPEN) {
		return;
	}
	penstock_connection_dirty(connection);
	if (penstock_outbox_sync_value(&connection->outbox, object_name, value, status) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_break(connection);
	}
}

static void session_resume(void *owner)
{
	penstock_connection_dirty(owner);
}

static void session_durable(void *owner, uint64_t serial)
{
	struct penstock_connection *connection = owner;

	penstock_outbox_durable(&connection->outbox, serial);
	penstock_connection_dirty(connection);
}

static void session_ended(void *owner, enum penstock_status status, const char *sentence)
{
	struct penstock_connection *connection = owner;

	if (connection->state == PENSTOCK_CONNECTION_CLOSING) {
		return;
	}
	connection->session = NULL; /* it is somebody else's, or gone: nothing to give back */
	penstock_connection_stop(connection, status, sentence);
}

struct penstock_session_events penstock_connection_events(struct penstock_connection *connection)
{
	return (struct penstock_session_events){
		.owner = connection,
		.fence = session_fence,
		.sync_value = session_sync_value,
		.resume = session_resume,
		.durable = session_durable,
		.ended = session_ended,
	};
}

/* ---------------------------------------------------------------- opening */

static void learn_peer(struct penstock_connection *connection, bool unix_socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	uv_os_fd_t descriptor;

	connection->uid = -1;
	snprintf(connection->principal, sizeof(connection->principal), "loopback");
	if (!unix_socket ||
	    uv_fileno((uv_handle_t *)&connection->transport.handle.stream, &descriptor) != 0) {
		return;
	}
	if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
		return;
	}
	connection->uid = peer.uid;
	connection->admin = peer.uid == 0 || peer.uid == geteuid();
	snprintf(connection->principal, sizeof(connection->principal), "uid:%u",
		 (unsigned)peer.uid);
}

/*
 * One principal's connections may not take every place there is; nor may those that are closed
 * for that reason and still hear it.
 */
static bool too_many(const struct penstock_connection *connection)
{
	const struct penstock_net *net = connection->net;
	const unsigned count = net->connection_count - net->refused_count;
	unsigned of_principal = 0;

	penstock_list_for_each (link, &net->connections) {
		const struct penstock_connection *other =
			penstock_list_entry(link, struct penstock_connection, link);

		of_principal += other->uid == connection->uid && !other->refused;
	}
	return count > net->config.max_connections ||
	       of_principal > (net->config.max_connections + 1) / 2;
}

void penstock_connection_open(struct penstock_connection *connection, uint64_t last_serial)
{
	move(connection, PENSTOCK_CONNECTION_OPEN);
	connection->next_serial = last_serial + 1;
	penstock_outbox_start(&connection->outbox, last_serial,
			      connection->session != NULL
				      ? penstock_session_durable_serial(connection->session)
				      : last_serial);
	(void)uv_timer_stop(&connection->timer);
}

enum penstock_status penstock_connection_new(struct penstock_net *net, int descriptor,
					     bool unix_socket)
{
	struct penstock_connection *connection = calloc(1, sizeof(*connection));
	enum penstock_status status;

	if (connection == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	connection->net = net;
	connection->state = PENSTOCK_CONNECTION_HELLO;
	penstock_list_init(&connection->dirty_link);
	penstock_list_append(&net->connections, &connection->link);
	net->connection_count++;
	penstock_outbox_init(&connection->outbox, &connection->transport);
	(void)uv_timer_init(net->config.loop, &connection->timer);
	connection->timer.data = connection;
	status = penstock_transport_open(&connection->transport, net->config.loop, net->read_buffer,
					 &transport_events, unix_socket, descriptor);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_stop(connection, status, NULL);
		return status;
	}
	net->counters.connections_accepted++;
	learn_peer(connection, unix_socket);
	if (too_many(connection)) {
		const bool crowd = net->refused_count >= TOLD_OF_LIMIT;

		connection->refused = true;
		net->refused_count++;
		net->counters.connections_refused++;
		penstock_connection_stop(connection, PENSTOCK_STATUS_LIMIT_EXCEEDED,
					 crowd ? NULL : "too many connections");
		return PENSTOCK_STATUS_SUCCESS;
	}
	(void)uv_timer_start(&connection->timer, timer_cb, net->config.hello_ms, 0);
	penstock_connection_dirty(connection); /* the first work starts reading */
	return PENSTOCK_STATUS_SUCCESS;
}
