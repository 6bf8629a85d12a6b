/* SPDX-License-Identifier: MIT */
/* libpenstock against a daemon that is played by the test. */
#include "tests/harness.h"
#include "tests/unit/fake_daemon.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake_daemon fake;
static struct penstock_connection *connection;

static void start(void)
{
	fake_daemon_init(&fake);
}

static void open_connection(void)
{
	connection = fake_daemon_connect(&fake, NULL);
}

static void stop(void)
{
	penstock_connection_close(connection);
	connection = NULL;
	fake_daemon_fini(&fake);
}

static uint64_t submit_empty(uint64_t context)
{
	struct penstock_submit_info info = { .context = context };
	uint64_t fence = 0;

	ck_assert_int_eq(penstock_context_submit(connection, &info, &fence),
			 PENSTOCK_STATUS_SUCCESS);
	return fence;
}

static void take(uint16_t type)
{
	struct fake_frame frame = fake_receive(fake.descriptor, type);

	fake_frame_free(&frame);
}

/* ---------------------------------------------------------------- hello */

START_TEST(hello_carries_versions_name_and_lease)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct fake_frame frame;
	Penstock__Wire__Hello *hello;

	options.client = "the test";
	options.lease_s = 30;
	fake_send(fake.descriptor, PENSTOCK_FRAME_WELCOME, 0, &fake.welcome.base, NULL, 0);
	ck_assert_int_eq(penstock_connect_descriptor(fake.client, &options, &connection, NULL, 0),
			 PENSTOCK_STATUS_SUCCESS);
	fake.client = -1;
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_HELLO);
	ck_assert_uint_eq(frame.frame.serial, 0);
	hello = penstock__wire__hello__unpack(NULL, frame.frame.message_bytes, frame.message);
	ck_assert_ptr_nonnull(hello);
	ck_assert_uint_eq(hello->major, PENSTOCK_PROTOCOL_MAJOR);
	ck_assert_uint_eq(hello->isa_version, 1);
	ck_assert_str_eq(hello->client, "the test");
	ck_assert_uint_eq(hello->lease_s, 30);
	penstock__wire__hello__free_unpacked(hello, NULL);
	fake_frame_free(&frame);
}
END_TEST

START_TEST(welcome_is_told_without_its_control_characters)
{
	Penstock__Wire__Segment segment = PENSTOCK__WIRE__SEGMENT__INIT;
	Penstock__Wire__Adapter adapter = PENSTOCK__WIRE__ADAPTER__INIT;
	Penstock__Wire__Segment *segments[] = { &segment };
	Penstock__Wire__Adapter *adapters[] = { &adapter };
	struct penstock_session_info info;
	struct penstock_adapter_info adapter_info;
	struct penstock_segment_info segment_info;

	segment.id = 1;
	segment.size_bytes = 1 << 20;
	adapter.index = 7;
	adapter.description = fake_text("a\033[31mGPU");
	adapter.segments = segments;
	adapter.n_segments = 1;
	fake.welcome.adapters = adapters;
	fake.welcome.n_adapters = 1;
	open_connection();
	ck_assert_int_eq(penstock_connection_info(connection, &info), PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(info.server, "fake 1");
	ck_assert_uint_eq(info.session_low, 0x2222);
	ck_assert_int_eq(penstock_connection_adapter(connection, 0, &adapter_info),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(adapter_info.index, 7);
	ck_assert_str_eq(adapter_info.description, "a?[31mGPU");
	ck_assert_int_eq(penstock_connection_adapter(connection, 1, &adapter_info),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_connection_segment(connection, 0, 0, &segment_info),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(segment_info.size_bytes, 1 << 20);
}
END_TEST

static enum penstock_status connect_status(char text[PENSTOCK_SENTENCE_BYTES])
{
	enum penstock_status status = penstock_connect_descriptor(fake.client, NULL, &connection,
								  text, PENSTOCK_SENTENCE_BYTES);

	fake.client = -1;
	return status;
}

START_TEST(another_instruction_set_is_a_mismatch)
{
	char text[PENSTOCK_SENTENCE_BYTES];

	fake.welcome.isa_version++;
	fake_send(fake.descriptor, PENSTOCK_FRAME_WELCOME, 0, &fake.welcome.base, NULL, 0);
	ck_assert_int_eq(connect_status(text), PENSTOCK_STATUS_GRAPHICS_DRIVER_MISMATCH);
	ck_assert_ptr_nonnull(strstr(text, "instruction set 2"));
}
END_TEST

START_TEST(a_refused_hello_tells_the_sentence)
{
	Penstock__Wire__Closing closing = PENSTOCK__WIRE__CLOSING__INIT;
	char text[PENSTOCK_SENTENCE_BYTES];

	closing.status = penstock_status_to_wire(PENSTOCK_STATUS_QUOTA_EXCEEDED);
	closing.sentence = fake_text("too many sessions");
	fake_send(fake.descriptor, PENSTOCK_FRAME_CLOSING, 0, &closing.base, NULL, 0);
	ck_assert_int_eq(connect_status(text), PENSTOCK_STATUS_QUOTA_EXCEEDED);
	ck_assert_ptr_nonnull(strstr(text, "too many sessions"));
}
END_TEST

START_TEST(a_silent_daemon_times_out)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;

	options.timeout_ms = 0;
	ck_assert_int_eq(penstock_connect_descriptor(fake.client, &options, &connection, NULL, 0),
			 PENSTOCK_STATUS_TIMEOUT);
	fake.client = -1;
}
END_TEST

START_TEST(an_address_without_a_known_form_is_refused)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	static const char *const addresses[] = {
		"http://localhost:1",  "unix:",
		"penstock://",         "penstock://host",
		"penstock://host:",    "penstock://::1:5",
		"penstock://host:12x", "/run/socket",
	};
	char text[PENSTOCK_SENTENCE_BYTES];

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(addresses); i++) {
		options.server = addresses[i];
		text[0] = 0;
		ck_assert_int_eq(penstock_connect(&options, &connection, text, sizeof(text)),
				 PENSTOCK_STATUS_INVALID_PARAMETER);
		ck_assert_int_gt(strlen(text), 0);
	}
	options.server = fake_text("unix:/nonexistent/socket");
	ck_assert_int_eq(penstock_connect(&options, &connection, NULL, 0),
			 PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

/* ---------------------------------------------------------------- objects */

START_TEST(creates_are_pipelined_with_dense_names)
{
	struct penstock_context_create_info context_info = { .device = 0 };
	uint64_t device, context, other;
	struct fake_frame frame;
	Penstock__Wire__CreateContext *create;

	ck_assert_int_eq(penstock_device_create(connection, NULL, &device),
			 PENSTOCK_STATUS_SUCCESS);
	context_info.device = device;
	ck_assert_int_eq(penstock_context_create(connection, &context_info, &context),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(device, (1ull << 32) | 1);
	ck_assert_uint_eq(context, (1ull << 32) | 2);
	ck_assert(!fake_has_input(fake.descriptor));
	ck_assert_int_eq(penstock_connection_flush(connection), PENSTOCK_STATUS_SUCCESS);
	take(PENSTOCK_FRAME_CREATE_DEVICE);
	frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_CREATE_CONTEXT);
	ck_assert_uint_eq(frame.frame.serial, 2);
	create = penstock__wire__create_context__unpack(NULL, frame.frame.message_bytes,
							frame.message);
	ck_assert_uint_eq(create->device, device);
	ck_assert_uint_eq(create->name, context);
	penstock__wire__create_context__free_unpacked(create, NULL);
	fake_frame_free(&frame);

	/* A destroyed name comes again with a higher generation. */
	ck_assert_int_eq(penstock_object_destroy(connection, context), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_create(connection, &context_info, &other),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(other, (2ull << 32) | 2);
}
END_TEST

START_TEST(a_refused_create_gives_its_name_back)
{
	struct penstock_allocation_create_info info = { .device = (1ull << 32) | 1 };
	uint64_t device, first, second, third;
	struct penstock_failure failure;

	ck_assert_int_eq(penstock_device_create(connection, NULL, &device),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_allocation_create(connection, &info, &first),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_allocation_create(connection, &info, &second),
			 PENSTOCK_STATUS_SUCCESS);
	fake_send_refusal(fake.descriptor, 2, PENSTOCK_STATUS_NO_MEMORY, "no");
	ck_assert_int_eq(penstock_request_wait(connection, 2, PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_int_eq(penstock_allocation_create(connection, &info, &third),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(third, (2ull << 32) | 2);
	/* The refusal answers what is before it, and nothing else. */
	ck_assert_int_eq(penstock_request_status(connection, 1, NULL), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_request_status(connection, 3, NULL), PENSTOCK_STATUS_PENDING);
	ck_assert_int_eq(penstock_request_status(connection, 5, NULL),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

START_TEST(a_share_token_comes_back)
{
	Penstock__Wire__Shared shared = PENSTOCK__WIRE__SHARED__INIT;
	struct penstock_share_token token = { 0, 0 };
	struct penstock_failure failure;

	shared.token_high = 5;
	shared.token_low = 6;
	fake_send(fake.descriptor, PENSTOCK_FRAME_SHARED, 1, &shared.base, NULL, 0);
	ck_assert_int_eq(penstock_allocation_share(connection, 77, &token),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(token.high, 5);
	ck_assert_uint_eq(token.low, 6);
	ck_assert_int_eq(penstock_failure_of_call(connection, &failure), PENSTOCK_STATUS_NOT_FOUND);
	fake_send_refusal(fake.descriptor, 2, PENSTOCK_STATUS_INVALID_HANDLE, "no such name");
	ck_assert_int_eq(penstock_allocation_share(connection, 77, &token),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_failure_of_call(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_str_eq(failure.sentence, "no such name");
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

/* ---------------------------------------------------------------- submissions */

START_TEST(small_submissions_travel_in_one_frame)
{
	static const uint32_t counts[] = { 1, 2, 127, 128, 300 };
	uint64_t serial = 1;

	for (size_t c = 0; c < PENSTOCK_ARRAY_SIZE(counts); c++) {
		struct fake_frame frame;
		Penstock__Wire__Submit *submit;
		uint32_t offset = 0;

		for (uint32_t i = 0; i < counts[c]; i++) {
			uint8_t command[12] = { (uint8_t)i, (uint8_t)c };
			struct penstock_wire_allocation list = { .name = i };
			struct penstock_submit_info info = {
				.context = 9,
				.command = command,
				.command_length = sizeof(command),
				.allocations = &list,
				.allocation_count = 1,
			};

			ck_assert_int_eq(penstock_context_submit(connection, &info, NULL),
					 PENSTOCK_STATUS_SUCCESS);
		}
		ck_assert_int_eq(penstock_connection_flush(connection), PENSTOCK_STATUS_SUCCESS);
		frame = fake_receive(fake.descriptor, PENSTOCK_FRAME_SUBMIT);
		ck_assert_uint_eq(frame.frame.serial, serial);
		submit = penstock__wire__submit__unpack(NULL, frame.frame.message_bytes,
							frame.message);
		ck_assert_uint_eq(submit->count, counts[c]);
		penstock__wire__submit__free_unpacked(submit, NULL);
		for (uint32_t i = 0; i < counts[c]; i++) {
			struct penstock_submission_view view;
			uint64_t name;

			ck_assert_int_eq(penstock_submission_view(frame.payload,
								  frame.frame.payload_bytes,
								  &offset, &view, NULL),
					 PENSTOCK_STATUS_SUCCESS);
			memcpy(&name, view.allocation_list, sizeof(name));
			ck_assert_uint_eq(name, i);
			ck_assert_uint_eq(view.command[0], (uint8_t)i);
			ck_assert_uint_eq(view.command[1], c);
		}
		ck_assert_uint_eq(offset, frame.frame.payload_bytes);
		fake_frame_free(&frame);
		serial += counts[c];
	}
}
END_TEST

START_TEST(a_submission_over_the_limits_is_not_sent)
{
	struct penstock_submit_info info = { .command_length = (16u << 20) + 1, .command = "" };

	ck_assert_int_eq(penstock_context_submit(connection, &info, NULL),
			 PENSTOCK_STATUS_LIMIT_EXCEEDED);
	info.command_length = 4;
	info.command = NULL;
	ck_assert_int_eq(penstock_context_submit(connection, &info, NULL),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(penstock_request_last(connection), 0);
}
END_TEST

START_TEST(a_fence_ends_the_wait_before_the_acknowledgement)
{
	uint64_t fence = submit_empty(3);

	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, 0, NULL),
			 PENSTOCK_STATUS_TIMEOUT);
	fake_send_fence(fake.descriptor, 3, fence, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(penstock_context_fence(connection, 3), fence);
	ck_assert_int_eq(penstock_request_status(connection, fence, NULL), PENSTOCK_STATUS_PENDING);
}
END_TEST

START_TEST(a_later_fence_says_nothing_of_one_that_may_be_refused)
{
	uint64_t first = submit_empty(3);
	uint64_t second = submit_empty(3);

	fake_send_fence(fake.descriptor, 3, second, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(connection, 3, second, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(connection, 3, first, 0, NULL),
			 PENSTOCK_STATUS_TIMEOUT);
	fake_send_refusal(fake.descriptor, first, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "bad");
	ck_assert_int_eq(penstock_context_wait(connection, 3, first, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
}
END_TEST

START_TEST(a_wait_for_what_was_refused_and_told_does_not_wait_for_another)
{
	uint64_t first = submit_empty(3);
	uint64_t second = submit_empty(3);
	struct penstock_failure failure;

	fake_send_refusal(fake.descriptor, first, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "bad");
	fake_send_refusal(fake.descriptor, second, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "bad");
	ck_assert_int_eq(penstock_context_wait(connection, 3, second, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(failure.serial, first);
	ck_assert_int_eq(penstock_context_wait(connection, 3, first, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_NOT_FOUND);
	ck_assert_int_eq(penstock_context_wait(connection, 3, second, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(a_later_fence_does_not_make_a_success_of_what_failed_and_was_told)
{
	uint64_t first = submit_empty(3);
	uint64_t second = submit_empty(3);

	fake_send_refusal(fake.descriptor, first, PENSTOCK_STATUS_ILLEGAL_INSTRUCTION, "bad");
	ck_assert_int_eq(penstock_context_wait(connection, 3, first, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_ILLEGAL_INSTRUCTION);
	fake_send_fence(fake.descriptor, 3, second, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(connection, 3, second, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_context_wait(connection, 3, first, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(A7_a_refusal_says_byte_instruction_operand_and_sentence)
{
	uint64_t first = submit_empty(3);
	uint64_t second = submit_empty(4);
	uint64_t third = submit_empty(3);
	struct penstock_failure failure;

	fake_send_refusal(fake.descriptor, first, PENSTOCK_STATUS_INVALID_PARAMETER, "one");
	fake_send_refusal(fake.descriptor, second, PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION, "two");
	fake_send_refusal(fake.descriptor, third, PENSTOCK_STATUS_INVALID_HANDLE, "three");
	ck_assert_int_eq(penstock_context_wait(connection, 4, second, PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION);
	ck_assert_uint_eq(failure.serial, second);
	ck_assert_uint_eq(failure.context, 4);
	ck_assert(failure.at_instruction && !failure.accepted);
	ck_assert_uint_eq(failure.byte_offset, 0x2a4);
	ck_assert_str_eq(failure.instruction, "copy");
	ck_assert_str_eq(failure.operand, "destination");
	ck_assert_str_eq(failure.sentence, "two");

	/* What nobody waited for is kept, in order. */
	ck_assert_int_eq(penstock_request_wait(connection, third, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_INVALID_HANDLE);
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(failure.serial, first);
	ck_assert_str_eq(failure.sentence, "one");
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(a_lost_device_fails_every_submission_on_its_way)
{
	uint64_t first = submit_empty(3);
	uint64_t second = submit_empty(3);
	struct penstock_failure failure;

	fake_send_ack(fake.descriptor, second);
	fake_send_fence(fake.descriptor, 3, second, PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert_int_eq(penstock_context_wait(connection, 3, second, PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_DEVICE_REMOVED);
	ck_assert(failure.accepted);
	ck_assert_int_eq(penstock_failure_next(connection, &failure), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(failure.serial, first);
	ck_assert_int_eq(failure.status, PENSTOCK_STATUS_DEVICE_REMOVED);
}
END_TEST

START_TEST(submissions_keep_within_the_granted_credit)
{
	struct penstock_submit_info info = { .context = 3 };
	uint64_t fence;

	fake.welcome.held_submissions = 2;
	open_connection();
	penstock_connection_set_blocking(connection, false);
	submit_empty(3);
	fence = submit_empty(3);
	ck_assert_int_eq(penstock_context_submit(connection, &info, NULL),
			 PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER);
	ck_assert_uint_eq(penstock_request_last(connection), fence);
	fake_send_fence(fake.descriptor, 3, fence, PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_connection_dispatch(connection), PENSTOCK_STATUS_SUCCESS);
	submit_empty(3);

	/* A refusal gives credit back too; blocking, the call waits for it. */
	fence = submit_empty(4);
	fake_send_refusal(fake.descriptor, fence, PENSTOCK_STATUS_INVALID_HANDLE, "no");
	penstock_connection_set_blocking(connection, true);
	ck_assert_int_eq(penstock_context_submit(connection, &info, NULL), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

START_TEST(a_destroyed_context_gives_its_credit_back)
{
	uint64_t fence;

	fake.welcome.held_submissions = 1;
	open_connection();
	penstock_connection_set_blocking(connection, false);
	fence = submit_empty(3);
	ck_assert_int_eq(penstock_object_destroy(connection, 3), PENSTOCK_STATUS_SUCCESS);
	submit_empty(4);
	fake_send_ack(fake.descriptor, 2);
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_INVALID_HANDLE);
}
END_TEST

/* ---------------------------------------------------------------- callbacks */

struct seen {
	unsigned fences;
	unsigned failures;
	unsigned closed;
	enum penstock_status inside;
	uint64_t submitted;
};

static void on_fence(void *owner, uint64_t context, uint64_t fence, enum penstock_status status)
{
	struct seen *seen = owner;

	seen->fences++;
	seen->inside = penstock_connection_dispatch(connection);
	seen->submitted = submit_empty(context);
}

static void on_failure(void *owner, const struct penstock_failure *failure)
{
	struct seen *seen = owner;

	ck_assert_str_eq(failure->sentence, "no");
	seen->failures++;
}

static void on_closed(void *owner, enum penstock_status status, const char *sentence)
{
	struct seen *seen = owner;

	ck_assert_int_eq(status, PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_int_gt(strlen(sentence), 0);
	seen->closed++;
}

START_TEST(callbacks_may_submit_and_may_not_wait)
{
	struct seen seen = { .fences = 0 };
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;

	options.callbacks = (struct penstock_callbacks){
		.owner = &seen, .fence = on_fence, .failure = on_failure, .closed = on_closed
	};
	connection = fake_daemon_connect(&fake, &options);
	fake_send_fence(fake.descriptor, 3, submit_empty(3), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_connection_wait(connection, PENSTOCK_FOREVER),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(seen.fences, 1);
	ck_assert_int_eq(seen.inside, PENSTOCK_STATUS_NOT_SUPPORTED);
	fake_send_refusal(fake.descriptor, seen.submitted, PENSTOCK_STATUS_NO_MEMORY, "no");
	shutdown(fake.descriptor, SHUT_WR);
	while (penstock_connection_wait(connection, PENSTOCK_FOREVER) == PENSTOCK_STATUS_SUCCESS) {
	}
	ck_assert_uint_eq(seen.failures, 1);
	ck_assert_uint_eq(seen.closed, 1);
}
END_TEST

START_TEST(a_program_with_its_own_loop_polls_for_what_is_to_be_done)
{
	ck_assert_int_ge(penstock_connection_descriptor(connection), 0);
	ck_assert_int_eq(penstock_connection_events(connection), POLLIN);
	submit_empty(3);
	ck_assert_int_eq(penstock_connection_events(connection), POLLIN | POLLOUT);
	ck_assert_int_eq(penstock_connection_dispatch(connection), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_connection_events(connection), POLLIN);
	ck_assert(fake_has_input(fake.descriptor));
}
END_TEST

/* ---------------------------------------------------------------- a daemon that misbehaves */

START_TEST(a_daemon_that_goes_away_ends_every_call_without_a_signal)
{
	uint64_t fence = submit_empty(3);
	const char *sentence;
	uint8_t bytes[16];

	close(fake.descriptor);
	fake.descriptor = -1;
	ck_assert_int_eq(penstock_allocation_read_back(connection, 5, 0, bytes, sizeof(bytes)),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_int_eq(penstock_context_wait(connection, 3, fence, PENSTOCK_FOREVER, NULL),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_int_eq(penstock_connection_status(connection, &sentence),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_int_gt(strlen(sentence), 0);
	ck_assert_int_eq(penstock_connection_flush(connection),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	ck_assert_int_eq(penstock_connection_descriptor(connection), -1);
	ck_assert_int_eq(penstock_connection_resume(connection, 0), PENSTOCK_STATUS_NOT_SUPPORTED);
}
END_TEST

START_TEST(half_a_frame_and_the_end_is_a_loss)
{
	fake_send_ack(fake.descriptor, 0);
	ck_assert_int_eq(send(fake.descriptor, "PNS1\x81", 5, 0), 5);
	shutdown(fake.descriptor, SHUT_WR);
	while (penstock_connection_wait(connection, PENSTOCK_FOREVER) == PENSTOCK_STATUS_SUCCESS) {
	}
	ck_assert_int_eq(penstock_connection_status(connection, NULL),
			 PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
}
END_TEST

static void expect_end(enum penstock_status expected)
{
	enum penstock_status status;

	do {
		status = penstock_connection_wait(connection, PENSTOCK_FOREVER);
	} while (status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(status, expected);
	ck_assert_int_eq(penstock_connection_descriptor(connection), -1);
}

START_TEST(garbage_ends_the_connection_with_a_sentence)
{
	char garbage[64];

	memset(garbage, 'x', sizeof(garbage));
	ck_assert_int_eq(send(fake.descriptor, garbage, sizeof(garbage), 0), sizeof(garbage));
	expect_end(PENSTOCK_STATUS_MALFORMED_FRAME);
}
END_TEST

START_TEST(a_garbled_message_ends_the_connection)
{
	struct penstock_frame frame = { .type = PENSTOCK_FRAME_REFUSAL, .message_bytes = 3 };
	uint8_t bytes[PENSTOCK_FRAME_HEADER_BYTES + 3];

	memset(bytes, 0xff, sizeof(bytes));
	penstock_frame_encode(&frame, bytes);
	ck_assert_int_eq(send(fake.descriptor, bytes, sizeof(bytes), 0), sizeof(bytes));
	expect_end(PENSTOCK_STATUS_MALFORMED_MESSAGE);
}
END_TEST

START_TEST(an_answer_to_no_request_ends_the_connection)
{
	submit_empty(3);
	fake_send_ack(fake.descriptor, 2);
	expect_end(PENSTOCK_STATUS_MALFORMED_MESSAGE);
}
END_TEST

START_TEST(a_fence_that_was_never_asked_for_ends_the_connection)
{
	submit_empty(3);
	fake_send_fence(fake.descriptor, 3, 99, PENSTOCK_STATUS_SUCCESS);
	expect_end(PENSTOCK_STATUS_MALFORMED_MESSAGE);
}
END_TEST

START_TEST(a_payload_that_nobody_asked_for_ends_the_connection)
{
	uint8_t bytes[8] = { 0 };

	fake_send(fake.descriptor, PENSTOCK_FRAME_READ_DATA, 1, NULL, "123456789", 9);
	ck_assert_int_eq(penstock_allocation_read_back(connection, 5, 0, bytes, sizeof(bytes)),
			 PENSTOCK_STATUS_MALFORMED_FRAME);
	ck_assert_uint_eq(bytes[0], 0);
}
END_TEST

START_TEST(an_acknowledgement_may_not_skip_an_answer)
{
	uint8_t bytes[8];

	fake_send_ack(fake.descriptor, 1);
	ck_assert_int_eq(penstock_allocation_read_back(connection, 5, 0, bytes, sizeof(bytes)),
			 PENSTOCK_STATUS_MALFORMED_MESSAGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client");
	TCase *hello = tcase_create("hello");
	TCase *open = tcase_create("open");

	tcase_add_checked_fixture(hello, start, stop);
	tcase_add_test(hello, hello_carries_versions_name_and_lease);
	tcase_add_test(hello, welcome_is_told_without_its_control_characters);
	tcase_add_test(hello, another_instruction_set_is_a_mismatch);
	tcase_add_test(hello, a_refused_hello_tells_the_sentence);
	tcase_add_test(hello, a_silent_daemon_times_out);
	tcase_add_test(hello, an_address_without_a_known_form_is_refused);
	tcase_add_test(hello, submissions_keep_within_the_granted_credit);
	tcase_add_test(hello, a_destroyed_context_gives_its_credit_back);
	tcase_add_test(hello, callbacks_may_submit_and_may_not_wait);
	suite_add_tcase(suite, hello);
	tcase_add_checked_fixture(open, start, stop);
	tcase_add_checked_fixture(open, open_connection, NULL);
	tcase_add_test(open, creates_are_pipelined_with_dense_names);
	tcase_add_test(open, a_refused_create_gives_its_name_back);
	tcase_add_test(open, a_share_token_comes_back);
	tcase_add_test(open, small_submissions_travel_in_one_frame);
	tcase_add_test(open, a_submission_over_the_limits_is_not_sent);
	tcase_add_test(open, a_fence_ends_the_wait_before_the_acknowledgement);
	tcase_add_test(open, a_later_fence_says_nothing_of_one_that_may_be_refused);
	tcase_add_test(open, a_wait_for_what_was_refused_and_told_does_not_wait_for_another);
	tcase_add_test(open, a_later_fence_does_not_make_a_success_of_what_failed_and_was_told);
	tcase_add_test(open, A7_a_refusal_says_byte_instruction_operand_and_sentence);
	tcase_add_test(open, a_lost_device_fails_every_submission_on_its_way);
	tcase_add_test(open, a_program_with_its_own_loop_polls_for_what_is_to_be_done);
	tcase_add_test(open, a_daemon_that_goes_away_ends_every_call_without_a_signal);
	tcase_add_test(open, half_a_frame_and_the_end_is_a_loss);
	tcase_add_test(open, garbage_ends_the_connection_with_a_sentence);
	tcase_add_test(open, a_garbled_message_ends_the_connection);
	tcase_add_test(open, an_answer_to_no_request_ends_the_connection);
	tcase_add_test(open, a_fence_that_was_never_asked_for_ends_the_connection);
	tcase_add_test(open, a_payload_that_nobody_asked_for_ends_the_connection);
	tcase_add_test(open, an_acknowledgement_may_not_skip_an_answer);
	suite_add_tcase(suite, open);
	return penstock_test_main(suite);
}
