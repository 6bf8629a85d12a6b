/* SPDX-License-Identifier: MIT */
/* Bytes of one direction of a connection, in any pieces, cut into frames. */
#ifndef PENSTOCK_FRAME_STREAM_H
#define PENSTOCK_FRAME_STREAM_H

#include "proto/wire/frame.h"

struct penstock_frame_stream {
	uint8_t *bytes; /* owned: of the frame that is not whole yet */
	size_t length;
	size_t capacity;
};

/* `bytes` is the whole frame, its header first; borrowed for the call. */
typedef void penstock_frame_taken(void *owner, const struct penstock_frame *frame,
				  const uint8_t *bytes);

/* All zero is a stream at its start. */
void penstock_frame_stream_fini(struct penstock_frame_stream *stream);

/*
 * Takes the next bytes and calls `take` for each frame that is whole. Memory is what was received.
 * SUCCESS; MALFORMED_FRAME with a sentence: what comes next is no header; NO_MEMORY. After either
 * the stream is only good for _fini.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_frame_stream_push(struct penstock_frame_stream *stream,
						const void *bytes, size_t size_bytes,
						penstock_frame_taken *take, void *owner,
						struct penstock_errbuf *reterr_text);

/* Of a whole frame, header included. */
static inline size_t penstock_frame_bytes(const struct penstock_frame *frame)
{
	return PENSTOCK_FRAME_HEADER_BYTES + (size_t)frame->message_bytes + frame->payload_bytes;
}

#endif
