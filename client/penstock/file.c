/* SPDX-License-Identifier: MIT */
#include "client/penstock/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_READ 65536u

static enum penstock_status fail(const char *path, int error, struct penstock_errbuf *reterr_text)
{
	penstock_errbuf_set(reterr_text, "%.150s: %s", path, strerror(error));
	return penstock_status_from_errno(error);
}

/* Reads up to the end; one byte of *buffer stays free for the NUL. */
static enum penstock_status read_stream(FILE *stream, const char *path, size_t bytes_max,
					uint8_t **buffer, size_t *ret_length,
					struct penstock_errbuf *reterr_text)
{
	size_t capacity = FIRST_READ;
	size_t length = 0;

	*buffer = malloc(capacity);
	while (*buffer != NULL) {
		uint8_t *grown;

		length += fread(*buffer + length, 1, capacity - 1 - length, stream);
		if (ferror(stream)) {
			return fail(path, errno, reterr_text);
		}
		if (length > bytes_max) {
			penstock_errbuf_set(reterr_text, "%.150s: larger than %zu bytes", path,
					    bytes_max);
			return PENSTOCK_STATUS_LIMIT_EXCEEDED;
		}
		if (feof(stream)) {
			(*buffer)[length] = 0;
			*ret_length = length;
			return PENSTOCK_STATUS_SUCCESS;
		}
		if (length < capacity - 1) {
			continue;
		}
		capacity *= 2;
		grown = realloc(*buffer, capacity);
		if (grown == NULL) {
			break;
		}
		*buffer = grown;
	}
	return fail(path, ENOMEM, reterr_text);
}

enum penstock_status penstock_file_read(const char *path, size_t bytes_max, uint8_t **ret_bytes,
					size_t *ret_length, struct penstock_errbuf *reterr_text)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *stream = standard ? stdin : fopen(path, "rb");
	uint8_t *buffer = NULL;
	enum penstock_status status;

	if (stream == NULL) {
		return fail(path, errno, reterr_text);
	}
	status = read_stream(stream, standard ? "standard input" : path, bytes_max, &buffer,
			     ret_length, reterr_text);
	if (!standard) {
		fclose(stream);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(buffer);
		return status;
	}
	*ret_bytes = buffer;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_file_write(const char *path, const void *bytes, size_t length,
					 struct penstock_errbuf *reterr_text)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *stream = standard ? stdout : fopen(path, "wb");
	int error = 0;

	if (stream == NULL) {
		return fail(path, errno, reterr_text);
	}
	if (fwrite(bytes, 1, length, stream) != length || fflush(stream) != 0) {
		error = errno;
	}
	if (!standard && fclose(stream) != 0 && error == 0) {
		error = errno;
	}
	return error == 0 ? PENSTOCK_STATUS_SUCCESS : fail(path, error, reterr_text);
}
