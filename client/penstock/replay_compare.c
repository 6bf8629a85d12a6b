/* SPDX-License-Identifier: MIT */
#include "client/penstock/replay_compare.h"

#include "proto/wire/budget.h"
#include "proto/wire/penstock.pb-c.h"

#include <string.h>

/* Both messages of a pair, unpacked. */
typedef bool compare_messages(const ProtobufCMessage *before, const ProtobufCMessage *now,
			      struct penstock_errbuf *ret_what);

static bool same_number(const char *what, uint64_t before, uint64_t now,
			struct penstock_errbuf *ret_what)
{
	if (before != now) {
		penstock_errbuf_set(ret_what, "%s is %llu, not %llu", what, (unsigned long long)now,
				    (unsigned long long)before);
	}
	return before == now;
}

static bool same_status(uint32_t before, uint32_t now, const char *sentence,
			struct penstock_errbuf *ret_what)
{
	if (before != now) {
		penstock_errbuf_set(ret_what, "%s, not %s: %.120s",
				    penstock_status_name(penstock_status_from_wire(now)),
				    penstock_status_name(penstock_status_from_wire(before)),
				    sentence);
	}
	return before == now;
}

static bool same_text(const char *what, const char *before, const char *now,
		      struct penstock_errbuf *ret_what)
{
	if (strcmp(before, now) != 0) {
		penstock_errbuf_set(ret_what, "%s is '%.40s', not '%.40s'", what, now, before);
		return false;
	}
	return true;
}

static bool same_refusal(const ProtobufCMessage *before, const ProtobufCMessage *now,
			 struct penstock_errbuf *ret_what)
{
	const Penstock__Wire__Refusal *a = (const void *)before, *b = (const void *)now;

	return same_status(a->status, b->status, b->sentence, ret_what) &&
	       same_number("at_instruction", a->at_instruction != 0, b->at_instruction != 0,
			   ret_what) &&
	       same_number("the byte of the fault", a->byte_offset, b->byte_offset, ret_what) &&
	       same_text("the instruction", a->instruction, b->instruction, ret_what) &&
	       same_text("the operand", a->operand, b->operand, ret_what);
}

static bool same_closing(const ProtobufCMessage *before, const ProtobufCMessage *now,
			 struct penstock_errbuf *ret_what)
{
	const Penstock__Wire__Closing *a = (const void *)before, *b = (const void *)now;

	return same_status(a->status, b->status, b->sentence, ret_what);
}

static bool same_device(const ProtobufCMessage *before, const ProtobufCMessage *now,
			struct penstock_errbuf *ret_what)
{
	const Penstock__Wire__DeviceState *a = (const void *)before, *b = (const void *)now;

	return same_number("execution_state", a->execution_state, b->execution_state, ret_what) &&
	       same_number("fault_node", a->fault_node, b->fault_node, ret_what) &&
	       same_number("fault_dma_offset", a->fault_dma_offset, b->fault_dma_offset,
			   ret_what) &&
	       same_text("fault_instruction", a->fault_instruction, b->fault_instruction,
			 ret_what) &&
	       same_number("fault_command_offset", a->fault_command_offset, b->fault_command_offset,
			   ret_what);
}

static bool same_context(const ProtobufCMessage *before, const ProtobufCMessage *now,
			 struct penstock_errbuf *ret_what)
{
	const Penstock__Wire__ContextState *a = (const void *)before, *b = (const void *)now;

	return same_number("dma_buffer_bytes", a->dma_buffer_bytes, b->dma_buffer_bytes,
			   ret_what) &&
	       same_number("allocation_list", a->allocation_list, b->allocation_list, ret_what) &&
	       same_number("patch_location_list", a->patch_location_list, b->patch_location_list,
			   ret_what);
}

/* Answers whose messages are compared; of others it is only the type. */
static const struct {
	uint16_t type;
	const ProtobufCMessageDescriptor *descriptor;
	compare_messages *compare;
} rows[] = {
	{ PENSTOCK_FRAME_REFUSAL, &penstock__wire__refusal__descriptor, same_refusal },
	{ PENSTOCK_FRAME_DEVICE_STATE, &penstock__wire__device_state__descriptor, same_device },
	{ PENSTOCK_FRAME_CONTEXT_STATE, &penstock__wire__context_state__descriptor, same_context },
	{ PENSTOCK_FRAME_CLOSING, &penstock__wire__closing__descriptor, same_closing },
};

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *descriptor,
				const struct penstock_recorded_frame *frame,
				struct penstock_budget *budget)
{
	penstock_budget_init(budget);
	return protobuf_c_message_unpack(descriptor, &budget->allocator, frame->head.message_bytes,
					 frame->message);
}

static bool same_messages(size_t row, const struct penstock_recorded_frame *before,
			  const struct penstock_recorded_frame *now,
			  struct penstock_errbuf *ret_what)
{
	struct penstock_budget budgets[2];
	ProtobufCMessage *a = unpack(rows[row].descriptor, before, &budgets[0]);
	ProtobufCMessage *b = unpack(rows[row].descriptor, now, &budgets[1]);
	bool same = false;

	if (a == NULL || b == NULL) {
		penstock_errbuf_set(ret_what, "the %s is malformed%s",
				    penstock_frame_name(before->head.type),
				    a == NULL ? " in the recording" : "");
	} else {
		same = rows[row].compare(a, b, ret_what);
	}
	if (a != NULL) {
		protobuf_c_message_free_unpacked(a, &budgets[0].allocator);
	}
	if (b != NULL) {
		protobuf_c_message_free_unpacked(b, &budgets[1].allocator);
	}
	return same;
}

static bool same_payload(const struct penstock_recorded_frame *before,
			 const struct penstock_recorded_frame *now,
			 struct penstock_errbuf *ret_what)
{
	uint32_t size = before->head.payload_bytes;

	if (size != now->head.payload_bytes) {
		return same_number("the size read back", size, now->head.payload_bytes, ret_what);
	}
	for (uint32_t i = 0; i < size; i++) {
		if (before->payload[i] != now->payload[i]) {
			penstock_errbuf_set(ret_what, "byte 0x%x read back is %02x, not %02x", i,
					    now->payload[i], before->payload[i]);
			return false;
		}
	}
	return true;
}

void penstock_replay_describe(const struct penstock_recorded_frame *frame,
			      struct penstock_errbuf *ret_text)
{
	struct penstock_budget budget;
	ProtobufCMessage *message = NULL;
	const Penstock__Wire__Refusal *refusal;
	const Penstock__Wire__Closing *closing;

	penstock_errbuf_set(ret_text, "%s",
			    frame == NULL ? "SUCCESS" : penstock_frame_name(frame->head.type));
	if (frame != NULL && frame->head.type == PENSTOCK_FRAME_REFUSAL) {
		message = unpack(&penstock__wire__refusal__descriptor, frame, &budget);
		refusal = (const void *)message;
		if (message != NULL) {
			penstock_errbuf_set(
				ret_text, "%s: %.150s",
				penstock_status_name(penstock_status_from_wire(refusal->status)),
				refusal->sentence);
		}
	} else if (frame != NULL && frame->head.type == PENSTOCK_FRAME_CLOSING) {
		message = unpack(&penstock__wire__closing__descriptor, frame, &budget);
		closing = (const void *)message;
		if (message != NULL) {
			penstock_errbuf_set(
				ret_text, "%s: %.150s",
				penstock_status_name(penstock_status_from_wire(closing->status)),
				closing->sentence);
		}
	}
	if (message != NULL) {
		protobuf_c_message_free_unpacked(message, &budget.allocator);
	}
}

bool penstock_replay_same(const struct penstock_recorded_frame *before,
			  const struct penstock_recorded_frame *now,
			  struct penstock_errbuf *ret_what)
{
	struct penstock_errbuf was, is;

	if (before == NULL && now == NULL) {
		return true;
	}
	if (before == NULL || now == NULL || before->head.type != now->head.type) {
		penstock_replay_describe(before, &was);
		penstock_replay_describe(now, &is);
		penstock_errbuf_set(ret_what, "%.120s, not %.100s", is.text, was.text);
		return false;
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(rows); i++) {
		if (rows[i].type == now->head.type && !same_messages(i, before, now, ret_what)) {
			return false;
		}
	}
	return same_payload(before, now, ret_what);
}
