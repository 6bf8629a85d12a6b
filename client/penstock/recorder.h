/* SPDX-License-Identifier: MIT */
/* Writes what passes a connection's tap to a file, as a recording. One thread. */
#ifndef PENSTOCK_RECORDER_H
#define PENSTOCK_RECORDER_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

struct penstock_recorder;

/*
 * Replaces the file. SUCCESS: the caller ends with _close; otherwise "path: why" and what the
 * system said, or NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_recorder_open(const char *path,
					    struct penstock_recorder **ret_recorder,
					    struct penstock_errbuf *reterr_text);

/* For struct penstock_tap; `recorder` is a penstock_recorder. */
void penstock_recorder_bytes(void *recorder, bool sent, const void *bytes, size_t size_bytes);

/*
 * Ends the recording and closes the file. SUCCESS, or why the recording is not whole: what was
 * recorded until then is in the file. NULL is accepted.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_recorder_close(struct penstock_recorder *recorder,
					     struct penstock_errbuf *reterr_text);

#endif
