/* SPDX-License-Identifier: MIT */
#include "daemon/net/outbox.h"

#include "daemon/objects/operator.h"

#include "proto/wire/limits.h"
#include "proto/wire/penstock.pb-c.h"

#include <stdlib.h>
#include <string.h>

/* How far back a fence notice looks for one of its context to join. */
#define JOIN_DISTANCE 16u

static struct penstock_reply *from_link(struct penstock_list *link)
{
	return penstock_list_entry(link, struct penstock_reply, link);
}

static struct penstock_reply *first_reply(const struct penstock_outbox *outbox)
{
	struct penstock_list *link = penstock_list_first(&outbox->replies);

	return link == NULL ? NULL : from_link(link);
}

static void free_reply(struct penstock_outbox *outbox, struct penstock_reply *reply)
{
	free(reply->frame);
	reply->frame = NULL;
	if (outbox->spare == NULL) {
		outbox->spare = reply;
	} else {
		free(reply);
	}
}

/* Its bytes go back to who gave them. */
static void end_read(struct penstock_reply *reply)
{
	if (reply->frame_type == PENSTOCK_FRAME_ADMIN_CAPTURE) {
		penstock_operator_capture_end(&reply->request);
	} else {
		penstock_read_back_end(&reply->request);
	}
}

/* A read-back's bytes are written, or will not be. */
static void returned(struct penstock_chain *chain, void *borrowed)
{
	struct penstock_outbox *outbox =
		penstock_container_of(chain, struct penstock_outbox, chain);
	struct penstock_reply *reply = borrowed;

	outbox->reads--;
	end_read(reply);
	free_reply(outbox, reply);
}

void penstock_outbox_init(struct penstock_outbox *outbox, struct penstock_transport *transport)
{
	outbox->spare = NULL;
	outbox->greeting = NULL;
	outbox->session_kept = false;
	outbox->notices = NULL;
	outbox->notice_count = 0;
	outbox->notice_capacity = 0;
	outbox->held_bytes = 0;
	outbox->reads = 0;
	outbox->ack_due = false;
	penstock_list_init(&outbox->replies);
	penstock_chain_init(&outbox->chain, transport, returned);
	penstock_outbox_start(outbox, 0, 0);
}

void penstock_outbox_start(struct penstock_outbox *outbox, uint64_t last_serial, uint64_t durable)
{
	outbox->executed = last_serial;
	outbox->acked = last_serial;
	outbox->prompt = last_serial;
	outbox->durable = durable;
}

void penstock_outbox_stop(struct penstock_outbox *outbox)
{
	penstock_list_for_each_safe (link, &outbox->replies) {
		struct penstock_reply *reply = from_link(link);

		if (reply->state == PENSTOCK_REPLY_PENDING) {
			continue;
		}
		penstock_list_remove(&reply->link);
		if (reply->state == PENSTOCK_REPLY_READ) {
			returned(&outbox->chain, reply);
		} else {
			free_reply(outbox, reply);
		}
	}
	penstock_chain_abandon(&outbox->chain);
	free(outbox->greeting);
	outbox->greeting = NULL;
	free(outbox->notices);
	outbox->notices = NULL;
	outbox->notice_count = 0;
	outbox->notice_capacity = 0;
}

void penstock_outbox_fini(struct penstock_outbox *outbox)
{
	PENSTOCK_REQUIRE(penstock_list_empty(&outbox->replies));
	penstock_chain_fini(&outbox->chain);
	free(outbox->greeting);
	free(outbox->notices);
	free(outbox->spare);
	outbox->notices = NULL;
	outbox->spare = NULL;
}

/* ---------------------------------------------------------------- frames */

static void put_frame(uint8_t *place, enum penstock_frame_type type, uint64_t serial,
		      const ProtobufCMessage *message, size_t message_bytes, uint32_t payload_bytes)
{
	struct penstock_frame frame = {
		.type = (uint16_t)type,
		.message_bytes = (uint32_t)message_bytes,
		.payload_bytes = payload_bytes,
		.serial = serial,
	};

	penstock_frame_encode(&frame, place);
	protobuf_c_message_pack(message, place + PENSTOCK_FRAME_HEADER_BYTES);
}

/* Into the chain: it has passed the gate. */
static enum penstock_status release_frame(struct penstock_outbox *outbox,
					  enum penstock_frame_type type, uint64_t serial,
					  const ProtobufCMessage *message, uint32_t payload_bytes)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *place = penstock_chain_append(&outbox->chain, PENSTOCK_FRAME_HEADER_BYTES + size);

	if (place == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	put_frame(place, type, serial, message, size, payload_bytes);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_outbox_frame(struct penstock_outbox *outbox,
					   enum penstock_frame_type type, uint64_t serial,
					   const ProtobufCMessage *message)
{
	return release_frame(outbox, type, serial, message, 0);
}

enum penstock_status penstock_outbox_greet(struct penstock_outbox *outbox,
					   const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);

	PENSTOCK_REQUIRE(outbox->greeting == NULL);
	outbox->greeting = malloc(PENSTOCK_FRAME_HEADER_BYTES + size);
	if (outbox->greeting == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	outbox->greeting_bytes = PENSTOCK_FRAME_HEADER_BYTES + size;
	outbox->greeting_serial = outbox->executed;
	put_frame(outbox->greeting, PENSTOCK_FRAME_WELCOME, 0, message, size, 0);
	return PENSTOCK_STATUS_SUCCESS;
}

bool penstock_outbox_may_greet(const struct penstock_outbox *outbox)
{
	return outbox->greeting != NULL && outbox->session_kept &&
	       outbox->greeting_serial <= outbox->durable;
}

static void fill_refusal(Penstock__Wire__Refusal *message, enum penstock_status status,
			 const struct penstock_refusal *refusal)
{
	message->status = penstock_status_to_wire(status);
	message->at_instruction = refusal->at_instruction;
	message->byte_offset = refusal->byte_offset;
	message->instruction = (char *)refusal->instruction;
	message->operand = (char *)refusal->operand;
	message->sentence = refusal->sentence[0] != '\0' ? (char *)refusal->sentence
							 : (char *)penstock_status_text(status);
}

enum penstock_status penstock_outbox_greet_refusal(struct penstock_outbox *outbox, uint64_t serial,
						   const struct penstock_refusal *refusal)
{
	Penstock__Wire__Refusal message = PENSTOCK__WIRE__REFUSAL__INIT;
	uint8_t *greeting;
	size_t size;

	fill_refusal(&message, refusal->status, refusal);
	size = penstock__wire__refusal__get_packed_size(&message);
	greeting = realloc(outbox->greeting,
			   outbox->greeting_bytes + PENSTOCK_FRAME_HEADER_BYTES + size);
	if (greeting == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	put_frame(greeting + outbox->greeting_bytes, PENSTOCK_FRAME_REFUSAL, serial, &message.base,
		  size, 0);
	outbox->greeting = greeting;
	outbox->greeting_bytes += PENSTOCK_FRAME_HEADER_BYTES + size;
	outbox->acked = serial;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_outbox_acked(struct penstock_outbox *outbox, uint64_t serial)
{
	outbox->acked = serial;
}

/* Whether everything behind the Welcome may leave; *ret_status: SUCCESS, NO_MEMORY. */
static bool release_greeting(struct penstock_outbox *outbox, enum penstock_status *ret_status)
{
	uint8_t *place;

	*ret_status = PENSTOCK_STATUS_SUCCESS;
	if (outbox->greeting == NULL) {
		return true;
	}
	if (!penstock_outbox_may_greet(outbox)) {
		return false;
	}
	place = penstock_chain_append(&outbox->chain, outbox->greeting_bytes);
	if (place == NULL) {
		*ret_status = PENSTOCK_STATUS_NO_MEMORY;
		return false;
	}
	memcpy(place, outbox->greeting, outbox->greeting_bytes);
	free(outbox->greeting);
	outbox->greeting = NULL;
	return true;
}

/* ---------------------------------------------------------------- replies */

struct penstock_reply *penstock_reply_new(struct penstock_outbox *outbox, void *owner,
					  uint16_t frame_type, uint64_t serial)
{
	struct penstock_reply *reply = outbox->spare;

	outbox->spare = NULL;
	if (reply == NULL) {
		reply = calloc(1, sizeof(*reply));
		if (reply == NULL) {
			return NULL;
		}
	}
	penstock_list_init(&reply->link);
	reply->state = PENSTOCK_REPLY_NEW;
	reply->frame_type = frame_type;
	reply->owner = owner;
	/* field by field: this is done for every submission, and the sentence is long */
	reply->request.serial = serial;
	reply->request.done = NULL;
	penstock_list_init(&reply->request.link);
	reply->request.state = NULL;
	reply->request.bytes = NULL;
	reply->request.size_bytes = 0;
	reply->request.refusal.at_instruction = false;
	reply->request.refusal.byte_offset = 0;
	reply->request.refusal.instruction = "";
	reply->request.refusal.operand = "";
	reply->request.refusal.sentence[0] = '\0';
	reply->frame = NULL;
	reply->frame_bytes = 0;
	return reply;
}

void penstock_reply_drop(struct penstock_outbox *outbox, struct penstock_reply *reply)
{
	PENSTOCK_REQUIRE(reply->state == PENSTOCK_REPLY_NEW);
	free_reply(outbox, reply);
}

static void enlist(struct penstock_outbox *outbox, struct penstock_reply *reply,
		   enum penstock_reply_state state)
{
	if (reply->state == PENSTOCK_REPLY_NEW) {
		/* requests are answered or pending when the next one is handed over */
		PENSTOCK_REQUIRE(penstock_list_empty(&outbox->replies) ||
				 from_link(outbox->replies.previous)->request.serial <
					 reply->request.serial);
		penstock_list_append(&outbox->replies, &reply->link);
		outbox->held_bytes += sizeof(*reply);
		outbox->reads += penstock_reply_reads(reply);
	}
	reply->state = state;
}

/* Out of the list; a read-back that goes into the chain stays counted. */
static void delist(struct penstock_outbox *outbox, struct penstock_reply *reply, bool read_over)
{
	penstock_list_remove(&reply->link);
	outbox->held_bytes -= sizeof(*reply) + reply->frame_bytes;
	if (read_over && penstock_reply_reads(reply)) {
		outbox->reads--;
	}
}

void penstock_reply_pend(struct penstock_outbox *outbox, struct penstock_reply *reply)
{
	PENSTOCK_REQUIRE(reply->state == PENSTOCK_REPLY_NEW);
	enlist(outbox, reply, PENSTOCK_REPLY_PENDING);
}

/* Nothing is in front of it and it is durable: no need to keep it. */
static bool may_leave_at_once(const struct penstock_outbox *outbox,
			      const struct penstock_reply *reply)
{
	return reply->state == PENSTOCK_REPLY_NEW && outbox->greeting == NULL &&
	       penstock_list_empty(&outbox->replies) && reply->request.serial <= outbox->durable;
}

enum penstock_status penstock_reply_message(struct penstock_outbox *outbox,
					    struct penstock_reply *reply,
					    enum penstock_frame_type type,
					    const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	enum penstock_status status;

	if (may_leave_at_once(outbox, reply)) {
		status = release_frame(outbox, type, reply->request.serial, message, 0);
		outbox->acked = reply->request.serial;
		free_reply(outbox, reply);
		return status;
	}
	enlist(outbox, reply, PENSTOCK_REPLY_READY);
	reply->frame = malloc(PENSTOCK_FRAME_HEADER_BYTES + size);
	if (reply->frame == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	reply->frame_bytes = PENSTOCK_FRAME_HEADER_BYTES + size;
	outbox->held_bytes += reply->frame_bytes;
	put_frame(reply->frame, type, reply->request.serial, message, size, 0);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_reply_refuse(struct penstock_outbox *outbox,
					   struct penstock_reply *reply,
					   enum penstock_status status)
{
	Penstock__Wire__Refusal message = PENSTOCK__WIRE__REFUSAL__INIT;

	fill_refusal(&message, status, &reply->request.refusal);
	return penstock_reply_message(outbox, reply, PENSTOCK_FRAME_REFUSAL, &message.base);
}

void penstock_reply_success(struct penstock_outbox *outbox, struct penstock_reply *reply)
{
	PENSTOCK_REQUIRE(reply->state == PENSTOCK_REPLY_PENDING);
	delist(outbox, reply, true);
	if (reply->frame_type != PENSTOCK_FRAME_SUBMIT && reply->request.serial > outbox->prompt) {
		outbox->prompt = reply->request.serial;
	}
	free_reply(outbox, reply);
}

void penstock_reply_bytes(struct penstock_outbox *outbox, struct penstock_reply *reply)
{
	enlist(outbox, reply, PENSTOCK_REPLY_READ);
}

void penstock_reply_late(struct penstock_outbox *outbox, struct penstock_reply *reply,
			 enum penstock_status status)
{
	PENSTOCK_REQUIRE(reply->state == PENSTOCK_REPLY_PENDING);
	if (penstock_reply_reads(reply) && status == PENSTOCK_STATUS_SUCCESS) {
		end_read(reply);
	}
	delist(outbox, reply, true);
	free_reply(outbox, reply);
}

/* ---------------------------------------------------------------- the gate */

void penstock_outbox_executed(struct penstock_outbox *outbox, uint64_t serial, bool prompt)
{
	outbox->executed = serial;
	if (prompt) {
		outbox->prompt = serial;
	}
}

void penstock_outbox_durable(struct penstock_outbox *outbox, uint64_t serial)
{
	if (serial > outbox->durable) {
		outbox->durable = serial;
	}
}

/* The latest notice of that name, not far back; NULL: none. */
static struct penstock_notice *latest_notice(struct penstock_outbox *outbox, uint64_t name)
{
	size_t count = outbox->notice_count;

	for (size_t i = count; i > 0 && count - i < JOIN_DISTANCE; i--) {
		if (outbox->notices[i - 1].name == name) {
			return &outbox->notices[i - 1];
		}
	}
	return NULL;
}

static enum penstock_status add_notice(struct penstock_outbox *outbox,
				       const struct penstock_notice *notice)
{
	size_t count = outbox->notice_count;

	if (count == outbox->notice_capacity) {
		size_t capacity = count == 0 ? 4 : count * 2;
		struct penstock_notice *notices =
			realloc(outbox->notices, capacity * sizeof(*notices));

		if (notices == NULL) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
		outbox->notices = notices;
		outbox->notice_capacity = capacity;
	}
	outbox->notices[outbox->notice_count++] = *notice;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_outbox_fence(struct penstock_outbox *outbox, uint64_t context,
					   uint64_t fence, enum penstock_status status)
{
	struct penstock_notice *latest = latest_notice(outbox, context);

	if (latest != NULL && latest->status == status) {
		latest->fence = fence;
		return PENSTOCK_STATUS_SUCCESS;
	}
	return add_notice(outbox, &(struct penstock_notice){
					  .name = context, .fence = fence, .status = status });
}

enum penstock_status penstock_outbox_sync_value(struct penstock_outbox *outbox, uint64_t object,
						uint64_t value, enum penstock_status status)
{
	struct penstock_notice *latest = latest_notice(outbox, object);

	if (latest != NULL) {
		latest->value = value;
		latest->status = status;
		return PENSTOCK_STATUS_SUCCESS;
	}
	return add_notice(outbox, &(struct penstock_notice){
					  .name = object, .value = value, .status = status });
}

static enum penstock_status release_read_back(struct penstock_outbox *outbox,
					      struct penstock_reply *reply)
{
	Penstock__Wire__ReadData message = PENSTOCK__WIRE__READ_DATA__INIT;
	enum penstock_status status =
		release_frame(outbox, PENSTOCK_FRAME_READ_DATA, reply->request.serial,
			      &message.base, reply->request.size_bytes);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (!penstock_chain_borrow(&outbox->chain, reply->request.bytes, reply->request.size_bytes,
				   reply)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	delist(outbox, reply, false);
	reply->state = PENSTOCK_REPLY_WRITING;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status release_reply(struct penstock_outbox *outbox,
					  struct penstock_reply *reply)
{
	uint64_t serial = reply->request.serial;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint8_t *place;

	if (reply->state == PENSTOCK_REPLY_READ) {
		status = release_read_back(outbox, reply);
	} else {
		place = penstock_chain_append(&outbox->chain, reply->frame_bytes);
		if (place == NULL) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
		memcpy(place, reply->frame, reply->frame_bytes);
		delist(outbox, reply, true);
		free_reply(outbox, reply);
	}
	outbox->acked = serial;
	return status;
}

static enum penstock_status release_replies(struct penstock_outbox *outbox)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_reply *reply;

	while (status == PENSTOCK_STATUS_SUCCESS && (reply = first_reply(outbox)) != NULL &&
	       reply->state != PENSTOCK_REPLY_PENDING && reply->request.serial <= outbox->durable) {
		status = release_reply(outbox, reply);
	}
	return status;
}

static bool notice_may_leave(const struct penstock_outbox *outbox)
{
	for (size_t i = 0; i < outbox->notice_count; i++) {
		if (outbox->notices[i].fence <= outbox->durable) {
			return true;
		}
	}
	return false;
}

/* Before the notices, so that a client normally hears that it was accepted before it ended. */
static enum penstock_status release_ack(struct penstock_outbox *outbox, bool *ret_ack_waits)
{
	Penstock__Wire__Ack message = PENSTOCK__WIRE__ACK__INIT;
	const struct penstock_reply *reply = first_reply(outbox);
	uint64_t serial = reply != NULL ? reply->request.serial - 1 : outbox->executed;

	serial = serial < outbox->durable ? serial : outbox->durable;
	*ret_ack_waits = false;
	if (serial <= outbox->acked) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (!outbox->ack_due && outbox->prompt <= outbox->acked &&
	    penstock_chain_empty(&outbox->chain) && !notice_may_leave(outbox)) {
		*ret_ack_waits = true;
		return PENSTOCK_STATUS_SUCCESS;
	}
	outbox->acked = serial;
	return release_frame(outbox, PENSTOCK_FRAME_ACK, serial, &message.base, 0);
}

static enum penstock_status release_notice(struct penstock_outbox *outbox,
					   const struct penstock_notice *notice)
{
	Penstock__Wire__Fence fence = PENSTOCK__WIRE__FENCE__INIT;
	Penstock__Wire__SyncValue value = PENSTOCK__WIRE__SYNC_VALUE__INIT;

	if (notice->fence == 0) {
		value.object = notice->name;
		value.value = notice->value;
		value.status = penstock_status_to_wire(notice->status);
		return release_frame(outbox, PENSTOCK_FRAME_SYNC_VALUE, 0, &value.base, 0);
	}
	fence.context = notice->name;
	fence.fence = notice->fence;
	fence.status = penstock_status_to_wire(notice->status);
	return release_frame(outbox, PENSTOCK_FRAME_FENCE, 0, &fence.base, 0);
}

static enum penstock_status release_notices(struct penstock_outbox *outbox)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	size_t kept = 0;

	for (size_t i = 0; i < outbox->notice_count; i++) {
		const struct penstock_notice notice = outbox->notices[i];

		if (notice.fence > outbox->durable || status != PENSTOCK_STATUS_SUCCESS) {
			outbox->notices[kept++] = notice;
			continue;
		}
		status = release_notice(outbox, &notice);
	}
	outbox->notice_count = kept;
	return status;
}

int penstock_outbox_flush(struct penstock_outbox *outbox, bool *ret_ack_waits)
{
	enum penstock_status status;
	bool greeted = release_greeting(outbox, &status);

	*ret_ack_waits = false;
	if (greeted) {
		status = release_replies(outbox);
	}
	if (greeted && status == PENSTOCK_STATUS_SUCCESS) {
		status = release_ack(outbox, ret_ack_waits);
	}
	if (greeted && status == PENSTOCK_STATUS_SUCCESS) {
		status = release_notices(outbox);
	}
	outbox->ack_due = false;
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return UV_ENOMEM;
	}
	return penstock_chain_flush(&outbox->chain);
}

void penstock_outbox_ack_due(struct penstock_outbox *outbox)
{
	outbox->ack_due = true;
}

int penstock_outbox_written(struct penstock_outbox *outbox, int error)
{
	return penstock_chain_written(&outbox->chain, error);
}

bool penstock_outbox_full(const struct penstock_outbox *outbox)
{
	return outbox->chain.bytes + outbox->held_bytes +
			       outbox->notice_count * sizeof(struct penstock_notice) >
		       PENSTOCK_LIMIT_OUTBOX_BYTES ||
	       outbox->reads >= PENSTOCK_LIMIT_READS_IN_FLIGHT;
}

bool penstock_outbox_empty(const struct penstock_outbox *outbox)
{
	return penstock_chain_empty(&outbox->chain);
}

bool penstock_outbox_reading(const struct penstock_outbox *outbox)
{
	return outbox->chain.borrowed > 0;
}
