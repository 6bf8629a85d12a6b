/* SPDX-License-Identifier: MIT */
/*
 * A recording: the frames of one connection, both directions, as they were on the wire, each when
 * its last byte had passed. A frame's type says which direction it had (0x80 and up: the
 * daemon's). docs/recording.md says the same for people.
 *
 *	header     32 bytes: magic, version, instruction set, zero, checksum
 *	record     8 bytes: checksum; then a frame
 *	...
 *	last       8 bytes: checksum; a frame of type 0 whose serial is the number of frames
 *
 * A checksum is XXH3 (64 bits) of what it is of, seeded with the checksum before it: so a record
 * that is missing, twice there or in another place is found where that happens.
 */
#ifndef PENSTOCK_RECORDING_H
#define PENSTOCK_RECORDING_H

#include "proto/wire/frame.h"

#include <stdio.h>

#define PENSTOCK_RECORDING_MAGIC          "PNSTKREC"
#define PENSTOCK_RECORDING_VERSION        1u
#define PENSTOCK_RECORDING_HEADER_BYTES   32u
#define PENSTOCK_RECORDING_CHECKSUM_BYTES 8u
#define PENSTOCK_RECORDING_END            0u /* type of the last frame */
#define PENSTOCK_RECORDING_BYTES_MAX      (1u << 30)

struct penstock_recorded_frame {
	struct penstock_frame head;
	size_t offset;        /* of the record in the file */
	const uint8_t *bytes; /* the frame, header first; into the recording */
	const uint8_t *message;
	const uint8_t *payload;
};

struct penstock_recording {
	const uint8_t *bytes;                   /* borrowed, while the recording is used */
	struct penstock_recorded_frame *frames; /* [count], owned */
	size_t count;                           /* the last, of type 0, not counted */
};

/*
 * Reads a recording that is in memory, all of it: every checksum, to the last record. `name` is for
 * the sentence, "name: byte 0x1f: fault". SUCCESS: the caller ends with _close. INVALID_PARAMETER:
 * no recording, another version, cut, damaged; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_recording_open(const char *name, const uint8_t *bytes, size_t length,
					     struct penstock_recording *ret_recording,
					     struct penstock_errbuf *reterr_text);
void penstock_recording_close(struct penstock_recording *recording);

/* Writing, one record after the other. The caller looks for errors of the stream. */
struct penstock_recording_writer {
	FILE *stream; /* borrowed */
	uint64_t checksum;
	uint64_t frames;
	size_t written; /* bytes */
};

void penstock_recording_begin(struct penstock_recording_writer *writer, FILE *stream);

/* `bytes` is a whole frame, of a type that is not PENSTOCK_RECORDING_END. False: the recording
 * would be longer than one may be. */
PENSTOCK_MUST_CHECK
bool penstock_recording_add(struct penstock_recording_writer *writer, const uint8_t *bytes,
			    size_t size_bytes);

/* Without it the recording is one that was cut. */
void penstock_recording_end(struct penstock_recording_writer *writer);

#endif
