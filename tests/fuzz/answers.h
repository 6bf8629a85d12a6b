/* SPDX-License-Identifier: MIT */
/* What the daemon says on a connection: whole frames of its own, whatever pieces they come in. */
#ifndef PENSTOCK_FUZZ_ANSWERS_H
#define PENSTOCK_FUZZ_ANSWERS_H

#include "proto/wire/frame.h"
#include "tests/fuzz/fuzz.h"

/* Zeros at first. */
struct penstock_fuzz_answers {
	uint8_t head[PENSTOCK_FRAME_HEADER_BYTES];
	size_t have;   /* of the header */
	uint64_t body; /* left of message and payload */
	/* Each header that is whole; NULL: not asked for. */
	void (*frame)(void *owner, const struct penstock_frame *frame);
	void *owner;
};

void penstock_fuzz_answers_take(struct penstock_fuzz_answers *answers, const uint8_t *bytes,
				size_t size);

/* What has come on a socket, up to `most` bytes, without waiting. Whether anything had. */
bool penstock_fuzz_answers_receive(struct penstock_fuzz_answers *answers, int descriptor,
				   size_t most);

#endif
