/* SPDX-License-Identifier: MIT */
#include "client/penstock/recording.h"

#include "client/penstock/frame_stream.h"
#include "proto/isa/instruction.h"
#include "proto/isa/layout.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Of the header. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_ZERO = 10,
	AT_ISA_VERSION = 12,
	AT_RESERVED = 16,
	AT_CHECKSUM = 24,
};

/* What the last record takes; there is always room for it. */
#define LAST_BYTES (PENSTOCK_RECORDING_CHECKSUM_BYTES + PENSTOCK_FRAME_HEADER_BYTES)

/* ------------------------------------------------------------------ reading */

/* A recording that is being read. */
struct reader {
	const char *name;
	const uint8_t *bytes;
	size_t length;
	size_t at;
	uint64_t checksum; /* of what was read last */
	struct penstock_errbuf *text;
};

static enum penstock_status fault(struct reader *reader, size_t at, const char *what)
{
	penstock_errbuf_set(reader->text, "%.120s: byte 0x%zx: %.100s", reader->name, at, what);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

static enum penstock_status read_header(struct reader *reader)
{
	const uint8_t *bytes = reader->bytes;

	if (reader->length < PENSTOCK_RECORDING_HEADER_BYTES ||
	    memcmp(bytes, PENSTOCK_RECORDING_MAGIC, AT_VERSION) != 0) {
		return fault(reader, 0, "this is no recording");
	}
	if (penstock_load16(bytes + AT_VERSION) != PENSTOCK_RECORDING_VERSION) {
		return fault(reader, AT_VERSION, "a recording of another version");
	}
	reader->checksum = XXH3_64bits(bytes, AT_CHECKSUM);
	if (penstock_load64(bytes + AT_CHECKSUM) != reader->checksum) {
		return fault(reader, AT_CHECKSUM, "the header's checksum is wrong");
	}
	if (penstock_load32(bytes + AT_ISA_VERSION) != PENSTOCK_ISA_VERSION) {
		return fault(reader, AT_ISA_VERSION, "a recording of another instruction set");
	}
	if (penstock_load16(bytes + AT_ZERO) != 0 || penstock_load64(bytes + AT_RESERVED) != 0) {
		return fault(reader, AT_ZERO, "a byte that must be zero is not");
	}
	reader->at = PENSTOCK_RECORDING_HEADER_BYTES;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status read_record(struct reader *reader, struct penstock_recorded_frame *ret)
{
	const uint8_t *bytes = reader->bytes + reader->at + PENSTOCK_RECORDING_CHECKSUM_BYTES;
	size_t left = reader->length - reader->at;
	struct penstock_errbuf why;
	uint64_t checksum;
	size_t size;

	if (left < LAST_BYTES) {
		return fault(reader, reader->at, "the recording is cut here");
	}
	left -= PENSTOCK_RECORDING_CHECKSUM_BYTES;
	ret->offset = reader->at;
	ret->bytes = bytes;
	if (penstock_frame_decode(bytes, &ret->head, &why) != PENSTOCK_STATUS_SUCCESS) {
		return fault(reader, reader->at, why.text);
	}
	size = penstock_frame_bytes(&ret->head);
	if (size > left) {
		return fault(reader, reader->at, "the recording is cut inside of this frame");
	}
	checksum = XXH3_64bits_withSeed(bytes, size, reader->checksum);
	if (penstock_load64(reader->bytes + reader->at) != checksum) {
		return fault(reader, reader->at, "the checksum of this frame is wrong");
	}
	ret->message = bytes + PENSTOCK_FRAME_HEADER_BYTES;
	ret->payload = ret->message + ret->head.message_bytes;
	reader->checksum = checksum;
	reader->at += PENSTOCK_RECORDING_CHECKSUM_BYTES + size;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The last one, without contents, at the end of the file. */
static enum penstock_status read_last(struct reader *reader,
				      const struct penstock_recorded_frame *last, size_t count)
{
	if (last->head.serial != count || last->head.message_bytes != 0 ||
	    last->head.payload_bytes != 0) {
		return fault(reader, last->offset, "frames are missing before this one");
	}
	if (reader->at != reader->length) {
		return fault(reader, reader->at, "there are bytes behind the end");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status grow(struct penstock_recording *recording, size_t *capacity)
{
	struct penstock_recorded_frame *grown;

	if (recording->count < *capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	*capacity = *capacity == 0 ? 64 : *capacity * 2;
	grown = reallocarray(recording->frames, *capacity, sizeof(*grown));
	if (grown == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	recording->frames = grown;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status read_records(struct reader *reader,
					 struct penstock_recording *recording)
{
	struct penstock_recorded_frame frame;
	enum penstock_status status;
	size_t capacity = 0;

	for (;;) {
		status = read_record(reader, &frame);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		if (frame.head.type == PENSTOCK_RECORDING_END) {
			return read_last(reader, &frame, recording->count);
		}
		if (grow(recording, &capacity) != PENSTOCK_STATUS_SUCCESS) {
			penstock_errbuf_set(reader->text, "%.150s: out of memory", reader->name);
			return PENSTOCK_STATUS_NO_MEMORY;
		}
		recording->frames[recording->count++] = frame;
	}
}

enum penstock_status penstock_recording_open(const char *name, const uint8_t *bytes, size_t length,
					     struct penstock_recording *ret_recording,
					     struct penstock_errbuf *reterr_text)
{
	struct reader reader = {
		.name = name, .bytes = bytes, .length = length, .text = reterr_text
	};
	struct penstock_recording recording = { .bytes = bytes };
	enum penstock_status status = read_header(&reader);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = read_records(&reader, &recording);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_recording_close(&recording);
		return status;
	}
	*ret_recording = recording;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_recording_close(struct penstock_recording *recording)
{
	free(recording->frames);
	*recording = (struct penstock_recording){ .frames = NULL };
}

/* ------------------------------------------------------------------ writing */

static void put(struct penstock_recording_writer *writer, const uint8_t *bytes, size_t size_bytes)
{
	(void)fwrite(bytes, 1, size_bytes, writer->stream);
	writer->written += size_bytes;
}

void penstock_recording_begin(struct penstock_recording_writer *writer, FILE *stream)
{
	uint8_t header[PENSTOCK_RECORDING_HEADER_BYTES] = PENSTOCK_RECORDING_MAGIC;

	penstock_store16(header + AT_VERSION, PENSTOCK_RECORDING_VERSION);
	penstock_store32(header + AT_ISA_VERSION, PENSTOCK_ISA_VERSION);
	*writer = (struct penstock_recording_writer){
		.stream = stream,
		.checksum = XXH3_64bits(header, AT_CHECKSUM),
	};
	penstock_store64(header + AT_CHECKSUM, writer->checksum);
	put(writer, header, sizeof(header));
}

static void add(struct penstock_recording_writer *writer, const uint8_t *bytes, size_t size_bytes)
{
	uint8_t checksum[PENSTOCK_RECORDING_CHECKSUM_BYTES];

	writer->checksum = XXH3_64bits_withSeed(bytes, size_bytes, writer->checksum);
	penstock_store64(checksum, writer->checksum);
	put(writer, checksum, sizeof(checksum));
	put(writer, bytes, size_bytes);
}

bool penstock_recording_add(struct penstock_recording_writer *writer, const uint8_t *bytes,
			    size_t size_bytes)
{
	if (!penstock_range_fits(writer->written + LAST_BYTES + PENSTOCK_RECORDING_CHECKSUM_BYTES,
				 size_bytes, PENSTOCK_RECORDING_BYTES_MAX)) {
		return false;
	}
	add(writer, bytes, size_bytes);
	writer->frames++;
	return true;
}

void penstock_recording_end(struct penstock_recording_writer *writer)
{
	const struct penstock_frame last = {
		.type = PENSTOCK_RECORDING_END,
		.serial = writer->frames,
	};
	uint8_t bytes[PENSTOCK_FRAME_HEADER_BYTES];

	penstock_frame_encode(&last, bytes);
	add(writer, bytes, sizeof(bytes));
}
