/* SPDX-License-Identifier: MIT */
/* Recordings: what is written is read again, what is damaged is named, what differs is told. */
#include "client/penstock/frame_stream.h"
#include "client/penstock/recorder.h"
#include "client/penstock/recording.h"
#include "client/penstock/replayer.h"
#include "proto/isa/layout.h"
#include "proto/wire/penstock.pb-c.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTEXT 0x100000002ull

static char *bytes; /* of the recording */
static size_t length;
static struct penstock_recording_writer writer;
static struct penstock_recording recording;
static struct penstock_replayer *replayer;
static struct penstock_errbuf text;

/* ---------------------------------------------------------------- frames */

struct made {
	uint8_t bytes[512];
	size_t size;
};

static struct made make(uint16_t type, uint64_t serial, const ProtobufCMessage *message,
			const void *payload, uint32_t payload_bytes)
{
	struct penstock_frame frame = { .type = type,
					.serial = serial,
					.payload_bytes = payload_bytes };
	struct made made;

	frame.message_bytes =
		message == NULL ? 0 : (uint32_t)protobuf_c_message_get_packed_size(message);
	made.size = penstock_frame_bytes(&frame);
	ck_assert_uint_le(made.size, sizeof(made.bytes));
	penstock_frame_encode(&frame, made.bytes);
	if (message != NULL) {
		protobuf_c_message_pack(message, made.bytes + PENSTOCK_FRAME_HEADER_BYTES);
	}
	if (payload_bytes > 0) {
		memcpy(made.bytes + made.size - payload_bytes, payload, payload_bytes);
	}
	return made;
}

static struct made hello(void)
{
	Penstock__Wire__Hello message = PENSTOCK__WIRE__HELLO__INIT;

	message.major = PENSTOCK_PROTOCOL_MAJOR;
	message.isa_version = 1;
	return make(PENSTOCK_FRAME_HELLO, 0, &message.base, NULL, 0);
}

static struct made share(uint64_t serial)
{
	Penstock__Wire__ShareAllocation message = PENSTOCK__WIRE__SHARE_ALLOCATION__INIT;

	message.name = 3;
	return make(PENSTOCK_FRAME_SHARE_ALLOCATION, serial, &message.base, NULL, 0);
}

static struct made shared(uint64_t serial, uint64_t token)
{
	Penstock__Wire__Shared message = PENSTOCK__WIRE__SHARED__INIT;

	message.token_high = token;
	message.token_low = ~token;
	return make(PENSTOCK_FRAME_SHARED, serial, &message.base, NULL, 0);
}

static struct made open_shared(uint64_t serial, uint64_t token)
{
	Penstock__Wire__OpenAllocation message = PENSTOCK__WIRE__OPEN_ALLOCATION__INIT;

	message.name = 4;
	message.device = 1;
	message.token_high = token;
	message.token_low = ~token;
	return make(PENSTOCK_FRAME_OPEN_ALLOCATION, serial, &message.base, NULL, 0);
}

/* Two empty submissions. */
static struct made submit(uint64_t serial)
{
	Penstock__Wire__Submit message = PENSTOCK__WIRE__SUBMIT__INIT;
	const struct penstock_wire_submission two[2] = { { .context = CONTEXT },
							 { .context = CONTEXT } };

	message.count = 2;
	return make(PENSTOCK_FRAME_SUBMIT, serial, &message.base, two, sizeof(two));
}

static struct made fence_of(uint64_t context, uint64_t serial, enum penstock_status status)
{
	Penstock__Wire__Fence message = PENSTOCK__WIRE__FENCE__INIT;

	message.context = context;
	message.fence = serial;
	message.status = status;
	return make(PENSTOCK_FRAME_FENCE, 0, &message.base, NULL, 0);
}

static struct made fence(uint64_t serial, enum penstock_status status)
{
	return fence_of(CONTEXT, serial, status);
}

static struct made refusal(uint64_t serial, enum penstock_status status, uint32_t byte_offset)
{
	Penstock__Wire__Refusal message = PENSTOCK__WIRE__REFUSAL__INIT;
	char sentence[] = "no\x1b[1m";

	message.status = status;
	message.at_instruction = true;
	message.byte_offset = byte_offset;
	message.sentence = sentence;
	return make(PENSTOCK_FRAME_REFUSAL, serial, &message.base, NULL, 0);
}

static struct made plain(uint16_t type, uint64_t serial)
{
	return make(type, serial, NULL, NULL, 0);
}

static struct made data(uint64_t serial, const char *contents)
{
	return make(PENSTOCK_FRAME_READ_DATA, serial, NULL, contents, (uint32_t)strlen(contents));
}

/* ---------------------------------------------------------------- a recording */

static void add(struct made made)
{
	ck_assert(penstock_recording_add(&writer, made.bytes, made.size));
}

static void begin(void)
{
	free(bytes);
	bytes = NULL;
	penstock_recording_begin(&writer, open_memstream(&bytes, &length));
}

static void end(void)
{
	penstock_recording_end(&writer);
	ck_assert_int_eq(fclose(writer.stream), 0);
}

static enum penstock_status open_it(void)
{
	return penstock_recording_open("r", (const uint8_t *)bytes, length, &recording, &text);
}

static void open_replayer(void)
{
	end();
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_SUCCESS);
	ck_assert_msg(penstock_replayer_new("r", &recording, &replayer, &text) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", text.text);
}

/* What an ordinary session says: serials 1 share, 2 open, 3 and 4 submissions, 5 read-back. */
static void write_session(void)
{
	begin();
	add(hello());
	add(plain(PENSTOCK_FRAME_WELCOME, 0));
	add(share(1));
	add(shared(1, 77));
	add(open_shared(2, 77));
	add(submit(3));
	add(plain(PENSTOCK_FRAME_ACK, 3));
	add(refusal(4, PENSTOCK_STATUS_INVALID_HANDLE, 8));
	add(fence(3, PENSTOCK_STATUS_SUCCESS));
	add(plain(PENSTOCK_FRAME_READ_BACK, 5));
	add(data(5, "contents"));
	add(plain(PENSTOCK_FRAME_GOODBYE, 6));
	add(plain(PENSTOCK_FRAME_CLOSING, 0));
}

static void set_up(void)
{
	write_session();
}

static void tear_down(void)
{
	penstock_replayer_free(replayer);
	replayer = NULL;
	penstock_recording_close(&recording);
	free(bytes);
	bytes = NULL;
}

/* The replayer sends exactly this next. */
static void expect_sent(struct made made)
{
	const uint8_t *sent = NULL;
	size_t size = 0;

	ck_assert_int_eq(penstock_replayer_next(replayer, &sent, &size), PENSTOCK_REPLAY_SEND);
	ck_assert_uint_eq(size, made.size);
	ck_assert_mem_eq(sent, made.bytes, size);
}

static void expect_turn(enum penstock_replay_turn turn)
{
	const uint8_t *sent;
	size_t size;

	ck_assert_int_eq(penstock_replayer_next(replayer, &sent, &size), turn);
}

static void receive(struct made made)
{
	struct penstock_frame frame;

	ck_assert_int_eq(penstock_frame_decode(made.bytes, &frame, NULL), PENSTOCK_STATUS_SUCCESS);
	penstock_replayer_received(replayer, &frame, made.bytes);
}

static void expect_first_difference(const char *wanted)
{
	const struct penstock_replay_result *result = penstock_replayer_result(replayer);

	ck_assert_uint_eq(result->differences, wanted == NULL ? 0 : 1);
	ck_assert_str_eq(result->first.text, wanted == NULL ? "" : wanted);
}

/* As far as the submissions, all as it was. */
static void replay_to_submissions(void)
{
	open_replayer();
	expect_sent(hello());
	receive(plain(PENSTOCK_FRAME_WELCOME, 0));
	expect_sent(share(1));
	receive(shared(1, 77));
	expect_sent(open_shared(2, 77));
	expect_sent(submit(3));
}

/* ---------------------------------------------------------------- the format */

START_TEST(what_is_recorded_is_read_again)
{
	end();
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(recording.count, 13);
	ck_assert_uint_eq(recording.frames[0].offset, PENSTOCK_RECORDING_HEADER_BYTES);
	ck_assert_uint_eq(recording.frames[0].head.type, PENSTOCK_FRAME_HELLO);
	ck_assert_uint_eq(recording.frames[10].head.serial, 5);
	ck_assert_mem_eq(recording.frames[10].payload, "contents", 8);
}
END_TEST

START_TEST(a_recording_that_was_cut_is_refused_with_the_byte)
{
	size_t whole;

	end();
	whole = length;
	for (length = 0; length < whole; length++) {
		ck_assert_int_eq(open_it(), PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert_msg(strncmp(text.text, "r: byte 0x", 10) == 0, "%s", text.text);
	}
	length = whole - 1;
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(text.text, "the recording is cut"));
}
END_TEST

START_TEST(a_flipped_bit_is_found_in_its_record)
{
	end();
	for (size_t i = 0; i < length * 8; i++) {
		unsigned long at;

		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
		ck_assert_int_eq(open_it(), PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert_int_eq(sscanf(text.text, "r: byte %lx: ", &at), 1);
		ck_assert_uint_le(at, i / 8 < 24 ? 24 : i / 8);
		ck_assert_uint_gt(at + 512, i / 8);
		bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
	}
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(a_record_that_is_missing_twice_or_behind_the_end_is_found)
{
	const size_t first = PENSTOCK_RECORDING_CHECKSUM_BYTES + hello().size;
	char *longer;

	end();
	memmove(bytes + PENSTOCK_RECORDING_HEADER_BYTES,
		bytes + PENSTOCK_RECORDING_HEADER_BYTES + first,
		length - PENSTOCK_RECORDING_HEADER_BYTES - first);
	length -= first;
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, "r: byte 0x20: the checksum of this frame is wrong");
	write_session();
	end();
	longer = calloc(1, length + 1);
	memcpy(longer, bytes, length++);
	free(bytes);
	bytes = longer;
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(text.text, "there are bytes behind the end"));
}
END_TEST

START_TEST(a_recorder_takes_bytes_in_any_pieces)
{
	struct penstock_recorder *recorder;
	char path[] = "/tmp/penstock-recording-XXXXXX";
	struct made frames[] = { hello(), plain(PENSTOCK_FRAME_WELCOME, 0), submit(1),
				 data(5, "contents") };
	FILE *file;

	close(mkstemp(path));
	ck_assert_int_eq(penstock_recorder_open(path, &recorder, &text), PENSTOCK_STATUS_SUCCESS);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(frames); i++) {
		for (size_t at = 0; at < frames[i].size; at++) {
			/* half a frame of the other direction in between changes nothing */
			penstock_recorder_bytes(recorder, i % 2 == 0, frames[i].bytes + at, 1);
		}
	}
	penstock_recorder_bytes(recorder, true, frames[0].bytes, 10); /* never whole */
	ck_assert_int_eq(penstock_recorder_close(recorder, &text), PENSTOCK_STATUS_SUCCESS);
	end();
	file = fopen(path, "rb");
	bytes = realloc(bytes, 4096);
	length = fread(bytes, 1, 4096, file);
	fclose(file);
	unlink(path);
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(recording.count, PENSTOCK_ARRAY_SIZE(frames));
	for (size_t i = 0; i < recording.count; i++) {
		ck_assert_mem_eq(recording.frames[i].bytes, frames[i].bytes, frames[i].size);
	}
}
END_TEST

START_TEST(a_recorder_says_why_its_recording_is_not_whole)
{
	struct penstock_recorder *recorder;
	char path[] = "/tmp/penstock-recording-XXXXXX";

	end();
	close(mkstemp(path));
	ck_assert_int_eq(penstock_recorder_open("/nowhere/r", &recorder, &text),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_str_eq(text.text, "/nowhere/r: No such file or directory");
	ck_assert_int_eq(penstock_recorder_open(path, &recorder, &text), PENSTOCK_STATUS_SUCCESS);
	penstock_recorder_bytes(recorder, false, NULL, 0);
	ck_assert_int_eq(penstock_recorder_close(recorder, &text), PENSTOCK_STATUS_NOT_SUPPORTED);
	ck_assert_ptr_nonnull(strstr(text.text, "where the connection was made again"));
	ck_assert_int_eq(penstock_recorder_open(path, &recorder, &text), PENSTOCK_STATUS_SUCCESS);
	penstock_recorder_bytes(recorder, false, "this is no frame of ours", 24);
	ck_assert_int_eq(penstock_recorder_close(recorder, &text), PENSTOCK_STATUS_MALFORMED_FRAME);
	ck_assert_int_eq(penstock_recorder_open(path, &recorder, &text), PENSTOCK_STATUS_SUCCESS);
	penstock_recorder_bytes(recorder, false, plain(PENSTOCK_RECORDING_END, 0).bytes,
				PENSTOCK_FRAME_HEADER_BYTES);
	ck_assert_int_eq(penstock_recorder_close(recorder, &text), PENSTOCK_STATUS_MALFORMED_FRAME);
	unlink(path);
	ck_assert_int_eq(penstock_recorder_open("/dev/full", &recorder, &text),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_recorder_close(recorder, &text), PENSTOCK_STATUS_NO_MEMORY);
}
END_TEST

/* ---------------------------------------------------------------- the replay */

START_TEST(a_replay_that_is_answered_alike_has_no_difference)
{
	const struct penstock_replay_result *result;

	replay_to_submissions();
	expect_turn(PENSTOCK_REPLAY_WAIT);
	receive(plain(PENSTOCK_FRAME_ACK, 3));
	receive(refusal(4, PENSTOCK_STATUS_INVALID_HANDLE, 8));
	expect_turn(PENSTOCK_REPLAY_WAIT); /* for the fence */
	receive(fence(3, PENSTOCK_STATUS_SUCCESS));
	expect_sent(plain(PENSTOCK_FRAME_READ_BACK, 5));
	receive(data(5, "contents"));
	expect_sent(plain(PENSTOCK_FRAME_GOODBYE, 6));
	receive(plain(PENSTOCK_FRAME_CLOSING, 0));
	expect_turn(PENSTOCK_REPLAY_DONE);
	penstock_replayer_ended(replayer, NULL);
	expect_first_difference(NULL);
	result = penstock_replayer_result(replayer);
	ck_assert_uint_eq(result->requests, 6);
	ck_assert_uint_eq(result->submissions, 2);
	ck_assert_uint_eq(result->answers, 5);
	ck_assert_uint_eq(result->fences, 1);
	ck_assert_uint_eq(result->read_back_bytes, 8);
}
END_TEST

static struct made broadcast(uint64_t serial)
{
	Penstock__Wire__Submit message = PENSTOCK__WIRE__SUBMIT__INIT;
	const struct {
		struct penstock_wire_submission record;
		uint64_t further[2];
	} one = { { .context = CONTEXT, .broadcast_count = 2 }, { CONTEXT + 1, CONTEXT + 2 } };

	message.count = 1;
	return make(PENSTOCK_FRAME_SUBMIT, serial, &message.base, &one, sizeof(one));
}

/* Serials 1: of three contexts, 2 and 3: of the first. */
static void replay_broadcast(void)
{
	end();
	begin();
	add(hello());
	add(plain(PENSTOCK_FRAME_WELCOME, 0));
	add(broadcast(1));
	add(submit(2));
	add(plain(PENSTOCK_FRAME_ACK, 3));
	add(fence_of(CONTEXT + 2, 1, PENSTOCK_STATUS_SUCCESS));
	add(fence(3, PENSTOCK_STATUS_SUCCESS));
	add(fence_of(CONTEXT + 1, 1, PENSTOCK_STATUS_CANCELLED));
	open_replayer();
	expect_sent(hello());
	receive(plain(PENSTOCK_FRAME_WELCOME, 0));
	expect_sent(broadcast(1));
	expect_sent(submit(2));
	receive(plain(PENSTOCK_FRAME_ACK, 3));
	expect_turn(PENSTOCK_REPLAY_WAIT);
}

START_TEST(A15_each_context_of_a_broadcast_has_its_end)
{
	replay_broadcast();
	receive(fence(3, PENSTOCK_STATUS_SUCCESS));
	expect_turn(PENSTOCK_REPLAY_WAIT); /* for that of the third context */
	receive(fence_of(CONTEXT + 2, 1, PENSTOCK_STATUS_SUCCESS));
	expect_turn(PENSTOCK_REPLAY_WAIT);
	receive(fence_of(CONTEXT + 1, 1, PENSTOCK_STATUS_CANCELLED));
	expect_turn(PENSTOCK_REPLAY_DONE);
	penstock_replayer_ended(replayer, NULL);
	expect_first_difference(NULL);
	ck_assert_uint_eq(penstock_replayer_result(replayer)->fences, 5);
}
END_TEST

START_TEST(A15_another_end_in_one_context_is_a_difference)
{
	replay_broadcast();
	receive(fence_of(CONTEXT + 1, 1, PENSTOCK_STATUS_SUCCESS));
	ck_assert_uint_eq(penstock_replayer_result(replayer)->differences, 1);
	ck_assert_ptr_nonnull(
		strstr(penstock_replayer_result(replayer)->first.text, "request 1 (SUBMIT, "));
	ck_assert_ptr_nonnull(strstr(penstock_replayer_result(replayer)->first.text,
				     "its fence says SUCCESS, it said CANCELLED"));
	receive(fence_of(CONTEXT + 3, 1, PENSTOCK_STATUS_SUCCESS));
	ck_assert_uint_eq(penstock_replayer_result(replayer)->differences, 2);
}
END_TEST

START_TEST(a_token_is_replaced_by_the_one_of_this_session)
{
	open_replayer();
	expect_sent(hello());
	receive(plain(PENSTOCK_FRAME_WELCOME, 0));
	expect_sent(share(1));
	expect_turn(PENSTOCK_REPLAY_WAIT);
	receive(shared(1, 0x123456789));
	expect_sent(open_shared(2, 0x123456789));
	expect_first_difference(NULL);
}
END_TEST

START_TEST(another_status_is_a_difference)
{
	replay_to_submissions();
	receive(refusal(3, PENSTOCK_STATUS_NO_MEMORY, 0));
	expect_first_difference("request 3 (SUBMIT, byte 0x103): NO_MEMORY: no?[1m, not SUCCESS");
}
END_TEST

START_TEST(another_place_is_a_difference)
{
	replay_to_submissions();
	receive(refusal(4, PENSTOCK_STATUS_INVALID_HANDLE, 12));
	expect_first_difference(
		"request 4 (SUBMIT, byte 0x103): the byte of the fault is 12, not 8");
}
END_TEST

START_TEST(another_end_of_a_submission_is_a_difference)
{
	replay_to_submissions();
	receive(fence(3, PENSTOCK_STATUS_DEVICE_REMOVED));
	expect_first_difference(
		"request 3 (SUBMIT, byte 0x103): its fence says DEVICE_REMOVED, it said SUCCESS");
}
END_TEST

START_TEST(another_byte_is_a_difference)
{
	replay_to_submissions();
	receive(refusal(4, PENSTOCK_STATUS_INVALID_HANDLE, 8));
	receive(fence(3, PENSTOCK_STATUS_SUCCESS));
	expect_sent(plain(PENSTOCK_FRAME_READ_BACK, 5));
	receive(data(5, "contentz"));
	expect_first_difference(
		"request 5 (READ_BACK, byte 0x208): byte 0x7 read back is 7a, not 73");
}
END_TEST

START_TEST(what_is_not_answered_is_a_difference)
{
	replay_to_submissions();
	penstock_replayer_ended(replayer, "gone");
	expect_turn(PENSTOCK_REPLAY_DONE);
	expect_first_difference("request 2 (OPEN_ALLOCATION, byte 0xbf): gone");
}
END_TEST

/* What a daemon may not say is told, and harms nothing. */
START_TEST(answers_and_fences_of_nothing_are_differences)
{
	replay_to_submissions();
	receive(fence(2, PENSTOCK_STATUS_SUCCESS));
	receive(fence(99, PENSTOCK_STATUS_SUCCESS));
	receive(plain(PENSTOCK_FRAME_ACK, 99));
	receive(plain(PENSTOCK_FRAME_ACK, 1));
	receive(plain(PENSTOCK_FRAME_HELLO, 0));
	receive(plain(PENSTOCK_FRAME_CLOSING, 0));
	ck_assert_uint_eq(penstock_replayer_result(replayer)->differences, 5);
}
END_TEST

/* A recording that is whole and still none that can be replayed. */
static void expect_no_replay(const char *wanted)
{
	end();
	ck_assert_int_eq(open_it(), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_replayer_new("r", &recording, &replayer, &text),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(text.text, wanted);
	penstock_recording_close(&recording);
	begin();
}

START_TEST(what_cannot_be_replayed_is_said_with_the_byte)
{
	Penstock__Wire__Hello again = PENSTOCK__WIRE__HELLO__INIT;
	struct made cut = submit(1);

	end();
	begin();
	expect_no_replay("r: byte 0x20: no hello is recorded");
	again.session_low = 1;
	add(make(PENSTOCK_FRAME_HELLO, 0, &again.base, NULL, 0));
	expect_no_replay("r: byte 0x20: the recording is of a session that was resumed");
	add(hello());
	add(hello());
	expect_no_replay("r: byte 0x44: a second hello");
	add(hello());
	add(share(2));
	expect_no_replay("r: byte 0x44: a request is missing before this one");
	add(hello());
	add(plain(PENSTOCK_FRAME_ACK, 1));
	expect_no_replay("r: byte 0x44: an answer to no request");
	add(hello());
	add(share(1));
	add(fence(1, PENSTOCK_STATUS_SUCCESS));
	expect_no_replay("r: byte 0x6d: a fence of no submission");
	add(hello());
	penstock_store32(cut.bytes + PENSTOCK_FRAME_HEADER_BYTES + 2 + 16, 4); /* command_length */
	add(cut);
	expect_no_replay("r: byte 0x44: a submit frame that does not add up");
	end();
}
END_TEST

int main(void)
{
	Suite *recordings = suite_create("recording");
	TCase *cases = tcase_create("recordings");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_is_recorded_is_read_again);
	tcase_add_test(cases, a_recording_that_was_cut_is_refused_with_the_byte);
	tcase_add_test(cases, a_flipped_bit_is_found_in_its_record);
	tcase_add_test(cases, a_record_that_is_missing_twice_or_behind_the_end_is_found);
	tcase_add_test(cases, a_recorder_takes_bytes_in_any_pieces);
	tcase_add_test(cases, a_recorder_says_why_its_recording_is_not_whole);
	tcase_add_test(cases, a_replay_that_is_answered_alike_has_no_difference);
	tcase_add_test(cases, A15_each_context_of_a_broadcast_has_its_end);
	tcase_add_test(cases, A15_another_end_in_one_context_is_a_difference);
	tcase_add_test(cases, a_token_is_replaced_by_the_one_of_this_session);
	tcase_add_test(cases, another_status_is_a_difference);
	tcase_add_test(cases, another_place_is_a_difference);
	tcase_add_test(cases, another_end_of_a_submission_is_a_difference);
	tcase_add_test(cases, another_byte_is_a_difference);
	tcase_add_test(cases, what_is_not_answered_is_a_difference);
	tcase_add_test(cases, answers_and_fences_of_nothing_are_differences);
	tcase_add_test(cases, what_cannot_be_replayed_is_said_with_the_byte);
	suite_add_tcase(recordings, cases);
	return penstock_test_main(recordings);
}
