/* SPDX-License-Identifier: MIT */
/* Whole files in and out of memory, with one sentence where that fails. */
#ifndef PENSTOCK_TOOL_FILE_H
#define PENSTOCK_TOOL_FILE_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/*
 * Reads all of a regular file, a pipe, or with "-" the standard input, at most `bytes_max`. The
 * caller frees *ret_bytes, which is followed by a NUL that *ret_length does not count. SUCCESS;
 * LIMIT_EXCEEDED; NO_MEMORY; or what the system said, with "path: why".
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_file_read(const char *path, size_t bytes_max, uint8_t **ret_bytes,
					size_t *ret_length, struct penstock_errbuf *reterr_text);

/* Replaces a file, or writes to the standard output with "-". */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_file_write(const char *path, const void *bytes, size_t length,
					 struct penstock_errbuf *reterr_text);

#endif
