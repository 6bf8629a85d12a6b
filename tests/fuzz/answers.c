/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/answers.h"

#include <sys/socket.h>

void penstock_fuzz_answers_take(struct penstock_fuzz_answers *answers, const uint8_t *bytes,
				size_t size)
{
	struct penstock_frame frame;

	while (size > 0) {
		size_t part = size;

		if (answers->body > 0) {
			part = answers->body < size ? answers->body : size;
			answers->body -= part;
		} else {
			part = 1;
			answers->head[answers->have++] = *bytes;
		}
		bytes += part;
		size -= part;
		if (answers->have == PENSTOCK_FRAME_HEADER_BYTES) {
			PENSTOCK_REQUIRE(penstock_frame_decode(answers->head, &frame, NULL) ==
					 PENSTOCK_STATUS_SUCCESS);
			PENSTOCK_REQUIRE(frame.type >= PENSTOCK_FRAME_WELCOME);
			answers->body = (uint64_t)frame.message_bytes + frame.payload_bytes;
			answers->have = 0;
			if (answers->frame != NULL) {
				answers->frame(answers->owner, &frame);
			}
		}
	}
}

bool penstock_fuzz_answers_receive(struct penstock_fuzz_answers *answers, int descriptor,
				   size_t most)
{
	static uint8_t bytes[1u << 16];
	ssize_t size =
		recv(descriptor, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);

	if (size > 0) {
		penstock_fuzz_answers_take(answers, bytes, (size_t)size);
	}
	return size > 0;
}
