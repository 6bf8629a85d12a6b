/* SPDX-License-Identifier: MIT */
#include "proto/wire/budget.h"
#include "proto/wire/frame.h"
#include "proto/wire/limits.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/harness.h"

#include <string.h>

/* Committed with protocol 1.0: these bytes never change. */
static const uint8_t golden_hello[] = {
	0x50, 0x4e, 0x53, 0x31, 0x01, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x08, 0x01, 0x20, 0x01, 0x2a, 0x03, 0x63, 0x61, 0x74,
};
static const uint8_t golden_refusal[] = {
	0x50, 0x4e, 0x53, 0x31, 0x82, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x0d, 0x1d, 0x00, 0x00, 0xc0, 0x10,
	0x01, 0x18, 0xa4, 0x05, 0x22, 0x04, 0x63, 0x6f, 0x70, 0x79, 0x32, 0x02, 0x6e, 0x6f,
};
static const uint8_t golden_device_state[] = {
	0x50, 0x4e, 0x53, 0x31, 0x85, 0x00, 0x00, 0x00, 0x25, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x07,
	0x10, 0x01, 0x19, 0x00, 0x00, 0x70, 0x00, 0x00, 0x01, 0x00, 0x00, 0x20, 0x38,
	0x2a, 0x02, 0x6e, 0x6f, 0x31, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x3a, 0x04, 0x63, 0x6f, 0x70, 0x79, 0x40, 0xa4, 0x05,
};
static const uint8_t golden_submission[] = {
	0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00,
	0x00, 0x06, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00,
	/* the allocation list */
	0x03, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00,
	/* the patch list */
	0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00,
	0x07, 0x08, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
	/* command bytes and padding */
	0xff, 0xff, 0xff, 0xff, 0xaa, 0xbb, 0x00, 0x00
};

static size_t pack_frame(enum penstock_frame_type type, uint64_t serial,
			 const ProtobufCMessage *message, uint8_t *ret_bytes)
{
	struct penstock_frame frame = {
		.type = (uint16_t)type,
		.serial = serial,
		.message_bytes = (uint32_t)protobuf_c_message_get_packed_size(message),
	};

	penstock_frame_encode(&frame, ret_bytes);
	return PENSTOCK_FRAME_HEADER_BYTES +
	       protobuf_c_message_pack(message, ret_bytes + PENSTOCK_FRAME_HEADER_BYTES);
}

START_TEST(frames_match_their_golden_bytes)
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;
	Penstock__Wire__Refusal refusal = PENSTOCK__WIRE__REFUSAL__INIT;
	uint8_t bytes[256];

	hello.major = 1;
	hello.isa_version = 1;
	hello.client = (char *)"cat";
	ck_assert_uint_eq(pack_frame(PENSTOCK_FRAME_HELLO, 0, &hello.base, bytes),
			  sizeof(golden_hello));
	ck_assert_mem_eq(bytes, golden_hello, sizeof(golden_hello));
	refusal.status = penstock_status_to_wire(PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	refusal.at_instruction = 1;
	refusal.byte_offset = 0x2a4;
	refusal.instruction = (char *)"copy";
	refusal.sentence = (char *)"no";
	ck_assert_uint_eq(
		pack_frame(PENSTOCK_FRAME_REFUSAL, 0x0102030405060708, &refusal.base, bytes),
		sizeof(golden_refusal));
	ck_assert_mem_eq(bytes, golden_refusal, sizeof(golden_refusal));
}
END_TEST

START_TEST(a_fault_report_matches_its_golden_bytes)
{
	Penstock__Wire__DeviceState state = PENSTOCK__WIRE__DEVICE_STATE__INIT;
	uint8_t bytes[256];

	state.execution_state = 7;
	state.fault_node = 1;
	state.fault_address = 0x10000700000;
	state.fault_dma_offset = 0x38;
	state.reason = (char *)"no";
	state.fault_fence = 9;
	state.fault_instruction = (char *)"copy";
	state.fault_command_offset = 0x2a4;
	ck_assert_uint_eq(pack_frame(PENSTOCK_FRAME_DEVICE_STATE, 12, &state.base, bytes),
			  sizeof(golden_device_state));
	ck_assert_mem_eq(bytes, golden_device_state, sizeof(golden_device_state));
}
END_TEST

START_TEST(a_header_survives_the_wire)
{
	struct penstock_frame frame = {
		.type = 0xc6,
		.message_bytes = PENSTOCK_LIMIT_MESSAGE_BYTES,
		.payload_bytes = PENSTOCK_LIMIT_PAYLOAD_BYTES,
		.serial = UINT64_MAX,
	};
	struct penstock_frame back;
	uint8_t bytes[PENSTOCK_FRAME_HEADER_BYTES];

	penstock_frame_encode(&frame, bytes);
	ck_assert_int_eq(penstock_frame_decode(bytes, &back, NULL), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(back.type, 0xc6);
	ck_assert_uint_eq(back.message_bytes, PENSTOCK_LIMIT_MESSAGE_BYTES);
	ck_assert_uint_eq(back.payload_bytes, PENSTOCK_LIMIT_PAYLOAD_BYTES);
	ck_assert_uint_eq(back.serial, UINT64_MAX);
}
END_TEST

static void malformed(size_t at, uint8_t value, const char *word)
{
	uint8_t bytes[PENSTOCK_FRAME_HEADER_BYTES];
	struct penstock_frame frame = { .type = 0x7777 };
	struct penstock_errbuf text = { "" };

	memcpy(bytes, golden_hello, sizeof(bytes));
	bytes[at] = value;
	ck_assert_int_eq(penstock_frame_decode(bytes, &frame, &text),
			 PENSTOCK_STATUS_MALFORMED_FRAME);
	ck_assert_ptr_nonnull(strstr(text.text, word));
	ck_assert_uint_eq(frame.type, 0x7777);
}

START_TEST(a_malformed_header_is_refused_with_a_reason)
{
	malformed(0, 'p', "magic");
	malformed(6, 1, "not zero");
	malformed(7, 1, "not zero");
	malformed(11, 1, "message");
	malformed(15, 0x80, "payload");
}
END_TEST

START_TEST(frame_types_have_names)
{
	ck_assert_str_eq(penstock_frame_name(0x08), "SUBMIT");
	ck_assert_str_eq(penstock_frame_name(0x88), "CLOSING");
	ck_assert_ptr_null(penstock_frame_name(0));
	ck_assert_ptr_null(penstock_frame_name(0xffff));
}
END_TEST

START_TEST(a_submission_is_read_in_place)
{
	struct penstock_submission_view view;
	struct penstock_patch_location patch;
	uint32_t offset = 0;

	ck_assert_int_eq(penstock_submission_view(golden_submission, sizeof(golden_submission),
						  &offset, &view, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(offset, sizeof(golden_submission));
	ck_assert_uint_eq(view.record.context, 0x0000000200000001);
	ck_assert_uint_eq(view.record.flags, PENSTOCK_SUBMIT_NULL_RENDERING);
	ck_assert_uint_eq(view.record.command_offset, 4);
	ck_assert_uint_eq(view.record.command_length, 6);
	ck_assert_ptr_eq(view.allocation_list, golden_submission + 48);
	ck_assert_ptr_eq(view.patch_list, golden_submission + 64);
	ck_assert_ptr_eq(view.command, golden_submission + 88);
	memcpy(&patch, view.patch_list, sizeof(patch));
	ck_assert_uint_eq(patch.allocation_offset, 0x1000);
	ck_assert_uint_eq(patch.slot_id, 2);
	ck_assert_uint_eq(patch.driver_id, 7);
	ck_assert_uint_eq(patch.patch_offset, 8);
	ck_assert_uint_eq(patch.split_offset, 4);
}
END_TEST

/* Every length that does not add up, from a payload cut anywhere to counts that would wrap. */
START_TEST(A15_the_names_of_a_broadcast_stand_before_the_commands)
{
	struct penstock_submission_view view;
	uint8_t bytes[sizeof(golden_submission) + 16];
	uint32_t offset = 0;

	/* two names between the patch list and the commands, which go on where they ended */
	memcpy(bytes, golden_submission, 88);
	bytes[28] = 2;
	memset(bytes + 88, 0x11, 8);
	memset(bytes + 96, 0x22, 8);
	memcpy(bytes + 104, golden_submission + 88, sizeof(golden_submission) - 88);
	ck_assert_int_eq(penstock_submission_view(bytes, sizeof(bytes), &offset, &view, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(offset, sizeof(bytes));
	ck_assert_uint_eq(view.record.broadcast_count, 2);
	ck_assert_ptr_eq(view.broadcast, bytes + 88);
	ck_assert_ptr_eq(view.command, bytes + 104);
}
END_TEST

START_TEST(a_submission_that_does_not_add_up_is_malformed)
{
	struct penstock_submission_view view;
	uint8_t bytes[sizeof(golden_submission)];
	uint32_t offset = 0;

	for (uint32_t size = 0; size < sizeof(golden_submission); size++) {
		ck_assert_int_eq(
			penstock_submission_view(golden_submission, size, &offset, &view, NULL),
			PENSTOCK_STATUS_MALFORMED_FRAME);
		ck_assert_uint_eq(offset, 0);
	}
	for (uint32_t field = 16; field < 32; field += 4) {
		memcpy(bytes, golden_submission, sizeof(bytes));
		memset(bytes + field, 0xff, 4);
		ck_assert_int_eq(
			penstock_submission_view(bytes, sizeof(bytes), &offset, &view, NULL),
			PENSTOCK_STATUS_MALFORMED_FRAME);
	}
	memcpy(bytes, golden_submission, sizeof(bytes));
	bytes[sizeof(bytes) - 1] = 1;
	ck_assert_int_eq(penstock_submission_view(bytes, sizeof(bytes), &offset, &view, NULL),
			 PENSTOCK_STATUS_MALFORMED_FRAME);
	offset = UINT32_MAX;
	ck_assert_int_eq(penstock_submission_view(bytes, sizeof(bytes), &offset, &view, NULL),
			 PENSTOCK_STATUS_MALFORMED_FRAME);
}
END_TEST

/* 30,000 empty sub-messages in 60 KB: the message that becomes thirty times its size. */
START_TEST(unpacking_stops_at_the_budget)
{
	static uint8_t bytes[60000];
	struct penstock_budget budget;
	Penstock__Wire__Welcome *welcome;

	for (size_t i = 0; i < sizeof(bytes); i += 2) {
		bytes[i] = 0x62;  /* field 12, a message, */
		bytes[i + 1] = 0; /* empty */
	}
	penstock_budget_init(&budget);
	welcome = penstock__wire__welcome__unpack(&budget.allocator, sizeof(bytes), bytes);
	ck_assert_ptr_null(welcome);
	ck_assert(budget.exhausted);
	penstock_budget_init_with(&budget, 64u << 20, UINT32_MAX);
	welcome = penstock__wire__welcome__unpack(&budget.allocator, sizeof(bytes), bytes);
	ck_assert_ptr_nonnull(welcome);
	ck_assert_uint_eq(welcome->n_adapters, sizeof(bytes) / 2);
	penstock__wire__welcome__free_unpacked(welcome, &budget.allocator);
}
END_TEST

START_TEST(a_budget_counts_bytes_and_blocks)
{
	struct penstock_budget budget;
	void *block;

	penstock_budget_init_with(&budget, 100, 2);
	ck_assert_ptr_null(budget.allocator.alloc(budget.allocator.allocator_data, 101));
	block = budget.allocator.alloc(budget.allocator.allocator_data, 100);
	ck_assert_ptr_nonnull(block);
	ck_assert_ptr_null(budget.allocator.alloc(budget.allocator.allocator_data, 1));
	budget.allocator.free(budget.allocator.allocator_data, block);
	penstock_budget_init_with(&budget, 100, 1);
	block = budget.allocator.alloc(budget.allocator.allocator_data, 1);
	ck_assert_ptr_nonnull(block);
	ck_assert_ptr_null(budget.allocator.alloc(budget.allocator.allocator_data, 1));
	budget.allocator.free(budget.allocator.allocator_data, block);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("frame");
	TCase *tcase = tcase_create("frame");

	tcase_add_test(tcase, frames_match_their_golden_bytes);
	tcase_add_test(tcase, a_fault_report_matches_its_golden_bytes);
	tcase_add_test(tcase, a_header_survives_the_wire);
	tcase_add_test(tcase, a_malformed_header_is_refused_with_a_reason);
	tcase_add_test(tcase, frame_types_have_names);
	tcase_add_test(tcase, a_submission_is_read_in_place);
	tcase_add_test(tcase, A15_the_names_of_a_broadcast_stand_before_the_commands);
	tcase_add_test(tcase, a_submission_that_does_not_add_up_is_malformed);
	tcase_add_test(tcase, unpacking_stops_at_the_budget);
	tcase_add_test(tcase, a_budget_counts_bytes_and_blocks);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
