/* SPDX-License-Identifier: MIT */
/*
 * Hello and welcome: how a session starts, and what the daemon told about itself.
 */
#include "config.h"

#include "client/address.h"
#include "client/connection.h"
#include "proto/isa/instruction.h"
#include "proto/wire/budget.h"
#include "proto/wire/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *penstock_version(void)
{
	return PACKAGE_VERSION;
}

/* ---------------------------------------------------------------- hello and welcome */

/* What the daemon is to tell again of an earlier connection's requests. */
static void ask_for_missed(struct penstock_connection *connection, Penstock__Wire__Hello *hello)
{
	if (connection->welcome != NULL) {
		hello->features |= PENSTOCK_FEATURE_STORED_ANSWERS;
		hello->answered = connection->requests.answered;
		hello->oldest_held = penstock_contexts_oldest(&connection->contexts);
	}
}

enum penstock_status penstock_session_greet(struct penstock_connection *connection)
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;
	struct penstock_frame frame = { .type = PENSTOCK_FRAME_HELLO };

	hello.major = PENSTOCK_PROTOCOL_MAJOR;
	hello.minor = PENSTOCK_PROTOCOL_MINOR;
	hello.isa_version = PENSTOCK_ISA_VERSION;
	hello.features = connection->no_session ? PENSTOCK_FEATURE_NO_SESSION : 0;
	hello.client = connection->client;
	hello.lease_s = connection->lease_wanted_s;
	hello.session_high = connection->session_high;
	hello.session_low = connection->session_low;
	ask_for_missed(connection, &hello);
	frame.message_bytes = (uint32_t)penstock__wire__hello__get_packed_size(&hello);
	free(connection->hello);
	connection->hello_sent = 0;
	connection->hello_bytes = PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes;
	connection->hello = malloc(connection->hello_bytes);
	if (connection->hello == NULL) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
						"no memory for a hello");
	}
	penstock_frame_encode(&frame, connection->hello);
	penstock__wire__hello__pack(&hello, connection->hello + PENSTOCK_FRAME_HEADER_BYTES);
	connection->state = PENSTOCK_CONNECTION_HELLO;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_session_await(struct penstock_connection *connection,
					    int64_t deadline_ms)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	while (status == PENSTOCK_STATUS_SUCCESS &&
	       connection->state == PENSTOCK_CONNECTION_HELLO) {
		status = penstock_connection_run(connection, deadline_ms);
	}
	if (status == PENSTOCK_STATUS_TIMEOUT) {
		return penstock_connection_lose(connection, status,
						"the daemon did not answer the hello in time");
	}
	return status;
}

/* Whether this client can live with what the daemon answered. */
static enum penstock_status judge_welcome(struct penstock_connection *connection,
					  const Penstock__Wire__Welcome *welcome)
{
	uint64_t last_serial = connection->requests.last_serial;
	bool first = connection->welcome == NULL;

	if (welcome->major != PENSTOCK_PROTOCOL_MAJOR ||
	    (welcome->isa_version != PENSTOCK_ISA_VERSION && !connection->no_session)) {
		return penstock_connection_lose(
			connection, PENSTOCK_STATUS_GRAPHICS_DRIVER_MISMATCH,
			"the daemon speaks protocol %u with instruction set %u, this is %u with %u",
			welcome->major, welcome->isa_version, PENSTOCK_PROTOCOL_MAJOR,
			PENSTOCK_ISA_VERSION);
	}
	if (!first && welcome->resumed && welcome->last_serial < connection->requests.answered) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NOT_FOUND,
						"the daemon's machine lost what this session's "
						"allocations held, and how far it had come");
	}
	if (!first && (!welcome->resumed || welcome->last_serial > last_serial)) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NOT_FOUND,
						"the daemon has another session under that id");
	}
	if (!first && (welcome->features & PENSTOCK_FEATURE_STORED_ANSWERS) == 0) {
		return penstock_connection_lose(connection,
						PENSTOCK_STATUS_GRAPHICS_DRIVER_MISMATCH,
						"the daemon does not tell again what was missed");
	}
	if (first &&
	    welcome->resumed != (connection->session_high != 0 || connection->session_low != 0)) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NOT_FOUND,
						"the daemon did not resume the session");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static void adopt_welcome(struct penstock_connection *connection, Penstock__Wire__Welcome *welcome)
{
	free(connection->hello);
	connection->hello = NULL;
	connection->hello_bytes = 0;
	if (connection->welcome != NULL) {
		penstock__wire__welcome__free_unpacked(connection->welcome, NULL);
	}
	if (welcome->max_payload_bytes == 0 ||
	    welcome->max_payload_bytes > PENSTOCK_LIMIT_PAYLOAD_BYTES) {
		welcome->max_payload_bytes = PENSTOCK_LIMIT_PAYLOAD_BYTES;
	}
	if (welcome->held_submissions == 0) {
		welcome->held_submissions = PENSTOCK_LIMIT_HELD_SUBMISSIONS;
	}
	if (welcome->held_bytes == 0) {
		welcome->held_bytes = PENSTOCK_LIMIT_HELD_BYTES;
	}
	connection->welcome = welcome;
	connection->session_high = welcome->session_high;
	connection->session_low = welcome->session_low;
	connection->max_payload_bytes = welcome->max_payload_bytes;
	connection->out.keep = welcome->lease_s > 0 && connection->server != NULL;
	if (connection->out.batch_max > welcome->max_payload_bytes) {
		connection->out.batch_max = welcome->max_payload_bytes;
	}
	connection->state = PENSTOCK_CONNECTION_OPEN;
}

/* The session is the one of before: what it has not executed follows. */
static enum penstock_status go_on(struct penstock_connection *connection)
{
	const Penstock__Wire__Welcome *welcome = connection->welcome;
	enum penstock_status status = penstock_resend(connection, welcome->last_serial);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_requests_forgotten(connection,
						     welcome->forgotten < welcome->last_serial
							     ? welcome->forgotten
							     : welcome->last_serial);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_sync_wait_again(connection);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && !connection->reconnect.by_hand &&
	    connection->callbacks.resumed != NULL) {
		connection->in_callback++;
		connection->callbacks.resumed(connection->callbacks.owner);
		connection->in_callback--;
	}
	return status;
}

enum penstock_status penstock_session_welcome(struct penstock_connection *connection,
					      const struct penstock_frame *frame,
					      const uint8_t *message)
{
	bool resumes = connection->welcome != NULL;
	struct penstock_budget budget;
	Penstock__Wire__Welcome *judged, *kept = NULL;
	enum penstock_status status;

	/* Once within a budget; then it is known to be small and may be kept without one. */
	penstock_budget_init(&budget);
	judged = penstock__wire__welcome__unpack(&budget.allocator, frame->message_bytes, message);
	if (budget.no_memory) {
		status = penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
						  "no memory for the daemon's welcome");
	} else if (judged == NULL || frame->serial != 0) {
		status = penstock_connection_lose(connection, PENSTOCK_STATUS_MALFORMED_MESSAGE,
						  "the daemon sent a malformed welcome");
	} else {
		status = judge_welcome(connection, judged);
	}
	if (judged != NULL) {
		penstock__wire__welcome__free_unpacked(judged, &budget.allocator);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	kept = penstock__wire__welcome__unpack(NULL, frame->message_bytes, message);
	if (kept == NULL) {
		return penstock_connection_lose(connection, PENSTOCK_STATUS_NO_MEMORY,
						"no memory for the daemon's welcome");
	}
	penstock_text_clean(kept->server);
	penstock_text_clean(kept->principal);
	for (size_t i = 0; i < kept->n_adapters; i++) {
		penstock_text_clean(kept->adapters[i]->description);
	}
	adopt_welcome(connection, kept);
	return resumes ? go_on(connection) : PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- connecting */

static struct penstock_connection *connection_new(const struct penstock_options *options,
						  const char *server)
{
	struct penstock_connection *connection = calloc(1, sizeof(*connection));
	const char *client =
		options->client != NULL ? options->client : "libpenstock " PACKAGE_VERSION;

	if (connection == NULL) {
		return NULL;
	}
	connection->descriptor = -1;
	connection->blocking = true;
	connection->callbacks = options->callbacks;
	connection->tap = options->tap;
	connection->lease_wanted_s = options->lease_s;
	connection->no_session = options->no_session;
	connection->session_high = options->session_high;
	connection->session_low = options->session_low;
	connection->reconnect.wanted = options->reconnect && server != NULL;
	penstock_outbox_init(&connection->out);
	penstock_outbox_init(&connection->reconnect.asked);
	connection->client = strndup(client, PENSTOCK_LIMIT_CLIENT_NAME_BYTES);
	connection->server = server == NULL ? NULL : strdup(server);
	if (connection->client == NULL || (server != NULL && connection->server == NULL) ||
	    penstock_inbox_init(&connection->in) != PENSTOCK_STATUS_SUCCESS ||
	    penstock_names_skip(&connection->names, options->resume_handles) !=
		    PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_close(connection);
		return NULL;
	}
	return connection;
}

static void give_text(char *reterr_text, size_t text_bytes, const char *text)
{
	if (reterr_text != NULL && text_bytes > 0) {
		penstock_text_copy(reterr_text, text_bytes, text);
	}
}

/* What every connect has in common once there is a socket, which it takes over. */
static enum penstock_status greet(int descriptor, const char *server,
				  const struct penstock_options *options, int64_t deadline_ms,
				  struct penstock_connection **ret_connection, char *reterr_text,
				  size_t text_bytes)
{
	struct penstock_connection *connection = connection_new(options, server);
	enum penstock_status status;

	if (connection == NULL) {
		close(descriptor);
		give_text(reterr_text, text_bytes, "no memory for a connection");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_connection_adopt_socket(connection, descriptor);
	status = penstock_session_greet(connection);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_session_await(connection, deadline_ms);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		give_text(reterr_text, text_bytes, connection->sentence.text);
		penstock_connection_close(connection);
		return status;
	}
	connection->requests.last_serial = connection->welcome->last_serial;
	connection->requests.answered = connection->welcome->last_serial;
	*ret_connection = connection;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The caller's options, or all defaults. -1: of a version that is not known here. */
static int take_options(const struct penstock_options *given, struct penstock_options *ret_options)
{
	*ret_options = (struct penstock_options)PENSTOCK_OPTIONS_INIT;
	if (given == NULL) {
		return 0;
	}
	if (given->struct_bytes != sizeof(*given) || given->timeout_ms < PENSTOCK_FOREVER) {
		return -1;
	}
	*ret_options = *given;
	return 0;
}

enum penstock_status penstock_connect(const struct penstock_options *options,
				      struct penstock_connection **ret_connection,
				      char *reterr_text, size_t text_bytes)
{
	struct penstock_options taken;
	struct penstock_errbuf sentence;
	enum penstock_status status;
	int64_t deadline_ms;
	int descriptor = -1;

	if (ret_connection == NULL || take_options(options, &taken) != 0) {
		give_text(reterr_text, text_bytes, "the options were not initialised");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (taken.server == NULL) {
		taken.server = getenv("PENSTOCK_SERVER");
	}
	if (taken.server == NULL || taken.server[0] == 0) {
		taken.server = PENSTOCK_DEFAULT_SERVER;
	}
	deadline_ms = penstock_deadline(taken.timeout_ms);
	status = penstock_address_connect(taken.server, deadline_ms, &descriptor, &sentence);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		give_text(reterr_text, text_bytes, sentence.text);
		return status;
	}
	return greet(descriptor, taken.server, &taken, deadline_ms, ret_connection, reterr_text,
		     text_bytes);
}

enum penstock_status penstock_connect_descriptor(int descriptor,
						 const struct penstock_options *options,
						 struct penstock_connection **ret_connection,
						 char *reterr_text, size_t text_bytes)
{
	struct penstock_options taken;

	if (descriptor < 0 || ret_connection == NULL || take_options(options, &taken) != 0) {
		if (descriptor >= 0) {
			close(descriptor);
		}
		give_text(reterr_text, text_bytes, "the options were not initialised");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return greet(descriptor, NULL, &taken, penstock_deadline(taken.timeout_ms), ret_connection,
		     reterr_text, text_bytes);
}

/* ---------------------------------------------------------------- what the daemon offers */

enum penstock_status penstock_connection_info(const struct penstock_connection *connection,
					      struct penstock_session_info *ret_info)
{
	const Penstock__Wire__Welcome *welcome;

	if (connection == NULL || ret_info == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	welcome = connection->welcome;
	*ret_info = (struct penstock_session_info){
		.session_high = connection->session_high,
		.session_low = connection->session_low,
		.server = welcome->server,
		.principal = welcome->principal,
		.last_serial = connection->requests.last_serial,
		.answered = connection->requests.answered,
		.lease_s = welcome->lease_s,
		.resumed = welcome->resumed != 0,
		.handles = connection->names.count,
		.protocol_major = welcome->major,
		.protocol_minor = welcome->minor,
		.isa_version = welcome->isa_version,
		.adapter_count = (uint32_t)welcome->n_adapters,
		.max_payload_bytes = welcome->max_payload_bytes,
		.held_submissions = welcome->held_submissions,
		.held_bytes = welcome->held_bytes,
		.pitch_alignment = welcome->pitch_alignment,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_connection_adapter(const struct penstock_connection *connection,
						 uint32_t index,
						 struct penstock_adapter_info *ret_info)
{
	const Penstock__Wire__Adapter *adapter;

	if (connection == NULL || ret_info == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (index >= connection->welcome->n_adapters) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	adapter = connection->welcome->adapters[index];
	*ret_info = (struct penstock_adapter_info){
		.index = adapter->index,
		.description = adapter->description,
		.node_count = adapter->node_count,
		.segment_count = (uint32_t)adapter->n_segments,
		.presentation_caps = adapter->presentation_caps,
		.graphics_preemption = adapter->graphics_preemption,
		.compute_preemption = adapter->compute_preemption,
		.hw_queue_packet_cap = adapter->hw_queue_packet_cap,
		.test_instructions = adapter->test_instructions != 0,
		.pipelines = adapter->pipelines != 0,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_connection_segment(const struct penstock_connection *connection,
						 uint32_t adapter, uint32_t index,
						 struct penstock_segment_info *ret_info)
{
	const Penstock__Wire__Segment *segment;

	if (connection == NULL || ret_info == NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (adapter >= connection->welcome->n_adapters ||
	    index >= connection->welcome->adapters[adapter]->n_segments) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	segment = connection->welcome->adapters[adapter]->segments[index];
	*ret_info = (struct penstock_segment_info){
		.id = segment->id,
		.flags = segment->flags,
		.base_address = segment->base_address,
		.size_bytes = segment->size_bytes,
		.commit_limit_bytes = segment->commit_limit_bytes,
	};
	return PENSTOCK_STATUS_SUCCESS;
}
