/* SPDX-License-Identifier: MIT */
#include "proto/wire/frame.h"

#include "proto/wire/limits.h"

#include <string.h>

static uint64_t load(const uint8_t *bytes, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size);
	return value;
}

static void store(uint8_t *ret_bytes, uint64_t value, unsigned size)
{
	memcpy(ret_bytes, &value, size);
}

/* Reports go to administrators only, and are as long as the daemon has things to list. */
static uint32_t message_limit(uint16_t type)
{
	return type >= PENSTOCK_FRAME_STATUS_REPORT ? PENSTOCK_LIMIT_PAYLOAD_BYTES
						    : PENSTOCK_LIMIT_MESSAGE_BYTES;
}

enum penstock_status penstock_frame_decode(const uint8_t bytes[PENSTOCK_FRAME_HEADER_BYTES],
					   struct penstock_frame *ret_frame,
					   struct penstock_errbuf *reterr_text)
{
	struct penstock_frame frame = {
		.type = (uint16_t)load(bytes + 4, 2),
		.message_bytes = (uint32_t)load(bytes + 8, 4),
		.payload_bytes = (uint32_t)load(bytes + 12, 4),
		.serial = load(bytes + 16, 8),
	};

	if (load(bytes, 4) != PENSTOCK_FRAME_MAGIC) {
		penstock_errbuf_set(reterr_text, "frame magic is 0x%08x, not 0x%08x",
				    (unsigned)load(bytes, 4), PENSTOCK_FRAME_MAGIC);
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	if (load(bytes + 6, 2) != 0) {
		penstock_errbuf_set(reterr_text, "bytes 6 and 7 of the frame header are not zero");
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	if (frame.message_bytes > message_limit(frame.type)) {
		penstock_errbuf_set(reterr_text, "message of %u bytes: at most %u are allowed",
				    frame.message_bytes, message_limit(frame.type));
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	if (frame.payload_bytes > PENSTOCK_LIMIT_PAYLOAD_BYTES) {
		penstock_errbuf_set(reterr_text, "payload of %u bytes: at most %u are allowed",
				    frame.payload_bytes, PENSTOCK_LIMIT_PAYLOAD_BYTES);
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	*ret_frame = frame;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_frame_encode(const struct penstock_frame *frame,
			   uint8_t ret_bytes[PENSTOCK_FRAME_HEADER_BYTES])
{
	store(ret_bytes, PENSTOCK_FRAME_MAGIC, 4);
	store(ret_bytes + 4, frame->type, 2);
	store(ret_bytes + 6, 0, 2);
	store(ret_bytes + 8, frame->message_bytes, 4);
	store(ret_bytes + 12, frame->payload_bytes, 4);
	store(ret_bytes + 16, frame->serial, 8);
}

const char *penstock_frame_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
#define FRAME(name, number, message) { number, #name },
		PENSTOCK_FRAMES(FRAME)
#undef FRAME
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(names); i++) {
		if (names[i].type == type) {
			return names[i].name;
		}
	}
	return NULL;
}

static bool all_zero(const uint8_t *bytes, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

enum penstock_status penstock_submission_view(const uint8_t *payload, uint32_t payload_bytes,
					      uint32_t *offset,
					      struct penstock_submission_view *ret_view,
					      struct penstock_errbuf *reterr_text)
{
	const uint32_t at = *offset;
	struct penstock_submission_view view;
	uint64_t lists, used, padded;

	if (!penstock_range_fits(at, sizeof(view.record), payload_bytes)) {
		penstock_errbuf_set(reterr_text, "the payload ends inside a record at byte 0x%x",
				    at);
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	memcpy(&view.record, payload + at, sizeof(view.record));
	/* 32-bit counts times small sizes: none of these sums can wrap 64 bits */
	lists = (uint64_t)view.record.allocation_count * sizeof(struct penstock_wire_allocation) +
		(uint64_t)view.record.patch_location_count *
			sizeof(struct penstock_patch_location) +
		(uint64_t)view.record.broadcast_count * sizeof(uint64_t);
	used = sizeof(view.record) + lists + view.record.command_length;
	padded = penstock_align_up(used, 8);
	if (!penstock_range_fits(at, padded, payload_bytes)) {
		penstock_errbuf_set(reterr_text,
				    "submission at byte 0x%x of the payload is 0x%llx bytes long, "
				    "the payload 0x%x",
				    at, (unsigned long long)padded, payload_bytes);
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	if (!all_zero(payload + at + used, padded - used)) {
		penstock_errbuf_set(reterr_text,
				    "padding of the submission at byte 0x%x is not zero", at);
		return PENSTOCK_STATUS_MALFORMED_FRAME;
	}
	view.allocation_list = payload + at + sizeof(view.record);
	view.patch_list = view.allocation_list + (size_t)view.record.allocation_count *
							 sizeof(struct penstock_wire_allocation);
	view.broadcast = view.patch_list + (size_t)view.record.patch_location_count *
						   sizeof(struct penstock_patch_location);
	view.command = view.allocation_list + lists;
	*ret_view = view;
	*offset = at + (uint32_t)padded;
	return PENSTOCK_STATUS_SUCCESS;
}
