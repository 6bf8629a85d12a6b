/* SPDX-License-Identifier: MIT */
#include "client/penstock/recorder.h"

#include "client/penstock/frame_stream.h"
#include "client/penstock/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct penstock_recorder {
	FILE *file;
	char *path;
	struct penstock_recording_writer writer;
	struct penstock_frame_stream streams[2]; /* received, sent */
	enum penstock_status failed;             /* the first fault; nothing is recorded after it */
	struct penstock_errbuf why;
};

static void fail(struct penstock_recorder *recorder, enum penstock_status status, const char *why)
{
	if (recorder->failed == PENSTOCK_STATUS_SUCCESS) {
		recorder->failed = status;
		penstock_errbuf_set(&recorder->why, "%.150s: %.90s", recorder->path, why);
	}
}

static void free_recorder(struct penstock_recorder *recorder)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(recorder->streams); i++) {
		penstock_frame_stream_fini(&recorder->streams[i]);
	}
	free(recorder->path);
	free(recorder);
}

enum penstock_status penstock_recorder_open(const char *path,
					    struct penstock_recorder **ret_recorder,
					    struct penstock_errbuf *reterr_text)
{
	struct penstock_recorder *recorder = calloc(1, sizeof(*recorder));

	if (recorder == NULL || (recorder->path = strdup(path)) == NULL) {
		free(recorder);
		penstock_errbuf_set(reterr_text, "%.150s: out of memory", path);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	recorder->file = fopen(path, "wbe");
	if (recorder->file == NULL) {
		int error = errno;

		penstock_errbuf_set(reterr_text, "%.150s: %s", path, strerror(error));
		free_recorder(recorder);
		return penstock_status_from_errno(error);
	}
	penstock_recording_begin(&recorder->writer, recorder->file);
	*ret_recorder = recorder;
	return PENSTOCK_STATUS_SUCCESS;
}

static void take(void *owner, const struct penstock_frame *frame, const uint8_t *bytes)
{
	struct penstock_recorder *recorder = owner;

	if (frame->type == PENSTOCK_RECORDING_END) {
		fail(recorder, PENSTOCK_STATUS_MALFORMED_FRAME,
		     "the recording ends at a frame of type 0, which is none");
	}
	if (recorder->failed == PENSTOCK_STATUS_SUCCESS &&
	    !penstock_recording_add(&recorder->writer, bytes, penstock_frame_bytes(frame))) {
		fail(recorder, PENSTOCK_STATUS_LIMIT_EXCEEDED,
		     "the recording ends before the connection: it is as long as one may be");
	}
}

void penstock_recorder_bytes(void *owner, bool sent, const void *bytes, size_t size_bytes)
{
	struct penstock_recorder *recorder = owner;
	struct penstock_errbuf why;
	enum penstock_status status;

	if (size_bytes == 0) {
		fail(recorder, PENSTOCK_STATUS_NOT_SUPPORTED,
		     "the recording ends where the connection was made again");
	}
	if (recorder->failed != PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	status = penstock_frame_stream_push(&recorder->streams[sent], bytes, size_bytes, take,
					    recorder, &why);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fail(recorder, status, why.text);
	}
}

enum penstock_status penstock_recorder_close(struct penstock_recorder *recorder,
					     struct penstock_errbuf *reterr_text)
{
	enum penstock_status status;
	int error = 0;

	if (recorder == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	penstock_recording_end(&recorder->writer);
	if (fflush(recorder->file) != 0) {
		error = errno;
	} else if (ferror(recorder->file)) {
		error = EIO; /* an earlier write, of which only this is left */
	}
	if (fclose(recorder->file) != 0 && error == 0) {
		error = errno;
	}
	if (error != 0) {
		fail(recorder, penstock_status_from_errno(error), strerror(error));
	}
	status = recorder->failed;
	if (status != PENSTOCK_STATUS_SUCCESS && reterr_text != NULL) {
		*reterr_text = recorder->why;
	}
	free_recorder(recorder);
	return status;
}
