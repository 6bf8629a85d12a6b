/* SPDX-License-Identifier: MIT */
/*
 * Hello: versions, then a session of its own, an earlier one, or none. docs/protocol.md, section 3.
 */
#include "daemon/net/dispatch.h"
#include "gpu-backend/backend.h"
#include "proto/isa/instruction.h"
#include "proto/wire/penstock.pb-c.h"

#include <stdio.h>
#include <string.h>

#define FEATURES ((uint64_t)PENSTOCK_FEATURE_NO_SESSION | PENSTOCK_FEATURE_STORED_ANSWERS)

/* DXGK_SEGMENTFLAGS */
#define SEGMENT_APERTURE    0x1u
#define SEGMENT_CPU_VISIBLE 0x4u

/* What the operator is shown: nothing that a terminal could take for a command. */
static void copy_client_name(const char *client, char *ret_name)
{
	size_t length = strnlen(client, PENSTOCK_LIMIT_CLIENT_NAME_BYTES - 1);

	for (size_t i = 0; i < length; i++) {
		ret_name[i] = client[i] >= 0x20 && client[i] < 0x7f ? client[i] : '?';
	}
	ret_name[length] = '\0';
}

/* NULL: its versions are ours. */
static const char *version_fault(const Penstock__Wire__Hello *hello, struct penstock_errbuf *text)
{
	if (hello->major != PENSTOCK_PROTOCOL_MAJOR) {
		penstock_errbuf_set(text, "protocol %u.%u: this is %u.%u", hello->major,
				    hello->minor, PENSTOCK_PROTOCOL_MAJOR, PENSTOCK_PROTOCOL_MINOR);
		return text->text;
	}
	if ((hello->features & PENSTOCK_FEATURE_NO_SESSION) == 0 &&
	    hello->isa_version != PENSTOCK_ISA_VERSION) {
		penstock_errbuf_set(text, "instruction set %u: this adapter's is %u",
				    hello->isa_version, PENSTOCK_ISA_VERSION);
		return text->text;
	}
	return NULL;
}

static const char *session_fault(enum penstock_status status)
{
	if (status == PENSTOCK_STATUS_NOT_FOUND) {
		return "there is no such session to resume";
	}
	if (status == PENSTOCK_STATUS_QUOTA_EXCEEDED) {
		return "too many sessions of this principal";
	}
	return penstock_status_text(status);
}

/* Whether the client wants to hear what it may have missed. */
static bool wants_stored(const Penstock__Wire__Hello *hello)
{
	return (hello->features & PENSTOCK_FEATURE_STORED_ANSWERS) != 0 &&
	       (hello->session_high != 0 || hello->session_low != 0);
}

/* What it says that it has received is not kept; the rest is told as soon as it may be. */
static void tell_stored(struct penstock_connection *connection, const Penstock__Wire__Hello *hello,
			uint64_t last_serial)
{
	uint64_t answered = hello->answered < last_serial ? hello->answered : last_serial;
	uint64_t received = answered;

	if (hello->oldest_held != 0 && hello->oldest_held <= received) {
		received = hello->oldest_held - 1;
	}
	penstock_session_received(connection->session, received);
	connection->tells_stored = true;
	penstock_outbox_acked(&connection->outbox, answered);
	if (hello->oldest_held != 0) {
		penstock_session_tell_fences(connection->session, hello->oldest_held);
	}
}

/* The session that was asked for; false after having stopped the connection. */
static bool find_session(struct penstock_connection *connection, const Penstock__Wire__Hello *hello,
			 Penstock__Wire__Welcome *ret_welcome)
{
	struct penstock_session_events events = penstock_connection_events(connection);
	struct penstock_session_id id = { hello->session_high, hello->session_low };
	char client[PENSTOCK_LIMIT_CLIENT_NAME_BYTES];
	enum penstock_status status;

	ret_welcome->resumed = id.high != 0 || id.low != 0;
	if (ret_welcome->resumed) {
		status = penstock_session_resume(
			connection->net->config.machine, connection->principal, id, &events,
			&connection->session, &ret_welcome->lease_s, &ret_welcome->last_serial);
	} else {
		copy_client_name(hello->client, client);
		status = penstock_session_new(connection->net->config.machine,
					      connection->principal, client, hello->lease_s,
					      &events, &connection->session, &ret_welcome->lease_s);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_stop(connection, status, session_fault(status));
		return false;
	}
	id = penstock_session_id(connection->session);
	ret_welcome->session_high = id.high;
	ret_welcome->session_low = id.low;
	if (wants_stored(hello)) {
		ret_welcome->forgotten = penstock_session_forgotten(connection->session);
	}
	return true;
}

static void describe_segments(const struct penstock_net_adapter *info,
			      Penstock__Wire__Segment ret_segments[2])
{
	penstock__wire__segment__init(&ret_segments[0]);
	ret_segments[0].id = PENSTOCK_SEGMENT_LOCAL;
	ret_segments[0].flags = SEGMENT_CPU_VISIBLE;
	ret_segments[0].base_address = PENSTOCK_LOCAL_BASE;
	ret_segments[0].size_bytes = info->local_bytes;
	ret_segments[0].commit_limit_bytes = info->local_bytes;
	penstock__wire__segment__init(&ret_segments[1]);
	ret_segments[1].id = PENSTOCK_SEGMENT_APERTURE;
	ret_segments[1].flags = SEGMENT_APERTURE | SEGMENT_CPU_VISIBLE;
	ret_segments[1].base_address = PENSTOCK_APERTURE_BASE;
	ret_segments[1].size_bytes = info->aperture_bytes;
	ret_segments[1].commit_limit_bytes = info->aperture_commit_limit_bytes;
}

/* An adapter as Welcome shows it, with what it points to. */
struct shown_adapter {
	Penstock__Wire__Adapter row;
	Penstock__Wire__Segment segments[2];
	Penstock__Wire__Segment *segment_list[2];
};

static void show_adapter(const struct penstock_net_adapter *info, uint32_t index,
			 struct shown_adapter *ret_shown)
{
	Penstock__Wire__Adapter *row = &ret_shown->row;

	penstock__wire__adapter__init(row);
	describe_segments(info, ret_shown->segments);
	ret_shown->segment_list[0] = &ret_shown->segments[0];
	ret_shown->segment_list[1] = &ret_shown->segments[1];
	row->index = index;
	row->description = (char *)info->description;
	row->node_count = PENSTOCK_NODE_COUNT;
	row->n_segments = PENSTOCK_ARRAY_SIZE(ret_shown->segment_list);
	row->segments = ret_shown->segment_list;
	row->presentation_caps = info->presentation_caps;
	row->graphics_preemption = info->graphics_preemption;
	row->compute_preemption = info->compute_preemption;
	row->hw_queue_packet_cap = info->hw_queue_packet_cap;
	row->test_instructions = info->test_instructions;
	row->pipelines = info->pipelines;
}

static enum penstock_status say_welcome(struct penstock_connection *connection,
					Penstock__Wire__Welcome *welcome)
{
	const struct penstock_net_config *config = &connection->net->config;
	struct shown_adapter shown[PENSTOCK_LIMIT_ADAPTERS];
	Penstock__Wire__Adapter *adapter_list[PENSTOCK_LIMIT_ADAPTERS];

	for (uint32_t i = 0; i < config->adapter_count; i++) {
		show_adapter(&config->adapters[i], i, &shown[i]);
		adapter_list[i] = &shown[i].row;
	}
	welcome->isa_version = PENSTOCK_ISA_VERSION;
	welcome->server = (char *)config->server;
	welcome->principal = connection->principal;
	welcome->n_adapters = config->adapter_count;
	welcome->adapters = adapter_list;
	welcome->max_message_bytes = PENSTOCK_LIMIT_MESSAGE_BYTES;
	welcome->max_payload_bytes = PENSTOCK_LIMIT_PAYLOAD_BYTES;
	welcome->held_submissions = PENSTOCK_LIMIT_HELD_SUBMISSIONS;
	welcome->held_bytes = PENSTOCK_LIMIT_HELD_BYTES;
	welcome->pitch_alignment = PENSTOCK_PITCH_ALIGNMENT;
	return penstock_outbox_greet(&connection->outbox, &welcome->base);
}

void penstock_handle_hello(struct penstock_call *call)
{
	const Penstock__Wire__Hello *hello = (const Penstock__Wire__Hello *)call->message;
	struct penstock_connection *connection = call->connection;
	const bool wants_session = (hello->features & PENSTOCK_FEATURE_NO_SESSION) == 0;
	Penstock__Wire__Welcome welcome = PENSTOCK__WIRE__WELCOME__INIT;
	struct penstock_errbuf text;
	const char *fault = version_fault(hello, &text);

	if (fault != NULL) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_GRAPHICS_DRIVER_MISMATCH,
					 fault);
		return;
	}
	if (!wants_session && (hello->session_high != 0 || hello->session_low != 0)) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_INVALID_PARAMETER,
					 "a session to resume, and none, were asked for");
		return;
	}
	welcome.major = PENSTOCK_PROTOCOL_MAJOR;
	welcome.minor = PENSTOCK_PROTOCOL_MINOR; /* 0: the smaller of both */
	welcome.features = hello->features & FEATURES;
	if (wants_session && !find_session(connection, hello, &welcome)) {
		return;
	}
	penstock_connection_open(connection, welcome.last_serial);
	if (say_welcome(connection, &welcome) != PENSTOCK_STATUS_SUCCESS) {
		penstock_connection_stop(connection, PENSTOCK_STATUS_NO_MEMORY, NULL);
	} else if (wants_session && wants_stored(hello)) {
		tell_stored(connection, hello, welcome.last_serial);
	}
}
