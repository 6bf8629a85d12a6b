/* SPDX-License-Identifier: MIT */
/* The mutator of the fuzz targets that take requests, with a stub for libFuzzer's own. */
#include "proto/wire/frame.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/fuzz/mutate_frames.h"
#include "tests/harness.h"

#include <string.h>

#define BYTES_MAX 4096u
#define ROUNDS    4096u

static unsigned calls;

/* Turns over a bit, and now and then makes it longer or shorter. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	calls++;
	if (size > 0) {
		data[calls % size] ^= (uint8_t)(1u << calls % 8);
	}
	if (calls % 3 == 0 && size + 3 <= max_size) {
		memset(data + size, 0x5a, 3);
		return size + 3;
	}
	return calls % 3 == 1 && size > 4 ? size - 4 : size;
}

static size_t put(uint8_t *data, size_t at, uint16_t type, uint64_t serial,
		  const ProtobufCMessage *message, const void *payload, uint32_t payload_bytes)
{
	struct penstock_frame head = { .type = type,
				       .serial = serial,
				       .payload_bytes = payload_bytes };

	head.message_bytes = (uint32_t)protobuf_c_message_get_packed_size(message);
	penstock_frame_encode(&head, data + at);
	protobuf_c_message_pack(message, data + at + PENSTOCK_FRAME_HEADER_BYTES);
	at += PENSTOCK_FRAME_HEADER_BYTES + head.message_bytes;
	if (payload_bytes > 0) {
		memcpy(data + at, payload, payload_bytes);
	}
	return at + payload_bytes;
}

/* Two bytes; a device, two submissions of four bytes each, a sync. */
static size_t make_input(uint8_t *data)
{
	Penstock__Wire__CreateDevice device = PENSTOCK__WIRE__CREATE_DEVICE__INIT;
	Penstock__Wire__Submit submit = PENSTOCK__WIRE__SUBMIT__INIT;
	Penstock__Wire__Sync sync = PENSTOCK__WIRE__SYNC__INIT;
	struct {
		struct penstock_wire_submission record;
		uint32_t command[2];
	} two[2] = { { { .context = 7, .command_length = 4 }, { 1, 0 } },
		     { { .context = 9, .command_length = 4 }, { 2, 0 } } };
	size_t at = PENSTOCK_MUTATE_HEAD_BYTES;

	memset(data, 0, at);
	device.name = 1;
	submit.count = 2;
	at = put(data, at, PENSTOCK_FRAME_CREATE_DEVICE, 1, &device.base, NULL, 0);
	at = put(data, at, PENSTOCK_FRAME_SUBMIT, 2, &submit.base, two, sizeof(two));
	return put(data, at, PENSTOCK_FRAME_SYNC, 4, &sync.base, NULL, 0);
}

/* Whole frames to the end, each with the serial that comes next. Counts submissions. */
static bool is_well_formed(const uint8_t *data, size_t size, unsigned *submissions)
{
	struct penstock_submission_view view;
	size_t at = PENSTOCK_MUTATE_HEAD_BYTES;
	uint64_t serial = 0;

	while (at < size) {
		struct penstock_frame head;
		Penstock__Wire__Submit *submit;
		uint32_t offset = 0;

		if (size - at < PENSTOCK_FRAME_HEADER_BYTES ||
		    penstock_frame_decode(data + at, &head, NULL) != PENSTOCK_STATUS_SUCCESS ||
		    size - at - PENSTOCK_FRAME_HEADER_BYTES <
			    (size_t)head.message_bytes + head.payload_bytes) {
			return false;
		}
		at += PENSTOCK_FRAME_HEADER_BYTES;
		if (serial != 0 && head.serial != serial) {
			return false;
		}
		serial = head.serial + 1;
		submit = head.type == PENSTOCK_FRAME_SUBMIT
				 ? penstock__wire__submit__unpack(NULL, head.message_bytes,
								  data + at)
				 : NULL;
		if (submit != NULL) {
			serial = head.serial + submit->count;
			penstock__wire__submit__free_unpacked(submit, NULL);
		}
		while (submit != NULL &&
		       penstock_submission_view(data + at + head.message_bytes, head.payload_bytes,
						&offset, &view, NULL) == PENSTOCK_STATUS_SUCCESS) {
			++*submissions;
		}
		at += (size_t)head.message_bytes + head.payload_bytes;
	}
	return true;
}

START_TEST(a_mutated_input_is_whole_frames_in_most_cases)
{
	unsigned whole = 0, changed = 0, submissions = 0;

	for (unsigned seed = 0; seed < ROUNDS; seed++) {
		uint8_t before[BYTES_MAX], data[BYTES_MAX];
		size_t size = make_input(data), mutated;

		memcpy(before, data, size);
		mutated = LLVMFuzzerCustomMutator(data, size, sizeof(data), seed);
		ck_assert_uint_le(mutated, sizeof(data));
		whole += is_well_formed(data, mutated, &submissions);
		changed += mutated != size || memcmp(before, data, size) != 0;
	}
	/* one in eight is changed as any bytes are; a message of Submit may become another */
	ck_assert_uint_gt(whole, ROUNDS * 3 / 4);
	ck_assert_uint_lt(whole, ROUNDS);
	ck_assert_uint_gt(changed, ROUNDS / 2); /* not where two the same are exchanged */
	ck_assert_uint_gt(submissions, ROUNDS);
}
END_TEST

START_TEST(a_mutated_input_fits_and_needs_no_frames)
{
	for (unsigned seed = 0; seed < ROUNDS; seed++) {
		uint8_t data[BYTES_MAX];
		size_t size = make_input(data);

		size = size * (seed % 5) / 4 > size ? size : size * (seed % 5) / 4;
		ck_assert_uint_le(LLVMFuzzerCustomMutator(data, size, size, seed), size);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mutate_frames");
	TCase *tcase = tcase_create("mutate_frames");

	tcase_add_test(tcase, a_mutated_input_is_whole_frames_in_most_cases);
	tcase_add_test(tcase, a_mutated_input_fits_and_needs_no_frames);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
