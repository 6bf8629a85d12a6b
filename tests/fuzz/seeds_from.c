/* SPDX-License-Identifier: MIT */
/*
 * seeds_from SEEDS RECORDING...: writes what a recording says as seeds of the targets that take
 * frames, SEEDS/TARGET/recorded-NAME.
 *
 *	request, session   the requests behind the hello; of a session split everywhere too
 *	backend            likewise, once for each kind of backend
 *	frame              the payload of each Submit
 *	recording          all frames; and the file
 *	client             what the daemon said behind the welcome
 */
#include "client/penstock/file.h"
#include "client/penstock/frame_stream.h"
#include "client/penstock/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
	const char *folder;
	char name[64]; /* of the recording, without its ending */
	struct penstock_recording recording;
	size_t length; /* of the file */
};

static FILE *open_seed(const struct source *source, const char *target, const char *more)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/recorded-%s%s", source->folder, target, source->name,
		 more);
	file = fopen(path, "wb");
	if (file == NULL) {
		fprintf(stderr, "seeds_from: %s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	return file;
}

static void close_seed(FILE *file)
{
	if (fflush(file) != 0 || ferror(file) || fclose(file) != 0) {
		fprintf(stderr, "seeds_from: a seed cannot be written\n");
		exit(EXIT_FAILURE);
	}
}

static void put_frames(const struct source *source, FILE *file, bool requests, bool answers)
{
	for (size_t i = 0; i < source->recording.count; i++) {
		const struct penstock_recorded_frame *frame = &source->recording.frames[i];
		bool answer = frame->head.type >= PENSTOCK_FRAME_WELCOME;

		/*
		 * Targets that do not want both say hello and welcome themselves, and do not wait
		 * for answers: a goodbye would end the session before anything is executed.
		 */
		if (!answers && frame->head.type == PENSTOCK_FRAME_GOODBYE) {
			continue;
		}
		if (answer ? answers && (requests || frame->head.type != PENSTOCK_FRAME_WELCOME)
			   : requests && (answers || frame->head.type != PENSTOCK_FRAME_HELLO)) {
			(void)fwrite(frame->bytes, 1, penstock_frame_bytes(&frame->head), file);
		}
	}
}

static void write_seed(const struct source *source, const char *target, const char *more,
		       const char *head, size_t head_bytes, bool requests, bool answers)
{
	FILE *file = open_seed(source, target, more);

	(void)fwrite(head, 1, head_bytes, file);
	put_frames(source, file, requests, answers);
	close_seed(file);
}

static void write_payloads(const struct source *source)
{
	char more[32];

	for (size_t i = 0; i < source->recording.count; i++) {
		const struct penstock_recorded_frame *frame = &source->recording.frames[i];
		FILE *file;

		if (frame->head.type != PENSTOCK_FRAME_SUBMIT) {
			continue;
		}
		snprintf(more, sizeof(more), "-%zu", i);
		file = open_seed(source, "frame", more);
		(void)fwrite(frame->payload, 1, frame->head.payload_bytes, file);
		close_seed(file);
	}
}

static void write_seeds(const struct source *source)
{
	FILE *file;

	write_seed(source, "request", "", "\x02\xff", 2, true, false);
	write_seed(source, "session", "", "\x00\xff", 2, true, false);
	write_seed(source, "session", "-split", "\x02\xff", 2, true, false);
	write_seed(source, "backend", "-emulated", "\x08\xff", 2, true, false);
	write_seed(source, "backend", "-null", "\x11\xff", 2, true, false);
	write_seed(source, "backend", "-faulty",
		   "\x02\xff"
		   "\x03\x01\x02\x05\x02\x00\x07\x03\x00\x09\x05\x00",
		   14, true, false);
	write_seed(source, "client", "", "\x01", 1, false, true);
	write_seed(source, "recording", "", "\x0d", 1, true, true);
	write_payloads(source);
	file = open_seed(source, "recording", "-file");
	(void)fputc(0, file);
	(void)fwrite(source->recording.bytes, 1, source->length, file);
	close_seed(file);
}

int main(int argc, char **argv)
{
	struct penstock_errbuf why;

	if (argc < 3) {
		fprintf(stderr, "usage: seeds_from SEEDS RECORDING...\n");
		return EXIT_FAILURE;
	}
	for (int i = 2; i < argc; i++) {
		struct source source = { .folder = argv[1] };
		const char *slash = strrchr(argv[i], '/');
		uint8_t *bytes = NULL;

		if (penstock_file_read(argv[i], PENSTOCK_RECORDING_BYTES_MAX, &bytes,
				       &source.length, &why) != PENSTOCK_STATUS_SUCCESS ||
		    penstock_recording_open(argv[i], bytes, source.length, &source.recording,
					    &why) != PENSTOCK_STATUS_SUCCESS) {
			fprintf(stderr, "seeds_from: %s\n", why.text);
			return EXIT_FAILURE;
		}
		snprintf(source.name, sizeof(source.name), "%.*s",
			 (int)strcspn(slash == NULL ? argv[i] : slash + 1, "."),
			 slash == NULL ? argv[i] : slash + 1);
		write_seeds(&source);
		penstock_recording_close(&source.recording);
		free(bytes);
	}
	return EXIT_SUCCESS;
}
