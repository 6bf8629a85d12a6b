/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_daemon.h"

#include "proto/isa/instruction.h"
#include "tests/harness.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void fake_daemon_init(struct fake_daemon *daemon)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*daemon = (struct fake_daemon){
		.descriptor = pair[0],
		.client = pair[1],
		.welcome = PENSTOCK__WIRE__WELCOME__INIT,
	};
	daemon->welcome.major = PENSTOCK_PROTOCOL_MAJOR;
	daemon->welcome.isa_version = PENSTOCK_ISA_VERSION;
	daemon->welcome.server = fake_text("fake 1");
	daemon->welcome.principal = fake_text("uid:0");
	daemon->welcome.session_high = 0x1111;
	daemon->welcome.session_low = 0x2222;
}

void fake_daemon_fini(struct fake_daemon *daemon)
{
	if (daemon->descriptor >= 0) {
		close(daemon->descriptor);
	}
	if (daemon->client >= 0) {
		close(daemon->client);
	}
}

struct penstock_connection *fake_daemon_connect(struct fake_daemon *daemon,
						const struct penstock_options *options)
{
	struct penstock_connection *connection = NULL;
	char text[PENSTOCK_SENTENCE_BYTES] = "";
	struct fake_frame hello;
	enum penstock_status status;

	fake_send(daemon->descriptor, PENSTOCK_FRAME_WELCOME, 0, &daemon->welcome.base, NULL, 0);
	status = penstock_connect_descriptor(daemon->client, options, &connection, text,
					     sizeof(text));
	daemon->client = -1;
	ck_assert_msg(status == PENSTOCK_STATUS_SUCCESS, "%s", text);
	hello = fake_receive(daemon->descriptor, PENSTOCK_FRAME_HELLO);
	fake_frame_free(&hello);
	return connection;
}

static void write_all(int descriptor, const void *bytes, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t sent = send(descriptor, bytes, size_bytes, MSG_NOSIGNAL);

		ck_assert_int_gt(sent, 0);
		bytes = (const uint8_t *)bytes + sent;
		size_bytes -= (size_t)sent;
	}
}

void fake_send(int descriptor, uint16_t type, uint64_t serial, const ProtobufCMessage *message,
	       const void *payload, uint32_t payload_bytes)
{
	struct penstock_frame frame = {
		.type = type,
		.serial = serial,
		.message_bytes =
			message == NULL ? 0 : (uint32_t)protobuf_c_message_get_packed_size(message),
		.payload_bytes = payload_bytes,
	};
	uint8_t *bytes = malloc(PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes);

	ck_assert_ptr_nonnull(bytes);
	penstock_frame_encode(&frame, bytes);
	if (message != NULL) {
		protobuf_c_message_pack(message, bytes + PENSTOCK_FRAME_HEADER_BYTES);
	}
	write_all(descriptor, bytes, PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes);
	write_all(descriptor, payload, payload_bytes);
	free(bytes);
}

void fake_send_ack(int descriptor, uint64_t serial)
{
	fake_send(descriptor, PENSTOCK_FRAME_ACK, serial, NULL, NULL, 0);
}

void fake_send_fence(int descriptor, uint64_t context, uint64_t fence, enum penstock_status status)
{
	Penstock__Wire__Fence message = PENSTOCK__WIRE__FENCE__INIT;

	message.context = context;
	message.fence = fence;
	message.status = penstock_status_to_wire(status);
	fake_send(descriptor, PENSTOCK_FRAME_FENCE, 0, &message.base, NULL, 0);
}

void fake_send_refusal(int descriptor, uint64_t serial, enum penstock_status status,
		       const char *sentence)
{
	Penstock__Wire__Refusal message = PENSTOCK__WIRE__REFUSAL__INIT;

	message.status = penstock_status_to_wire(status);
	message.at_instruction = 1;
	message.byte_offset = 0x2a4;
	message.instruction = fake_text("copy");
	message.operand = fake_text("destination");
	message.sentence = fake_text(sentence);
	fake_send(descriptor, PENSTOCK_FRAME_REFUSAL, serial, &message.base, NULL, 0);
}

static void read_all(int descriptor, uint8_t *bytes, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t got = read(descriptor, bytes, size_bytes);

		ck_assert_int_gt(got, 0);
		bytes += got;
		size_bytes -= (size_t)got;
	}
}

struct fake_frame fake_receive(int descriptor, uint16_t type)
{
	uint8_t header[PENSTOCK_FRAME_HEADER_BYTES];
	struct penstock_errbuf text;
	struct fake_frame got;

	read_all(descriptor, header, sizeof(header));
	ck_assert_msg(penstock_frame_decode(header, &got.frame, &text) == PENSTOCK_STATUS_SUCCESS,
		      "%s", text.text);
	ck_assert_str_eq(penstock_frame_name(got.frame.type), penstock_frame_name(type));
	got.message = malloc(got.frame.message_bytes + 1);
	got.payload = malloc(got.frame.payload_bytes + 1);
	ck_assert(got.message != NULL && got.payload != NULL);
	read_all(descriptor, got.message, got.frame.message_bytes);
	read_all(descriptor, got.payload, got.frame.payload_bytes);
	return got;
}

void fake_frame_free(struct fake_frame *frame)
{
	free(frame->message);
	free(frame->payload);
}

bool fake_has_input(int descriptor)
{
	struct pollfd entry = { .fd = descriptor, .events = POLLIN };

	return poll(&entry, 1, 0) > 0;
}
