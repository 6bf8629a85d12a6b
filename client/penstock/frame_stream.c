/* SPDX-License-Identifier: MIT */
#include "client/penstock/frame_stream.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096u

void penstock_frame_stream_fini(struct penstock_frame_stream *stream)
{
	free(stream->bytes);
	*stream = (struct penstock_frame_stream){ .bytes = NULL };
}

static bool append(struct penstock_frame_stream *stream, const void *bytes, size_t size_bytes)
{
	size_t capacity = stream->capacity == 0 ? FIRST_CAPACITY : stream->capacity;
	uint8_t *grown;

	while (capacity - stream->length < size_bytes) {
		capacity *= 2;
	}
	if (capacity != stream->capacity) {
		grown = realloc(stream->bytes, capacity);
		if (grown == NULL) {
			return false;
		}
		stream->bytes = grown;
		stream->capacity = capacity;
	}
	memcpy(stream->bytes + stream->length, bytes, size_bytes);
	stream->length += size_bytes;
	return true;
}

enum penstock_status penstock_frame_stream_push(struct penstock_frame_stream *stream,
						const void *bytes, size_t size_bytes,
						penstock_frame_taken *take, void *owner,
						struct penstock_errbuf *reterr_text)
{
	struct penstock_frame frame;
	size_t at = 0;

	if (!append(stream, bytes, size_bytes)) {
		penstock_errbuf_set(reterr_text, "no memory for a frame");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	while (stream->length - at >= PENSTOCK_FRAME_HEADER_BYTES) {
		if (penstock_frame_decode(stream->bytes + at, &frame, reterr_text) !=
		    PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_MALFORMED_FRAME;
		}
		if (stream->length - at < penstock_frame_bytes(&frame)) {
			break;
		}
		take(owner, &frame, stream->bytes + at);
		at += penstock_frame_bytes(&frame);
	}
	memmove(stream->bytes, stream->bytes + at, stream->length - at);
	stream->length -= at;
	return PENSTOCK_STATUS_SUCCESS;
}
