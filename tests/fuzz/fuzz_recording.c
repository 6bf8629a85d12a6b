/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a recording; it is refused with one line that names a byte, or replayed, to a daemon
 * that says what is recorded and to one that says one thing differently. So that changes get past
 * the checksums, the input is either a file or, with byte 0 odd, frames of which one is made.
 */
#include "client/penstock/frame_stream.h"
#include "client/penstock/replayer.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 16)

static void write_frame(void *owner, const struct penstock_frame *frame, const uint8_t *bytes)
{
	if (frame->type == PENSTOCK_RECORDING_END) {
		return;
	}
	PENSTOCK_REQUIRE(penstock_recording_add(owner, bytes, penstock_frame_bytes(frame)));
}

/* A recording of the frames in `data`; the caller frees. */
static char *record(const uint8_t *data, size_t size, size_t *ret_length)
{
	struct penstock_recording_writer writer;
	struct penstock_frame_stream stream = { .bytes = NULL };
	struct penstock_errbuf text;
	char *bytes = NULL;
	FILE *file = open_memstream(&bytes, ret_length);

	PENSTOCK_REQUIRE(file != NULL);
	penstock_recording_begin(&writer, file);
	if (penstock_frame_stream_push(&stream, data, size, write_frame, &writer, &text) !=
	    PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(text.text[0] != '\0');
	}
	penstock_recording_end(&writer);
	PENSTOCK_REQUIRE(fclose(file) == 0);
	penstock_frame_stream_fini(&stream);
	return bytes;
}

/* The daemon's frames of a recording, as they come, to whoever replays it. `skip` changes one. */
static void replay(const struct penstock_recording *recording, size_t skip)
{
	const struct penstock_replay_result *result;
	struct penstock_replayer *replayer;
	struct penstock_errbuf text;
	const uint8_t *bytes;
	size_t size, next = 0;

	if (penstock_replayer_new("fuzz", recording, &replayer, &text) != PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(strncmp(text.text, "fuzz: byte 0x", 13) == 0);
		return;
	}
	for (;;) {
		enum penstock_replay_turn turn = penstock_replayer_next(replayer, &bytes, &size);

		if (turn == PENSTOCK_REPLAY_DONE) {
			break;
		}
		while (turn == PENSTOCK_REPLAY_WAIT && next < recording->count &&
		       recording->frames[next].head.type < PENSTOCK_FRAME_WELCOME) {
			next++;
		}
		if (turn == PENSTOCK_REPLAY_WAIT && next == recording->count) {
			penstock_replayer_ended(replayer, "nothing more");
		} else if (turn == PENSTOCK_REPLAY_WAIT) {
			struct penstock_frame head = recording->frames[next].head;

			head.serial += next == skip;
			penstock_replayer_received(replayer, &head, recording->frames[next].bytes);
			next++;
		}
	}
	penstock_replayer_ended(replayer, NULL);
	result = penstock_replayer_result(replayer);
	PENSTOCK_REQUIRE((result->differences == 0) == (result->first.text[0] == '\0'));
	penstock_replayer_free(replayer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_recording recording;
	struct penstock_errbuf text;
	char *made = NULL;
	size_t length;

	if (size < 1 || size > INPUT_MAX) {
		return 0;
	}
	length = size - 1;
	if ((data[0] & 1) != 0) {
		made = record(data + 1, size - 1, &length);
	}
	if (penstock_recording_open("fuzz", made == NULL ? data + 1 : (const uint8_t *)made, length,
				    &recording, &text) == PENSTOCK_STATUS_SUCCESS) {
		replay(&recording, SIZE_MAX);
		replay(&recording, data[0] >> 1);
		penstock_recording_close(&recording);
	} else {
		PENSTOCK_REQUIRE(made == NULL);
		PENSTOCK_REQUIRE(strncmp(text.text, "fuzz: byte 0x", 13) == 0);
	}
	free(made);
	return 0;
}
